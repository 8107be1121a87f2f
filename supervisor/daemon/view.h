/* SPDX-License-Identifier: MIT */
/*
 * What the interfaces (D-Bus, metrics) may see of the supervisor, and what they may ask of it. They
 * know no more of services than this, and the core knows nothing of them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/policy/cold-start.h"
#include "supervisor/policy/histogram.h"
#include "supervisor/policy/state.h"
#include "supervisor/probe/probe.h"
#include "supervisor/daemon/event.h"
#include "supervisor/daemon/history.h"
#include "supervisor/daemon/reaper/unit-stop.h"
#include "supervisor/daemon/units/units.h"

typedef struct ProbeView {
    const char *label;
    const char *type; /* spec_probe_word() */
    bool readiness;
    const char *verdict; /* "unknown", "passing", "failing", "exhausted" */
    uint32_t failures, retries;
    uint64_t interval_usec, timeout_usec;
    uint64_t next_usec; /* CLOCK_REALTIME of the next check; 0: none is due */
    const History *history;
    const Histogram *latency;
    uint64_t n_pass, n_fail, n_void;
} ProbeView;

/* A service that is started by its connections. */
typedef struct DemandView {
    char *const *listen;      /* addresses */
    bool native;              /* without a proxy */
    const char *idle_action;  /* "stop", "freeze"; "": it stays once it was started */
    uint64_t idle_after_usec; /* UINT64_MAX: never */
    bool listening;
    bool idle;                /* listening, and not running */
    const char *socket_state; /* "active", "failed", ...; "": not known */
    const char *socket_result;
    uint64_t starts, starts_today, held, idle_stops, stops, freezes, thaws;
    uint64_t frozen_usec; /* in all */
    const ColdStarts *cold;
} DemandView;

typedef struct ServiceView {
    const char *name, *unit, *type; /* type: "docker", "binary", "vm" */
    HealthState state;
    uint64_t since_usec; /* CLOCK_REALTIME of the last change of state */
    const char *reason;  /* of the last result or event; "" */
    const char *ready;   /* "yes", "no", "unknown" */
    bool supervised;     /* it has checks */
    bool lease;          /* its lease is connected */
    bool maintenance;
    uint64_t maintenance_until_usec; /* CLOCK_REALTIME; UINT64_MAX: no end; 0: none */
    uint64_t held_until_usec;        /* CLOCK_REALTIME of the next try; 0: not held */
    const UnitState *unit_state;
    uint64_t starts, restarts, checks, failures, unhealthy;
    uint64_t beats;
    double beats_per_minute;  /* over the last minutes; -1: it does not beat */
    uint64_t next_delay_usec; /* the back-off before the next restart, were it to come now */
    uint64_t last_healthy_usec, last_failure_usec; /* CLOCK_REALTIME; 0: never */
    size_t n_probes;
    bool on_demand;
    DemandView demand; /* when it is */
} ServiceView;

typedef struct SupervisorView {
    uint64_t started_usec; /* CLOCK_REALTIME */
    size_t n_services, n_supervised, n_leases, n_probes, n_states[_HEALTH_STATE_MAX];
    bool brake;
    uint64_t brake_until_usec; /* CLOCK_REALTIME; 0 */
    size_t gate_slots, gate_running, gate_waiting;
    uint64_t events_lost;
    const char *degraded; /* what is lacking, "; " between; "" when nothing */
    uint64_t plans_bad;
} SupervisorView;

/* What a policy did in one of its classes since the supervisor knows it. */
typedef struct PolicyView {
    const char *policy, *class;
    size_t n_containers; /* at the last look, those that are spared included */
    size_t n_spared;
    uint64_t n_results[_UNIT_STOP_RESULT_MAX];
} PolicyView;

/* A container in a class of a policy, and what became of it. */
typedef struct ReapView {
    const char *policy, *class, *id, *name, *unit; /* unit: "" when it has none */
    const char *verdict, *cause, *result;          /* words; result: "" when nothing was done */
    const char *reason;
    size_t rank;
    pid_t pid;
    uint64_t memory_bytes;
    double cpu_percent;
} ReapView;

/* All that was asked for has been done; rows is NULL when it could not be. */
typedef void (*view_reap_done_t)(const ReapView *rows, size_t n, void *userdata);

/* One that is told how this host fares. */
typedef struct CollectorView {
    const char *name, *url, *host;
    bool away;           /* the last try has failed */
    const char *error;   /* of the last try; "" when it went well */
    uint64_t posted;     /* batches that it has stored since the supervisor started */
    uint64_t duplicates; /* of these, had before */
    uint64_t dropped;    /* for want of room, too old, or damaged */
    uint64_t refused;    /* put aside, as it will never take them */
    uint64_t events_dropped;
    uint64_t waiting, waiting_bytes; /* in the spool */
    uint64_t stored_usec;            /* CLOCK_REALTIME of the last that it has stored; 0: none */
} CollectorView;

/* One probe made on request has ended. */
typedef void (*view_probe_done_t)(const ProbeView *view, const ProbeSample *sample, void *userdata);

/* Implemented by daemon/manager.c. */
typedef struct Manager Manager;

void manager_view(Manager *manager, SupervisorView *ret);
/* Services in the order of their names. The pointers in views are valid until the loop goes on. */
size_t manager_n_services(Manager *manager);
void manager_view_service(Manager *manager, size_t i, ServiceView *ret);
/* Index by name, or -ENOENT. */
int manager_find_service(Manager *manager, const char *name);
/* Connections that wait for a service on demand which does not run: the kernel is asked. */
uint64_t manager_count_waiting(Manager *manager, size_t i);
void manager_view_probe(Manager *manager, size_t service, size_t probe, ProbeView *ret);
size_t manager_n_collectors(Manager *manager);
void manager_view_collector(Manager *manager, size_t i, CollectorView *ret);
Events *manager_events(Manager *manager);
uint64_t manager_event_count(Manager *manager, EventKind kind);

/* Turns maintenance on (until, CLOCK_REALTIME, UINT64_MAX: until it is turned off) or off. Returns
 * 0, -ENOENT, -EALREADY when it was so (a new `until` is taken all the same). */
int manager_set_maintenance(Manager *manager, const char *name, bool on, uint64_t until_usec);
/* A service that is held is tried at once, with a clean count. 0, -ENOENT, -ENOTCONN. */
int manager_release(Manager *manager, const char *name);
/* Makes all checks of a running service now; `done` for each, then once with view NULL. The results
 * are shown but count like any other. Returns the number of checks, -ENOENT, -ENOTCONN when it does
 * not run, -EBUSY when one is already asked for. */
int manager_probe_now(Manager *manager, const char *name, view_probe_done_t done, void *userdata);

/* Classes of policies, in the order of the policies' names. */
size_t manager_n_policy_classes(Manager *manager);
void manager_view_policy_class(Manager *manager, size_t i, PolicyView *ret);
/* Looks at the containers now and acts by the policy, by all of them for the name "". `done` is
 * called later. Returns 0, -ENOENT, or why the containers cannot be read. */
int manager_reap(Manager *manager, const char *name, view_reap_done_t done, void *userdata);
