/* SPDX-License-Identifier: MIT */

/* phoenix help: what --help says, for those who type it as a verb. */

#include "base/log.h"
#include "cli/cli.h"

int verb_help(const Cli *cli, char *const *args)
{
    _cleanup_text_ Text t = {0};
    const Verb *verb = args[0] ? cli_verb_find(args[0]) : NULL;

    if (args[0] && !verb) {
        log_error("there is no such verb; see \"phoenix --help\"");
        return CLI_EXIT_USAGE;
    }
    if (verb)
        cli_add_verb_help(&t, &cli->screen, verb);
    else
        cli_add_help(&t, &cli->screen);
    return cli_print(&t);
}
