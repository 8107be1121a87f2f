/* SPDX-License-Identifier: MIT */
/*
 * The view.h of the tests; see test-manager.h.
 */
#include "supervisor/daemon/test-manager.h"

#include <errno.h>
#include <stdio.h>

#include "base/macros.h"
#include "base/text.h"
#include "supervisor/daemon/event-internal.h"

#define PROBE_USEC (50 * USEC_PER_MSEC)

typedef struct Service {
    char name[32], unit[64];
    bool maintenance;
    uint64_t until_usec;
    size_t n_probes;
} Service;

struct Manager {
    sd_event *event;
    Events *events;
    Service *services;
    size_t n_services, n_views;
    Histogram latency;
    ColdStarts cold;
    UnitState unit, unknown;
    History history;
    bool brake;
    sd_event_source *probing;
    view_probe_done_t done;
    void *done_userdata;
};

static void manager_freep(Manager **manager)
{
    test_manager_free(*manager);
}

int test_manager_new(sd_event *event, size_t n_services, Manager **ret)
{
    _cleanup_(manager_freep) Manager *manager = calloc(1, sizeof(Manager));
    int r;

    if (!manager)
        return -ENOMEM;
    manager->event = sd_event_ref(event);
    manager->services = calloc(n_services + 1, sizeof(Service));
    if (!manager->services)
        return -ENOMEM;
    manager->n_services = n_services;
    for (size_t i = 0; i < n_services; i++) {
        Service *service = &manager->services[i];

        snprintf(service->name, sizeof(service->name), "service%04zu", i);
        snprintf(service->unit, sizeof(service->unit), "phoenix@%s.service", service->name);
        service->n_probes = i == 0 ? 3 : 1;
    }
    for (size_t i = 0; i < 100; i++)
        histogram_add(&manager->latency, 100 << (i % 16));
    for (size_t i = 0; i < 10; i++)
        cold_starts_add(&manager->cold, (i < 9 ? 180 : 900) * USEC_PER_MSEC);
    for (size_t k = 0; k < HISTORY_SAMPLES; k++) {
        size_t i = (k + 5) % HISTORY_SAMPLES; /* the newest is 4 */
        history_add(&manager->history,
                    &(ProbeSample){1000 + i, i, i % _HEALTH_STATE_MAX ? PROBE_PASS : PROBE_FAIL,
                                   TEST_HOSTILE});
    }
    manager->unit = (UnitState){.known = true,
                                .active = UNIT_ACTIVE,
                                .sub = "running",
                                .result = "success",
                                .main_pid = 77,
                                .n_restarts = 2,
                                .watchdog_usec = 15 * USEC_PER_SEC};
    /* Nobody listens there: events are lost, and the journal of this machine is left alone. */
    r = events_new_at("/nonexistent/phoenix-test", false, &manager->events);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(manager);
    return 0;
}

Manager *test_manager_free(Manager *manager)
{
    if (!manager)
        return NULL;
    sd_event_source_disable_unref(manager->probing);
    events_free(manager->events);
    sd_event_unref(manager->event);
    history_done(&manager->history);
    free(manager->services);
    free(manager);
    return NULL;
}

size_t test_manager_n_views(const Manager *manager)
{
    return manager->n_views;
}

void manager_view(Manager *manager, SupervisorView *ret)
{
    *ret = (SupervisorView){
        .started_usec = UINT64_C(1700000000123456),
        .n_services = manager->n_services,
        .n_supervised = manager->n_services,
        .n_leases = manager->n_services / 2,
        .n_probes = manager->n_services + 2,
        .n_states = {[HEALTH_HEALTHY] = manager->n_services},
        .brake = manager->brake,
        .brake_until_usec = manager->brake ? 5 : 0,
        .gate_slots = 4,
        .gate_running = 1,
        .gate_waiting = 2,
        .events_lost = events_lost(manager->events),
        .degraded = manager->brake ? "no journal" : "",
        .plans_bad = 1,
    };
}

size_t manager_n_services(Manager *manager)
{
    return manager->n_services;
}

