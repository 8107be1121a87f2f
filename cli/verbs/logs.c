/* SPDX-License-Identifier: MIT */

/* phoenix logs: one service's journal, with what its container writes. */

#include <errno.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/log/log-line.h"
#include "cli/log/log-print.h"
#include "cli/specs/specs.h"

static int add_entry(const Cli *cli, Journal *journal, Text *t)
{
    _cleanup_log_line_ LogLine line = {0};
    int r;

    r = log_line_read(journal, &line);
    if (r < 0)
        return r;
    if (cli->options & CLI_JSON) {
        log_line_add_json(t, &line);
        text_add_char(t, '\n');
    } else {
        log_line_add(t, &cli->screen, &line);
    }
    return t->error;
}

int verb_logs(const Cli *cli, char *const *args)
{
    static const LogPrinter printer = {journal_match_service, add_entry};
    _cleanup_free_ char *name = specs_name_of_arg(args[0]);
    size_t n = 0;
    int r;

    if (!name)
        return -ENOMEM;
    r = log_print(cli, &printer, name, &n);
    if (r != CLI_EXIT_OK || n > 0 || (cli->options & (CLI_SINCE | CLI_LINES)))
        return r;
    return log_explain_nothing(cli, name);
}
