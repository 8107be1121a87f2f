/* SPDX-License-Identifier: MIT */
/*
 * What must survive phoenixd, in one JSON file of its state directory: counters, maintenance,
 * holds, times. Written whole (temp, fsync, rename) in the background of the loop, at most once a
 * second and at the end; a disk that is full is said once and tried again, with what is newest. A
 * file that cannot be read is put aside as supervisor.json.bad and said.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "supervisor/policy/histogram.h"

typedef struct ServiceRecord {
    uint64_t starts, restarts;  /* that we saw */
    uint64_t checks, failures;  /* of liveness checks */
    uint64_t unhealthy;         /* verdicts */
    uint64_t beats;             /* WATCHDOG=1 seen */
    uint64_t last_healthy_usec; /* CLOCK_REALTIME; 0 never */
    uint64_t last_failure_usec;
    char last_reason[256];
    uint64_t state_since_usec; /* CLOCK_REALTIME */
    int state;                 /* HealthState, or -1 */
    bool maintenance;
    uint64_t maintenance_until_usec; /* CLOCK_REALTIME; UINT64_MAX: until it is turned off */
    uint64_t held_usec;              /* CLOCK_REALTIME; 0: not held */
    uint32_t n_restarts_seen;        /* systemd's NRestarts at last sight, with ... */
    char invocation[33];             /* ... this invocation */
} ServiceRecord;

typedef struct Persist Persist;
/* error 0: it works again. */
typedef void (*persist_error_t)(int error, const char *path, void *userdata);

/* `folder`: $STATE_DIRECTORY (systemd.exec(5)), made when it is missing. */
int persist_new(sd_event *event, const char *folder, persist_error_t error, void *userdata,
                Persist **ret);
/* Writes what is not yet written. */
Persist *persist_free(Persist *persist);

/* The record of a service, made when there is none; it lives as long as the Persist or until
 * persist_forget(). NULL: no memory. */
ServiceRecord *persist_get(Persist *persist, const char *name);
/* The record has changed. */
void persist_touch(Persist *persist);
void persist_forget(Persist *persist, const char *name);
/* Writes now. */
int persist_flush(Persist *persist);
