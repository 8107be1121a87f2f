/* SPDX-License-Identifier: MIT */
/*
 * The life of one service: made from a plan, given another one, followed through what its lease and
 * systemd say of it. What follows from its checks is service-health.c.
 */
#include "supervisor/daemon/service.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "base/macros.h"
#include "base/text.h"
#include "supervisor/daemon/source.h"

#define SERVICE_OF_DOOR(d) ((Service *)((char *)(d)-offsetof(Service, door)))

/* ---- the door: what checks ask for goes to the lease ---- */

static int door_request(Door *door, const DoorRequest *request, door_done_t done, void *userdata,
                        uint32_t *ret_id)
{
    LeasePeer *lease = SERVICE_OF_DOOR(door)->lease;

    return lease ? lease_peer_request(lease, request, done, userdata, ret_id) : -ENOTCONN;
}

static void door_cancel(Door *door, uint32_t id)
{
    LeasePeer *lease = SERVICE_OF_DOOR(door)->lease;

    if (lease)
        lease_peer_cancel(lease, id);
}

static int door_shares_network(Door *door)
{
    return SERVICE_OF_DOOR(door)->shares_network;
}

/* ---- life ---- */

static int apply_plan(Service *service, Plan *plan)
{
    service_free_checks(service); /* these borrow from the old one */
    service_free_demand(service);
    plan_free(service->plan);
    service->plan = plan;
    service->name = plan->name;
    int r = service_make_checks(service);
    return r < 0 ? r : service_make_demand(service);
}

/* The service is down, or has just been started anew. */
static void take_next_plan(Service *service)
{
    int r = 0;

    if (service->next_plan)
        r = apply_plan(service, TAKE_PTR(service->next_plan));
    if (r < 0)
        log_error("%s: cannot be supervised: %s", service->name, strerror(-r));
}

static void remember_maintenance(Service *service)
{
    ServiceRecord *record = service->record;

    if (!record->maintenance)
        return;
    if (record->maintenance_until_usec <= loop_now(service->context->event, CLOCK_REALTIME)) {
        record->maintenance = false;
        record->maintenance_until_usec = 0;
        return;
    }
    (void)service_set_maintenance(service, true, record->maintenance_until_usec); /* its timer */
}

/* The state of before a restart holds for the lease of before. Held follows from the unit, and
 * without checks all states do, but for sleep, whose end is told. */
static void recall(Service *service)
{
    const CheckpointSlot *slot = service->slot;

    if (slot && slot->state == HEALTH_FROZEN && service->plan->n_checks == 0)
        service->state = HEALTH_FROZEN;
    if (!slot || slot->triggered || slot->lease_pid <= 0 || service->plan->n_checks == 0)
        return;
    if (slot->state == HEALTH_STARTING || slot->state == HEALTH_HEALTHY ||
        slot->state == HEALTH_FAILING || slot->state == HEALTH_UNHEALTHY ||
        slot->state == HEALTH_MAINTENANCE || slot->state == HEALTH_FROZEN) {
        service->state = (HealthState)slot->state;
        service->lease_pid = slot->lease_pid;
        service->recalled = true;
    }
}

/* What is known of it from before. */
static int recall_record(Service *service)
{
    service->record = persist_get(service->context->persist, service->name);
    if (!service->record)
        return -ENOMEM;
    service->slot = checkpoint_get(service->context->checkpoint, service->name);
    if (service->slot && !sd_id128_is_null(service->slot->record.invocation))
        *service->record = service->slot->record;
    service->was_unhealthy = (service->slot && service->slot->was_unhealthy) ||
                             service->record->state == HEALTH_UNHEALTHY ||
                             service->record->state == HEALTH_HELD;
    return 0;
}

int service_new(ServiceContext *context, Plan **plan, Service **ret)
{
    Service *service = calloc(1, sizeof(*service));
    int r;

    if (!service)
        return -ENOMEM;
    service->context = context;
    service->ready = -1;
    service->door = (Door){
        .request = door_request, .cancel = door_cancel, .shares_network = door_shares_network};
    service->plan = *plan;
    service->name = (*plan)->name;
    service->unit = text_printf("phoenix@%s.service", service->name);
    r = service->unit ? recall_record(service) : -ENOMEM;
    if (r >= 0) {
        recall(service);
        r = units_watch(context->units, service->unit, service, &service->watch);
    }
    if (r >= 0)
        r = service_make_checks(service);
    if (r >= 0)
        r = service_make_demand(service);
    if (r < 0) {
        service->plan = NULL; /* stays the caller's; there are no checks that borrow from it */
        service_free(service);
        return r;
    }
    *plan = NULL;
    remember_maintenance(service);
    *ret = service;
    return 0;
}