static void view_demand(const Manager *manager, DemandView *ret)
{
    static char *const listen[] = {(char *)"8080", (char *)TEST_HOSTILE, NULL};

    *ret = (DemandView){
        .listen = listen,
        .idle_action = "freeze",
        .idle_after_usec = 30 * USEC_PER_SEC,
        .listening = true,
        .idle = true,
        .socket_state = "active",
        .socket_result = "success",
        .starts = 95,
        .starts_today = 14,
        .held = 120,
        .idle_stops = 80,
        .stops = 15,
        .freezes = 40,
        .thaws = 39,
        .frozen_usec = UINT64_C(7200000001),
        .cold = &manager->cold,
    };
}

void manager_view_service(Manager *manager, size_t i, ServiceView *ret)
{
    const Service *service = &manager->services[i];

    manager->n_views++;
    *ret = (ServiceView){
        .name = service->name,
        .unit = service->unit,
        .type = "docker",
        .state = service->maintenance ? HEALTH_MAINTENANCE : HEALTH_HEALTHY,
        .since_usec = 11,
        .reason = i == 0 ? TEST_HOSTILE : "",
        .ready = i == 0   ? "no"
                 : i == 1 ? "yes"
                          : "unknown",
        .supervised = true,
        .lease = i % 2 == 0,
        .maintenance = service->maintenance,
        .maintenance_until_usec = service->until_usec,
        .unit_state = i == 1 ? &manager->unknown : &manager->unit,
        .starts = 3,
        .restarts = 2,
        .checks = 100,
        .failures = 7,
        .unhealthy = 1,
        .beats = i == 0 ? UINT64_C(5000000000) : 0,
        .beats_per_minute = i == 0 ? 12.5 : -1,
        .last_healthy_usec = 12,
        .n_probes = service->n_probes,
        .on_demand = i == 0,
    };
    if (i == 0)
        view_demand(manager, &ret->demand);
}

uint64_t manager_count_waiting(Manager *manager, size_t i)
{
    return i == 0 ? 7 : 0;
}

int manager_find_service(Manager *manager, const char *name)
{
    for (size_t i = 0; i < manager->n_services; i++)
        if (streq(manager->services[i].name, name))
            return (int)i;
    return -ENOENT;
}

void manager_view_probe(Manager *manager, size_t service, size_t probe, ProbeView *ret)
{
    *ret = (ProbeView){
        .label = service == 0 ? TEST_HOSTILE : "http GET /health",
        .type = "http",
        .readiness = probe == 2,
        .verdict = "passing",
        .failures = 1,
        .retries = 3,
        .interval_usec = 10 * USEC_PER_SEC,
        .timeout_usec = 3 * USEC_PER_SEC,
        .history = &manager->history,
        .latency = &manager->latency,
        .n_pass = 90,
        .n_fail = 7,
        .n_void = 3,
    };
}

Events *manager_events(Manager *manager)
{
    return manager->events;
}

uint64_t manager_event_count(Manager *manager, EventKind kind)
{
    return events_count(manager->events, kind);
}

int manager_set_maintenance(Manager *manager, const char *name, bool on, uint64_t until_usec)
{
    int i = manager_find_service(manager, name);

    if (i < 0)
        return i;
    Service *service = &manager->services[i];
    bool before = service->maintenance;
    service->maintenance = on;
    service->until_usec = until_usec;
    if (before == on)
        return -EALREADY;
    events_emit(manager->events, &(Event){
                                     .kind = on ? EVENT_MAINTENANCE_ON : EVENT_MAINTENANCE_OFF,
                                     .service = service->name,
                                     .unit = service->unit,
                                     .before = on ? HEALTH_HEALTHY : HEALTH_MAINTENANCE,
                                     .after = on ? HEALTH_MAINTENANCE : HEALTH_HEALTHY,
                                     .probe = on ? TEST_HOSTILE : NULL,
                                     .reason = TEST_HOSTILE,
                                     .failures = on ? 2 : 0,
                                     .retries = on ? 3 : 0,
                                     .latency_usec = on ? 44 : UINT64_MAX,
                                     .delay_usec = UINT64_MAX,
                                     .restarts = 9,
                                 });
    return 0;
}

/* Releasing the first service closes the brake, the second one opens it, the third one finds
 * systemd gone. */
