/* SPDX-License-Identifier: MIT */
/* What the parts of the manager share. */
#pragma once

#include "supervisor/daemon/api/api.h"
#include "supervisor/daemon/lease-server.h"
#include "supervisor/daemon/manager.h"
#include "supervisor/daemon/metrics/metrics.h"
#include "supervisor/daemon/notify/notifier.h"
#include "supervisor/daemon/reaper/reaper.h"
#include "supervisor/daemon/poster/poster.h"
#include "supervisor/daemon/service.h"
#include "supervisor/policy/brake.h"
#include "supervisor/policy/gate.h"

/* What the supervisor can be without, each said once when it goes and when it is back. */
typedef enum Lack {
    LACK_SYSTEMD, /* no connection to the service manager */
    LACK_BUS,     /* no API on the bus */
    LACK_STATE,   /* the state cannot be written */
    LACK_FDS,     /* no descriptors for new leases */
    LACK_PLANS,   /* the plans cannot be read */
    _LACK_MAX,
} Lack;

struct Manager {
    sd_event *event;
    bool user;
    uint64_t started_usec; /* CLOCK_REALTIME */
    char *plan_folder;
    uint64_t plans_read_usec; /* CLOCK_MONOTONIC */
    PlansStamp plans_stamp;   /* of what was read */
    uint64_t n_bad_plans;

    ServiceContext context;
    Service **services; /* sorted by name */
    size_t n_services, allocated;

    LeaseServer *leases;
    Gate gate;
    Brake brake;
    BrakeRules brake_rules;
    sd_event_source *brake_timer;

    Api *api;
    MetricsServer *metrics;
    Notifier *notifier;
    Reaper *reaper;

    char *state_folder;
    Poster **posters; /* one for each collector */
    Poster **leaving; /* whose spec is gone: one last batch */
    size_t n_posters, n_leaving, n_finishing;
    bool posters_listen;
    sd_event_source *stop_timer;

    const char *lacking[_LACK_MAX]; /* why, or NULL */
    char *degraded;
};

/* manager-plans.c */

/* Unless they are as they were at the last reading. */
void manager_read_plans(Manager *manager);
Service *manager_service(Manager *manager, const char *name);
/* Frees services whose plan is gone and that have stopped. */
void manager_forget_orphans(Manager *manager);

/* manager-lease.c */
extern const LeaseServerHandlers manager_lease_handlers;
/* The service's turn at the start gate is over. */
void manager_settled(Service *service, void *userdata);
/* It is about to be freed; who waits goes ahead. */
void manager_leave_gate(Manager *manager, Service *service);
/* At the end: nobody goes ahead, and no peer is known any more. */
void manager_close_gate(Manager *manager);

/* manager-collectors.c: posts to these and to no others. */
void manager_set_collectors(Manager *manager, Spec *const *specs, size_t n);
void manager_free_collectors(Manager *manager);

/* manager-brake.c */
void manager_onset(Runner *runner, void *userdata);
void manager_offset(Runner *runner, void *userdata);
bool manager_is_braked(void *userdata);
void manager_brake_window(Manager *manager);

/* manager.c: an event that is of no single service. */
void manager_emit(Manager *manager, EventKind kind, const char *reason);

/* manager.c: why is a static string, or NULL when it is there again. */
void manager_lack(Manager *manager, Lack lack, const char *why);
