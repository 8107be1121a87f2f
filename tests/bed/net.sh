# shellcheck shell=bash disable=SC2154 # names that the tool sourcing this has set
# SPDX-License-Identifier: MIT
# The network between hosts: one bridge in a network namespace of its own ("the switch"), a veth
# from it into each host. The machine outside sees none of it, so neither its firewall nor its
# forwarding settings can disturb a test, and no host has a way out. The switch lives as long as
# one idle process in the bed's cgroup, from the first host's start to the last one's end.
#
# Host N has 10.77.0.N/24 and fd77::N/64; the bridge itself has .254, so that a person can reach
# the hosts with: nsenter -t $(cat /run/phoenix-bed/switch.pid) -n curl http://10.77.0.1:8080/

switch_pid_file=$bed_state/switch.pid

switch_pid() {
    local pid
    pid=$(cat "$switch_pid_file" 2>/dev/null) || return 1
    grep -qxs "$pid" "$bed_cgroup/switch/cgroup.procs" || return 1
    echo "$pid"
}

in_switch() {
    nsenter --target "$(switch_pid)" --net -- "$@"
}

# Called with the bed's lock held.
switch_start() {
    ! switch_pid >/dev/null || return 0
    mkdir -p "$bed_cgroup/switch"
    (
        echo 0 >"$bed_cgroup/switch/cgroup.procs"
        exec unshare --net sleep infinity </dev/null >/dev/null 2>&1
    ) 9>&- &
    local pid=$! tries=100
    # The process joins its cgroup, then gets its namespace, then is sleep: wait for the last.
    until [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = sleep ]; do
        [ $((tries -= 1)) -gt 0 ] || die "the switch's namespace did not start"
        sleep 0.02
    done
    echo "$pid" >"$switch_pid_file"
    in_switch ip link set lo up
    in_switch ip link add bed0 type bridge
    in_switch ip address add 10.77.0.254/24 dev bed0
    in_switch ip address add fd77::fe/64 dev bed0 nodad
    in_switch ip link set bed0 up
}

# switch_connect N PID: gives the host with number N, whose network namespace is PID's, its link.
switch_connect() {
    local number=$1 pid=$2
    in_switch ip link add "host$number" type veth peer name host0 netns "$pid"
    in_switch ip link set "host$number" master bed0 up
    nsenter --target "$pid" --net -- sh -eu -c "
        ip link set lo up
        ip address add 10.77.0.$number/24 dev host0
        ip address add fd77::$(printf %x "$number")/64 dev host0 nodad
        ip link set host0 up"
}

# A link goes with its host's namespace, but the kernel does that some time later.
switch_disconnect() {
    ! switch_pid >/dev/null || in_switch ip link del "host$1" 2>/dev/null || true
}

switch_stop() {
    cgroup_remove "$bed_cgroup/switch"
    rm -f "$switch_pid_file"
}
