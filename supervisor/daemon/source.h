/* SPDX-License-Identifier: MIT */
/*
 * The names and the order of phoenixd's event sources. When several are due, verdicts go out before
 * new checks are made, and both before new leases are let in. And the one time of a turn of the
 * loop.
 */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>
#include <time.h>

typedef enum SourcePriority {
    PRIORITY_LEASE =
        SD_EVENT_PRIORITY_NORMAL - 20,         /* what a lease says; quick, and somebody waits */
    PRIORITY_CHECK = SD_EVENT_PRIORITY_NORMAL, /* a check is due */
    PRIORITY_SERVICE = SD_EVENT_PRIORITY_NORMAL + 5, /* resets, retries, ends of maintenance */
    PRIORITY_ACCEPT = SD_EVENT_PRIORITY_NORMAL + 10, /* new leases */
} SourcePriority;

/* Neither fails for a source that is there. */
static inline void source_set(sd_event_source *source, const char *name, SourcePriority priority)
{
    (void)sd_event_source_set_description(source, name);
    (void)sd_event_source_set_priority(source, priority);
}

/* When this turn of the loop began, in microseconds of that clock; 0 for a clock that there is not.
 */
static inline uint64_t loop_now(sd_event *event, clockid_t clock)
{
    uint64_t now = 0;

    (void)sd_event_now(event, clock, &now);
    return now;
}
