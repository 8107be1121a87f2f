/* SPDX-License-Identifier: MIT */

/* What `phoenix logs` and `phoenix events` have in common: --since, --lines and --follow, and one
 * entry after the other to standard output. */

#pragma once

#include "cli/cli.h"
#include "cli/systemd/journal.h"

/* How the two differ. */
typedef struct LogPrinter {
    int (*match)(Journal *journal, SpecScope scope, const char *name);
    int (*add)(const Cli *cli, Journal *journal, Text *t);
} LogPrinter;

/* Returns an exit status, and how many entries were printed. With --follow it does not return while
 * there is somebody to read. name: NULL for all services. */
int log_print(const Cli *cli, const LogPrinter *printer, const char *name, size_t *ret_n);

/* Nothing was ever written of it: perhaps because there is no such service, which is said. Returns
 * an exit status or a negative errno. */
int log_explain_nothing(const Cli *cli, const char *name);
