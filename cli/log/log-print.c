/* SPDX-License-Identifier: MIT */

/* Reading and following. */

#include "cli/log/log-print.h"

#include <errno.h>

#include "base/log.h"
#include "cli/specs/specs.h"

/* As journalctl: who follows wants to see where things stand, not the whole past. */
#define LINES_BEFORE_FOLLOWING 10U

static uint64_t lines_wanted(const Cli *cli)
{
    if (cli->options & CLI_LINES)
        return cli->lines;
    if ((cli->options & CLI_FOLLOW) && !(cli->options & CLI_SINCE))
        return LINES_BEFORE_FOLLOWING;
    return JOURNAL_ALL_LINES;
}

static int open_at(const Cli *cli, const LogPrinter *printer, const char *name, Journal **ret)
{
    _cleanup_journal_ Journal *journal = NULL;
    int r;

    r = journal_open(&journal);
    if (r >= 0)
        r = printer->match(journal, cli->scope, name);
    if (r >= 0)
        r = journal_seek(journal, cli->since_usec, lines_wanted(cli));
    if (r < 0)
        return r;
    *ret = TAKE_PTR(journal);
    return 0;
}

/* All that there is now. It is written out at the end, so that a reader that is gone ends us while
 * following, too. */
static int print_present(const Cli *cli, const LogPrinter *printer, Journal *journal, size_t *n)
{
    int r;

    while ((r = journal_next(journal)) > 0) {
        _cleanup_text_ Text t = {0};

        r = printer->add(cli, journal, &t);
        if (r >= 0)
            r = cli_print(&t);
        if (r < 0)
            return r;
        (*n)++;
    }
    if (r >= 0 && fflush(stdout) != 0)
        return -errno;
    return r;
}

int log_print(const Cli *cli, const LogPrinter *printer, const char *name, size_t *ret_n)
{
    _cleanup_journal_ Journal *journal = NULL;
    size_t n = 0;
    int r;

    r = open_at(cli, printer, name, &journal);
    if (r < 0) {
        log_error("the journal cannot be read: %s", strerror(-r));
        return CLI_EXIT_FAILED;
    }
    r = print_present(cli, printer, journal, &n);
    while (r >= 0 && (cli->options & CLI_FOLLOW)) {
        r = journal_wait(journal);
        if (r >= 0)
            r = print_present(cli, printer, journal, &n);
    }
    if (r < 0)
        return r;
    *ret_n = n;
    return CLI_EXIT_OK;
}

int log_explain_nothing(const Cli *cli, const char *name)
{
    _cleanup_spec_set_free_ SpecSet *set = NULL;
    int r;

    r = specs_load(cli, &set);
    if (r < 0)
        return r;
    if (!specs_find(cli, set, name))
        return CLI_EXIT_MISSING;
    if (!(cli->options & CLI_JSON))
        log_info("no entries");
    return CLI_EXIT_OK;
}