Service *service_free(Service *service)
{
    if (!service)
        return NULL;
    assert(!service->turn);
    units_cancel(service->context->units, service);
    service_free_checks(service);
    service_free_demand(service);
    service_disarm_beat(service);
    unit_watch_free(service->watch);
    sd_event_source_disable_unref(service->reset_timer);
    sd_event_source_disable_unref(service->retry_timer);
    sd_event_source_disable_unref(service->maintenance_timer);
    plan_free(service->plan);
    plan_free(service->next_plan);
    free(service->reason);
    free(service->restart_reason);
    free(service->ready_reason);
    free(service->unit);
    free(service);
    return NULL;
}

void service_remember(Service *service)
{
    if (service->slot)
        service->slot->record = *service->record;
}

void service_touch(Service *service)
{
    service_remember(service);
    persist_touch(service->context->persist);
}

bool service_is_supervised(const Service *service)
{
    return service->n_runners > 0;
}

bool service_is_up(const Service *service)
{
    const UnitState *state = unit_watch_state(service->watch);

    return service->lease ||
           (state->known && (state->active == UNIT_ACTIVE || state->active == UNIT_ACTIVATING ||
                             state->active == UNIT_RELOADING));
}

int service_set_plan(Service *service, Plan *plan)
{
    plan_free(service->next_plan);
    service->next_plan = NULL;
    service->orphan = false;
    if (service->state == HEALTH_STOPPED || service->state == HEALTH_HELD)
        return apply_plan(service, plan);
    service->next_plan = plan;
    return 0;
}

/* ---- the lease ---- */

static void begin(Service *service, HealthEvent event)
{
    service_disarm_hold(service);
    service->retrying = false;
    service_post(service, event, event == HEALTH_EVENT_START ? "" : NULL);
    if (service->record->maintenance)
        service_post(service, HEALTH_EVENT_MAINTENANCE_ON, NULL);
}

void service_lease_hello(Service *service, LeasePeer *peer, const struct lease_hello *hello)
{
    pid_t pid = lease_peer_identity(peer)->pid;
    bool same = service->lease_pid == pid && service->state != HEALTH_STOPPED;

    service->lease = peer;
    service->lease_pid = pid;
    if (service->slot)
        service->slot->lease_pid = pid;
    service->phase = (enum lease_phase)hello->phase;
    service->lease_since_usec = loop_now(service->context->event, CLOCK_REALTIME);
    service->shares_network = hello->netns_ino == service->context->netns_ino &&
                              hello->netns_dev == service->context->netns_dev &&
                              hello->netns_ino != 0;
    service->watchdog_usec = hello->watchdog_usec;
    service->pet_usec = 0;
    service->status_hash = 0;
    (void)lease_peer_say(peer, LEASE_WELCOME);
    if (!same)
        take_next_plan(service);
    if (!service_is_supervised(service)) {
        (void)lease_peer_say(peer, LEASE_READY);
        return;
    }
    if (same && service->recalled) {
        service->recalled = false;
        service_continue(service);
        return;
    }
    service->recalled = false;
    if (service->phase == LEASE_PHASE_WAITING && !(same && service->state == HEALTH_STARTING))
        begin(service, HEALTH_EVENT_START);
    else if (service->phase == LEASE_PHASE_READY && (!same || service->triggered))
        begin(service, HEALTH_EVENT_RESUME);
}

void service_lease_gone(Service *service)
{
    const UnitState *state = unit_watch_state(service->watch);

    service->lease = NULL;
    /* Its end is the end of the main process, or it reconnects at once. systemd says which, if it
     * can be heard. */
    if (!state->known || state->active == UNIT_INACTIVE || state->active == UNIT_FAILED ||
        state->active == UNIT_DEACTIVATING)
        service_post(service, HEALTH_EVENT_DOWN, NULL);
}

/* ---- the unit ---- */

static bool is_down(const UnitState *state)
{
    return state->active == UNIT_INACTIVE || state->active == UNIT_FAILED ||
           state->active == UNIT_DEACTIVATING || strstr(state->sub, "auto-restart");
}

/* It has ended, and systemd will not start it again. */
static bool has_ended(const UnitState *state)
{
    return (state->active == UNIT_INACTIVE || state->active == UNIT_FAILED) &&
           !strstr(state->sub, "auto-restart");
}

/* The two sockets are not ordered: what systemd said before this lease was born is of the last run.
 */
static bool is_stale(const Service *service, const UnitState *state)
{
    return service->lease && state->entered_usec < service->lease_since_usec &&
           state->active != UNIT_DEACTIVATING;
}

