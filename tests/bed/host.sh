# shellcheck shell=bash disable=SC2154 # names that the tool sourcing this has set
# SPDX-License-Identifier: MIT
# Hosts of the bed: start, readiness, end. What is known of a host is in $bed_state/hosts/NAME
# (small files, gone with a reboot of this machine); what it writes is in its scratch directory in
# the cache. A host whose first process is gone is "crashed": its remains are removed by the next
# `up` or `down` of that name.

host_state() { echo "$bed_state/hosts/$1"; }

# Start time of a process in ticks: a pid alone may have been given to another one since.
process_start() {
    local fields
    fields=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    read -ra fields <<<"${fields##*) }" # behind the name, which may hold spaces
    echo "${fields[19]}"
}

# Prints the pid of the host's systemd when it is alive.
host_pid() {
    local state pid
    state=$(host_state "$1")
    pid=$(cat "$state/pid" 2>/dev/null) || return 1
    [ "$(process_start "$pid")" = "$(cat "$state/start" 2>/dev/null)" ] || return 1
    echo "$pid"
}

host_names() {
    local dir
    for dir in "$bed_state"/hosts/*/; do
        [ ! -d "$dir" ] || basename "$dir"
    done
}

host_check_name() {
    [[ $1 =~ ^[a-z][a-z0-9-]{0,31}$ ]] || die "a host's name is a-z, 0-9 and -, not \"$1\""
}

host_up() {
    local name=$1 layers=$2
    host_check_name "$name"
    if host_pid "$name" >/dev/null; then
        if [ "$(cat "$(host_state "$name")/layers")" = "$layers" ]; then
            say "host $name: already up"
            return 0
        fi
        say "host $name: up with an older product, starting it again"
    fi
    with_lock "$bed_lock" host_create "$name" "$layers"
    host_boot "$name"
}

# Clears what is left of a host of that name, takes a number, makes its directories.
host_create() {
    local name=$1 layers=$2 state scratch number
    host_destroy "$name"
    state=$(host_state "$name")
    scratch=$cache/hosts/$name
    number=$(host_free_number)
    rm -rf --one-file-system "$scratch"
    mkdir -p "$state" "$scratch/containers-root"
    install -d -o 1000 -g 1000 "$scratch/containers-user"
    echo "$number" >"$state/number"
    echo "$scratch" >"$state/scratch"
    echo "$layers" >"$state/layers"
    switch_start
}

host_free_number() {
    local number taken
    taken=" $(cat "$bed_state"/hosts/*/number 2>/dev/null | tr '\n' ' ')"
    for ((number = 1; number < 250; number++)); do
        [[ $taken == *" $number "* ]] || break
    done
    [ "$number" -lt 250 ] || die "all 249 host numbers are taken"
    echo "$number"
}

# Starts the machine on its scratch directory as it is and waits until it is ready.
host_boot() {
    local name=$1 state t0
    t0=$(elapsed)
    state=$(host_state "$name")
    rm -f "$state"/{pid,start,net-request,net-done}
    mkfifo "$state/net-done"
    cgroup_make "$bed_cgroup/$name/host"
    cgroup_make "$bed_cgroup/$name/outside"
    host_spawn "$name"
    host_wait_file "$name" net-request
    process_start "$(cat "$state/pid")" >"$state/start"
    switch_connect "$(cat "$state/number")" "$(cat "$state/pid")"
    echo connected >"$state/net-done"
    host_wait_ready "$name"
    say "host $name: up in $(seconds_since "$t0") s, $(host_addresses "$name")"
}

# script(1) gives the machine a terminal as its console, and keeps what is written there.
host_spawn() {
    local name=$1 state
    state=$(host_state "$name")
    (
        echo 0 >"$bed_cgroup/$name/outside/cgroup.procs"
        exec env -i PATH="$PATH" \
            BED_NAME="$name" BED_STATE="$state" BED_CGROUP="$bed_cgroup/$name/host" \
            BED_SCRATCH="$(cat "$state/scratch")" BED_LAYERS="$(cat "$state/layers")" \
            setsid script --quiet --flush --return --append --command \
            "unshare --mount --pid --ipc --uts --net --fork --kill-child $here/host-init" \
            "$state/console.log" </dev/null >/dev/null 2>&1
    ) 9>&- &
}

