/* SPDX-License-Identifier: MIT */
/*
 * The life of the supervisor: makes what all services share, takes the descriptors that systemd
 * passed, and says what it has to do without.
 */
#include "supervisor/daemon/manager.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/macros.h"
#include "base/text.h"
#include "supervisor/daemon/manager-internal.h"
#include "supervisor/daemon/source.h"

#define METRICS_LISTENERS_MAX 8

void manager_emit(Manager *manager, EventKind kind, const char *reason)
{
    Event event = {
        .kind = kind,
        .reason = reason,
        .latency_usec = UINT64_MAX,
        .delay_usec = UINT64_MAX,
    };

    events_emit(manager->context.events, &event);
}

/* ---- what is lacking ---- */

static void join_lacking(Manager *manager)
{
    _cleanup_text_ Text text = {0};

    for (size_t i = 0; i < _LACK_MAX; i++)
        if (manager->lacking[i])
            text_addf(&text, "%s%s", text.size ? "; " : "", manager->lacking[i]);
    free(manager->degraded);
    manager->degraded = NULL;
    (void)text_take(&text, &manager->degraded);
}

void manager_lack(Manager *manager, Lack lack, const char *why)
{
    static const char *const restored[_LACK_MAX] = {
        [LACK_SYSTEMD] = "the connection to systemd is back",
        [LACK_BUS] = "io.phoenix.Supervisor1 is on the bus",
        [LACK_STATE] = "the state can be written",
        [LACK_FDS] = "there are file descriptors for new leases",
        [LACK_PLANS] = "the plans can be read",
    };
    const char *before = manager->lacking[lack];

    if (!before == !why)
        return;
    manager->lacking[lack] = why;
    join_lacking(manager);
    manager_emit(manager, why ? EVENT_DEGRADED : EVENT_RESTORED, why ? why : restored[lack]);
}

/* ---- systemd ---- */

static void on_unit_changed(UnitWatch *watch, const UnitState *before, const UnitState *now,
                            void *userdata)
{
    Manager *manager = userdata;
    Service *service = unit_watch_tag(watch);
    bool orphan = service->orphan;

    if (watch == service->watch)
        service_unit_changed(service, before, now);
    else
        service_follow_demand(service);
    if (orphan)
        manager_forget_orphans(manager);
}

static void on_reloaded(void *userdata)
{
    manager_read_plans(userdata);
}

static void on_systemd(bool yes, int error, void *userdata)
{
    manager_lack(userdata, LACK_SYSTEMD,
                 yes ? NULL : "no connection to systemd: restarts are not seen, checks go on");
}

static const UnitsCallbacks units_callbacks = {
    .changed = on_unit_changed,
    .reloaded = on_reloaded,
    .connected = on_systemd,
};

static void on_bus(bool yes, int error, void *userdata)
{
    manager_lack(userdata, LACK_BUS,
                 yes ? NULL : "io.phoenix.Supervisor1 is not on the bus: commands do not work");
}

static void on_persist_error(int error, const char *path, void *userdata)
{
    if (error < 0)
        log_error("%s: %s", path, strerror(-error));
    manager_lack(userdata, LACK_STATE,
                 error < 0 ? "the state cannot be written: counters will not survive" : NULL);
}

static const SpecOnFailure *onfailure_of(const char *name, void *userdata)
{
    Service *service = manager_service(userdata, name);

    return service ? &service->plan->onfailure : NULL;
}

/* ---- life ---- */

static size_t start_slots(void)
{
    const char *text = getenv("PHOENIX_START_SLOTS");
    cpu_set_t cpus;
    long n = text ? strtol(text, NULL, 10) : 0;

    if (n > 0)
        return (size_t)n;
    return sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? 2 * (size_t)CPU_COUNT(&cpus) : 4;
}

static void know_own_network(ServiceContext *context)
{
    struct stat st;

    if (stat("/proc/self/ns/net", &st) < 0)
        return;
    context->netns_dev = st.st_dev;
    context->netns_ino = st.st_ino;
}

static int take_checkpoint(PassedFds *passed, Checkpoint **ret)
{
    int fd = -1;

    for (size_t i = 0; i < passed->n && fd < 0; i++)
        if (streq(passed->names[i], CHECKPOINT_FD_NAME))
            fd = TAKE_FD(passed->fds[i]);
    return checkpoint_new(fd, ret);
}

static int make_context(Manager *manager, const char *state_folder, PassedFds *passed)
{
    ServiceContext *context = &manager->context;
    int r;

    context->event = manager->event;
    context->user = manager->user;
    context->probes.event = manager->event;
    context->onset = manager_onset;
    context->offset = manager_offset;
    context->is_braked = manager_is_braked;
    context->settled = manager_settled;
    context->userdata = manager;
    know_own_network(context);
    service_context_init(context);
    r = events_new(manager->user, &context->events);
    if (r >= 0)
        r = take_checkpoint(passed, &context->checkpoint);
    if (r >= 0)
        r = persist_new(manager->event, state_folder, on_persist_error, manager, &context->persist);
    if (r >= 0)
        r = timers_new(manager->event, "checks", PRIORITY_CHECK, &context->probes.timers);
    if (r >= 0)
        r = ready_set_new(manager->event, "check-sockets", PRIORITY_CHECK,
                          &context->probes.sockets);
    if (r >= 0)
        r = curl_loop_new(manager->event, &context->probes.curl);
    if (r >= 0)
        r = log_watch_new(manager->event, manager->user, &context->probes.logs);
    if (r >= 0)
        r = units_new(manager->event, manager->user, &units_callbacks, manager, &context->units);
    return r;
}

