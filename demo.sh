#!/bin/bash
# SPDX-License-Identifier: MIT
# Shows what Phoenix is for, on a bare Debian machine: one JSON file becomes a service whose health
# check is systemd's watchdog. Everything is installed and built on the way; the second run is quick.
#   ./demo.sh          in a machine of its own (a host of the test bed), which stays up afterwards
#   ./demo.sh --here   on this machine; systemd must be its PID 1, podman must have Quadlet (4.4)
set -euo pipefail
umask 022

# shellcheck source=tests/lib/common.sh
. "$(dirname "$(readlink -f "$0")")/tests/lib/common.sh"
# shellcheck source=tests/lib/demo-steps.sh
. "$repo/tests/lib/demo-steps.sh"
bed=$repo/tests/bed/bed

# --- a machine: each mode says how to prepare it and how to run a command in it -----------------

bed_prepare() {
    need_packages mmdebstrap debian-archive-keyring iproute2 util-linux python3
    "$bed" build
    "$bed" up demo
}
bed_user() { "$bed" exec demo --user -- "$@"; }

here_prepare() {
    [ -d /run/systemd/system ] || die "--here needs systemd as PID 1 (without --here the demo brings its own)"
    need_packages gcc libc6-dev meson ninja-build pkgconf libjansson-dev libsystemd-dev \
        libarchive-dev libcurl4-openssl-dev libmicrohttpd-dev libsqlite3-dev libzstd-dev libcairo2-dev fonts-dejavu-core libjs-chart.js libcmocka-dev scdoc python3 podman uidmap passt dbus-user-session
    [ -x /usr/libexec/podman/quadlet ] || die "this podman has no Quadlet; the demo without --here brings its own"
    here_name=${SUDO_USER:-}
    case $here_name in
        '' | root) die "--here: run it with sudo, from the user who shall own the service" ;;
    esac
    here_uid=$(id -u "$here_name")
    mkdir -p "$cache"
    [ -e "$cache/here/build.ninja" ] ||
        say_stage "$cache/here.log" "setting up the build" meson setup "$cache/here" "$repo"
    say_stage "$cache/here.log" "building" meson compile -C "$cache/here"
    say_stage "$cache/here.log" "installing" meson install -C "$cache/here" --no-rebuild
    # Its manager must run without a login; the file is what says so.
    [ -e "/var/lib/systemd/linger/$here_name" ] || loginctl enable-linger "$here_name"
}
here_user() {
    setpriv --reuid "$here_uid" --regid "$(id -g "$here_name")" --init-groups env -i \
        HOME="$(getent passwd "$here_name" | cut -d: -f6)" USER="$here_name" LOGNAME="$here_name" \
        PATH="$PATH" LANG=C.UTF-8 XDG_RUNTIME_DIR="/run/user/$here_uid" \
        DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$here_uid/bus" sh -c 'cd && exec "$@"' here "$@"
}

how_to_look_further() {
    case $mode in
        bed) cat <<TEXT

The machine stays up. Look further:
  tests/bed/bed exec demo --user -- systemctl --user status phoenix@web
  tests/bed/bed exec demo --user -- systemctl --user cat phoenix@web
  tests/bed/bed exec demo --user -- journalctl --user -u phoenix@web
  tests/bed/bed exec demo --user -- phoenix explain web
  tests/bed/bed exec demo --user -- phoenix status web
  tests/bed/bed shell demo --user
End it:
  tests/bed/bed down demo
TEXT
            ;;
        here) cat <<TEXT

Look further:
  systemctl --user status phoenix@web
  systemctl --user cat phoenix@web
  journalctl --user -u phoenix@web
  phoenix explain web
  phoenix status web
End it:
  phoenix del web
TEXT
            ;;
    esac
}

mode=bed
case ${1-} in
    '') ;;
    --here) mode=here ;;
    *) sed -n '3,6s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
need_root
"${mode}_prepare"
in_user() { "${mode}_user" "$@"; }
demo_run
how_to_look_further
