/* SPDX-License-Identifier: MIT */
/* What view.h promises, from the services. */
#include <errno.h>

#include "base/macros.h"
#include "supervisor/daemon/manager-internal.h"
#include "supervisor/daemon/source.h"

static void count_service(const Service *service, SupervisorView *view)
{
    view->n_supervised += service_is_supervised(service);
    view->n_leases += service->lease != NULL;
    view->n_probes += service->n_runners;
    view->n_states[service->state]++;
}

void manager_view(Manager *manager, SupervisorView *ret)
{
    uint64_t monotonic = loop_now(manager->event, CLOCK_MONOTONIC);
    uint64_t realtime = loop_now(manager->event, CLOCK_REALTIME);

    *ret = (SupervisorView){
        .started_usec = manager->started_usec,
        .n_services = manager->n_services,
        .brake = brake_is_held(&manager->brake, monotonic),
        .gate_slots = manager->gate.slots,
        .gate_running = manager->gate.n_running,
        .gate_waiting = manager->gate.n_waiting,
        .events_lost = events_lost(manager->context.events),
        .degraded = manager->degraded ? manager->degraded : "",
        .plans_bad = manager->n_bad_plans,
    };
    if (ret->brake)
        ret->brake_until_usec = realtime + (manager->brake.held_until_usec - monotonic);
    for (size_t i = 0; i < manager->n_services; i++)
        count_service(manager->services[i], ret);
}

size_t manager_n_services(Manager *manager)
{
    return manager->n_services;
}

void manager_view_service(Manager *manager, size_t i, ServiceView *ret)
{
    service_view(manager->services[i], ret);
}

uint64_t manager_count_waiting(Manager *manager, size_t i)
{
    return service_count_waiting(manager->services[i]);
}

int manager_find_service(Manager *manager, const char *name)
{
    Service *service = manager_service(manager, name);

    return service ? (int)service->index : -ENOENT;
}

void manager_view_probe(Manager *manager, size_t service, size_t probe, ProbeView *ret)
{
    runner_view(manager->services[service]->runners[probe], ret);
    /* What does not run is neither well nor ill. */
    if (manager->services[service]->state == HEALTH_STOPPED) {
        ret->verdict = "unknown";
        ret->failures = 0;
    }
}

Events *manager_events(Manager *manager)
{
    return manager->context.events;
}

uint64_t manager_event_count(Manager *manager, EventKind kind)
{
    return events_count(manager->context.events, kind);
}

int manager_set_maintenance(Manager *manager, const char *name, bool on, uint64_t until_usec)
{
    Service *service = manager_service(manager, name);

    return service ? service_set_maintenance(service, on, until_usec) : -ENOENT;
}

int manager_release(Manager *manager, const char *name)
{
    Service *service = manager_service(manager, name);

    return service ? service_release(service) : -ENOENT;
}

int manager_probe_now(Manager *manager, const char *name, view_probe_done_t done, void *userdata)
{
    Service *service = manager_service(manager, name);

    return service ? service_probe_now(service, done, userdata) : -ENOENT;
}

size_t manager_n_policy_classes(Manager *manager)
{
    return reaper_n_classes(manager->reaper);
}

void manager_view_policy_class(Manager *manager, size_t i, PolicyView *ret)
{
    reaper_view_class(manager->reaper, i, ret);
}

int manager_reap(Manager *manager, const char *name, view_reap_done_t done, void *userdata)
{
    return reaper_run(manager->reaper, name, done, userdata);
}
