# shellcheck shell=bash disable=SC2154 # names that the tool sourcing this has set
# SPDX-License-Identifier: MIT
# Builds the module for a kernel, and the programs that are the mini VM's user space: in the bed's root,
# so that the machine outside needs no compiler. But for the debug kernel, which was built outside.

# What the last build for a kernel has said.
build_log() { echo "$cache/run/mini-build-$1.log"; }

# Makes the file MODULE. Fails when it does not build, or not without warnings.
# build_module KERNEL MODULE
build_module() {
    if [ "$1" = debug ]; then
        build_module_outside "$2" >"$(build_log debug)" 2>&1
    else
        build_module_inside "$1" "$2" >"$(build_log "$1")" 2>&1 </dev/null
    fi
}

build_module_inside() {
    local release binds=()
    release=$(kernel_release "$1")
    [ "$1" = "$bed_suite" ] || binds=(--bind "$(kernel_tree "$1"):/kernel")
    "$repo/tests/bed/bed" run "${binds[@]}" /src/tests/vm/mini/build-module /src/kmod \
        "/build/kmod/$release" "$release" /kernel &&
        cp "$(build_dir)/dirs/kmod/$release/phoenix_sysinfo.ko" "$2"
}

build_module_outside() {
    local dir code=0
    need_packages kmod
    dir=$(mktemp -d "$cache/run/kmod.XXXXXX")
    "$here/build-module" "$repo/kmod" "$dir" "" "$(debug_kernel_dir)/source" || code=$?
    [ "$code" != 0 ] || cp "$dir/phoenix_sysinfo.ko" "$1"
    rm -rf "$dir"
    return "$code"
}

# The program of a build target, "tests/vm/mini/guest/mini-guest".
guest_program() { echo "$(build_dir)/dirs/plain/$1"; }

build_guest() {
    # shellcheck disable=SC2016 # expanded in the root
    say_stage "$(build_log guest)" "mini: building $(basename "$1")" "$repo/tests/bed/bed" run \
        sh -c '[ -e /build/plain/build.ninja ] || meson setup -Dwerror=true /build/plain /src
            ninja -C /build/plain "$1"' sh "$1"
}
