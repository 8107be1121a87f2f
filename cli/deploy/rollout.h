/* SPDX-License-Identifier: MIT */

/* From a spec in its folder to a running service: the manager reads it, the unit must be a real
 * one, the service starts and must stay up. */

#pragma once

#include "cli/cli.h"
#include "cli/systemd/job.h"
#include "cli/update/interrupt.h"

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
    bool timer;    /* it has a schedule */
    char *why;     /* what went wrong before anything was started; NULL: see job */
    Job job;       /* unit is borrowed from above */
    bool loaded;   /* the manager was made to read the specs */
    bool job_made; /* a job was asked for */
    /* Limits, to be set by who wants them. */
    uint64_t timeout_usec; /* of the job; USEC_INFINITY: that of the unit */
    uint64_t drain_usec;   /* that connections of a proxy have to end; USEC_INFINITY: its own */
    Interrupt *interrupt;  /* ends the waiting, too; may be NULL */
    bool went_idle;        /* while it was looked at it was stopped, as nobody needed it */
} Rollout;

void rollout_done(Rollout *rollout);
#define _cleanup_rollout_ _cleanup_(rollout_done)

/* spec: of the service, for how it is started. 0 or -ENOMEM. */
int rollout_new(const Cli *cli, Manager *manager, const Spec *spec, Rollout *ret);

/* All return CLI_EXIT_OK; CLI_EXIT_NO when it cannot be run or is not running (well) now, with the
 * reason in why or job; or a negative errno.
 *
 * Makes the manager read the spec, and looks whether there is a unit of it. */
int rollout_load(Rollout *rollout, const char *spec_path);
/* Starts or restarts it, and waits until it is healthy. */
int rollout_run(Rollout *rollout, RolloutAction action);
/* Looks at it for so long. */
int rollout_observe(Rollout *rollout, uint64_t span_usec);

/* Whether the service runs now, or is about to. */
bool rollout_is_up(const Rollout *rollout);

/* Reads the specs again and brings the service back to the state it had; for after a failure, when
 * what was there before is in place again. Limits do not count. */
int rollout_revert(Rollout *rollout, bool was_up);
