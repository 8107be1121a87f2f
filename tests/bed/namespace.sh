# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Mounts of a bed root inside a fresh mount namespace: the overlay, the kernel's file systems, a
# small /dev, and the step into it. Sourced by what runs first in new namespaces (host-init,
# run-init). Everything is mounted inside the namespace, never outside, so that all of it is gone
# with the last process, however that ended.

# overlay_mount LAYERS SCRATCH: LAYERS top first, colon-separated; SCRATCH holds what is written.
# Prints nothing; the tree is at SCRATCH/root.
overlay_mount() {
    local layers=$1 scratch=$2
    mkdir -p "$scratch"/{root,upper,work}
    mount -t overlay bed-root "$scratch/root" \
        -o "lowerdir=$layers,upperdir=$scratch/upper,workdir=$scratch/work"
}

# /proc and /sys stay free of read-only covers, as rootless containers may mount their own only
# where the whole of it is visible. What must not write there is masked in host-init instead.
kernel_mounts() {
    local root=$1
    mount -t proc proc "$root/proc" -o nosuid,nodev,noexec
    mount -t sysfs sysfs "$root/sys" -o nosuid,nodev,noexec
    mkdir -p "$root/sys/fs/cgroup"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup" -o nosuid,nodev,noexec
    mount -t tmpfs tmpfs "$root/run" -o nosuid,nodev,mode=755
    mount -t tmpfs tmpfs "$root/tmp" -o nosuid,nodev,mode=1777
    dev_mount "$root/dev"
}

dev_mount() {
    local dev=$1 node
    mount -t tmpfs dev "$dev" -o nosuid,mode=755
    while read -r node major minor; do
        mkdir -p "$(dirname "$dev/$node")"
        mknod -m 666 "$dev/$node" c "$major" "$minor"
    done <<'NODES'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
fuse 10 229
net/tun 10 200
NODES
    mkdir -p "$dev/pts" "$dev/shm" "$dev/mqueue"
    mount -t devpts devpts "$dev/pts" -o newinstance,nosuid,noexec,mode=620,gid=5,ptmxmode=666
    mount -t tmpfs shm "$dev/shm" -o nosuid,nodev,mode=1777
    ln -s pts/ptmx "$dev/ptmx"
    ln -s /proc/self/fd "$dev/fd"
    ln -s fd/0 "$dev/stdin"
    ln -s fd/1 "$dev/stdout"
    ln -s fd/2 "$dev/stderr"
}

# bind_mounts ROOT "SRC:DST"...
bind_mounts() {
    local root=$1 pair
    shift
    for pair; do
        mkdir -p "$root/${pair#*:}"
        mount --bind "${pair%%:*}" "$root/${pair#*:}"
    done
}

# pivot_root and not chroot: the kernel refuses user namespaces to a process in a chroot, and
# rootless containers need them. The old root is let go at once, so nothing outside stays visible.
enter_root() {
    cd "$1" || exit
    mkdir -p run/outside
    pivot_root . run/outside
    cd /
    umount -l /run/outside
    rmdir /run/outside
    mount --make-rshared /
}
