/* SPDX-License-Identifier: MIT */
/* What the parts of unit-stop.h share. */
#pragma once

#include <systemd/sd-bus.h>

#include "base/macros.h"
#include "supervisor/daemon/reaper/unit-stop.h"

#define SYSTEMD_NAME    "org.freedesktop.systemd1"
#define SYSTEMD_PATH    "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER "org.freedesktop.systemd1.Manager"

/* After SIGKILL, systemd has its own work to do (ExecStopPost=); then nothing more is expected. */
#define KILLED_USEC (15 * USEC_PER_SEC)
/* The kernel takes a moment to clear a cgroup whose unit has ended. */
#define GONE_USEC      (5 * USEC_PER_SEC)
#define GONE_LOOK_USEC (50 * USEC_PER_MSEC)

typedef enum UnitStopPhase {
    PHASE_BEGIN,  /* asked in the next turn of the loop */
    PHASE_STOP,   /* StopUnit was sent */
    PHASE_KILL,   /* KillUnit was sent, too */
    PHASE_VERIFY, /* systemd is done; the processes are looked for */
} UnitStopPhase;

struct UnitStop {
    UnitStops *stops;
    UnitStop *previous, *next;
    char *unit, *cgroup;
    uint64_t grace_usec;
    unit_stop_done_t done;
    void *userdata;

    UnitStopPhase phase;
    bool killed, unknown;           /* SIGKILL was sent; systemd has no such unit */
    char *job;                      /* object path; NULL until StopUnit was answered */
    char *early_job, *early_result; /* of the unit, that ended before that */
    char *why;                      /* what systemd said against it; NULL: nothing */
    uint64_t verify_usec;           /* CLOCK_MONOTONIC: until when processes are looked for */
    sd_bus_slot *call, *kill;
    sd_event_source *timer; /* when this phase is over */
};

struct UnitStops {
    sd_event *event;
    bool user;
    char *cgroup_root;
    sd_bus *bus; /* NULL while there is nothing to do */
    sd_event_source *close;
    UnitStop *first;
};

/* unit-stop-bus.c */

/* Connects, and hears of jobs from then on. Returns 0 or negative errno. */
int unit_stops_connect(UnitStops *stops);
void unit_stops_disconnect(UnitStops *stops);
/* Sends it; the answer calls unit_stop_asked(). */
int unit_stop_ask(UnitStop *stop);
/* Sends SIGKILL to all that is in the unit. */
int unit_stop_kill(UnitStop *stop);

/* unit-stop.c */

/* StopUnit was answered: the job, or NULL and what was wrong. */
void unit_stop_asked(UnitStop *stop, const char *job, int error, const char *message);
/* A job of the manager has ended. */
void unit_stops_job_removed(UnitStops *stops, const char *job, const char *unit,
                            const char *result);
/* The connection has ended. */
void unit_stops_lost(UnitStops *stops);

/* unit-stop-group.c: whether processes are in the cgroup or below; -1 when that cannot be known. */
int unit_stop_is_populated(const char *cgroup_root, const char *cgroup);
