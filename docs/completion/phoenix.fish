# SPDX-License-Identifier: MIT
# fish completion for phoenix(1)

function __phoenix_names
    phoenix (string match -r -- '^--(?:user|system)$' (commandline -opc)) names 2>/dev/null
end

function __phoenix_verb
    __fish_seen_subcommand_from $argv
end

set -l verbs check show explain services status top sysinfo logs events start stop restart probe \
    maintenance deploy update history rollback del info dashboard reap stress doctor schema help

complete -c phoenix -f
complete -c phoenix -n "not __phoenix_verb $verbs" -a check -d 'Say what is wrong with specs'
complete -c phoenix -n "not __phoenix_verb $verbs" -a show -d 'Print the units of a spec, its plan, or the spec'
complete -c phoenix -n "not __phoenix_verb $verbs" -a explain -d 'Say in words what becomes of a spec'
complete -c phoenix -n "not __phoenix_verb $verbs" -a services -d 'List the services that specs define'
complete -c phoenix -n "not __phoenix_verb $verbs" -a status -d 'Show how services are'
complete -c phoenix -n "not __phoenix_verb $verbs" -a top -d 'Show live what services use'
complete -c phoenix -n "not __phoenix_verb $verbs" -a sysinfo -d 'Show what all containers use, by class'
complete -c phoenix -n "not __phoenix_verb $verbs" -a logs -d 'Print the journal of a service'
complete -c phoenix -n "not __phoenix_verb $verbs" -a events -d 'Print what phoenixd has seen and done'
complete -c phoenix -n "not __phoenix_verb $verbs" -a start -d 'Start services and wait until they are healthy'
complete -c phoenix -n "not __phoenix_verb $verbs" -a stop -d 'Stop services'
complete -c phoenix -n "not __phoenix_verb $verbs" -a restart -d 'Restart services'
complete -c phoenix -n "not __phoenix_verb $verbs" -a probe -d 'Make all health checks of a service now'
complete -c phoenix -n "not __phoenix_verb $verbs" -a maintenance -d 'Keep phoenixd from restarting a service'
complete -c phoenix -n "not __phoenix_verb $verbs" -a deploy -d 'Check a spec, put it in place and start it'
complete -c phoenix -n "not __phoenix_verb $verbs" -a update -d 'Bring services their newest image or spec'
complete -c phoenix -n "not __phoenix_verb $verbs" -a history -d 'List the images that a service ran with'
complete -c phoenix -n "not __phoenix_verb $verbs" -a rollback -d 'Bring a service back to an image that was healthy'
complete -c phoenix -n "not __phoenix_verb $verbs" -a del -d 'Stop a service and delete its spec'
complete -c phoenix -n "not __phoenix_verb $verbs" -a info -d 'Print the spec of a service as it is deployed'
complete -c phoenix -n "not __phoenix_verb $verbs" -a dashboard -d 'Print the address of the page with graphs'
complete -c phoenix -n "not __phoenix_verb $verbs" -a reap -d 'Stop the containers that are too many'
complete -c phoenix -n "not __phoenix_verb $verbs" -a stress -d 'Turn a workload of containers on or off'
complete -c phoenix -n "not __phoenix_verb $verbs" -a doctor -d 'Say what this machine lacks for services'
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
complete -c phoenix -n '__phoenix_verb top' -l all -d 'Every container, too'
complete -c phoenix -n '__phoenix_verb top' -l once -d 'One table'
complete -c phoenix -n '__phoenix_verb top' -l sort -x -a 'cpu memory disk io restarts name' -d 'Sort by'
complete -c phoenix -n '__phoenix_verb sysinfo' -l source -x -a 'auto module cgroup' -d 'Where from'
complete -c phoenix -n '__phoenix_verb sysinfo' -l interval -x -d 'Again after this time'
complete -c phoenix -n '__phoenix_verb logs events' -s f -l follow -d 'Go on with new lines'
complete -c phoenix -n '__phoenix_verb logs events top sysinfo' -s n -l lines -x -d 'At most the last lines; rounds'
complete -c phoenix -n '__phoenix_verb logs events' -l since -x -d 'From then on'
complete -c phoenix -n '__phoenix_verb start stop restart' -l no-block -d 'Do not wait'
complete -c phoenix -n '__phoenix_verb maintenance' -l for -x -d 'End by itself'
complete -c phoenix -n '__phoenix_verb deploy update rollback' -l no-start -d 'Start nothing'
complete -c phoenix -n '__phoenix_verb update rollback' -l observe -x -d 'Look at it for so long'
complete -c phoenix -n '__phoenix_verb update rollback' -l timeout -x -d 'Go back when it is not healthy by then'
complete -c phoenix -n '__phoenix_verb update rollback' -l drain -x -d 'Let connections end for so long'
complete -c phoenix -n '__phoenix_verb update rollback' -l dry-run -d 'Only say what would be done'
complete -c phoenix -n '__phoenix_verb history' -l record -x -a 'start auto-update' -d 'Write down what runs'
complete -c phoenix -n '__phoenix_verb del' -s y -l yes -d 'Do not ask'

complete -c phoenix -n '__phoenix_verb reap' -l dry-run -d 'Stop nothing'
complete -c phoenix -n '__phoenix_verb stress' -a 'on off status'
complete -c phoenix -n '__phoenix_verb maintenance' -a 'on off'
complete -c phoenix -n '__phoenix_verb dashboard' -a start
complete -c phoenix -n '__phoenix_verb status logs events start stop restart probe maintenance update history rollback del info reap doctor' \
    -a '(__phoenix_names)' -d Service
complete -c phoenix -n '__phoenix_verb deploy update' -F
complete -c phoenix -n '__phoenix_verb check show explain' -a '(__phoenix_names)' -d Service
complete -c phoenix -n '__phoenix_verb check show' -F
complete -c phoenix -n '__phoenix_verb help' -a "$verbs"