static int make_interfaces(Manager *manager, const char *state_folder)
{
    ServiceContext *context = &manager->context;
    int r = api_new(manager->event, manager->user, manager, on_bus, manager, &manager->api);

    if (r >= 0)
        r = notifier_new(manager->event, context->probes.curl, context->units, manager,
                         state_folder, manager->user, onfailure_of, manager, &manager->notifier);
    if (r >= 0)
        r = reaper_new(&(ReaperSetup){.event = manager->event,
                                      .events = context->events,
                                      .user = manager->user},
                       &manager->reaper);
    return r;
}

static int take_lease_listener(Manager *manager, PassedFds *passed)
{
    for (size_t i = 0; i < passed->n; i++)
        if (streq(passed->names[i], "lease"))
            return lease_server_new(manager->event, TAKE_FD(passed->fds[i]), manager->user,
                                    &manager_lease_handlers, manager, &manager->leases);
    return -ENOTCONN;
}

/* A socket unit may listen in several places. Without metrics the services are supervised as well.
 */
static void take_metrics_listeners(Manager *manager, PassedFds *passed)
{
    int fds[METRICS_LISTENERS_MAX];
    size_t n = 0;

    for (size_t i = 0; i < passed->n && n < ELEMENTSOF(fds); i++)
        if (streq(passed->names[i], "metrics"))
            fds[n++] = TAKE_FD(passed->fds[i]);
    if (n == 0)
        return;
    int r = metrics_server_new(manager->event, manager, fds, n, &manager->metrics);
    if (r < 0)
        log_error("The metrics cannot be served: %s", strerror(-r));
}

static size_t adopt_leases(Manager *manager, PassedFds *passed)
{
    size_t n = 0;

    for (size_t i = 0; i < passed->n; i++) {
        if (passed->fds[i] < 0 ||
            strncmp(passed->names[i], LEASE_STORE_PREFIX, strlen(LEASE_STORE_PREFIX)) != 0)
            continue;
        n += lease_server_adopt(manager->leases, TAKE_FD(passed->fds[i]), passed->names[i]) >= 0;
    }
    return n;
}

static void say_up(Manager *manager, size_t n_adopted)
{
    char reason[120];

    snprintf(reason, sizeof(reason), "%zu services, %zu leases taken over", manager->n_services,
             n_adopted);
    manager_emit(manager, EVENT_SUPERVISOR_UP, reason);
}

int manager_new(sd_event *event, bool user, const char *state_folder, PassedFds *passed,
                Manager **ret)
{
    Manager *manager = calloc(1, sizeof(*manager));
    int r;

    if (!manager)
        return -ENOMEM;
    manager->event = sd_event_ref(event);
    manager->user = user;
    manager->started_usec = loop_now(event, CLOCK_REALTIME);
    gate_init(&manager->gate, start_slots());
    manager->state_folder = strdup(state_folder);
    r = manager->state_folder ? plans_folder(user, &manager->plan_folder) : -ENOMEM;
    if (r >= 0)
        r = make_context(manager, state_folder, passed);
    if (r >= 0)
        r = make_interfaces(manager, state_folder);
    if (r >= 0)
        manager_read_plans(manager);
    if (r >= 0)
        r = take_lease_listener(manager, passed);
    if (r >= 0)
        take_metrics_listeners(manager, passed);
    if (r < 0) {
        manager_free(manager);
        return r;
    }
    say_up(manager, adopt_leases(manager, passed));
    *ret = manager;
    return 0;
}

static void free_context(ServiceContext *context)
{
    units_free(context->units);
    curl_loop_free(context->probes.curl);
    log_watch_free(context->probes.logs);
    ready_set_free(context->probes.sockets);
    timers_free(context->probes.timers);
    persist_free(context->persist);
    checkpoint_free(context->checkpoint);
    events_free(context->events);
}

Manager *manager_free(Manager *manager)
{
    if (!manager)
        return NULL;
    /* Checks first: who asked for one, a lease or the API, is still there to be told. */
    for (size_t i = 0; i < manager->n_services; i++)
        service_free_checks(manager->services[i]);
    api_free(manager->api);
    metrics_server_free(manager->metrics);
    notifier_free(manager->notifier);
    reaper_free(manager->reaper);
    manager_free_collectors(manager);
    manager_close_gate(manager);
    lease_server_free(manager->leases);
    for (size_t i = 0; i < manager->n_services; i++)
        service_free(manager->services[i]);
    free(manager->services);
    free_context(&manager->context);
    sd_event_source_disable_unref(manager->brake_timer);
    free(manager->plan_folder);
    free(manager->state_folder);
    free(manager->degraded);
    sd_event_unref(manager->event);
    free(manager);
    return NULL;
}

void manager_flush(Manager *manager)
{
    (void)persist_flush(manager->context.persist);
}
