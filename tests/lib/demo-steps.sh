# shellcheck shell=bash disable=SC2154 # names that the tool sourcing this has set
# SPDX-License-Identifier: MIT
# The steps of the demo, the same in whichever machine they happen. in_user COMMAND... runs a
# command there as the user; everything shown is what that user would type and see.

demo_spec='{
  "type": "docker",
  "image": "localhost/phoenix-testy",
  "proxyport": 8080,
  "healthcheck": { "path": "/health", "interval": "1s" }
}'

title() {
    if [ -t 1 ]; then printf '\n\033[1m%s\033[0m\n' "$*"; else printf '\n%s\n' "$*"; fi
}

# Shows a command as typed, and its output.
shown() {
    printf '$ %s\n' "$*"
    in_user "$@" || true
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

# What an earlier demo left is no part of this one.
demo_clean() {
    in_user systemctl --user stop phoenix@web 2>/dev/null || true
    in_user systemctl --user reset-failed phoenix@web 2>/dev/null || true
}

demo_start() {
    title "One file..."
    printf '$ cat > ~/.config/phoenix.d/web.json\n%s\n' "$demo_spec"
    printf '%s\n' "$demo_spec" |
        in_user sh -c 'mkdir -p ~/.config/phoenix.d && cat >~/.config/phoenix.d/web.json'
    title "...is a service, started when it is healthy"
    shown systemctl --user daemon-reload
    printf '$ systemctl --user start phoenix@web\n'
    # A start that fails says why in its status: show that, and end.
    in_user systemctl --user start phoenix@web ||
        { shown systemctl --user status --no-pager --full phoenix@web; die "phoenix@web did not start"; }
    shown phoenix status web
}

# The story of a heal that began after the cursor; fails while it is not complete.
# demo_story CURSOR FAULT_USEC FAULT
demo_story() {
    in_user journalctl --user --unit phoenix@web --after-cursor "$1" --output json --all |
        /usr/bin/python3 "$repo/tests/bed/timeline.py" --fault "$2" "$3"
}

# Tells the service to misbehave, and shows what came of it.
# demo_fault TITLE COMMAND
demo_fault() {
    local cursor fault story tries=100
    title "$1"
    cursor=$(in_user journalctl --user --quiet --lines=0 --show-cursor | sed -n 's/^-- cursor: //p')
    fault=${EPOCHREALTIME/[.,]/}
    shown podman exec phoenix-web /phoenix-testy ctl "$2"
    until story=$(demo_story "$cursor" "$fault" "ctl $2" 2>/dev/null); do
        [ $((tries -= 1)) -gt 0 ] ||
            { demo_story "$cursor" "$fault" "ctl $2"; die "phoenix@web was not healed within 30 s"; }
        sleep 0.3
    done
    printf '\nThe journal of phoenix@web:\n%s\n' "$story"
}

demo_tell() {
    title "What happened, in short"
    shown phoenix events web --lines=12
    shown phoenix status
}

demo_run() {
    demo_load_image
    demo_clean
    demo_start
    demo_fault "It answers, but 503: three times, and systemd ends it and starts it again" unhealthy
    demo_fault "It hangs: alive, its port open, but no answer" hang
    demo_tell
}
