/* SPDX-License-Identifier: MIT */
/*
 * A service that is started by its connections: the units that start and stop it, which starts were
 * for a connection and how long that waited, and which stops were for idleness. What is judged is
 * in supervisor/policy/demand.h. systemd does all of this by itself; here it is only seen.
 *
 * What is under way is kept in the checkpoint, so that a start or a stop during which the
 * supervisor is killed is counted all the same, and once.
 */
#include "supervisor/daemon/service.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/macros.h"
#include "base/text.h"
#include "base/timespan.h"
#include "supervisor/daemon/accept-queue.h"
#include "supervisor/daemon/source.h"
#include "supervisor/policy/demand.h"

enum { UNIT_SOCKET, UNIT_PROXY, UNIT_IDLE, UNITS };

struct ServiceDemand {
    const PlanDemand *plan;
    char *names[UNITS];
    UnitWatch *watches[UNITS]; /* NULL: it has no such unit */
    DemandRecord *record;
    CheckpointDemand *state; /* in the checkpoint, or `own` */
    /* The thaw that is to be told. */
    uint64_t thawed_usec; /* CLOCK_MONOTONIC */
    uint64_t slept_usec;
    uint64_t early_held;    /* counted before it was known that a start is under way */
    CheckpointDemand own[]; /* one, or none */
};

/* ---- life ---- */

void service_free_demand(Service *service)
{
    ServiceDemand *demand = TAKE_PTR(service->demand);

    if (!demand)
        return;
    for (size_t i = 0; i < UNITS; i++) {
        unit_watch_free(demand->watches[i]);
        free(demand->names[i]);
    }
    free(demand);
}

static bool has_unit(const PlanDemand *plan, size_t i)
{
    if (i == UNIT_PROXY)
        return !plan->native;
    return i == UNIT_SOCKET || (plan->idle && (plan->native || plan->freeze));
}

static int watch_units(Service *service)
{
    static const struct {
        const char *prefix, *suffix;
    } kinds[UNITS] = {
        [UNIT_SOCKET] = {"phoenix", "socket"},
        [UNIT_PROXY] = {"phoenix-proxy", "service"},
        [UNIT_IDLE] = {"phoenix-idle", "service"},
    };
    ServiceDemand *demand = service->demand;
    int r = 0;

    unit_watch_with_times(service->watch);
    for (size_t i = 0; i < UNITS && r >= 0; i++) {
        if (!has_unit(demand->plan, i))
            continue;
        demand->names[i] = text_printf("%s@%s.%s", kinds[i].prefix, service->name, kinds[i].suffix);
        r = demand->names[i] ? units_watch(service->context->units, demand->names[i], service,
                                           &demand->watches[i])
                             : -ENOMEM;
    }
    return r;
}

static int recall(Service *service)
{
    ServiceDemand *demand = service->demand;
    CheckpointSlot *slot = service->slot;
    bool known = slot && slot->has_demand == 1;

    demand->record = persist_get_demand(service->record);
    if (!demand->record)
        return -ENOMEM;
    demand->state = slot ? checkpoint_demand(service->context->checkpoint, slot) : demand->own;
    if (known) /* the disk may be behind */
        *demand->record = demand->state->record;
    else
        demand->state->record = *demand->record;
    return 0;
}

int service_make_demand(Service *service)
{
    size_t size = sizeof(ServiceDemand) + (service->slot ? 0 : sizeof(CheckpointDemand));

    assert(!service->demand);
    if (!service->plan->demand)
        return 0;
    service->demand = calloc(1, size);
    if (!service->demand)
        return -ENOMEM;
    service->demand->plan = service->plan->demand;
    int r = recall(service);
    if (r >= 0)
        r = watch_units(service);
    if (r < 0)
        service_free_demand(service);
    return r;
}

static void touch(Service *service)
{
    service->demand->state->record = *service->demand->record;
    service_touch(service);
}

/* NULL: it has no such unit. */
static const UnitState *state_of(const ServiceDemand *demand, size_t i)
{
    return demand->watches[i] ? unit_watch_state(demand->watches[i]) : NULL;
}

/* ---- texts ---- */

