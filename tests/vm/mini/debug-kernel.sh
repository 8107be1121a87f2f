# shellcheck shell=bash disable=SC2154 # names that the tool sourcing this has set
# SPDX-License-Identifier: MIT
# A kernel with lockdep, KASAN and their like, from Debian's source: no Debian kernel has these. It takes
# both cores for ten minutes and more, once; so it is made by hand and not in each run of the tests.
# Built on the machine outside, which needs a compiler for it.

debug_kernel_suite=trixie

debug_kernel_dir() {
    echo "$cache/kernel-debug-$({ echo "$bed_mirror" "$debug_kernel_suite"; cat "$here/debug.config" "$here/debug-kernel.sh"; } | content_key)"
}

debug_kernel_need() {
    local dir
    dir=$(debug_kernel_dir)
    if [ ! -e "$dir/.used" ]; then
        need_packages gcc make libc6-dev flex bison bc libelf-dev perl python3 xz-utils debian-archive-keyring
        with_lock "$cache/kernel-debug.lock" debug_kernel_make "$dir"
    fi
    touch "$dir/.used"
}

debug_kernel_make() {
    local dir=$1
    [ ! -e "$dir/.used" ] || return 0
    mkdir -p "$dir"
    [ -e "$dir/source/Makefile" ] ||
        say_stage "$dir/fetch.log" "debug kernel: fetching the source" debug_kernel_fetch "$dir"
    say_stage "$dir/build.log" "debug kernel: building (10 minutes and more, once)" \
        debug_kernel_build "$dir/source"
}

debug_kernel_fetch() {
    local dir=$1 package
    rm -rf "$dir/source"
    mkdir -p "$dir/source"
    suite_apt apt-get "$debug_kernel_suite" "$dir" update
    package=$(suite_apt apt-cache "$debug_kernel_suite" "$dir" depends --important linux-source |
        sed -n 's/^ *Depends: \(linux-source-[0-9.]*\)$/\1/p')
    (cd "$dir" && suite_apt apt-get "$debug_kernel_suite" "$dir" download "$package")
    dpkg-deb --extract "$dir/$package"_*.deb "$dir/package"
    tar -C "$dir/source" --strip-components=1 -xf "$dir/package/usr/src/$package.tar.xz"
    rm -rf "$dir"/*.deb "$dir/package" "$dir/apt"
}

debug_kernel_build() {
    cd "$1"
    make -s tinyconfig
    scripts/kconfig/merge_config.sh -m .config "$here/debug.config"
    make -s olddefconfig
    nice -n 19 make -s -j"$(nproc)" bzImage modules
}
