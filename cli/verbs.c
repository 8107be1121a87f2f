/* SPDX-License-Identifier: MIT */

/* The table of verbs. Help texts, option checks and shell completions all follow from it. */

#include "cli/cli.h"

const Verb cli_verbs[] = {
    {
        .name = "check",
        .max_args = CLI_ARGS_ANY,
        .options = CLI_STRICT,
        .run = verb_check,
        .args = "[FILE|DIR|NAME...]",
        .help = "Say what is wrong with specs",
        .about = "Without arguments, checks all specs that the generator of this scope reads, and "
                 "what they say of each other. A DIR is checked the same way; a FILE by itself; "
                 "\"-\" is standard input. Exits with 1 when there is an error.",
    },
    {
        .name = "show",
        .min_args = 1,
        .max_args = 1,
        .options = CLI_SPEC | CLI_PLAN | CLI_UNITS,
        .run = verb_show,
        .args = "NAME|FILE",
        .help = "Print the units of a spec, its plan, or the spec itself",
        .about = "Prints what the generator would write for the spec, without writing anything: "
                 "the units (the default), the resolved plan with every default filled in, or the "
                 "file as it is.",
    },
    {
        .name = "explain",
        .min_args = 1,
        .max_args = 1,
        .run = verb_explain,
        .args = "NAME",
        .help = "Say in words what becomes of a spec, and how its service is",
        .about = "Where the spec was found, what it hides or what hides it, what is generated or "
                 "why nothing is, whether it starts at boot, how it is restarted, its state, and "
                 "whether the service manager has read this version of it.",
    },
    {
        .name = "services",
        .options = CLI_ALL,
        .run = verb_services,
        .args = "",
        .help = "List the services that specs define, with their state",
        .about = "Lists the services of this manager. With --all also those that are masked or "
                 "meant for another machine or manager, and units whose spec is gone.",
    },
    {
        .name = "status",
        .max_args = CLI_ARGS_ANY,
        .run = verb_status,
        .args = "[NAME...]",
        .help = "Show how services are: health, last checks, restarts",
        .about = "Shows a table of all services, or everything about some: its state and since "
                 "when, the last checks with their results and latencies, restarts and the delay "
                 "before the next one, heartbeats, maintenance, and what to do when it is held. "
                 "Asks phoenixd; when it cannot be reached, says so and shows what systemd knows. "
                 "With a NAME, exits with 1 when the service does not run or is not well.",
    },
    {
        .name = "top",
        .options = CLI_ALL | CLI_ONCE | CLI_LINES | CLI_SORT,
        .run = verb_top,
        .args = "",
        .help = "Show live what services use: CPU, memory, disk, I/O, latency",
        .about = "Shows a table that is redrawn every two seconds. Keys: c, m, d, i, r, n sort by "
                 "CPU, memory, disk, I/O, restarts, name; q ends. Without a terminal, with --once "
                 "or --json: plain tables, one or --lines=N of them. The CPU% of a service is that "
                 "of one CPU since the round before; in the first round, since it was started. "
                 "DISK and IO are what was read and written since then, in bytes and in "
                 "operations. With --all: every container of this machine, too.",
    },
    {
        .name = "sysinfo",
        .options = CLI_LINES | CLI_SOURCE | CLI_INTERVAL,
        .run = verb_sysinfo,
        .args = "",
        .help = "Show what all containers of this machine use, by class",
        .about = "Shows memory and CPU of the machine, and every container of Podman and Docker, "
                 "whoever runs it, by the kind of work: cpu, ram, io, disk (told from the "
                 "arguments of stress), other. Asks the kernel module phoenix_sysinfo when it is "
                 "loaded and may be read, and cgroups and /proc else. CPU % is that of one CPU "
                 "since the container was started; with --interval, since the table before.",
    },
    {
        .name = "logs",
        .min_args = 1,
        .max_args = 1,
        .options = CLI_FOLLOW | CLI_LINES | CLI_SINCE,
        .run = verb_logs,
        .args = "NAME",
        .help = "Print the journal of a service and of its container",
        .about = "Prints what the service writes (after a bar), and what systemd, Podman and "
                 "phoenixd say of it (after a colon). With --json: one object per line.",
    },
    {
        .name = "events",
        .max_args = 1,
        .options = CLI_FOLLOW | CLI_LINES | CLI_SINCE,
        .run = verb_events,
        .args = "[NAME]",
        .help = "Print what phoenixd has seen and done",
        .about = "Prints one line for each event that phoenixd has written to the journal: time, "
                 "service, event, message. With --json: one object per line.",
    },
    {
        .name = "start",
        .min_args = 1,
        .max_args = CLI_ARGS_ANY,
        .options = CLI_NO_BLOCK,
        .run = verb_start,
        .args = "NAME...",
        .help = "Start services and wait until they are healthy",
        .about = "Starts services and waits until each is up, and healthy when it has health "
                 "checks. Services that are held or have failed are tried afresh. When one does "
                 "not start: says why, with the last lines of its journal, and exits with 1.",
    },
    {
        .name = "stop",
        .min_args = 1,
        .max_args = CLI_ARGS_ANY,
        .options = CLI_NO_BLOCK,
        .run = verb_stop,
        .args = "NAME...",
        .help = "Stop services and wait until they are down",
        .about = "Stops services and waits until each is down. At the next boot they start again "
                 "when their specs say so.",
    },
    {
        .name = "restart",
        .min_args = 1,
        .max_args = CLI_ARGS_ANY,
        .options = CLI_NO_BLOCK,
        .run = verb_restart,
        .args = "NAME...",
        .help = "Stop and start services and wait until they are healthy",
        .about = "Stops services that run, starts all of them, and waits as \"start\" does.",
    },
    {
        .name = "probe",
        .min_args = 1,
        .max_args = 1,
        .run = verb_probe,
        .args = "NAME",
        .help = "Make all health checks of a service now",
        .about = "Lets phoenixd make every check of the service now and shows the results. They "
                 "count like any other. Exits with 1 when one fails.",
    },
    {
        .name = "maintenance",
        .min_args = 1,
        .max_args = 2,
        .options = CLI_FOR,
        .run = verb_maintenance,
        .args = "NAME [on|off]",
        .help = "Keep phoenixd from restarting a service",
        .about = "While maintenance is on, checks go on and are shown, but nothing is restarted. "
                 "With --for it ends by itself. Without on or off, says whether it is on.",
    },
    {
        .name = "deploy",
        .min_args = 1,
        .max_args = CLI_ARGS_ANY,
        .options = CLI_NO_START,
        .run = verb_deploy,
        .args = "FILE...",
        .help = "Check a spec, put it in place, start it, wait until it is healthy",
        .about = "Checks each spec as \"check\" does, puts it into /etc/phoenix.d or "
                 "~/.config/phoenix.d, reloads the service manager, and starts the service, or "
                 "restarts it when the spec has changed. The version before it is kept as "
                 "NAME.json.old. When anything fails: says why, and brings back what was there "
                 "before.",
    },
    {
        .name = "update",
        .min_args = 1,
        .max_args = CLI_ARGS_ANY,
        .options = CLI_NO_START | CLI_OBSERVE | CLI_TIMEOUT | CLI_DRAIN | CLI_DRY_RUN,
        .run = verb_update,
        .args = "NAME|FILE...",
        .help = "Bring services their newest image or spec, or back what they had",
        .about =
            "Like deploy, for services that exist: pulls the image of a container, restarts the "
            "service in any case, waits until it is healthy, and looks at it for a while when "
            "its image or spec is new. When it is not well: brings back the image and the spec "
            "that it had before, and exits with 1. A service behind a proxy loses no "
            "connection.",
    },
    {
        .name = "history",
        .max_args = 1,
        .options = CLI_RECORD,
        .run = verb_history,
        .args = "NAME",
        .help = "List the images that a service ran with, and how that went",
        .about =
            "Lists what updates and rollbacks have left: time, digest of the image, by what, "
            "result, reason; the newest first. With --record: writes down which images healthy "
            "services run now (of all, without a NAME).",
    },
    {
        .name = "rollback",
        .min_args = 1,
        .max_args = 2,
        .options = CLI_NO_START | CLI_OBSERVE | CLI_TIMEOUT | CLI_DRAIN | CLI_DRY_RUN,
        .run = verb_rollback,
        .args = "NAME [DIGEST|N]",
        .help = "Bring a service back to an image that was healthy",
        .about =
            "Gives the service another image of its history: the newest healthy one that it does "
            "not run now, or the one of that number or digest. Otherwise as update does. An "
            "image that is not on this machine any more is pulled by its digest.",
    },
    {
        .name = "del",
        .min_args = 1,
        .max_args = 1,
        .options = CLI_YES,
        .run = verb_del,
        .args = "NAME",
        .help = "Stop a service and delete its spec",
        .about = "Stops the service, deletes its spec and reloads the service manager. Volumes, "
                 "images and state folders stay, and are listed. Asks first on a terminal, unless "
                 "--yes is given.",
    },
    {
        .name = "info",
        .min_args = 1,
        .max_args = 1,
        .run = verb_info,
        .args = "NAME",
        .help = "Print the spec of a service as it is deployed",
        .about = "Prints where the spec is, the units that were made of it and its state, as "
                 "comments, and then the spec as it is.",
    },
    {
        .name = "dashboard",
        .max_args = 1,
        .run = verb_dashboard,
        .args = "[start]",
        .help = "Print the address of the page with graphs of hosts and services",
        .about =
            "Prints where the collector (phoenix-collector(8)) of this manager serves its page. "
            "With \"start\", lets it listen there first. Exits with 1 when it does not listen.",
    },
    {
        .name = "reap",
        .max_args = 1,
        .options = CLI_DRY_RUN,
        .run = verb_reap,
        .args = "[POLICY|FILE]",
        .help = "Stop the containers that are too many by a policy, now",
        .about = "Has phoenixd look at the containers and act by one policy, or by all, and waits "
                 "until what is stopped has ended. Shows the containers by class, and those that "
                 "were deleted. With --dry-run nothing is stopped: the same decisions are made "
                 "here, also by the policy in a FILE that is not in place yet. Exits with 1 when "
                 "a container could not be stopped.",
    },
    {
        .name = "stress",
        .max_args = 1,
        .run = verb_stress,
        .args = "[on|off|status]",
        .help = "Turn a workload of containers on or off, to try policies with",
        .about = "On: puts Quadlet templates into the run-time folder and starts "
                 "phoenix-stress.timer, which has ten containers started each minute, of random "
                 "kind (cpu, io, ram, disk) and called stress_KIND_XXXXXXXX, from the image "
                 "localhost/phoenix-stress. Off: stops the timer and all of them, and removes the "
                 "templates. A demonstration: not for machines that have work to do.",
    },
    {
        .name = "doctor",
        .max_args = 1,
        .run = verb_doctor,
        .args = "[NAME]",
        .help = "Say what this machine lacks for services, and what mends it",
        .about =
            "Looks at everything that services need of the machine, or only at what one needs: "
            "lingering, systemd, kernel, cgroups, Podman, ids, limits, the journal, Phoenix "
            "itself. Says what was found, what it means, and which commands mend it; changes "
            "nothing. Exits with 1 when something is missing; a warning does not count.",
    },
    {
        .name = "schema",
        .run = verb_schema,
        .args = "",
        .help = "Print the JSON Schema of specs",
        .about = "Prints a JSON Schema (draft 2020-12) for editors and validators.",
    },
    {
        .name = "help",
        .max_args = 1,
        .run = verb_help,
        .args = "[VERB]",
        .help = "Show help",
        .about = "Shows the help of all verbs, or of one.",
    },
    /* For the build and for shell completion. */
    {
        .name = "keys",
        .run = verb_keys,
        .args = "",
        .about = "Prints one line per key of a spec: path, kind, default, meaning; separated by "
                 "tabs. The manual page is checked against it.",
    },
    {
        .name = "names",
        .run = verb_names,
        .args = "",
        .about = "Prints the names of all specs of this scope, one per line.",
    },
    {0},
};

const Verb *cli_verb_find(const char *name)
{
    for (const Verb *v = cli_verbs; v->name; v++)
        if (streq(v->name, name))
            return v;
    return NULL;
}
