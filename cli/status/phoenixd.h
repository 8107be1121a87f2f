/* SPDX-License-Identifier: MIT */

/* The start and the end of verbs that cannot do without phoenixd: who is meant, is it there, and
 * what its refusals mean to the user. */

#pragma once

#include "cli/cli.h"
#include "cli/supervisor/supervisor.h"

/* Finds the service that arg means, and the bus. Returns CLI_EXIT_OK; otherwise an exit status,
 * said on standard error, or a negative errno. */
int phoenixd_open(const Cli *cli, const char *arg, Supervisor **ret, char **ret_name);

/* Says why a call failed and returns the exit status for it. */
int phoenixd_failed(const Cli *cli, const Supervisor *supervisor, const char *name, int error);
