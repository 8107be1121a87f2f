/* SPDX-License-Identifier: MIT */

/* What is told while something is waited for, on standard error, unless somebody asked for JSON: a
 * line for each restart of a service that is to start, and on a terminal one that is rewritten
 * while it changes. */

#pragma once

#include "cli/cli.h"
#include "cli/log/restart-news.h"
#include "cli/systemd/job.h"

typedef struct Progress {
    const Cli *cli;
    RestartNews *news;
    bool shown; /* there is a line that is rewritten */
    bool dirty; /* there is a line to wipe */
    unsigned width;
    size_t next; /* of the jobs, to be looked at */
    uint64_t started_usec;
} Progress;

Progress progress_new(const Cli *cli);

/* Hooks it into jobs that are about to run; progress_clear() has to follow. */
void progress_attach(Progress *progress, Jobs *jobs);

/* Wipes the line, before something else is said: the end of it. */
void progress_clear(Progress *progress);
