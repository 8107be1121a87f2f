/* SPDX-License-Identifier: MIT */

/* What the service manager knows about units, read over its D-Bus interface
 * (org.freedesktop.systemd1(5)). Nothing here changes anything. All strings come from the bus as
 * they are: clean them (screen.h) before they are shown. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "spec/spec.h"

typedef struct Manager Manager;

/* Properties of a unit and of its service; strings may be NULL, numbers are 0 when not known. All
 * times are CLOCK_REALTIME microseconds. */
typedef struct UnitState {
    char *id;           /* "phoenix@web.service" */
    char *path;         /* D-Bus object */
    char *load_state;   /* "loaded", "not-found", "bad-setting", "masked", ... */
    char *active_state; /* "active", "inactive", "failed", "activating", ... */
    char *sub_state;
    uint64_t changed_usec;   /* last change of state */
    uint64_t active_usec;    /* last time it began to start: its processes count from then on */
    uint64_t job_limit_usec; /* how long a start of it may take, UINT64_MAX: for ever */
    char *fragment_path;     /* of the unit file */
    bool need_daemon_reload;

    char *result; /* "success", "watchdog", "exit-code", ... */
    char *status_text;
    char *control_group; /* path below /sys/fs/cgroup */
    uint32_t main_pid;
    uint32_t restarts;
    int32_t exit_code;   /* CLD_EXITED, CLD_KILLED, CLD_DUMPED of sigaction(2) */
    int32_t exit_status; /* status or signal, by exit_code */
    uint64_t watchdog_usec;
    uint64_t restart_usec;
    uint32_t restart_steps;          /* since systemd 254 */
    uint64_t restart_max_delay_usec; /* since systemd 254; 0 when not known */

    uint64_t next_elapse_usec; /* timers: the next time it elapses */
} UnitState;

void unit_state_done(UnitState *state);
#define _cleanup_unit_state_ _cleanup_(unit_state_done)

typedef struct UnitStates {
    UnitState *items;
    size_t n, allocated;
} UnitStates;

void unit_states_done(UnitStates *states);
#define _cleanup_unit_states_ _cleanup_(unit_states_done)

/* Connects to the system's or the user's manager: its private socket where we may use it, else the
 * bus. Negative errno when there is none. */
int manager_open(SpecScope scope, Manager **ret);
Manager *manager_free(Manager *manager);

static inline void manager_freep(Manager **manager)
{
    manager_free(*manager);
}
#define _cleanup_manager_ _cleanup_(manager_freep)

/* The connection, for those who make the manager do something (job.h). */
typedef struct sd_bus sd_bus;
sd_bus *manager_bus(Manager *manager);

/* All loaded units whose names match the pattern: id, path and the three states only. One call,
 * whatever their number. */
int manager_list(Manager *manager, const char *pattern, UnitStates *ret);

/* Adds changed_usec and restarts to a state of manager_list(). */
int manager_add_details(Manager *manager, UnitState *state);

/* Everything about one unit, which the manager loads when it has not. */
int manager_describe(Manager *manager, const char *unit, UnitState *ret);

/* The state of that unit, or NULL. */
const UnitState *unit_states_find(const UnitStates *states, const char *unit);
