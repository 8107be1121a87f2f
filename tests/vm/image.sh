# shellcheck shell=bash disable=SC2154 # names that the tool sourcing this has set
# SPDX-License-Identifier: MIT
# What the VM boots: the bed's root as an ext4 image, Debian's own kernel from that root, and an
# initramfs that knows just enough to mount the image. All cached with the root; the product layer
# comes in a second small initramfs of each run and is copied over the image's tree at boot, so an
# edit of the code makes no new image. The image is never written to: QEMU keeps a run's writes aside.

vm_dir() { echo "$(dirname "$(root_dir)")/vm-$(vm_key)"; }

vm_key() { cat "$here/image.sh" "$here/initramfs-init" | content_key; }

vm_kernel_version() { basename "$(root_dir)"/usr/lib/modules/*; }

vm_build() {
    local dir
    dir=$(vm_dir)
    [ -e "$dir/done" ] || with_lock "$cache/vm.lock" vm_make "$dir"
}

vm_make() {
    local dir=$1 root
    root=$(root_dir)
    [ ! -e "$dir/done" ] || return 0
    need_packages e2fsprogs
    rm -rf "$(dirname "$dir")"/vm-*
    mkdir -p "$dir"
    cp "$root/boot/vmlinuz-$(vm_kernel_version)" "$dir/vmlinuz"
    say_stage "$dir/build.log" "vm: making the initramfs" vm_make_initramfs "$root" "$dir"
    # Sparse, so its size costs nothing; without a journal, as it never has to survive anything.
    say_stage "$dir/build.log" "vm: making the disk image" mke2fs -q -t ext4 -O ^has_journal \
        -E lazy_itable_init=1,nodiscard -L phoenix-root -d "$root" "$dir/disk.img" 8G
    touch "$dir/done"
}

vm_make_initramfs() (
    root=$1 dir=$2
    tree=$(mktemp -d)
    trap 'rm -rf "$tree"' EXIT
    mkdir -p "$tree"/{bin,dev,proc,modules,root}
    cp "$root/usr/bin/busybox" "$tree/bin/busybox"
    install -m 755 "$here/initramfs-init" "$tree/init"
    mknod "$tree/dev/console" c 5 1
    number=10 # the order of loading is the order of names
    for module in virtio_pci virtio_blk ext4; do
        while read -r path; do
            case $path in
                *.xz) "$root/usr/bin/busybox" xzcat "$root$path" >"$tree/modules/$number-$(basename "${path%.xz}")" ;;
                *) cp "$root$path" "$tree/modules/$number-$(basename "$path")" ;;
            esac
            number=$((number + 1))
        done < <(chroot "$root" modprobe -S "$(vm_kernel_version)" --show-depends "$module" |
            sed -n 's/^insmod \([^ ]*\).*/\1/p')
    done
    vm_cpio "$tree" >"$dir/initramfs"
)

# The kernel unpacks several archives that simply follow each other.
vm_cpio() {
    (cd "$1" && find . | "$(root_dir)/usr/bin/busybox" cpio -o -H newc 2>/dev/null)
}
