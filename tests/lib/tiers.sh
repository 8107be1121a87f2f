# shellcheck shell=bash disable=SC2154 # names that the tool sourcing this has set
# SPDX-License-Identifier: MIT
# The tiers of test.sh. Each function runs one tier, its output in $logs/TIER.log (also shown with
# -v), and adds what its JUnit files say to the totals. A tier whose command fails without a failed
# test in its report (it did not compile, the machine did not start) counts as one failed test.

# A run of all tiers is a gate: it tries the same each time. The tier alone goes looking.
fuzz_seed=
# The hosts that share the bed's tests: these mostly wait.
bed_hosts=3

total_passed=0 total_failed=0 total_skipped=0
tier_host=test-$$

# tier_run TIER REPORT COMMAND...: sets $code. The report of an earlier run must not stand for one
# that fails before it writes its own.
tier_run() {
    local log=$logs/$1.log report=$2
    shift 2
    code=0
    rm -f "$report"
    if [ -n "$verbose" ]; then
        "$@" 2>&1 </dev/null | tee -a "$log" || code=$?
    else
        "$@" >>"$log" 2>&1 </dev/null || code=$?
    fi
}

# The end of a tier's output, for who has only seen its progress lines.
tier_tail() {
    [ -n "$verbose" ] || tail -n 80 "$logs/$1.log" >&2
    say "$1: failed (whole output: $logs/$1.log)"
}

# tier_count TIER CODE REPORT...
tier_count() {
    local tier=$1 code=$2 report reports=() passed failed skipped
    shift 2
    for report; do
        if [ -s "$report" ]; then
            reports+=("$report")
        elif [ "$code" = 0 ]; then
            say "$tier: no tests in $(basename "$report" .junit.xml)"
        fi
    done
    read -r passed failed skipped < <(/usr/bin/python3 "$repo/tests/lib/count-results" "${reports[@]}")
    if [ "$code" != 0 ] && [ "$failed" = 0 ]; then
        failed=1
        tail -n 40 "$logs/$tier.log" >&2
        say "$tier: failed with exit code $code (whole output: $logs/$tier.log)"
    fi
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
    total_skipped=$((total_skipped + skipped))
    say "$tier: $passed passed, $failed failed, $skipped skipped"
}

# The build directories inside the root, as seen from here.
tier_build_dir() { echo "$(build_dir)/dirs/$1"; }

# Runs some of meson's suites in the build directory DIR.
# tier_meson TIER DIR "SETUP OPTIONS" "TEST OPTIONS" SUITE...
tier_meson() {
    local tier=$1 dir=$2 setup=$3 options=$4 report
    shift 4
    report=$(tier_build_dir "$dir")/meson-logs/$tier.junit.xml
    say "$tier: build and tests"
    tier_run "$tier" "$report" "$bed" run /src/tests/lib/run-meson-tests \
        "$dir" "$tier" "$setup" "$options" "$@"
    tier_count "$tier" "$code" "$report"
}

tier_unit() {
    tier_meson unit plain "" "" unit layering fuzz-replay
    tier_meson unit-sanitized sanitized "-Db_sanitize=address,undefined" \
        "--timeout-multiplier=4" unit fuzz-replay golden
}

tier_golden() {
    tier_meson golden plain "" "" golden
}

tier_fuzz() {
    local report
    report=$(tier_build_dir fuzz)/fuzz.junit.xml
    say "fuzz: $seconds s in all"
    tier_run fuzz "$report" "$bed" run /src/tests/lib/run-fuzz "$seconds" "$fuzz_seed"
    tier_count fuzz "$code" "$report"
}

# tier_bench --smoke|--full
tier_bench() {
    local mode=$1 report
    report=$(tier_build_dir bench)/bench.junit.xml
    say "bench: ${mode#--}"
    tier_run bench "$report" "$bed" run /src/tests/lib/run-bench "$mode"
    [ -n "$verbose" ] || [ "$mode" = --smoke ] || sed -n '/^== /,$p' "$logs/bench.log"
    [ "$code" = 0 ] || tier_tail bench
    tier_count bench "$code" "$report"
    tier_bench_machine supervisor "the supervisor" "$mode"
    tier_bench_machine ondemand "services on demand" "$mode"
    tier_bench_machine sysinfo "the kernel module" "$mode"
}

# tier_bench_machine NAME TITLE --smoke|--full
tier_bench_machine() {
    local tier=bench-$1 report=$logs/bench-$1.junit.xml
    say "bench: $2, ${3#--}"
    tier_run "$tier" "$report" bench_machine "$1" "$3" "$report"
    [ -n "$verbose" ] || [ "$3" = --smoke ] || cat "$logs/$tier.log"
    [ "$code" = 0 ] || tier_tail "$tier"
    tier_count "$tier" "$code" "$report"
}

# bench_machine NAME --smoke|--full REPORT: it starts a machine of its own, of the bed or a VM, since it
# needs a service manager or a kernel.
bench_machine() {
    local code=0 failure=''
    "$repo/tests/bench/$1/run" "$2" || code=$?
    [ "$code" = 0 ] || failure='<failure message="it did not run, or a budget was missed"/>'
    printf '<testsuites><testsuite name="bench"><testcase classname="bench" name="%s">%s</testcase></testsuite></testsuites>\n' \
        "$1" "$failure" >"$3"
    return "$code"
}

tier_bed() {
    local report=$logs/bed-itself.junit.xml
    say "bed: the bed itself"
    tier_run bed-itself "$report" "$repo/tests/bed/selftest" "$report"
    tier_count bed-itself "$code" "$report"

    say "bed: tests"
    code=0
    "$repo/tests/lib/run-bed" --bed "$bed" --source "$source" --logs "$logs" --name "$tier_host" \
        --hosts "$bed_hosts" "${test_environment[@]}" || code=$?
    tier_count bed "$code" "$logs"/bed-*.junit.xml
}

tier_browser() {
    local report=$logs/browser.junit.xml page
    say "browser: the collector's page in Chromium (pictures: $logs/browser)"
    "$bed" install >/dev/null
    page=$cache/product-$(cat "$(build_dir)/layer-$product_kind")/tree/usr/share/phoenix/collector
    tier_run browser "$report" "$repo/tests/browser/run" "$bed" "$tier_host-browser" \
        "$page" "$logs/browser" "$report"
    [ "$code" = 0 ] || tier_tail browser
    tier_count browser "$code" "$report"
}

tier_vm() {
    local options=() variable report=$logs/mini.junit.xml
    say "vm: the kernel module in small machines, one for each kernel (a minute each)"
    tier_run mini "$report" "$repo/tests/vm/mini/mini" test --report "$report" --logs "$logs"
    tier_count mini "$code" "$report"

    report=$logs/mini-dkms.junit.xml
    say "vm: the kernel module by way of DKMS, for each kernel (half a minute)"
    tier_run mini-dkms "$report" "$repo/tests/vm/mini/mini" dkms --report "$report" --logs "$logs"
    tier_count mini-dkms "$code" "$report"

    report=$logs/vm/vm.junit.xml
    for variable in "${test_environment[@]}"; do
        options+=(--env "$variable")
    done
    say "vm: boot and tests (a minute and more)"
    tier_run vm "$report" "$repo/tests/vm/vm" run "${options[@]}" --timeout "$vm_timeout" \
        --in "$source" --out "$logs/vm" "$repo/tests/vm/run-tests"
    tier_count vm "$code" "$report"
}