host_wait_file() {
    local name=$1 file tries=200
    file=$(host_state "$name")/$2
    until [ -e "$file" ]; do
        [ $((tries -= 1)) -gt 0 ] || host_failed "$name" "its first process did not start"
        sleep 0.05
    done
}

# Ready is: PID 1 has no job left and nothing failed, and so has the user manager of uid 1000.
host_wait_ready() {
    local name=$1 manager
    for manager in "" --user; do
        host_wait_manager "$name" "$manager" ||
            host_failed "$name" "systemctl $manager is-system-running: $(host_systemctl "$name" \
                "$manager" is-system-running); failed: $(host_systemctl "$name" "$manager" \
                list-units --failed --plain --no-legend | cut -d' ' -f1 | tr '\n' ' ')"
    done
}

host_wait_manager() {
    local name=$1 manager=$2 answer tries=300
    while host_pid "$name" >/dev/null && [ $((tries -= 1)) -gt 0 ]; do
        answer=$(host_systemctl "$name" "$manager" is-system-running --wait)
        case $answer in
            running) return 0 ;;
            degraded | maintenance | stopping) return 1 ;;
        esac
        sleep 0.1
    done
    return 1
}

# host_systemctl NAME --user|"" ARG...
host_systemctl() {
    local name=$1 manager=$2
    shift 2
    host_exec "$name" "$manager" timeout 60 systemctl ${manager:+"$manager"} "$@" 2>/dev/null </dev/null || true
}

host_failed() {
    tail -n 20 "$(host_state "$1")/console.log" >&2 || true
    die "host $1: $2 (console: $(host_state "$1")/console.log; end it with: tests/bed/bed down $1)"
}

host_addresses() {
    local number
    number=$(cat "$(host_state "$1")/number")
    printf '10.77.0.%d fd77::%x' "$number" "$number"
}

host_down() {
    host_check_name "$1"
    with_lock "$bed_lock" host_destroy "$1"
}

# Ends a host in whatever state it is, running, crashed or half started, and removes all of it.
# The switch goes with the last one.
host_destroy() {
    local name=$1 state scratch
    state=$(host_state "$name")
    cgroup_remove "$bed_cgroup/$name"
    if [ -d "$state" ]; then
        switch_disconnect "$(cat "$state/number" 2>/dev/null || echo 0)"
        scratch=$(cat "$state/scratch" 2>/dev/null || true)
        [ -z "$scratch" ] || rm -rf --one-file-system "$scratch"
        rm -rf "$state"
    fi
    if [ -z "$(host_names)" ]; then
        switch_stop
        cgroup_remove_top
        rm -rf "$bed_state"
    fi
}

# An orderly shutdown and a start on the same disk.
host_reboot() {
    local name=$1 pid tries=300
    pid=$(host_pid "$name") || die "host $name is not up"
    kill -s RTMIN+4 "$pid" # systemd: poweroff
    while host_pid "$name" >/dev/null; do
        [ $((tries -= 1)) -gt 0 ] || die "host $name does not shut down"
        sleep 0.1
    done
    cgroup_remove "$bed_cgroup/$name"
    switch_disconnect "$(cat "$(host_state "$name")/number")"
    host_boot "$name"
}

host_uptime() {
    local now start
    read -r now _ </proc/uptime
    start=$(cat "$(host_state "$1")/start")
    echo $((${now%.*} - start / $(getconf CLK_TCK)))
}

host_list() {
    local name pid state comma='' uptime
    [ "${1-}" != --json ] || printf '['
    for name in $(host_names); do
        state=up uptime=0
        if pid=$(host_pid "$name"); then
            uptime=$(host_uptime "$name")
        else
            pid=0 state=crashed
        fi
        read -r ip4 ip6 <<<"$(host_addresses "$name")"
        if [ "${1-}" = --json ]; then
            printf '%s{"name":"%s","state":"%s","pid":%d,"ipv4":"%s","ipv6":"%s","uptime_sec":%d}' \
                "$comma" "$name" "$state" "$pid" "$ip4" "$ip6" "$uptime"
            comma=,
        else
            printf '%-20s %-8s pid %-8d %-12s %-10s up %d s\n' "$name" "$state" "$pid" "$ip4" "$ip6" "$uptime"
        fi
    done
    [ "${1-}" != --json ] || printf ']\n'
}
