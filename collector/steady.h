/* SPDX-License-Identifier: MIT */

/* The time by which data grows old. The clock of the machine may be set wrong for a while (a dead
 * battery, a virtual machine that was paused), and a jump of a year forward must not delete a year
 * of data. So this time goes no faster than CLOCK_BOOTTIME does, until the clock has said the
 * same for an hour. Pure: both clocks are passed in. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Initialise with { 0 }. */
typedef struct Steady {
    bool started;
    uint64_t real_usec, boot_usec; /* the last point that was believed */
    bool ahead;                    /* the clock is ahead of what was believed */
    uint64_t ahead_since_usec;     /* boot time */
    uint64_t ahead_real_usec;      /* and what the clock said then */
} Steady;

/* Both clocks now; returns the time to measure ages with, never later than real_usec. */
uint64_t steady_now(Steady *steady, uint64_t real_usec, uint64_t boot_usec);
