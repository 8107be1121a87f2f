# SPDX-License-Identifier: MIT
# fish completion for phoenix(1)

function __phoenix_names
    phoenix (string match -r -- '^--(?:user|system)$' (commandline -opc)) names 2>/dev/null
end

function __phoenix_verb
    __fish_seen_subcommand_from $argv
end

set -l verbs check show explain services schema help

complete -c phoenix -f
complete -c phoenix -n "not __phoenix_verb $verbs" -a check -d 'Say what is wrong with specs'
complete -c phoenix -n "not __phoenix_verb $verbs" -a show -d 'Print the units of a spec, its plan, or the spec'
complete -c phoenix -n "not __phoenix_verb $verbs" -a explain -d 'Say in words what becomes of a spec'
complete -c phoenix -n "not __phoenix_verb $verbs" -a services -d 'List the services that specs define'
complete -c phoenix -n "not __phoenix_verb $verbs" -a schema -d 'Print the JSON Schema of specs'
complete -c phoenix -n "not __phoenix_verb $verbs" -a help -d 'Show help'

complete -c phoenix -l user -d 'The specs of the manager of the user'
complete -c phoenix -l system -d 'The specs of the manager of the system'
complete -c phoenix -l json -d 'Print JSON'
complete -c phoenix -l no-color -d 'No colours'
complete -c phoenix -l help -d 'Show help'
complete -c phoenix -l version -d 'Show the version'

complete -c phoenix -n '__phoenix_verb check' -l strict -d 'Exit with 1 for warnings too'
complete -c phoenix -n '__phoenix_verb show' -l units -d 'The units that would be generated'
complete -c phoenix -n '__phoenix_verb show' -l plan -d 'The resolved plan'
complete -c phoenix -n '__phoenix_verb show' -l spec -d 'The spec file'
complete -c phoenix -n '__phoenix_verb services' -l all -d 'Also what is not generated here'

complete -c phoenix -n '__phoenix_verb check show explain' -a '(__phoenix_names)' -d Service
complete -c phoenix -n '__phoenix_verb check show' -F
complete -c phoenix -n '__phoenix_verb help' -a "$verbs"
