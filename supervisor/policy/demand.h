/* SPDX-License-Identifier: MIT */
/*
 * What starts and stops of an on-demand service were, told from systemd's times and states of its
 * units alone: nobody says "this start was for a connection" or "this stop was for idleness". Pure;
 * times are CLOCK_MONOTONIC microseconds, as systemd has them (InactiveExitTimestampMonotonic and
 * the like), 0: never.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A stop comes so soon after the last who needed the service has ended, or it is another stop. */
#define DEMAND_STOP_DELAY_USEC UINT64_C(5000000)

/* The start began at left_usec, and the run before it ended at ended_usec. The socket got to
 * "running" (running: it is there) at changed_usec: it does so before it has its service started,
 * and when that runs it does so once more, so the first time counts. */
bool demand_is_start(bool running, uint64_t changed_usec, uint64_t left_usec, uint64_t ended_usec);

/* A service behind a proxy, at its end. */
typedef struct DemandStop {
    bool success;       /* its Result= */
    uint64_t left_usec; /* when its start began */
    uint64_t active_usec;
    uint64_t ended_usec; /* when it began to stop */
    uint64_t stay_usec;  /* it stays up for this long after a start, used or not */
    /* Of the proxy. */
    uint64_t proxy_left_usec, proxy_ended_usec;
    bool proxy_exited; /* by itself, and not by a signal */
} DemandStop;

/* Whether systemd has stopped it because nobody was connected (StopWhenUnneeded=): the time to stay
 * up was over, and the proxy, if it ran, had gone by itself. */
bool demand_is_idle_stop(const DemandStop *stop);
