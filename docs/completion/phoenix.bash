# SPDX-License-Identifier: MIT
# bash completion for phoenix(1)

_phoenix_names() {
    local scope=() word
    for word in "${COMP_WORDS[@]}"; do
        case $word in
            --user | --system) scope=("$word") ;;
        esac
    done
    phoenix "${scope[@]}" names 2>/dev/null
}

_phoenix() {
    local cur=${COMP_WORDS[COMP_CWORD]} verb='' i
    local verbs='check show explain services status top sysinfo logs events start stop restart probe
        maintenance deploy update history rollback del info dashboard reap stress doctor schema help'
    local options='--user --system --json --no-color --help --version'

    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} != -* ]]; then
            verb=${COMP_WORDS[i]}
            break
        fi
    done

    case $verb in
        check) options+=' --strict' ;;
        show) options+=' --units --plan --spec' ;;
        services) options+=' --all' ;;
        top) options+=' --all --once --lines --sort' ;;
        sysinfo) options+=' --lines --source --interval' ;;
        logs | events) options+=' --follow --lines --since' ;;
        start | stop | restart) options+=' --no-block' ;;
        maintenance) options+=' --for' ;;
        deploy) options+=' --no-start' ;;
        update | rollback) options+=' --no-start --observe --timeout --drain --dry-run' ;;
        reap) options+=' --dry-run' ;;
        history) options+=' --record' ;;
        del) options+=' --yes' ;;
    esac

    COMPREPLY=()
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
        return
    fi
    case $verb in
        '') mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$cur") ;;
        check | show | deploy | update | reap)
            compopt -o filenames 2>/dev/null # not in tests, where nothing is being completed
            mapfile -t COMPREPLY < <(
                [[ $verb == deploy ]] || compgen -W "$(_phoenix_names)" -- "$cur"
                compgen -d -- "$cur"
                compgen -f -X '!*.json' -- "$cur"
            )
            ;;
        maintenance)
            mapfile -t COMPREPLY < <(compgen -W "$(_phoenix_names) on off" -- "$cur")
            ;;
        dashboard) mapfile -t COMPREPLY < <(compgen -W 'start' -- "$cur") ;;
        explain | status | logs | events | start | stop | restart | probe | history | rollback | del | info | doctor)
            mapfile -t COMPREPLY < <(compgen -W "$(_phoenix_names)" -- "$cur")
            ;;
        stress) mapfile -t COMPREPLY < <(compgen -W "on off status" -- "$cur") ;;
        help) mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$cur") ;;
    esac
}

complete -F _phoenix phoenix