int manager_release(Manager *manager, const char *name)
{
    int i = manager_find_service(manager, name);

    if (i < 0 || i > 1)
        return i < 0 ? i : -ENOTCONN;
    manager->brake = i == 0;
    events_emit(manager->events, &(Event){
                                     .kind = i == 0 ? EVENT_BRAKE_ON : EVENT_BRAKE_OFF,
                                     .reason = "many",
                                     .latency_usec = UINT64_MAX,
                                     .delay_usec = 6,
                                 });
    return 0;
}

static int on_probed(sd_event_source *source, uint64_t usec, void *userdata)
{
    Manager *manager = userdata;
    ProbeSample sample = {1, 2, PROBE_FAIL, TEST_HOSTILE};

    manager->probing = sd_event_source_disable_unref(manager->probing);
    for (size_t i = 0; i < manager->services[0].n_probes; i++) {
        ProbeView view;

        manager_view_probe(manager, 0, i, &view);
        manager->done(&view, &sample, manager->done_userdata);
    }
    manager->done(NULL, NULL, manager->done_userdata);
    return 0;
}

/* The second service does not run. */
int manager_probe_now(Manager *manager, const char *name, view_probe_done_t done, void *userdata)
{
    int i = manager_find_service(manager, name);

    if (i < 0 || i == 1)
        return i < 0 ? i : -ENOTCONN;
    if (manager->probing)
        return -EBUSY;
    manager->done = done;
    manager->done_userdata = userdata;
    int r = sd_event_add_time_relative(manager->event, &manager->probing, CLOCK_MONOTONIC,
                                       PROBE_USEC, 0, on_probed, manager);
    return r < 0 ? r : (int)manager->services[0].n_probes;
}

/* Two classes of one policy; what is asked of it is done at once. */
size_t manager_n_policy_classes(Manager *manager)
{
    return 2;
}

void manager_view_policy_class(Manager *manager, size_t i, PolicyView *ret)
{
    *ret = (PolicyView){
        .policy = "stress",
        .class = i == 0 ? "cpu" : "ram",
        .n_containers = 3 + i,
        .n_spared = 1,
        .n_results = {[UNIT_STOP_STOPPED] = 5 + i, [UNIT_STOP_FAILED] = 1},
    };
}

static const ReapView reap_rows[] = {
    {
        .policy = "stress",
        .class = "cpu",
        .id = "57a511dff57400000000000000000000",
        .name = TEST_HOSTILE,
        .unit = "libpod-57a511dff574.scope",
        .verdict = "stop",
        .cause = "surplus",
        .result = "stopped",
        .reason = "number 2 from the newest, and only 1 is kept",
        .rank = 2,
        .pid = 4711,
        .memory_bytes = 4096,
        .cpu_percent = 99.5,
    },
};

typedef struct ReapCall {
    view_reap_done_t done;
    void *userdata;
} ReapCall;

static int on_reaped(sd_event_source *source, void *userdata)
{
    ReapCall *call = userdata;

    call->done(reap_rows, 1, call->userdata);
    free(call);
    sd_event_source_unref(source);
    return 0;
}

int manager_reap(Manager *manager, const char *name, view_reap_done_t done, void *userdata)
{
    ReapCall *call;

    if (name[0] && strcmp(name, "stress") != 0)
        return -ENOENT;
    call = calloc(1, sizeof(*call));
    if (!call)
        return -ENOMEM;
    *call = (ReapCall){done, userdata};
    return sd_event_add_defer(manager->event, &(sd_event_source *){NULL}, on_reaped, call);
}

size_t manager_n_collectors(Manager *manager)
{
    return manager->brake ? 1 : 0;
}

void manager_view_collector(Manager *manager, size_t i, CollectorView *ret)
{
    *ret = (CollectorView){
        .name = "central",
        .url = "https://collector.example",
        .host = TEST_HOSTILE,
        .away = true,
        .error = TEST_HOSTILE,
        .posted = 7,
        .duplicates = 1,
        .dropped = 2,
        .refused = 3,
        .events_dropped = 4,
        .waiting = 5,
        .waiting_bytes = 20480,
        .stored_usec = UINT64_C(1700000000123456),
    };
}