/* systemd's own timer ran out. The payload of a container gets no signal of that. */
static void follow_timeout(Service *service)
{
    if (service->triggered)
        return;
    service_set_triggered(service, true);
    if (service->lease && service->plan->type == SPEC_TYPE_CONTAINER)
        (void)lease_peer_end_payload(service->lease, LEASE_ABORT, ABORT_GRACE_USEC, "");
    service_post(service, HEALTH_EVENT_EXHAUST, "no heartbeat in time");
}

/* systemd has refused to start it once more. Its Result= stays that of the last run, so what tells
 * is that a restart was under way; after a restart of the supervisor, what is remembered. */
static bool is_given_up(const Service *service, const UnitState *before, const UnitState *now)
{
    if (now->active != UNIT_FAILED || strstr(now->sub, "auto-restart") ||
        service->plan->restart.burst <= 0)
        return false;
    return streq(now->result, "start-limit-hit") || strstr(before->sub, "auto-restart") ||
           service->record->held_usec != 0 ||
           (int64_t)now->n_restarts > service->plan->restart.burst;
}

/* What the checks said last is no longer so, unless it is why the service was ended. What ended
 * without a fault needs no reason. */
static void follow_end(Service *service, const UnitState *now)
{
    bool judged = service->state == HEALTH_UNHEALTHY || service->triggered;
    bool good = streq(now->result, "success");
    _cleanup_text_ Text result = {0};

    service_add_result(&result, now);
    service_post(service, HEALTH_EVENT_DOWN,
                 judged || result.error < 0 ? NULL
                 : good                     ? ""
                                            : result.data);
    if (has_ended(now) && service->state == HEALTH_STOPPED && good)
        service_forget_reason(service);
}

static void follow_down(Service *service, const UnitState *before, const UnitState *now)
{
    _cleanup_text_ Text result = {0};

    if (streq(now->sub, "stop-watchdog") && !streq(before->sub, now->sub))
        follow_timeout(service);
    if (is_given_up(service, before, now))
        service_hold(service, now);
    else if (service->state == HEALTH_HELD && now->active == UNIT_INACTIVE)
        service_post(service, HEALTH_EVENT_RELEASE, NULL);
    else
        follow_end(service, now);
    service_add_result(&result, now);
    if (has_ended(now) && before->known && !has_ended(before) && service->state != HEALTH_HELD &&
        !service_demand_is_up(service))
        service_emit(service, EVENT_STOPPED, service->state, result.data, NULL, NULL);
}

/* Without checks the unit's state is all there is to know. */
static void follow_plain(Service *service, const UnitState *now)
{
    HealthState state = now->active == UNIT_ACTIVE || now->active == UNIT_RELOADING
                            ? HEALTH_HEALTHY
                            : (now->active == UNIT_ACTIVATING ? HEALTH_STARTING : HEALTH_STOPPED);

    bool recovered = state == HEALTH_HEALTHY && service->was_unhealthy;

    if (service->state == state || (service->state == HEALTH_HELD && state == HEALTH_STOPPED) ||
        (service->state == HEALTH_FROZEN && state == HEALTH_HEALTHY))
        return;
    service_set_triggered(service, false);
    if (state != HEALTH_STOPPED)
        service_forget_reason(service);
    service_enter(service, state);
    if (state == HEALTH_HEALTHY)
        service_disarm_hold(service);
    if (recovered)
        service_emit(service, EVENT_RECOVERED, HEALTH_STARTING, "active", NULL, NULL);
}

/* Whatever its turn at the gate was for is over. The first that is known of a unit may have been
 * asked for before that turn began, and what has not changed says nothing of it. */
static bool is_settled(const UnitState *before, const UnitState *now)
{
    if (now->active == UNIT_ACTIVE)
        return true;
    if (!before->known)
        return false;
    return now->active == UNIT_DEACTIVATING ||
           (has_ended(now) && (before->active != now->active ||
                               !sd_id128_equal(before->invocation, now->invocation)));
}

void service_unit_changed(Service *service, const UnitState *before, const UnitState *now)
{
    if (!now->known)
        return;
    service_count_restarts(service, before, now);
    if (is_down(now) && !is_stale(service, now))
        follow_down(service, before, now);
    if (service->state == HEALTH_STOPPED || service->state == HEALTH_HELD)
        take_next_plan(service);
    if (!service_is_supervised(service) && !is_down(now))
        follow_plain(service, now);
    if (service->state == HEALTH_HEALTHY && !service->reset_timer && now->n_restarts > 0)
        service_arm_reset(service);
    service_follow_demand(service);
    if (is_settled(before, now))
        service->context->settled(service, service->context->userdata);
}
