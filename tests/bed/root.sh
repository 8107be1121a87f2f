# shellcheck shell=bash disable=SC2154 # names that the tool sourcing this has set
# SPDX-License-Identifier: MIT
# The bed's root: one Debian 13 tree, made once by mmdebstrap and never changed afterwards. Its name
# in the cache is a hash of everything it was made from, so a change of the package list makes a
# new one and hosts that still run on the old one are not disturbed.

bed_suite=${PHOENIX_BED_SUITE:-trixie}
bed_mirror=${PHOENIX_DEBIAN_MIRROR:-http://deb.debian.org/debian}

bed_packages() {
    sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$repo/tests/bed/packages" | sort
}

root_key() {
    { echo "$bed_suite"; bed_packages; cat "$repo/tests/bed/customize-root"; } | content_key
}

# Prints the directory of the root tree; it exists only after root_build.
root_dir() {
    echo "$cache/root-$(root_key)/tree"
}

root_build() {
    local dir
    dir=$(dirname "$(root_dir)")
    if [ ! -e "$dir/.used" ]; then
        need_packages mmdebstrap debian-archive-keyring
        with_lock "$cache/root.lock" root_make "$dir"
    fi
    touch "$dir/.used"
    prune_unused "$cache"/root-*
}

root_make() {
    local dir=$1 tmp=$1.tmp
    [ ! -e "$dir/.used" ] || return 0 # another run made it while this one waited
    say "bed root: Debian $bed_suite, $(bed_packages | wc -l) packages and what they need (minutes, once)"
    rm -rf --one-file-system "$tmp"
    mkdir -p "$tmp"
    if ! root_debootstrap "$tmp/tree" 2>&1 | tee "$tmp/build.log" | root_progress; then
        tail -n 30 "$tmp/build.log" >&2
        die "mmdebstrap failed (whole output: $tmp/build.log)"
    fi
    touch "$tmp/.used"
    mv "$tmp" "$dir"
    say "bed root: done, $(du -sh "$dir/tree" | cut -f1) in $dir"
}

# The kernel's package would make an initramfs of its own: the VM has a smaller one (INITRD=No).
# Docs and translations are left out: half the size, and nobody reads them here.
root_debootstrap() {
    env INITRD=No DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 mmdebstrap \
        --mode=root --variant=minbase --format=directory \
        --include="$(bed_packages | paste -sd,)" \
        --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"' \
        --dpkgopt=force-unsafe-io \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/info/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-include=/usr/share/locale/locale.alias' \
        --customize-hook="$repo/tests/bed/customize-root \"\$1\"" \
        "$bed_suite" "$1" "$bed_mirror"
}

# mmdebstrap's stages as progress lines; its warnings too.
root_progress() {
    local line
    while IFS= read -r line; do
        case $line in
            I:*|W:*|E:*) say "bed root: ${line#?: }" ;;
        esac
    done
}
