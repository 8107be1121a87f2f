# shellcheck shell=bash disable=SC2154 # names that the tool sourcing this has set
# SPDX-License-Identifier: MIT
# The kernel module for the VM's kernel, built in the bed's root, which has the headers of that very
# kernel. Built again when the module's source has changed (mini/build-module looks).

# vm_module LAYER: puts it where modules are that do not come with a kernel.
vm_module() {
    local release
    release=$(vm_kernel_version)
    mkdir -p "$cache/run"
    say_stage "$cache/run/vm-module.log" "vm: the kernel module for Linux $release" "$bed_dir/bed" run \
        /src/tests/vm/mini/build-module /src/kmod "/build/kmod/$release" "$release" /kernel
    install -D -m 644 "$(build_dir)/dirs/kmod/$release/phoenix_sysinfo.ko" \
        "$1/usr/lib/modules/$release/updates/phoenix_sysinfo.ko"
}
