/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * When a service that starts on demand is idle, and what is done about it: one table of states and
 * events (idle.c), without I/O and with the clock passed in. Times are in microseconds of any
 * monotonic clock.
 */

#include <stdbool.h>
#include <stdint.h>

#define IDLE_NEVER UINT64_MAX

enum idle_state {
    IDLE_USED,     /* somebody is connected */
    IDLE_UNUSED,   /* nobody was at the last look; the time runs */
    IDLE_FREEZING, /* it is being frozen, and who came in the meantime is looked for */
    IDLE_FROZEN,
    IDLE_ENDING, /* it is handed over to the service manager, which stops it */
    _IDLE_STATE_MAX,
};

enum idle_event {
    IDLE_EVENT_PRESENT, /* somebody is connected */
    IDLE_EVENT_ABSENT,  /* nobody is */
    IDLE_EVENT_PASSED,  /* somebody was, and has gone; or nobody can say */
    IDLE_EVENT_KNOCK,   /* a connection waits to be accepted */
    IDLE_EVENT_DUE,     /* the time of idle_due() has come */
    IDLE_EVENT_FROZEN,  /* all of the service is frozen */
    IDLE_EVENT_FAILED,  /* it could not be frozen; or it is frozen no more, by somebody else */
    _IDLE_EVENT_MAX,
};

enum idle_action {
    IDLE_NOTHING,
    IDLE_LOOK,   /* say who is there: PRESENT, ABSENT, PASSED or KNOCK */
    IDLE_FREEZE, /* freeze, then say FROZEN or FAILED */
    IDLE_THAW,
    IDLE_END, /* end, and the service manager stops the service; what is frozen stays frozen until
               * it has been told to end */
};

struct idle_options {
    uint64_t after_usec;  /* this long without use is idle */
    uint64_t leave_usec;  /* ... this long when it was seen to be left (the proxy's exit) */
    uint64_t min_usec;    /* not idle for this long after the start */
    uint64_t period_usec; /* how often to look, when there are no events of use; 0: when due */
    uint64_t stop_usec;   /* frozen for this long: ends; 0: never */
    bool freeze;          /* idle is frozen, else stopped */
};

struct idle {
    struct idle_options options;
    enum idle_state state;
    uint64_t start_usec;
    uint64_t since_usec;  /* UNUSED: since when the time runs; FROZEN: since when it is */
    uint64_t wait_usec;   /* UNUSED: for how long */
    uint64_t looked_usec; /* the last look */
};

/* `frozen` is how the service was found. */
void idle_init(struct idle *idle, const struct idle_options *options, bool frozen,
               uint64_t now_usec);

/* Takes an event; what is returned is to be done before the next one. */
enum idle_action idle_step(struct idle *idle, enum idle_event event, uint64_t now_usec);

/* When to say DUE, or IDLE_NEVER. */
uint64_t idle_due(const struct idle *idle);

const char *idle_state_name(enum idle_state state);
