/* SPDX-License-Identifier: MIT */
/*
 * One service: what its plan says, its lease, its unit, its checks, and the state that follows.
 * service.c joins them, service-health.c turns results into states and states into orders,
 * service-command.c obeys people, service-restart.c keeps the count of restarts, service-view.c
 * shows it all.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "spec/spec.h"
#include "supervisor/daemon/checkpoint.h"
#include "supervisor/daemon/event.h"
#include "supervisor/daemon/lease-peer.h"
#include "supervisor/daemon/persist.h"
#include "supervisor/daemon/plans.h"
#include "supervisor/daemon/runner.h"
#include "supervisor/daemon/units/units.h"
#include "supervisor/daemon/view.h"
#include "supervisor/policy/gate.h"
#include "supervisor/policy/restart.h"

/* Between SIGABRT and SIGKILL to the payload: time for a stack dump, not for a hang. */
#define ABORT_GRACE_USEC (500 * USEC_PER_MSEC)

typedef struct Service Service;

/* What all services share, and what they ask of the one who has them all. */
typedef struct ServiceContext {
    sd_event *event;
    ProbeContext probes;
    Events *events;
    Units *units;
    Persist *persist;
    Checkpoint *checkpoint;
    bool user;
    size_t n_checks;               /* of all services */
    uint64_t netns_dev, netns_ino; /* the supervisor's own network namespace */
    /* A check that passed has begun to fail. */
    void (*onset)(Runner *runner, void *userdata);
    /* The check is no longer made. */
    void (*offset)(Runner *runner, void *userdata);
    /* The mass-failure brake: verdicts are not acted on now. */
    bool (*is_braked)(void *userdata);
    /* The service is up, or failed, or gone: whatever its turn at the gate was for is over. */
    void (*settled)(Service *service, void *userdata);
    void *userdata;
} ServiceContext;

/* Heartbeats of a service that sends them itself. */
typedef struct ServiceBeat {
    uint64_t last_usec;  /* CLOCK_REALTIME of the last one that was seen */
    uint64_t gap_usec;   /* between two, smoothed; 0: not known */
    uint64_t pause_usec; /* between the two looks of one round */
    bool second;         /* the next look is the second one */
} ServiceBeat;

struct Service {
    ServiceContext *context;
    char *name, *unit;
    size_t index; /* among the services */
    char *plan_hash;
    Spec *spec;
    Spec *next_spec; /* of a plan that changed while the service ran: for its next start */
    bool orphan;     /* its plan is gone; kept until it has stopped */

    LeasePeer *lease;
    enum lease_phase phase;
    pid_t lease_pid;
    uint64_t lease_since_usec; /* CLOCK_REALTIME */
    uint64_t watchdog_usec;    /* the lease has to pet within this; 0: it need not */
    uint64_t pet_usec;         /* CLOCK_MONOTONIC of the last pet; 0: none yet */
    bool shares_network;
    Door door;

    UnitWatch *watch;
    ServiceRecord *record;
    CheckpointSlot *slot; /* NULL: no room */
    Runner **runners;
    size_t n_runners, n_liveness;

    HealthState state;
    bool recalled; /* the state is from before a restart of the supervisor, no lease has come yet */
    bool was_unhealthy;        /* the next healthy is a recovery */
    bool triggered;            /* the order to end it is out: nothing that is measured now counts */
    uint64_t blind_since_usec; /* CLOCK_MONOTONIC; checks cannot be made since; 0: they can */
    int ready;                 /* 1, 0, or -1: not known */
    char reason[PROBE_REASON_MAX];
    char ready_reason[PROBE_REASON_MAX]; /* why it is not ready */
    char status[LEASE_TEXT_MAX];         /* what the lease was last told to show */

    RestartRules restart_rules;
    sd_event_source *reset_timer, *retry_timer, *maintenance_timer, *beat_timer;
    bool retrying; /* the start that comes is our own try of a held service */

    ServiceBeat beat;

    GateEntry gate;
    LeasePeer *gate_peer; /* waits, or has gone ahead */
    sd_event_source *gate_timer;

    size_t n_asked; /* checks that were asked for and have not ended */
    view_probe_done_t asked;
    void *asked_userdata;
};

/* service.c */

/* Takes the plan's spec (TAKE_PTR of plan->spec) on success. */
int service_new(ServiceContext *context, Plan *plan, Service **ret);
Service *service_free(Service *service);
/* A changed plan. What runs was started by the old one and is checked by it; the new one counts
 * from the next start. Takes the spec as well. */
int service_set_plan(Service *service, Plan *plan);
/* The lease says what it is; called again after each reconnect. */
void service_lease_hello(Service *service, LeasePeer *peer, const struct lease_hello *hello);
void service_lease_gone(Service *service);
void service_unit_changed(Service *service, const UnitState *before, const UnitState *now);
/* The record has changed. Remembered over a kill at once, and on disk in a while; with
 * service_remember() only the first, for what changes all the time. */
void service_touch(Service *service);
void service_remember(Service *service);
bool service_is_supervised(const Service *service);
/* Its unit runs or is about to. */
bool service_is_up(const Service *service);

/* service-health.c */

/* The order to end it is out, also for the supervisor after this one; or it has been started anew.
 */
void service_set_triggered(Service *service, bool triggered);
void service_post(Service *service, HealthEvent event, const char *reason);
/* Goes on where the supervisor before this one was. */
void service_continue(Service *service);
int service_make_runners(Service *service);
void service_free_runners(Service *service);
/* What failed while nobody was to be ended counts from now on. */
void service_judge_again(Service *service);
/* Emits an event about this service; `result` may be NULL. */
void service_emit(Service *service, EventKind kind, HealthState before, const char *reason,
                  Runner *runner, const ProbeResult *result);

/* service-command.c */

int service_probe_now(Service *service, view_probe_done_t done, void *userdata);
int service_set_maintenance(Service *service, bool on, uint64_t until_usec);

/* service-restart.c */

void service_restart_rules(Service *service);
void service_count_restarts(Service *service, const UnitState *before, const UnitState *now);
/* Healthy since now: the count of restarts is reset after a while. */
void service_arm_reset(Service *service);
void service_disarm_reset(Service *service);
void service_hold(Service *service, const UnitState *state);
void service_disarm_hold(Service *service);
int service_release(Service *service);
uint64_t service_held_until(const Service *service);

/* service-beat.c */

/* Looks at WatchdogTimestamp while the service is up. */
void service_arm_beat(Service *service);
void service_disarm_beat(Service *service);

/* service-view.c */

void service_view(Service *service, ServiceView *ret);