/* "4.1ms", "182ms", "2h 3min" */
static void add_span(Text *text, uint64_t usec)
{
    _cleanup_free_ char *span = NULL;

    if (usec < 10 * USEC_PER_MSEC) {
        text_addf(text, "%.1fms", (double)usec / (double)USEC_PER_MSEC);
        return;
    }
    span = timespan_format(usec - usec % (usec < 10 * USEC_PER_SEC ? USEC_PER_MSEC : USEC_PER_SEC));
    text_add(text, span ? span : "a while");
}

static void emit(Service *service, EventKind kind, HealthState before, const Text *reason,
                 uint64_t took_usec)
{
    const ProbeResult result = {.latency_usec = took_usec};

    service_emit(service, kind, before, reason->error < 0 || !reason->data ? "" : reason->data,
                 NULL, took_usec == UINT64_MAX ? NULL : &result);
}

/* ---- starts ---- */

static bool is_up(const UnitState *unit)
{
    return unit->active == UNIT_ACTIVE || unit->active == UNIT_RELOADING;
}

static bool is_coming(const UnitState *unit)
{
    return is_up(unit) ||
           (unit->active == UNIT_ACTIVATING && strncmp(unit->sub, "auto-restart", 12) != 0);
}

static bool has_ended(const UnitState *unit)
{
    return unit->active == UNIT_INACTIVE || unit->active == UNIT_FAILED;
}

void service_demand_count_held(Service *service)
{
    ServiceDemand *demand = service->demand;
    uint64_t waiting;

    if (!demand || accept_queue_length(demand->plan->listen, &waiting) < 0)
        return;
    if (demand->state->starting)
        demand->state->held = MAX(demand->state->held, waiting);
    else
        demand->early_held = MAX(demand->early_held, waiting);
}

/* A restart by systemd is no start on demand, but belongs to the one that it is the second try of.
 */
static void follow_begin(Service *service, const UnitState *unit)
{
    ServiceDemand *demand = service->demand;
    CheckpointDemand *state = demand->state;

    if (!is_coming(unit) || unit->n_restarts > 0 || unit->left_usec <= state->left_usec)
        return;
    if (state->up) { /* its end was missed */
        demand->record->stops++;
        touch(service);
    }
    state->left_usec = unit->left_usec;
    state->held = demand->early_held;
    state->up = state->connection = state->seen = 0;
    state->starting = 1;
    service_demand_count_held(service);
}

static uint64_t local_day(const Service *service)
{
    time_t now = (time_t)(loop_now(service->context->event, CLOCK_REALTIME) / USEC_PER_SEC);
    struct tm tm = {0};

    localtime_r(&now, &tm);
    return (uint64_t)(tm.tm_year + 1900) * 10000 + (uint64_t)(tm.tm_mon + 1) * 100 +
           (uint64_t)tm.tm_mday;
}

static void count_start(Service *service, uint64_t took_usec)
{
    DemandRecord *record = service->demand->record;
    uint64_t held = service->demand->state->held, day = local_day(service);
    _cleanup_text_ Text reason = {0};

    if (record->day != day)
        record->starts_that_day = 0;
    record->day = day;
    record->starts_that_day++;
    record->starts++;
    record->held += held;
    cold_starts_add(&record->cold, took_usec);
    touch(service);
    if (held > 0)
        text_addf(&reason, "%" PRIu64 " connection%s held, ", held, held == 1 ? "" : "s");
    text_add(&reason, "served after ");
    add_span(&reason, took_usec);
    emit(service, EVENT_DEMAND_STARTED, service->state, &reason, took_usec);
}

/* When the connections that wait are taken; 0: not yet. */
static uint64_t served_usec(const ServiceDemand *demand, const UnitState *unit)
{
    const UnitState *proxy = state_of(demand, UNIT_PROXY);

    if (!proxy)
        return unit->active_usec;
    return is_up(proxy) && proxy->active_usec >= demand->state->left_usec ? proxy->active_usec : 0;
}

/* The first start may be over before systemd has answered, as its lease is what has started the
 * supervisor: then connections that were held tell. */
static void follow_connection(ServiceDemand *demand, const UnitState *unit)
{
    CheckpointDemand *state = demand->state;
    const UnitState *socket = state_of(demand, UNIT_SOCKET);

    if (socket->changed_usec <= state->left_usec)
        state->seen = 1;
    if (demand_is_start(streq(socket->sub, "running"), socket->changed_usec, state->left_usec,
                        unit->ended_usec < state->left_usec ? unit->ended_usec : 0) ||
        (!state->seen && state->held > 0))
        state->connection = 1;
}

