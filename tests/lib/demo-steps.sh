# shellcheck shell=bash disable=SC2154 # names that the tool sourcing this has set
# SPDX-License-Identifier: MIT
# The steps of the demo, the same in whichever machine they happen. in_user COMMAND... runs a
# command there as the user; everything shown is what that user would type and see.

demo_spec='{
  "type": "docker",
  "image": "localhost/phoenix-testy",
  "watchdog": "3s",
  "args": ["--port", "8080"]
}'

title() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# Shows a command as typed, and its output; conmon's command line alone fills a screen.
shown() {
    printf '$ %s\n' "$*"
    in_user "$@" | cut -c1-120 || true
}

demo_property() {
    in_user systemctl --user show --value --property "$1" phoenix@web
}

# The image comes ready-made with the bed's product layer; elsewhere it is built from the
# installed test program, which needs no network.
demo_load_image() {
    local tests=/usr/lib/phoenix/tests archive=/usr/share/phoenix/tests/phoenix-testy.tar
    in_user podman image exists localhost/phoenix-testy ||
        in_user podman load --quiet --input "$archive" >/dev/null 2>&1 ||
        in_user sh "$tests/testy/build-images" "$tests/phoenix-testy" >/dev/null ||
        die "cannot make the image localhost/phoenix-testy"
}

demo_start() {
    title "One file..."
    printf '$ cat > ~/.config/phoenix.d/web.json\n%s\n' "$demo_spec"
    printf '%s\n' "$demo_spec" |
        in_user sh -c 'mkdir -p ~/.config/phoenix.d && cat >~/.config/phoenix.d/web.json'
    title "...is a service"
    shown systemctl --user daemon-reload
    printf '$ systemctl --user start phoenix@web\n'
    # A start that fails says why in its status: show that, and end.
    in_user systemctl --user start phoenix@web || { shown systemctl --user status --no-pager --full phoenix@web; die "phoenix@web did not start"; }
    shown systemctl --user status --no-pager --lines=3 phoenix@web
}

# Makes it hang: the process and its port stay, but it does nothing any more.
demo_freeze() {
    title "It hangs: alive, its port open, but dead inside"
    sleep 2 # a few beats
    cursor=$(in_user journalctl --user --quiet --lines=0 --show-cursor | sed -n 's/^-- cursor: //p')
    restarts=$(demo_property NRestarts)
    shown podman exec phoenix-web /phoenix-testy ctl hang
    sleep 0.3
    last_beat=$(demo_property WatchdogTimestampMonotonic)
    [ "$last_beat" -gt "$(demo_property ActiveEnterTimestampMonotonic)" ] ||
        die "phoenix@web sent no heartbeat after it was ready"
}

demo_wait_healed() {
    local tries=150
    until [ "$(demo_property NRestarts)" -gt "$restarts" ] && [ "$(demo_property ActiveState)" = active ]; do
        [ $((tries -= 1)) -gt 0 ] || die "phoenix@web was not healed within 30 s"
        sleep 0.2
    done
}

demo_tell() {
    title "systemd noticed, killed it, and started it again (from the journal):"
    in_user journalctl --user --unit phoenix@web --after-cursor "$cursor" --output json --all |
        /usr/bin/python3 "$repo/tests/bed/timeline.py" --last-beat "$last_beat"
    printf '\n'
    shown systemctl --user show --property NRestarts,Result,ActiveState,WatchdogTimestamp phoenix@web
}

demo_run() {
    demo_load_image
    demo_start
    demo_freeze
    demo_wait_healed
    demo_tell
}
