/* SPDX-License-Identifier: MIT */

/* Why something that was asked for a service did not happen: what the service manager knows of it,
 * and the last lines of its journal. */

#pragma once

#include "cli/cli.h"
#include "cli/systemd/job.h"

/* What became of the job, in words. */
const char *failure_reason(const Job *job);

/* The same, or what phoenixd said of the start; in a new string, NULL when out of memory. */
char *failure_explain(const Cli *cli, const Job *job, const char *name);

/* What phoenixd has said of a start since then, in a new string: "did not become healthy: GET
 * /health: connection refused, 3 of 3". NULL when it has said nothing. */
char *failure_verdict(const Cli *cli, uint64_t since_usec, const char *name);

/* Why its last run since then has ended, as the service manager has written it to the journal: "it
 * exited with status 3", in a new string; NULL when it has not. */
char *failure_result(const Cli *cli, uint64_t since_usec, const char *name);

/* Appends "cannot start web: ..." and the details, for people who read standard error. */
void failure_add(Text *t, const Cli *cli, Manager *manager, JobKind kind, const Job *job,
                 const char *name);

/* Only the details: result, last status, last lines of the journal. */
void failure_add_details(Text *t, const Cli *cli, Manager *manager, const char *unit,
                         const char *name);

/* The members reason, result, status and log of a JSON object. */
void failure_add_json(Text *t, const Cli *cli, Manager *manager, const Job *job, const char *name);