static void follow_start(Service *service, const UnitState *unit)
{
    ServiceDemand *demand = service->demand;
    CheckpointDemand *state = demand->state;

    if (state->starting)
        follow_connection(demand, unit);
    else
        demand->early_held = 0;
    if (!state->starting)
        return;
    if (has_ended(unit))
        state->starting = 0;
    if (!is_up(unit) || unit->active_usec < state->left_usec)
        return;
    uint64_t served = served_usec(demand, unit);
    if (!service_is_supervised(service))
        service_demand_count_held(service); /* else when it was healthy */
    if (state->connection && served == 0)
        return;
    state->starting = 0;
    if (state->connection)
        count_start(service, served - state->left_usec);
}

/* ---- stops ---- */

static bool is_idle_stop(const ServiceDemand *demand, const UnitState *unit)
{
    const UnitState *idle = state_of(demand, UNIT_IDLE), *proxy = state_of(demand, UNIT_PROXY);

    if (!demand->plan->idle)
        return false;
    /* Where there is none, or it was frozen by an old systemd that cannot, the timer and the proxy
     * have done it. */
    if (idle && idle->word != UNIT_WORD_NONE)
        return streq(unit->result, "success") && idle->word == UNIT_WORD_IDLE;
    return proxy && demand_is_idle_stop(&(DemandStop){
                        .success = streq(unit->result, "success"),
                        .left_usec = unit->left_usec,
                        .active_usec = unit->active_usec,
                        .ended_usec = unit->ended_usec,
                        .stay_usec = demand->plan->stay_usec,
                        .proxy_left_usec = proxy->left_usec,
                        .proxy_ended_usec = proxy->ended_usec,
                        .proxy_exited = proxy->exit_code == CLD_EXITED,
                    });
}

static void add_why_idle(const ServiceDemand *demand, Text *reason)
{
    bool slept = demand->plan->freeze && demand->plan->stop_usec != USEC_INFINITY &&
                 state_of(demand, UNIT_IDLE)->word == UNIT_WORD_IDLE;

    text_add(reason, slept ? "frozen for " : "not used for ");
    add_span(reason, slept ? demand->plan->stop_usec : demand->plan->after_usec);
}

static void follow_end(Service *service, const UnitState *unit)
{
    ServiceDemand *demand = service->demand;
    _cleanup_text_ Text reason = {0};

    if (is_up(unit))
        demand->state->up = 1;
    if (!demand->state->up || !has_ended(unit))
        return;
    bool idle = is_idle_stop(demand, unit);
    demand->state->up = 0;
    *(idle ? &demand->record->idle_stops : &demand->record->stops) += 1;
    touch(service);
    if (service->state == HEALTH_HELD) /* which is told */
        return;
    if (idle)
        add_why_idle(demand, &reason);
    else
        service_add_result(&reason, unit);
    emit(service, idle ? EVENT_IDLE_STOPPED : EVENT_STOPPED, service->state, &reason, UINT64_MAX);
}

/* ---- changes ---- */

/* Without checks there is no lease that could say so. */
static void follow_freeze(Service *service)
{
    const UnitState *idle = state_of(service->demand, UNIT_IDLE);

    if (service_is_supervised(service) || !idle || idle->active != UNIT_ACTIVE)
        return;
    if (idle->word == UNIT_WORD_FROZEN)
        service_set_frozen(service, true);
    else if (idle->word == UNIT_WORD_AWAKE)
        service_set_frozen(service, false);
}

/* What is not known yet would be judged wrong; it is looked at again when it is. */
static bool all_is_read(const Service *service)
{
    for (size_t i = 0; i < UNITS; i++)
        if (service->demand->watches[i] && !unit_watch_is_read(service->demand->watches[i]))
            return false;
    return unit_watch_is_read(service->watch);
}

void service_follow_demand(Service *service)
{
    const UnitState *unit = unit_watch_state(service->watch);

    if (!service->demand || !unit->known || !all_is_read(service))
        return;
    follow_begin(service, unit);
    follow_start(service, unit);
    follow_end(service, unit);
    follow_freeze(service);
}

bool service_demand_is_up(const Service *service)
{
    return service->demand && service->demand->state->up;
}

/* ---- freezes ---- */

