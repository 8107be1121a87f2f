/* SPDX-License-Identifier: MIT */
/*
 * One service: what its plan says, its lease, its unit, its checks, and the state that follows.
 * service.c joins them, service-checks.c has the set of checks, service-health.c turns results into
 * states and states into orders, service-command.c obeys people, service-restart.c keeps the count
 * of restarts, service-beat.c looks at heartbeats, service-freeze.c at sleep, service-demand.c at
 * starts for connections and stops for want of them, service-view.c shows it all.
 *
 * There are thousands of them: what few have, or for a short time only, is allocated then.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/text.h"
#include "supervisor/daemon/checkpoint.h"
#include "supervisor/daemon/event.h"
#include "supervisor/daemon/lease-peer.h"
#include "supervisor/daemon/persist.h"
#include "supervisor/daemon/plans.h"
#include "supervisor/daemon/runner.h"
#include "supervisor/daemon/units/units.h"
#include "supervisor/daemon/view.h"

/* Between SIGABRT and SIGKILL to the payload: time for a stack dump, not for a hang. */
#define ABORT_GRACE_USEC (500 * USEC_PER_MSEC)

typedef struct Service Service;

/* What all services share, and what they ask of the one who has them all. */
typedef struct ServiceContext {
    sd_event *event;
    ProbeContext probes;
    RunnerContext runners; /* these two: see service_context_init() */
    Door outside;          /* of checks that go to an address of the manager's network */
    Events *events;
    Units *units;
    Persist *persist;
    Checkpoint *checkpoint;
    bool user;
    size_t n_checks;               /* of all services */
    size_t n_active;               /* of them: being made, of services that are up */
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

/* Heartbeats of a service that sends them itself, while it is up. */
typedef struct ServiceBeat {
    sd_event_source *timer;
    uint64_t last_usec;  /* CLOCK_REALTIME of the last one that was seen */
    uint64_t gap_usec;   /* between two, smoothed; 0: not known */
    uint64_t pause_usec; /* between the two looks of one round */
    bool second;         /* the next look is the second one */
} ServiceBeat;

/* Somebody has asked for all checks to be made now. */
typedef struct ServiceAsk {
    size_t n_left; /* checks that have not ended */
    view_probe_done_t done;
    void *userdata;
} ServiceAsk;

/* What follows from being started by its connections (service-demand.c). */
typedef struct ServiceDemand ServiceDemand;

/* Its turn at the start gate (manager-lease.c). */
typedef struct GateTurn GateTurn;

struct Service {
    ServiceContext *context;
    const char *name; /* the plan's */
    char *unit;
    Plan *plan;
    Plan *next_plan;     /* changed while the service ran: for its next start */
    uint32_t index;      /* among the services */
    uint32_t dependents; /* how many others wait for this one, directly or not */

    LeasePeer *lease;
    enum lease_phase phase;
    pid_t lease_pid;
    uint64_t lease_since_usec; /* CLOCK_REALTIME */
    uint64_t watchdog_usec;    /* the lease has to pet within this; 0: it need not */
    uint64_t pet_usec;         /* CLOCK_MONOTONIC of the last pet; 0: none yet */
    uint64_t status_hash;      /* of what it was last told to show; 0: nothing yet */
    Door door;

    UnitWatch *watch;
    ServiceRecord *record;
    CheckpointSlot *slot; /* NULL: no room */
    Runner **runners;
    uint32_t n_runners, n_liveness; /* those of liveness come first */

    HealthState state;
    int8_t ready;        /* 1, 0, or -1: not known */
    bool orphan;         /* its plan is gone; kept until it has stopped */
    bool shares_network; /* with the supervisor */
    bool recalled;       /* the state is from before a restart of the supervisor, no lease yet */
    bool was_unhealthy;  /* the next healthy is a recovery */
    bool triggered;      /* the order to end it is out: nothing that is measured now counts */
    bool retrying;       /* the start that comes is our own try of a held service */
    uint64_t blind_since_usec; /* CLOCK_MONOTONIC; checks cannot be made since; 0: they can */
    char *reason;              /* of the last result or event; NULL: "" */
    char *restart_reason;      /* of a restart that systemd has announced; NULL: of none */
    char *ready_reason;        /* why it is not ready; NULL: "" */

    sd_event_source *reset_timer, *retry_timer, *maintenance_timer;
    ServiceBeat *beat;     /* NULL: not looked at */
    ServiceAsk *ask;       /* NULL: nobody waits for checks */
    GateTurn *turn;        /* the manager's; NULL: not at the gate */
    ServiceDemand *demand; /* NULL: it is not started by connections */
};

/* service.c */

/* Takes *plan, and leaves NULL there, on success. */
int service_new(ServiceContext *context, Plan **plan, Service **ret);
/* It is not at the gate. */
Service *service_free(Service *service);
/* A changed plan, which is taken. What runs was started by the old one and is checked by it; the
 * new one counts from the next start. Fails when its checks cannot be made. */
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

/* service-checks.c */

/* Once `probes` is filled in. */
void service_context_init(ServiceContext *context);
/* As the plan says; -E2BIG when all services have too many. */
int service_make_checks(Service *service);
void service_free_checks(Service *service);
/* start: runner_start(), runner_resume() or runner_continue(). */
void service_start_checks(Service *service, void (*start)(Runner *runner));
void service_stop_checks(Service *service);

/* service-health.c */

/* A new state, remembered; tells nobody. */
void service_enter(Service *service, HealthState state);
/* Never NULL. */
const char *service_reason(const Service *service);

/* The order to end it is out, also for the supervisor after this one; or it has been started anew.
 */
void service_set_triggered(Service *service, bool triggered);
void service_post(Service *service, HealthEvent event, const char *reason);
/* Goes on where the supervisor before this one was. */
void service_continue(Service *service);
/* A check was made (runner_result_t). */
void service_check_done(Runner *runner, Verdict before, const ProbeResult *result, void *userdata);
/* What failed while nobody was to be ended counts from now on. */
void service_judge_again(Service *service);
/* What was so is so no more. */
void service_forget_reason(Service *service);
/* Emits an event about this service; `reason` and `result` may be NULL. */
void service_emit(Service *service, EventKind kind, HealthState before, const char *reason,
                  Runner *runner, const ProbeResult *result);

/* service-command.c */

int service_probe_now(Service *service, view_probe_done_t done, void *userdata);
/* One of the checks that were asked for has ended (runner_answer_t). */
void service_check_answered(Runner *runner, const ProbeSample *sample, void *userdata);
int service_set_maintenance(Service *service, bool on, uint64_t until_usec);

/* service-restart.c */

/* Why it has ended, in words; nothing when nothing went wrong. */
void service_add_result(Text *text, const UnitState *state);
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

/* service-freeze.c */

/* Its payload sleeps, or does not; said again it changes nothing. */
void service_set_frozen(Service *service, bool frozen);
uint64_t service_in_state_usec(const Service *service);

/* service-demand.c */

/* As the plan says; nothing for most. */
int service_make_demand(Service *service);
void service_free_demand(Service *service);
/* One of its units has changed. */
void service_follow_demand(Service *service);
/* It is up, and its end will be told here. */
bool service_demand_is_up(const Service *service);
/* Connections that wait at this moment are among those that the start has kept waiting. */
void service_demand_count_held(Service *service);
/* These are for services with `demand` only. */
void service_demand_frozen(Service *service);
void service_demand_thawed(Service *service, uint64_t slept_usec);
void service_demand_add_frozen(Service *service, uint64_t usec);
void service_view_demand(Service *service, DemandView *ret);
uint64_t service_count_waiting(const Service *service);

/* service-view.c */

void service_view(Service *service, ServiceView *ret);
