/* SPDX-License-Identifier: MIT */
/*
 * systemd restarts, and counts; what it does not do is done here: the count goes back to zero after
 * a time of health, and a service that it gave up on is tried again, slowly.
 */
#include <errno.h>
#include <stdio.h>

#include "base/macros.h"
#include "base/text.h"
#include "base/timespan.h"
#include "base/unit-result.h"
#include "supervisor/daemon/service.h"
#include "supervisor/daemon/source.h"

/* How many restarts lie between two invocations of the unit. The count starts anew with a start by
 * hand. */
static uint32_t restarts_between(uint32_t n_before, const UnitState *now)
{
    if (now->n_restarts > n_before)
        return now->n_restarts - n_before;
    return now->n_restarts < n_before ? now->n_restarts : 0;
}

void service_add_result(Text *text, const UnitState *state)
{
    if (!streq(state->result, "success"))
        unit_result_add(text, state->result, (int32_t)state->exit_code,
                        (int32_t)state->exit_status);
}

static void forget_reason(Service *service)
{
    free(service->restart_reason);
    service->restart_reason = NULL;
}

/* Why it is restarted is known now, and the next start has reasons of its own. */
static void remember_reason(Service *service, const UnitState *before)
{
    _cleanup_text_ Text result = {0};

    if (service->restart_reason)
        return;
    if (!service->reason)
        service_add_result(&result, before);
    service->restart_reason = strdup(service->reason ? service->reason
                                     : result.data   ? result.data
                                                     : "");
}

/* systemd counts a restart when it wants to make it. The last one that it counts before it gives up
 * is none: it is refused (StartLimitBurst=), so there is no invocation of it. */
static void follow_announcement(Service *service, const UnitState *before, const UnitState *now)
{
    ServiceRecord *record = service->record;

    if (now->n_restarts > record->n_restarts_seen)
        remember_reason(service, before);
    if (now->n_restarts >= record->n_restarts_seen)
        return;
    record->n_restarts_seen = now->n_restarts;
    service_touch(service);
}

void service_count_restarts(Service *service, const UnitState *before, const UnitState *now)
{
    ServiceRecord *record = service->record;

    if (sd_id128_is_null(now->invocation) || sd_id128_equal(record->invocation, now->invocation)) {
        follow_announcement(service, before, now);
        return;
    }
    uint32_t n = restarts_between(record->n_restarts_seen, now);
    record->n_restarts_seen = now->n_restarts;
    record->starts++;
    record->invocation = now->invocation;
    record->restarts += n;
    if (n > 0) {
        remember_reason(service, before);
        service_emit(service, EVENT_RESTARTED, service->state, service->restart_reason, NULL, NULL);
    }
    forget_reason(service);
    service_touch(service); /* now: killed in between it is told twice, but never lost */
}

/* ---- reset ---- */

static int on_reset(sd_event_source *source, uint64_t usec, void *userdata)
{
    Service *service = userdata;

    (void)units_reset_failed(service->context->units, service->unit, NULL, NULL);
    return 0;
}

void service_disarm_reset(Service *service)
{
    service->reset_timer = sd_event_source_disable_unref(service->reset_timer);
}

void service_arm_reset(Service *service)
{
    const UnitState *state = unit_watch_state(service->watch);
    uint64_t at = restart_reset_at(&service->plan->restart, state->known ? state->n_restarts : 0,
                                   loop_now(service->context->event, CLOCK_MONOTONIC));

    service_disarm_reset(service);
    if (at == UINT64_MAX)
        return;
    if (sd_event_add_time(service->context->event, &service->reset_timer, CLOCK_MONOTONIC, at,
                          USEC_PER_SEC, on_reset, service) >= 0)
        source_set(service->reset_timer, "restart-reset", PRIORITY_SERVICE);
}

/* ---- hold ---- */

uint64_t service_held_until(const Service *service)
{
    uint64_t held = service->record->held_usec;

    return held ? restart_retry_at(&service->plan->restart, held) : 0;
}

int service_release(Service *service)
{
    int r = units_reset_failed(service->context->units, service->unit, NULL, NULL);

    if (r >= 0)
        r = units_start(service->context->units, service->unit, NULL, NULL);
    return r;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
    Service *service = userdata;

    service->retrying = service_release(service) >= 0;
    if (!service->retrying) /* no bus: once more after the same time */
        sd_event_source_set_time_relative(source, restart_retry_at(&service->plan->restart, 0));
    sd_event_source_set_enabled(source, service->retrying ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
    return 0;
}

void service_hold(Service *service, const UnitState *state)
{
    bool known = service->record->held_usec != 0 && !service->retrying;
    HealthState before = service->state;
    _cleanup_text_ Text result = {0};

    forget_reason(service);
    service_add_result(&result, state);
    if (!known)
        service->record->held_usec = loop_now(service->context->event, CLOCK_REALTIME);
    service->retrying = false;
    service_post(service, HEALTH_EVENT_HOLD, service->reason ? NULL : result.data);
    service->retry_timer = sd_event_source_disable_unref(service->retry_timer);
    if (sd_event_add_time(service->context->event, &service->retry_timer, CLOCK_REALTIME,
                          service_held_until(service), USEC_PER_SEC, on_retry, service) >= 0)
        source_set(service->retry_timer, "held-retry", PRIORITY_SERVICE);
    service_touch(service);
    if (!known)
        service_emit(service, EVENT_HELD, before, service_reason(service), NULL, NULL);
}

void service_disarm_hold(Service *service)
{
    service->retry_timer = sd_event_source_disable_unref(service->retry_timer);
    if (service->record->held_usec == 0 || service->retrying)
        return;
    service->record->held_usec = 0;
    service_touch(service);
}
