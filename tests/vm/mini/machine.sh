# shellcheck shell=bash disable=SC2154 # names that the tool sourcing this has set
# SPDX-License-Identifier: MIT
# One run of the mini VM: an initramfs of a few files, QEMU, and what was said on the serial port.

machine_qemu_pid=''

any_kernel_release() {
    if [ "$1" = debug ]; then
        cat "$(debug_kernel_dir)/source/include/config/kernel.release"
    else
        kernel_release "$1"
    fi
}

any_kernel_image() {
    if [ "$1" = debug ]; then
        echo "$(debug_kernel_dir)/source/arch/x86/boot/bzImage"
    else
        kernel_image "$1"
    fi
}

# A block device that is memory; the debug kernel has it built in.
machine_add_block_device() {
    local module
    [ "$1" != debug ] || return 0
    module=$(find "$(kernel_tree "$1")" -path "*/modules/$(kernel_release "$1")/*" -name 'brd.ko*')
    case $module in
        *.xz) "$(root_dir)/usr/bin/busybox" xzcat "$module" >"$2/brd.ko" ;;
        *) cp "$module" "$2/brd.ko" ;;
    esac
}

# machine_initramfs KERNEL MODULE PROGRAM FILE
machine_initramfs() {
    local tree=$scratch/tree
    rm -rf "$tree"
    mkdir -p "$tree"/{bin,dev,proc,sys,tmp}
    install -m 755 "$3" "$tree/init"
    install -m 644 "$2" "$tree/phoenix_sysinfo.ko"
    machine_add_block_device "$1" "$tree"
    mknod "$tree/dev/console" c 5 1
    (cd "$tree" && find . | "$(root_dir)/usr/bin/busybox" cpio -o -H newc 2>/dev/null) >"$4"
}

# machine_qemu KERNEL LOG ARGUMENT...: two CPUs, as a race needs; tsc=reliable, because the clock
# watchdog takes a slow machine for a broken clock. In the background, because a shell that waits for
# a program hears no signal before its end.
machine_qemu() {
    local kernel=$1 log=$2 code=0 seconds=$timeout
    shift 2
    [ -n "$seconds" ] || { [ "$kernel" = debug ] && seconds=3600 || seconds=600; }
    timeout --kill-after 5 "$seconds" qemu-system-x86_64 -m 1G \
        -nodefaults -nographic -no-reboot -monitor none -nic none -serial stdio \
        -kernel "$(any_kernel_image "$kernel")" -initrd "$scratch/initramfs" \
        -append "console=ttyS0 quiet panic=-1 tsc=reliable mitigations=off nokaslr no_timer_check ${settings[*]}" \
        "$@" </dev/null >"$log" 2>&1 &
    machine_qemu_pid=$!
    wait "$machine_qemu_pid" || code=$?
    machine_qemu_pid=''
    [ "$code" != 124 ] || echo "# not done after $seconds s" >>"$log"
}

machine_stop() {
    [ -z "$machine_qemu_pid" ] || kill "$machine_qemu_pid" 2>/dev/null || true
}

# Multi-threaded TCG may run kernel code that another CPU is just patching, and die of an int3 that is
# nobody's fault: such a run is made once more, when the module was not part of it.
machine_died_of_patching() {
    grep -q 'Oops: int3' "$1" && ! grep -q 'phoenix_sysinfo' <(sed -n '/Oops: int3/,$p' "$1")
}

# machine_run KERNEL MODULE PROGRAM LOG
machine_run() {
    machine_initramfs "$1" "$2" "$3" "$scratch/initramfs"
    machine_qemu "$1" "$4" -accel tcg,thread=multi -smp 2
    if machine_died_of_patching "$4"; then
        say "mini: $1: QEMU has run code that was being patched; once more"
        mv "$4" "$4.int3"
        machine_qemu "$1" "$4" -accel tcg,thread=multi -smp 2
    fi
}

# The same, with a clock that counts instructions: what is measured then does not depend on what else
# the machine outside does.
machine_run_counted() {
    machine_initramfs "$1" "$2" "$3" "$scratch/initramfs"
    machine_qemu "$1" "$4" -accel tcg,thread=single -smp 1 -icount shift=0,sleep=off
}

# What the program has said, without what the firmware does to the screen.
machine_said() {
    sed -e 's/\x1b[^A-Za-z]*[A-Za-z]//g' -e 's/\r$//' "$1"
}
