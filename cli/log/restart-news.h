/* SPDX-License-Identifier: MIT */

/* What becomes of a start that does not succeed at once: systemd may start the service again and
 * again, and the job lasts until that works (JobRunningTimeoutSec=). Each restart is a line on
 * standard error, with the reason, so that nobody waits in the dark. */

#pragma once

#include "cli/cli.h"
#include "cli/systemd/job.h"

typedef struct RestartNews RestartNews;

/* NULL without memory, and when there is nothing to tell it to (--json). */
RestartNews *restart_news_new(const Cli *cli);
RestartNews *restart_news_free(RestartNews *news);

static inline void restart_news_freep(RestartNews **news)
{
    restart_news_free(*news);
}
#define _cleanup_restart_news_ _cleanup_(restart_news_freep)

/* Takes the state of a job's unit, to be called several times a second. Adds a line when there were
 * restarts since the last time. news may be NULL. */
void restart_news_follow(RestartNews *news, const Job *job, const UnitState *state, Text *ret);
