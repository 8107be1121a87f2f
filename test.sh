#!/bin/bash
# SPDX-License-Identifier: MIT
# All tests of Phoenix, or one tier of them; from a fresh Debian 12 or 13 machine, as root. What
# the tests need is installed and built on the way (minutes the first time, cached afterwards).
# The last line is the sum: "N passed, N failed, N skipped".
set -euo pipefail
umask 022

# shellcheck source=tests/lib/common.sh
. "$(dirname "$(readlink -f "$0")")/tests/lib/common.sh"
# shellcheck source=tests/bed/root.sh
. "$repo/tests/bed/root.sh"
# shellcheck source=tests/bed/product.sh
. "$repo/tests/bed/product.sh"
# shellcheck source=tests/lib/tiers.sh
. "$repo/tests/lib/tiers.sh"

usage() {
    cat <<'USAGE'
usage: ./test.sh [unit|golden|fuzz|bench|bed|browser|vm]... [OPTION...]
  unit     unit tests, layering check, replay of the fuzz corpus; plain and with sanitizers
  golden   specs beside the units they must give
  fuzz     libFuzzer on the parsers, for a short time
  bench    measurements beside the peers; without a tier only a smoke run
  bed      tests on a running systemd with containers, rootless and as root
  browser  the collector's page in a headless Chromium
  vm       tests that need a kernel of their own (limits, the kernel module)
options:
  --seconds N   how long to fuzz in all (20)
  --long        the long forms of tests that have one
  --sanitize    the bed with phoenixd, phoenix, the generator and the collector built with ASan and
                UBSan: what these find fails the test (the same as PHOENIX_BED_SANITIZE=1)
  -k EXPR       only the bed and VM tests whose name fits (pytest -k)
  -v            show all output
PHOENIX_TESTS_MUST_RUN=1: a skipped test is a failure.
USAGE
}

tiers=() seconds=20 verbose='' vm_timeout=1800 bench_mode=--full
test_environment=("PHOENIX_TESTS_MUST_RUN=${PHOENIX_TESTS_MUST_RUN-}")
while [ $# -gt 0 ]; do
    case $1 in
        unit | golden | fuzz | bench | bed | browser | vm) tiers+=("$1") ;;
        --seconds) seconds=${2:?}; shift ;;
        --long) test_environment+=(PHOENIX_TESTS_LONG=1); vm_timeout=3600 ;;
        --sanitize) export PHOENIX_BED_SANITIZE=1 ;;
        -k) test_environment+=("PYTEST_ADDOPTS=-k '${2:?}'"); shift ;;
        -v) verbose=1 ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done
[ "${PHOENIX_BED_SANITIZE-}" != 1 ] || test_environment+=(PHOENIX_BED_REPORTS=1)
if [ ${#tiers[@]} -eq 0 ]; then
    tiers=(unit golden fuzz bench bed browser vm)
    bench_mode=--smoke
    fuzz_seed=1
fi

need_root
bed=$repo/tests/bed/bed
logs=$cache/logs/$(date +%Y%m%d-%H%M%S)-$$
source=$cache/run/source.$$

cleanup() {
    for host in $(seq 0 $((bed_hosts - 1))); do
        "$bed" down "$tier_host-$host" 2>/dev/null || true
    done
    "$bed" down "$tier_host-browser" 2>/dev/null || true
    rm -rf "$source"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

need_packages mmdebstrap debian-archive-keyring python3 iproute2 util-linux e2fsprogs
[[ " ${tiers[*]} " != *" browser "* ]] || need_packages chromium chromium-driver python3-selenium python3-pytest fonts-dejavu-core
[[ " ${tiers[*]} " != *" vm "* ]] || need_packages qemu-system-x86
mkdir -p "$logs"
find "$cache/logs" -mindepth 1 -maxdepth 1 -mtime +2 -exec rm -rf {} +
"$bed" build
"$bed" source "$source"
for tier in "${tiers[@]}"; do
    case $tier in
        bench) tier_bench "$bench_mode" ;;
        *) "tier_$tier" ;;
    esac
done

echo "$total_passed passed, $total_failed failed, $total_skipped skipped"
[ "$total_failed" = 0 ] || exit 1
[ "$total_skipped" = 0 ] || [ "${PHOENIX_TESTS_MUST_RUN-}" != 1 ]