static void tell_thaw(Service *service, uint64_t awake_usec)
{
    _cleanup_text_ Text reason = {0};

    if (awake_usec != UINT64_MAX) {
        text_add(&reason, "awake after ");
        add_span(&reason, awake_usec);
        text_add(&reason, ", ");
    }
    text_add(&reason, "frozen for ");
    add_span(&reason, service->demand->slept_usec);
    emit(service, EVENT_THAWED, HEALTH_FROZEN, &reason, awake_usec);
}

/* Where the proxy comes and goes (systemd before 254), the socket has noticed the connection that
 * woke it and has its proxy started, which has not got to the end of that yet. Any other time is
 * not of this thaw: a proxy that was frozen, too, has woken unseen, or somebody else has done it.
 */
static void on_socket_changed(int error, uint64_t changed_usec, void *userdata)
{
    Service *service = userdata;
    const ServiceDemand *demand = service->demand;

    if (!demand)
        return;
    bool fits = error >= 0 && changed_usec <= demand->thawed_usec &&
                demand->thawed_usec - changed_usec < demand->slept_usec;
    tell_thaw(service, fits ? demand->thawed_usec - changed_usec : UINT64_MAX);
}

void service_demand_thawed(Service *service, uint64_t slept_usec)
{
    ServiceDemand *demand = service->demand;

    demand->record->thaws++;
    demand->thawed_usec = loop_now(service->context->event, CLOCK_MONOTONIC);
    demand->slept_usec = slept_usec;
    touch(service);
    if (demand->plan->native ||
        units_get_changed(service->context->units, demand->names[UNIT_SOCKET], on_socket_changed,
                          service) < 0)
        tell_thaw(service, UINT64_MAX);
}

void service_demand_frozen(Service *service)
{
    _cleanup_text_ Text reason = {0};

    service->demand->record->freezes++;
    touch(service);
    if (service->demand->plan->freeze) {
        text_add(&reason, "not used for ");
        add_span(&reason, service->demand->plan->after_usec);
    }
    emit(service, EVENT_FROZEN, HEALTH_HEALTHY, &reason, UINT64_MAX);
}

void service_demand_add_frozen(Service *service, uint64_t usec)
{
    service->demand->record->frozen_usec += usec;
    touch(service);
}

/* ---- what is seen of it ---- */

void service_view_demand(Service *service, DemandView *ret)
{
    const ServiceDemand *demand = service->demand;
    const UnitState *unit = unit_watch_state(service->watch),
                    *socket = state_of(demand, UNIT_SOCKET);
    const DemandRecord *record = demand->record;
    bool listening = socket->known && socket->active == UNIT_ACTIVE;

    *ret = (DemandView){
        .listen = demand->plan->listen,
        .native = demand->plan->native,
        .idle_action = !demand->plan->idle    ? ""
                       : demand->plan->freeze ? "freeze"
                                              : "stop",
        .idle_after_usec = demand->plan->idle ? demand->plan->after_usec : UINT64_MAX,
        .listening = listening,
        .idle = listening && unit->known && unit->active == UNIT_INACTIVE,
        .socket_state = socket->known ? unit_active_word(socket->active) : "",
        .socket_result = socket->result,
        .starts = record->starts,
        .starts_today = record->day == local_day(service) ? record->starts_that_day : 0,
        .held = record->held,
        .idle_stops = record->idle_stops,
        .stops = record->stops,
        .freezes = record->freezes,
        .thaws = record->thaws,
        .frozen_usec = record->frozen_usec,
        .cold = &record->cold,
    };
    if (service->state == HEALTH_FROZEN)
        ret->frozen_usec += service_in_state_usec(service);
}

/* Asked for only where connections can wait: systemd starts whatever they wait for. */
uint64_t service_count_waiting(const Service *service)
{
    const ServiceDemand *demand = service->demand;
    const UnitState *unit = unit_watch_state(service->watch), *socket;
    uint64_t waiting = 0;

    if (!demand)
        return 0;
    socket = state_of(demand, UNIT_SOCKET);
    if (socket->active != UNIT_ACTIVE || is_up(unit) ||
        (unit->active == UNIT_INACTIVE && streq(socket->sub, "listening")))
        return 0;
    return accept_queue_length(demand->plan->listen, &waiting) < 0 ? 0 : waiting;
}
