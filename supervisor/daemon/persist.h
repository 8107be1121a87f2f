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
#include <systemd/sd-id128.h>

#include "supervisor/policy/cold-start.h"

/* Numbers only: the checkpoint copies it. */
typedef struct ServiceRecord {
    uint64_t starts, restarts;  /* that we saw */
    uint64_t checks, failures;  /* of liveness checks */
    uint64_t unhealthy;         /* verdicts */
    uint64_t beats;             /* WATCHDOG=1 seen */
    uint64_t last_healthy_usec; /* CLOCK_REALTIME; 0 never */
    uint64_t last_failure_usec;
    uint64_t state_since_usec;       /* CLOCK_REALTIME */
    uint64_t maintenance_until_usec; /* CLOCK_REALTIME; UINT64_MAX: until it is turned off */
    uint64_t held_usec;              /* CLOCK_REALTIME; 0: not held */
    int state;                       /* HealthState, or -1 */
    uint32_t n_restarts_seen;        /* systemd's NRestarts at last sight, with ... */
    sd_id128_t invocation;           /* ... this invocation; null: never seen */
    bool maintenance;
} ServiceRecord;

/* Of a service that is started by its connections. Numbers only, as well. */
typedef struct DemandRecord {
    uint64_t starts; /* by a connection */
    uint64_t day;    /* of the last of them, by the local calendar: 20260131; 0: none yet */
    uint64_t starts_that_day;
    uint64_t held;       /* connections that waited when it was up */
    uint64_t idle_stops; /* for nobody used it ... */
    uint64_t stops;      /* ... and all others */
    uint64_t freezes, thaws;
    uint64_t frozen_usec; /* in all, without the freeze that lasts */
    ColdStarts cold;
} DemandRecord;

#define PERSIST_REASON_MAX 256

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
/* The second part of a record, of services that are started by their connections; made when there
 * is none, and lives as long. NULL: no memory. */
DemandRecord *persist_get_demand(ServiceRecord *record);
/* The record has changed. */
void persist_touch(Persist *persist);
/* Why the service was last unhealthy, for who reads the file; a part of the record. As much of it
 * as a reason may have (PERSIST_REASON_MAX), whole characters. */
void persist_set_last_reason(Persist *persist, ServiceRecord *record, const char *reason);
const char *persist_last_reason(const ServiceRecord *record);
void persist_forget(Persist *persist, const char *name);
/* Writes now. */
int persist_flush(Persist *persist);
