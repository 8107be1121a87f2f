# shellcheck shell=bash disable=SC2154 # names that the tool sourcing this has set
# SPDX-License-Identifier: MIT
# The module by way of DKMS: from the sources as they are installed, for each kernel that there are headers
# of. In the bed's root, which is thrown away afterwards. DKMS is a script, so its package (and that of xz,
# with which it packs modules) is only unpacked, and fetched once.

dkms_dir() { echo "$cache/dkms-$bed_suite-$({ echo "$bed_mirror"; cat "$here/dkms.sh"; } | content_key)"; }

# Makes sure that the package is there; fails when it cannot be had.
dkms_need() {
    local dir
    dir=$(dkms_dir)
    [ -e "$dir/.used" ] || with_lock "$cache/dkms.lock" dkms_fetch "$dir"
    touch "$dir/.used"
    prune_unused "$cache"/dkms-*/
}

dkms_fetch() {
    local dir=$1 package
    [ ! -e "$dir/.used" ] || return 0 # another run fetched it while this one waited
    need_packages debian-archive-keyring
    rm -rf "$dir"
    mkdir -p "$dir"
    suite_apt apt-get "$bed_suite" "$dir" update
    (cd "$dir" && suite_apt apt-get "$bed_suite" "$dir" download dkms xz-utils)
    for package in "$dir"/*.deb; do
        dpkg-deb --extract "$package" "$dir/tree"
    done
    rm -rf "$dir"/*.deb "$dir/apt"
}

# What it says has the form that count-tap reads. dkms_test KERNEL...
dkms_test() {
    local kernel binds=() arguments=()
    for kernel in "$@"; do
        [ "$kernel" = "$bed_suite" ] || binds+=(--bind "$(kernel_tree "$kernel"):/kernels/$kernel")
        arguments+=("$kernel" "$(kernel_release "$kernel")")
    done
    "$repo/tests/bed/bed" run "${binds[@]}" --bind "$(dkms_dir)/tree:/dkms" \
        /src/tests/vm/mini/test-dkms /build/plain "${arguments[@]}" 2>&1 </dev/null
}
