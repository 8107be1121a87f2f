# shellcheck shell=bash disable=SC2154 # names that the tool sourcing this has set
# SPDX-License-Identifier: MIT
# The product layer: the code of this repository, built and installed inside the bed's root, so
# that the machine outside needs no compiler and the result fits the systems it runs on. Its name
# in the cache is a hash of the source and of the root. Meson's build directories are kept between
# runs: a rebuild compiles only what changed.

product_layer='' # the tree, known after product_install
build_binds=''   # what build_enter binds as well, "SRC:DST ..."
# PHOENIX_BED_SANITIZE=1: phoenixd, phoenix and the generator with ASan and UBSan (build-sanitized).
product_kind=plain
[ "${PHOENIX_BED_SANITIZE-}" != 1 ] || product_kind=sanitized

build_dir() {
    echo "$cache/build-$(printf '%s %s' "$(root_key)" "$repo" | content_key)"
}

# Files that are part of the source now, ignored ones left out; without git, all but the obvious.
source_files() {
    cd "$repo" || exit
    if [ -e .git ] && command -v git >/dev/null; then
        git -c safe.directory='*' ls-files --cached --others --exclude-standard
    else
        find . -type d \( -name .git -o -name __pycache__ -o -path './build*' \) -prune -o \
            \( -type f -o -type l \) -printf '%P\n'
    fi | sort -u | while IFS= read -r file; do
        [ ! -e "$file" ] && [ ! -L "$file" ] || printf '%s\n' "$file"
    done
}

# A copy, so that an edit during the build cannot get into a layer with the wrong name. The times
# stay those of the files: ninja then knows what changed.
source_snapshot() {
    local dir=$1
    rm -rf "$dir"
    mkdir -p "$dir"
    source_files | tar -C "$repo" -cf - --no-recursion --files-from - | tar -C "$dir" --no-same-owner -xf -
}

# The tools of the test tiers themselves are not in the product: a change there keeps the layer.
source_key() {
    cd "$1" || exit
    {
        root_key
        find . \( -path ./tests/bed -o -path ./tests/browser -o -path ./tests/vm -o -path ./tests/lib -o -path ./.ci \) -prune \
            -o -type f ! -path './*.md' ! -path './*.sh' -print | sort | tr '\n' '\0' |
            xargs -0 sha256sum
        sha256sum tests/bed/build-product
        [ "$product_kind" = plain ] || sha256sum tests/bed/build-sanitized tests/bed/sanitizer-options.c
    } | content_key
}

product_install() {
    with_lock "$(build_dir).lock" product_make
    product_layer=$cache/product-$(cat "$(build_dir)/layer-$product_kind")/tree
    touch "$(dirname "$product_layer")/.used" "$(build_dir)/.used"
    prune_unused "$cache"/product-* "$cache"/build-*
}

product_make() {
    local build key dir t0
    t0=$(elapsed)
    build=$(build_dir)
    mkdir -p "$build"
    source_snapshot "$build/src"
    key=$(source_key "$build/src")
    dir=$cache/product-$key
    echo "$key" >"$build/layer-$product_kind"
    [ ! -e "$dir/.used" ] || return 0
    rm -rf "$dir"
    mkdir -p "$dir/tree"
    say_stage "$build/product.log" "product: building and installing into a layer ($product_kind)" \
        build_enter "$dir/tree" sh /src/tests/bed/build-product "$product_kind"
    product_check "$dir/tree"
    touch "$dir/.used"
    say "product: layer $key made in $(seconds_since "$t0") s"
}

# On a merged-/usr system /bin, /lib and /sbin are links; a directory of that name in the layer
# would cover the link and with it the whole system.
product_check() {
    local name
    for name in bin lib lib64 sbin; do
        [ ! -e "$1/$name" ] || die "the product installs into /$name, it must be /usr/$name"
    done
}

# build_run COMMAND...: in a throw-away copy of the root, with today's source. The lock is held
# until the command ends, as another run would change the source under it.
build_run() {
    mkdir -p "$(build_dir)"
    with_lock "$(build_dir).lock" build_run_locked "$@"
}

build_run_locked() {
    source_snapshot "$(build_dir)/src"
    build_enter "" "$@"
}

build_leave() {
    cgroup_remove "$1"
    cgroup_remove_top
}

# build_enter OUT COMMAND...: OUT, if given, is /out. No network but loopback, its own cgroup;
# what the command leaves behind is gone when it ends.
build_enter() (
    out=$1 cgroup=$bed_cgroup/run-$BASHPID scratch=$cache/run/$BASHPID build=$(build_dir)
    shift
    trap 'with_lock "$bed_lock" build_leave "$cgroup"; rm -rf --one-file-system "$scratch"' EXIT
    mkdir -p "$scratch" "$build/dirs"
    with_lock "$bed_lock" cgroup_make "$cgroup/inside"
    BED_SCRATCH=$scratch BED_CGROUP=$cgroup/inside BED_LAYERS=$(root_dir) \
        BED_BINDS="$build/src:/src $build/dirs:/build ${out:+$out:/out} $build_binds" \
        unshare --mount --pid --ipc --uts --net --fork --kill-child "$here/run-init" "$@"
)
