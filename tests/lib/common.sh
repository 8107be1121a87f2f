# shellcheck shell=bash disable=SC2034 # names for the tools that source this
# SPDX-License-Identifier: MIT
# What the shell tools of the test tiers share: where the cache is, progress lines, packages of
# the machine outside, locks and content keys. Sourced, never run.

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/phoenix

# Seconds since the first tool of this run started: a tool that calls another one hands it on, so
# the clock in front of the progress lines does not jump back.
: "${PHOENIX_T0:=$EPOCHREALTIME}"
export PHOENIX_T0

elapsed() {
    local usec=$((${EPOCHREALTIME/[.,]/} - ${PHOENIX_T0/[.,]/}))
    printf '%4d.%d' $((usec / 1000000)) $((usec / 100000 % 10))
}

# Seconds since an earlier answer of elapsed().
seconds_since() {
    awk -v now="$(elapsed)" -v then="$1" 'BEGIN { printf "%.1f", now - then }'
}

say() {
    printf '[%s s] %s\n' "$(elapsed)" "$*" >&2
}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Says a line and runs a command, its output to LOG; shows the log's end when it fails.
# The failure is told by a trap and not by an if around the command: inside the condition of an if
# the shell ignores what fails in a function. So never call this in a condition either.
# say_stage LOG TEXT COMMAND...
say_stage() {
    local log=$1 text=$2
    shift 2
    say "$text"
    (
        # shellcheck disable=SC2064 # by then the names may be gone: said now
        trap "[ \$? = 0 ] || say_failed ${log@Q} ${text@Q} >&8" EXIT
        "$@"
    ) 8>&2 >"$log" 2>&1 </dev/null
}

say_failed() {
    tail -n 40 "$1"
    printf '%s: failed: %s (whole output: %s)\n' "${0##*/}" "$2" "$1"
}

need_root() {
    [ "$(id -u)" = 0 ] || die "must run as root (it makes namespaces, mounts and cgroups)"
}

# Installs packages of the machine outside, only those that are missing.
need_packages() {
    local package missing=()
    for package; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    mkdir -p "$cache"
    say_stage "$cache/apt.log" "apt-get update" apt-get -q update
    say_stage "$cache/apt.log" "apt-get install ${missing[*]}" \
        env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y --no-install-recommends install "${missing[@]}"
}

# Runs a command while holding the lock FILE, so that two runs cannot build the same thing.
# A lock that is taken is said, because the wait can be minutes.
with_lock() {
    local file=$1
    shift
    mkdir -p "$(dirname "$file")"
    (
        if ! flock -n 9; then
            say "waiting for another run that holds $file"
            flock 9
        fi
        "$@" 9>&-
    ) 9>"$file"
}

# Twelve digits that name a content: of the standard input.
content_key() {
    sha256sum | cut -c1-12
}

# Removes those directories that nobody used for two weeks (who uses one touches its ".used") and
# that no host of the bed stands on.
prune_unused() {
    local dir
    for dir in "$@"; do
        ! grep -qsF "$dir/" /run/phoenix-bed/hosts/*/layers || continue
        [ -e "$dir/.used" ] || continue
        [ -n "$(find "$dir/.used" -mtime +14)" ] || continue
        say "removing unused $dir"
        rm -rf --one-file-system "$dir"
    done
}
