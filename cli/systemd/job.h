/* SPDX-License-Identifier: MIT */

/* Making the service manager do something, and waiting until it has: jobs for units
 * (org.freedesktop.systemd1(5), StartUnit() and its like) and reloads. */

#pragma once

#include "cli/systemd/manager.h"

typedef enum JobKind {
    JOB_START,
    JOB_STOP,
    JOB_RESTART,
    _JOB_KIND_MAX,
} JobKind;

/* "start", "stop", "restart" */
const char *job_kind_word(JobKind kind);

/* One unit that something is to be done to. */
typedef struct Job {
    const char *unit;    /* borrowed */
    char *path;          /* of the job on the bus; NULL: not asked for yet, or it could not be */
    char *result;        /* "done", "failed", "timeout", "dependency", ...; NULL: not ended */
    char *error;         /* why there was no job, or NULL */
    uint64_t asked_usec; /* CLOCK_REALTIME; 0: not asked for yet */
} Job;

void job_done(Job *job);

typedef struct Jobs {
    Job *items;
    size_t n;
    JobKind kind;
    /* Called about four times a second while waiting; may be NULL. */
    void (*tick)(Manager *manager, const struct Jobs *jobs, void *userdata);
    void *userdata;
    /* As often; may be NULL. True ends the waiting: what has not ended has no result then. */
    bool (*give_up)(void *userdata);
    void *give_up_userdata;
} Jobs;

/* Makes all jobs, then waits until each has ended (unless no_block). What happened to each stands
 * in it. Negative errno when the manager is gone; jobs that fail are no failure. */
int jobs_run(Manager *manager, Jobs *jobs, bool no_block);

/* Whether what was asked for is so. */
bool job_is_good(const Job *job, bool no_block);

/* daemon-reload: 0, or negative errno with the words of the manager in *ret_why (may be NULL when
 * out of memory; caller frees). */
int manager_reload(Manager *manager, char **ret_why);

/* Sends a signal to the main process of a unit. */
int manager_kill(Manager *manager, const char *unit, int signal);

/* Clears "failed" and the counters of restarts. A unit that is not loaded is no failure. */
int manager_reset_failed(Manager *manager, const char *unit);
