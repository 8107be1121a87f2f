# shellcheck shell=bash disable=SC2154 # names that the tool sourcing this has set
# SPDX-License-Identifier: MIT
# Running commands in a host, and files in and out. A command joins all namespaces of the host and
# a cgroup beside those of logged-in users, because that is what it stands for: somebody at a
# shell. It starts from a clean environment.

# host_exec NAME ""|--user COMMAND...
host_exec() (
    name=$1 user=$2
    shift 2
    pid=$(host_pid "$name") || die "host $name is not up"
    slice=user.slice
    become=()
    variables=(HOME=/root USER=root LOGNAME=root)
    if [ -n "$user" ]; then
        slice=user.slice/user-1000.slice
        become=(setpriv --reuid 1000 --regid 1000 --init-groups)
        variables=(HOME=/home/phoenix USER=phoenix LOGNAME=phoenix XDG_RUNTIME_DIR=/run/user/1000
            DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus)
    fi
    mkdir -p "$bed_cgroup/$name/host/$slice/bed-exec"
    echo 0 >"$bed_cgroup/$name/host/$slice/bed-exec/cgroup.procs"
    exec nsenter --target "$pid" --mount --pid --cgroup --ipc --uts --net -- \
        /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin \
        LANG=C.UTF-8 TERM="${TERM:-dumb}" "${variables[@]}" \
        "${become[@]}" /usr/bin/env -C "${variables[0]#HOME=}" -- "$@"
)

# Copies a file to DST, or a directory's contents into DST. host_put NAME ""|--user SRC DST
# shellcheck disable=SC2016 # the scripts' variables are those inside the host
host_put() {
    local name=$1 user=$2 src=$3 dst=$4 mode
    if [ -d "$src" ]; then
        tar -C "$src" -cf - . |
            host_exec "$name" "$user" sh -eu -c \
                'mkdir -p "$1"; tar -C "$1" --no-same-owner -xf -' put "$dst"
    else
        [ -e "$src" ] || die "no such file: $src"
        mode=$(stat -c %a "$src")
        host_exec "$name" "$user" sh -eu -c \
            'mkdir -p "$(dirname "$1")"; cat >"$1"; chmod "$2" "$1"' put "$dst" "$mode" <"$src"
    fi
}

# Copies a file or directory SRC of the host to DST here, which must not be there yet or is a
# directory. host_get NAME SRC DST
host_get() {
    local name=$1 src=$2 dst=$3
    if host_exec "$name" "" test -d "$src"; then
        mkdir -p "$dst"
        host_exec "$name" "" tar -C "$src" -cf - . | tar -C "$dst" --no-same-owner -xf -
    else
        host_exec "$name" "" cat "$src" >"$dst"
    fi
}
