/* SPDX-License-Identifier: MIT */

/* From a spec in its folder to a running service: the manager reads it, the unit must be a real
 * one, the service starts and must stay up. */

#pragma once

#include "cli.h"
#include "job.h"

typedef enum RolloutAction {
    ROLLOUT_NOTHING, /* only make the manager read it */
    ROLLOUT_START,
    ROLLOUT_RESTART,
    _ROLLOUT_ACTION_MAX,
} RolloutAction;

/* "nothing", "started", "restarted" */
const char *rollout_action_word(RolloutAction action);

typedef struct Rollout {
    const Cli *cli;
    Manager *manager;
    char *name;
    char *unit;    /* that is started: the service, or the timer of one with a schedule */
    bool settle;   /* nothing checks its health: it must stay up for a moment */
    char *why;     /* what went wrong before anything was started; NULL: see job */
    Job job;       /* unit is borrowed from above */
    bool job_made; /* a job was asked for */
} Rollout;

void rollout_done(Rollout *rollout);
#define _cleanup_rollout_ _cleanup_(rollout_done)

/* spec: of the service, for how it is started. 0 or -ENOMEM. */
int rollout_new(const Cli *cli, Manager *manager, const Spec *spec, Rollout *ret);

/* Does it all. Returns CLI_EXIT_OK; CLI_EXIT_NO when it is not running (well) now, with the reason
 * in why or job; or a negative errno. */
int rollout_run(Rollout *rollout, RolloutAction action, const char *spec_path);

/* Whether the service runs now, or is about to. */
bool rollout_is_up(const Rollout *rollout);

/* Reads the specs again and brings the service back to the state it had; for after a failure, when
 * the old spec is in place again. Returns what rollout_run() does. */
int rollout_revert(Rollout *rollout, bool was_up);
