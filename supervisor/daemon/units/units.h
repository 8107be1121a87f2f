/* SPDX-License-Identifier: MIT */
/*
 * systemd's side of the services: their unit states as PropertiesChanged tells them, those of the
 * units that start and stop them on demand, jobs and resets as we ask for them, the Reloading
 * signal. One bus connection with a match per unit, so that other units wake nobody. When the bus
 * goes away, says so, and connects again (1 s, doubling to 30 s); what changed meanwhile is read
 * anew then.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <systemd/sd-id128.h>

typedef enum UnitActive {
    UNIT_INACTIVE,
    UNIT_ACTIVATING,
    UNIT_ACTIVE,
    UNIT_RELOADING,
    UNIT_DEACTIVATING,
    UNIT_FAILED,
    UNIT_MAINTENANCE,
    _UNIT_ACTIVE_MAX,
} UnitActive;

/* systemd's word, "active". */
const char *unit_active_word(UnitActive active);

/* The status text of phoenix-idle(8), as far as it matters here. */
typedef enum UnitWord {
    UNIT_WORD_NONE,   /* it has not said anything (yet) */
    UNIT_WORD_AWAKE,  /* the service is in use, or its time runs */
    UNIT_WORD_FROZEN, /* it is frozen */
    UNIT_WORD_IDLE,   /* it is to be stopped, as nobody uses it */
} UnitWord;

/* systemd keeps no unit in memory that nobody has started or waits for, and looking at one makes it
 * load the unit's files. It is not made to: such a unit is known, and inactive. */
typedef struct UnitState {
    bool known; /* false until systemd has answered, and while it says that there is no such unit */
    UnitActive active;
    const char *sub;        /* SubState: "running", "auto-restart", "stop-watchdog", ... */
    const char *result;     /* Result: "success", "watchdog", "start-limit-hit", ... Both are never
                             * NULL, and stay where they are until units_free(). */
    uint32_t n_restarts;    /* NRestarts */
    uint32_t main_pid;      /* MainPID */
    uint64_t watchdog_usec; /* WatchdogUSec; UINT64_MAX while it was never active */
    uint64_t restart_usec_next; /* RestartUSecNext (systemd >= 254), else UINT64_MAX */
    uint64_t entered_usec;      /* StateChangeTimestamp, CLOCK_REALTIME */
    sd_id128_t invocation;      /* InvocationID; null while it has none */
    /* CLOCK_MONOTONIC, 0: never, or not known. Read for units that were asked for with times; of
     * others only signals tell them. */
    uint64_t changed_usec; /* StateChangeTimestampMonotonic */
    uint64_t left_usec;    /* InactiveExitTimestampMonotonic: the start began */
    uint64_t active_usec;  /* ActiveEnterTimestampMonotonic */
    uint64_t ended_usec;   /* ActiveExitTimestampMonotonic */
    uint32_t exit_code;    /* ExecMainCode: CLD_EXITED, CLD_KILLED, ...; 0: it runs, or never ran */
    uint32_t exit_status;  /* ExecMainStatus; as the code of most units, told by signals only */
    UnitWord word;         /* what StatusText says, of phoenix-idle(8) */
} UnitState;

/* The state of a unit that nothing is known of. */
#define UNIT_STATE_NONE                                                                            \
    ((UnitState){                                                                                  \
        .sub = "", .result = "", .watchdog_usec = UINT64_MAX, .restart_usec_next = UINT64_MAX})

typedef struct Units Units;
typedef struct UnitWatch UnitWatch;

typedef struct UnitsCallbacks {
    /* The state of a watched unit has changed, or is known for the first time. `before` is what it
     * was. A restart may go through several states quickly; compare n_restarts and invocation. */
    void (*changed)(UnitWatch *watch, const UnitState *before, const UnitState *now,
                    void *userdata);
    /* A reload of the manager has ended; or may have, while there was no connection to it. */
    void (*reloaded)(void *userdata);
    /* The bus connection is there or gone. */
    void (*connected)(bool yes, int error, void *userdata);
} UnitsCallbacks;

/* user: the user's manager, else the system's. Connecting happens in the background. */
int units_new(sd_event *event, bool user, const UnitsCallbacks *callbacks, void *userdata,
              Units **ret);
Units *units_free(Units *units);
/* The connection, for the API; NULL while there is none. Do not keep it. */
sd_bus *units_bus(Units *units);

/* Watches a unit until unit_watch_free() or units_free(): phoenix@NAME.service, or one of those
 * that start and stop it on demand, phoenix@NAME.socket, phoenix-proxy@NAME.service and
 * phoenix-idle@NAME.service (-EINVAL for any other). `unit` stays the caller's and has to stay as
 * it is until unit_watch_free(). The callback's userdata is the one of units_new(); `tag` is read
 * back with unit_watch_tag(). -EEXIST when it is watched already. */
int units_watch(Units *units, const char *unit, void *tag, UnitWatch **ret);
/* Its times are to be known as well, from the first state on; directly after units_watch(). */
void unit_watch_with_times(UnitWatch *watch);
UnitWatch *unit_watch_free(UnitWatch *watch);
/* systemd has answered what it is, if only that there is no such unit. */
bool unit_watch_is_read(const UnitWatch *watch);
void *unit_watch_tag(const UnitWatch *watch);
const char *unit_watch_name(const UnitWatch *watch);
const UnitState *unit_watch_state(const UnitWatch *watch);

/* Answers come later: `done` gets 0 or a negative errno, and the D-Bus error's message or NULL. May
 * be NULL. The functions themselves fail with -ENOTCONN when there is no bus. */
typedef void (*units_done_t)(int error, const char *message, void *userdata);
/* Nothing with this userdata will be told any more. units_free() does that for all. */
void units_cancel(Units *units, const void *userdata);
int units_reset_failed(Units *units, const char *unit, units_done_t done, void *userdata);
int units_start(Units *units, const char *unit, units_done_t done, void *userdata);
int units_stop(Units *units, const char *unit, units_done_t done, void *userdata);
/* SIGABRT to the main process. */
int units_abort(Units *units, const char *unit, units_done_t done, void *userdata);
/* Runs argv (absolute program) as a transient service `name` (Type=exec, CollectMode=
 * inactive-or-failed, RuntimeMaxSec=30s, NoNewPrivileges), environment "A=B". Not from our sandbox.
 */
int units_run(Units *units, const char *name, const char *description, char *const *argv,
              char *const *environment, units_done_t done, void *userdata);

/* One property of a unit that changes too often to be signalled: WatchdogTimestamp (CLOCK_REALTIME,
 * 0: no beat yet). */
typedef void (*units_time_t)(int error, uint64_t timestamp_usec, void *userdata);
int units_get_beat(Units *units, const char *unit, units_time_t done, void *userdata);
/* StateChangeTimestampMonotonic now, for who cannot wait for the signal. */
int units_get_changed(Units *units, const char *unit, units_time_t done, void *userdata);
