# shellcheck shell=bash disable=SC2154 # names that the tool sourcing this has set
# SPDX-License-Identifier: MIT
# The kernels that the module is built for and tested on: the one of the bed's root, and those of other
# suites of Debian, whose packages are fetched and unpacked beside each other. A kernel is named by
# its suite. Cached by what was asked for; what is in the cache stays the same until it is unused.

mini_kernels=(bookworm "$bed_suite" trixie-backports)

kernel_dir() {
    [ "$1" != "$bed_suite" ] || { dirname "$(root_dir)"; return; }
    echo "$cache/kernel-$1-$({ echo "$bed_mirror"; cat "$here/kernels.sh"; } | content_key)"
}

# The tree that its packages were unpacked into.
kernel_tree() { echo "$(kernel_dir "$1")/tree"; }

# Its release, as uname -r will say. The newest, when there are several.
kernel_release() {
    local headers
    headers=$(find "$(kernel_tree "$1")/usr/src" -maxdepth 1 -name 'linux-headers-*-amd64' | sort -V | tail -n 1)
    [ -n "$headers" ] || die "no headers in $(kernel_tree "$1")/usr/src"
    echo "${headers##*/linux-headers-}"
}

# Newer packages leave it to a script to copy it to /boot.
kernel_image() {
    local tree release
    tree=$(kernel_tree "$1") release=$(kernel_release "$1")
    ls "$tree/boot/vmlinuz-$release" "$tree/usr/lib/modules/$release/vmlinuz" 2>/dev/null | head -n 1
}

# Makes sure that it is there; fails when it cannot be had.
kernel_need() {
    local dir
    dir=$(kernel_dir "$1")
    if [ "$1" != "$bed_suite" ]; then
        [ -e "$dir/.used" ] || with_lock "$cache/kernel.lock" kernel_make "$1" "$dir"
        touch "$dir/.used"
    fi
    prune_unused "$cache"/kernel-*/
}

kernel_make() {
    local suite=$1 dir=$2 tmp=$2.tmp
    [ ! -e "$dir/.used" ] || return 0 # another run made it while this one waited
    need_packages debian-archive-keyring
    rm -rf "$tmp"
    mkdir -p "$tmp/tree"
    say_stage "$tmp/fetch.log" "kernel of $suite: fetching" kernel_fetch "$suite" "$tmp"
    touch "$tmp/.used"
    mv "$tmp" "$dir"
    [ -e "$(kernel_image "$suite")" ] || die "no kernel in the packages of $suite ($dir)"
    say "kernel of $suite: $(kernel_release "$suite"), $(du -sh "$dir/tree" | cut -f1) in $dir"
}

# With package lists of its own, as those of the machine outside may be of any suite.
suite_apt() {
    local tool=$1 suite=$2 dir=$3/apt
    shift 3
    if [ ! -d "$dir" ]; then
        mkdir -p "$dir"/{state/lists/partial,cache/archives/partial}
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $bed_mirror $suite main" >"$dir/sources.list"
    fi
    "$tool" -q -o "Dir::Etc::SourceList=$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::PreferencesParts=/dev/null -o "Dir::State=$dir/state" \
        -o Dir::State::status=/dev/null -o "Dir::Cache=$dir/cache" \
        -o APT::Architecture=amd64 -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

# The packages that one depends on and that are part of the kernel themselves.
kernel_depends() {
    suite_apt apt-cache "$1" "$2" depends --important "$3" |
        sed -n 's/^ *Depends: \(linux-\(headers\|kbuild\|binary\|image\|modules\|base\)-[0-9].*\)$/\1/p'
}

kernel_fetch() {
    local suite=$1 tmp=$2 headers release package packages
    suite_apt apt-get "$suite" "$tmp" update
    headers=$(kernel_depends "$suite" "$tmp" linux-headers-amd64 | grep '^linux-headers-[0-9]' | head -n 1)
    release=${headers#linux-headers-}
    mapfile -t packages < <({
        echo "$headers"
        echo "linux-image-$release"
        kernel_depends "$suite" "$tmp" "$headers"
        kernel_depends "$suite" "$tmp" "linux-image-$release"
    } | sort -u)
    echo "${packages[@]}"
    (cd "$tmp" && suite_apt apt-get "$suite" "$tmp" download "${packages[@]}")
    for package in "$tmp"/*.deb; do
        dpkg-deb --extract "$package" "$tmp/tree"
    done
    rm -rf "$tmp"/*.deb "$tmp/apt"
    kernel_trim "$tmp/tree" "$release"
}

# Of hundreds of megabytes of modules the tests want one: a block device that is memory.
kernel_trim() {
    local tree=$1 release=$2 modules
    modules=$(find "$tree" -type d -path "*/lib/modules/$release/kernel")
    find "$modules" -type f ! -name 'brd.ko*' -delete
    find "$modules" -type d -empty -delete
}
