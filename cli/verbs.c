/* SPDX-License-Identifier: MIT */

/* The table of verbs. Help texts, option checks and shell completions all follow from it. */

#include "cli.h"

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
