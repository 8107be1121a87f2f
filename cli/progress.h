/* SPDX-License-Identifier: MIT */

/* One line on a terminal that says what is being waited for, rewritten while it changes. It goes to
 * standard error, and only when that is a terminal and nobody asked for JSON. */

#pragma once

#include "cli.h"
#include "job.h"

typedef struct Progress {
    bool shown; /* is to be shown at all */
    bool dirty; /* there is a line to wipe */
    unsigned width;
    uint64_t started_usec;
} Progress;

Progress progress_new(const Cli *cli);

/* Hooks it into jobs that are about to run. */
void progress_attach(Progress *progress, Jobs *jobs);

/* Wipes the line, before something else is said. */
void progress_clear(Progress *progress);
