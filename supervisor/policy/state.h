/* SPDX-License-Identifier: MIT */
/*
 * The states of a supervised service as one pure table: state and event give the next state and
 * what is to be done. No I/O, no clock, no memory; docs/states.svg and docs/states.md are drawn
 * from it.
 *
 * What the table leaves to its caller, since a table remembers nothing:
 *
 * - Maintenance is a flag that outlives runs, freezes and phoenixd. While it is set, the caller
 *   gives MAINTENANCE_ON directly after every START, RESUME and THAW.
 * - After MAINTENANCE_OFF the caller gives FAIL when a last result was bad: what failed in
 *   maintenance gets one more check before the service is ended.
 * - Once a TRIGGER or a FAIL_START is really on its way to the lease, results are no longer given:
 *   the service is about to be killed and cannot recover. DOWN follows.
 * - The brake (brake.h) may hold a TRIGGER back, but never a FAIL_START, and results go on. The
 * next EXHAUST gives the TRIGGER again. What is held back is forgotten when UNHEALTHY is left.
 */
#pragma once

#include <stdbool.h>

typedef enum HealthState {
    HEALTH_STOPPED,     /* the unit is not running */
    HEALTH_STARTING,    /* running, not yet healthy for the first time */
    HEALTH_HEALTHY,     /* all liveness checks pass */
    HEALTH_FAILING,     /* a check has failed, not yet often enough */
    HEALTH_UNHEALTHY,   /* the verdict has fallen: systemd is told to end it */
    HEALTH_MAINTENANCE, /* checks go on, nothing is ended */
    HEALTH_FROZEN,      /* asleep on purpose: no checks */
    HEALTH_HELD,        /* restarted too often: tried again slowly */
    _HEALTH_STATE_MAX,
} HealthState;

typedef enum HealthEvent {
    HEALTH_EVENT_START,   /* the unit has started, its lease waits for READY */
    HEALTH_EVENT_RESUME,  /* phoenixd has restarted and found the unit up and ready; not: a lease
                           * that has only connected again */
    HEALTH_EVENT_PASS,    /* all liveness checks pass, often enough in a row */
    HEALTH_EVENT_FAIL,    /* a liveness check has failed, retries are left */
    HEALTH_EVENT_EXHAUST, /* its retries have run out */
    HEALTH_EVENT_DOWN,    /* the unit has ended, for whatever reason */
    HEALTH_EVENT_HOLD,    /* systemd has given up: start limit hit */
    HEALTH_EVENT_RELEASE, /* its failed state was reset, by hand or by us */
    HEALTH_EVENT_FREEZE,
    HEALTH_EVENT_THAW,
    HEALTH_EVENT_MAINTENANCE_ON,
    HEALTH_EVENT_MAINTENANCE_OFF,
    _HEALTH_EVENT_MAX,
} HealthEvent;

/* What the caller does, as a set. */
typedef enum HealthAction {
    HEALTH_ACT_NONE = 0,
    HEALTH_ACT_PROBE = 1 << 0, /* begin checking, counters at zero */
    HEALTH_ACT_STOP_PROBES = 1 << 1,
    HEALTH_ACT_READY = 1 << 2,      /* the start is over: tell the lease */
    HEALTH_ACT_FAIL_START = 1 << 3, /* the start has failed: tell the lease; systemd restarts */
    HEALTH_ACT_TRIGGER = 1 << 4,    /* end it: tell the lease (the brake may hold this back) */
    HEALTH_ACT_RECOVERED = 1 << 5,  /* healthy again after it was not */
    HEALTH_ACT_IGNORED = 1 << 6,    /* the event means nothing here; the state stays, nothing is
                                     * done, and the cell says why */
} HealthAction;

typedef struct HealthStep {
    HealthState next;
    unsigned actions; /* HealthAction */
    const char *why;  /* the name of the cell, a few words: "first failure" */
} HealthStep;

/* Every pair has a cell. */
HealthStep health_step(HealthState state, HealthEvent event);

/* "healthy", "failing", ...: as events, D-Bus, metrics and people see it. */
const char *health_state_word(HealthState state);
/* The state of that word, or -1. */
int health_state_from_word(const char *word);
/* "start", "pass", ... */
const char *health_event_word(HealthEvent event);
