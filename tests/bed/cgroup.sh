# shellcheck shell=bash disable=SC2154 # names that the tool sourcing this has set
# SPDX-License-Identifier: MIT
# The bed's cgroups, under whichever cgroup2 hierarchy this machine has:
#   phoenix-bed/NAME/host     the root of that host's cgroup namespace
#   phoenix-bed/NAME/outside  what belongs to a host but runs outside it
#   phoenix-bed/switch        the process that holds the hosts' network
# Ending a host is writing cgroup.kill here: nothing in the host can escape it.

# A machine with cgroup v1 alone has no cgroup2 mount; then the bed makes one for itself.
cgroup2_mount() {
    local mount
    mount=$(findmnt --noheadings --types cgroup2 --output TARGET | head -n 1)
    if [ -z "$mount" ]; then
        mount=/run/phoenix-bed.cgroup
        mkdir -p "$mount"
        mount -t cgroup2 cgroup2 "$mount"
    fi
    echo "$mount"
}

# Makes CGROUP and hands down to it, from the top, whatever controllers there are.
cgroup_make() {
    local path=$1 controllers controller
    [ "$path" = "$bed_cgroup" ] || cgroup_make "$(dirname "$path")"
    mkdir -p "$path"
    read -ra controllers <"$(dirname "$path")/cgroup.controllers" || true
    for controller in "${controllers[@]}"; do
        echo "+$controller" 2>/dev/null >"$(dirname "$path")/cgroup.subtree_control" || true
    done
}

# Called with the bed's lock held; the top stays as long as anything is below it.
cgroup_remove_top() {
    rmdir "$bed_cgroup" 2>/dev/null || true
}

# Kills everything in CGROUP and below, waits until it is gone, and removes the cgroups.
cgroup_remove() {
    local path=$1 tries=200
    [ -d "$path" ] || return 0
    echo 1 >"$path/cgroup.kill"
    until grep -qx 'populated 0' "$path/cgroup.events"; do
        [ $((tries -= 1)) -gt 0 ] || die "processes in $path do not end"
        sleep 0.05
    done
    find "$path" -depth -type d -exec rmdir {} +
}
