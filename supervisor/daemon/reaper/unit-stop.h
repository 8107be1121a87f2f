/* SPDX-License-Identifier: MIT */
/*
 * The end of one unit, asked of systemd over D-Bus: StopUnit, then, when the time to stop in is
 * over, KillUnit, and in any case a look whether the processes are gone. The connection is there
 * while there is something to stop, and not before or after: nobody else's jobs wake us.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

typedef enum UnitStopResult {
    UNIT_STOP_STOPPED, /* it has ended as it should */
    UNIT_STOP_KILLED,  /* it took SIGKILL */
    UNIT_STOP_GONE,    /* it had ended before it was asked */
    UNIT_STOP_FAILED,  /* it is still there, or nobody could be asked */
    _UNIT_STOP_RESULT_MAX,
} UnitStopResult;

/* "stopped", "killed", "gone", "failed". */
const char *unit_stop_result_word(UnitStopResult result);

typedef struct UnitStops UnitStops;
typedef struct UnitStop UnitStop;

/* Once for each unit; the UnitStop is freed after it. why: of a failure, else "". */
typedef void (*unit_stop_done_t)(UnitStopResult result, const char *why, void *userdata);

/* user: the user's manager is asked, else the system's. cgroup_root: NULL is "/sys/fs/cgroup". */
int unit_stops_new(sd_event *event, bool user, const char *cgroup_root, UnitStops **ret);
/* What is under way is not told any more. Takes NULL, returns NULL. */
UnitStops *unit_stops_free(UnitStops *stops);

/* Begins to stop it. cgroup: whose processes are to end, from the root of the hierarchy;
 * grace_usec: from StopUnit to SIGKILL. `done` is never called from inside here: also that systemd
 * cannot be reached is told later. Returns 0, -EALREADY when the unit is being stopped, or -ENOMEM.
 */
int unit_stop_new(UnitStops *stops, const char *unit, const char *cgroup, uint64_t grace_usec,
                  unit_stop_done_t done, void *userdata);

/* How many are under way. */
size_t unit_stops_count(const UnitStops *stops);
