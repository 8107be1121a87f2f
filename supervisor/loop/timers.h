/* SPDX-License-Identifier: MIT */
/*
 * Many timers behind one event source: a heap of members that belong to their owners. All that are
 * due are served in one wakeup, and members with slack are put on a common grid, so that the checks
 * of many services share wakeups.
 *
 * Timers may be armed, disarmed and freed from any callback, also their own and that of another
 * member which is due in the same turn. The clock is CLOCK_MONOTONIC, as of the turn of the loop.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

typedef struct Timers Timers;
typedef struct Timer Timer;

/* The timer is disarmed when this is called. */
typedef void (*timer_elapsed_t)(Timer *timer);

struct Timer {
    timer_elapsed_t elapsed;
    uint64_t at_usec;
    uint32_t index; /* in the heap, counted from 1; 0: not armed */
};

/* `name` and `priority` are those of the one event source. */
int timers_new(sd_event *event, const char *name, int64_t priority, Timers **ret);
/* All members were taken out. */
Timers *timers_free(Timers *timers);

/* Makes room for a timer: arming it cannot fail after that. -ENOMEM. */
int timer_init(Timers *timers, Timer *timer, timer_elapsed_t elapsed);
/* Disarms it and gives its room back. Harmless for one that was never made (zeroed). */
void timer_done(Timers *timers, Timer *timer);

/* Elapses once, after_usec from now (UINT64_MAX: never) or up to slack_usec later. Armed anew it
 * forgets what it was armed for before. */
void timer_arm(Timers *timers, Timer *timer, uint64_t after_usec, uint64_t slack_usec);
void timer_disarm(Timers *timers, Timer *timer);
/* Its at_usec counts (CLOCK_MONOTONIC) while it is armed. */
bool timer_is_armed(const Timer *timer);
