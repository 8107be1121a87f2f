/* SPDX-License-Identifier: MIT */
/* From the results of checks to events of the state table, and from its actions to the lease. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/macros.h"
#include "supervisor/daemon/service.h"
#include "supervisor/daemon/source.h"

/* As long as a lease waits for an answer of a supervisor. */
#define BLIND_MAX_USEC (20 * USEC_PER_SEC)

#define PETS_PER_WATCHDOG 6

/* Checks whose failing for good makes the service unhealthy. */
static bool is_vital(const Runner *runner)
{
    return !runner_is_readiness(runner) || runner_restarts(runner);
}

/* They go on being counted after the verdict; "180 of 3" would be of no use. */
static uint32_t shown_failures(const Runner *runner)
{
    return MIN(runner_failures(runner), (uint32_t)runner_spec(runner)->retries);
}

void service_emit(Service *service, EventKind kind, HealthState before, const char *reason,
                  Runner *runner, const ProbeResult *result)
{
    Event event = {
        .kind = kind,
        .service = service->name,
        .unit = service->unit,
        .before = before,
        .after = service->state,
        .probe = runner ? runner_label(runner) : NULL,
        .reason = reason ? reason : "",
        .failures = runner ? shown_failures(runner) : 0,
        .retries = runner ? (uint32_t)runner_spec(runner)->retries : 0,
        .latency_usec = result ? result->latency_usec : UINT64_MAX,
        .delay_usec = UINT64_MAX,
        .restarts = (uint32_t)service->record->restarts,
    };

    if (kind == EVENT_HELD)
        event.delay_usec = service_held_until(service) - service->record->held_usec;
    events_emit(service->context->events, &event);
}

/* ---- texts ---- */

/* Most results say what the one before has said. Without memory there is no text, rather than one
 * that is no longer true. */
static void set_text(char **text, const char *value)
{
    if (*text ? streq(*text, value) : !value[0])
        return;
    free(*text);
    *text = value[0] ? strdup(value) : NULL;
}

void service_forget_reason(Service *service)
{
    set_text(&service->reason, "");
}

const char *service_reason(const Service *service)
{
    return service->reason ? service->reason : "";
}

/* ---- orders to the lease ---- */

/* In buf, or a constant. */
static const char *status_of(const Service *service, char *buf, size_t size)
{
    const char *reason = service_reason(service);

    if (service->state == HEALTH_HEALTHY && service->ready != 0)
        return "healthy";
    if (service->state == HEALTH_HEALTHY)
        snprintf(buf, size, "healthy, not ready: %s",
                 service->ready_reason ? service->ready_reason : "");
    else
        snprintf(buf, size, "%s%s%s", health_state_word(service->state), reason[0] ? ": " : "",
                 reason);
    return buf;
}

/* What `systemctl status` shows; said only when it changes. */
static void show_status(Service *service)
{
    char buf[LEASE_TEXT_MAX];

    if (!service->lease || service->triggered)
        return;
    const char *status = status_of(service, buf, sizeof(buf));
    uint64_t hash = hash64(HASH64_START, status, strlen(status));
    if (hash == service->status_hash)
        return;
    service->status_hash = hash;
    (void)lease_peer_say_text(service->lease, LEASE_STATUS, status);
}

/* A service that beats by itself is watched by systemd's own timer: a pet of ours would hide it.
 * Else a pet wakes the lease and systemd, so that checks in quick succession share one: several
 * still go into the watchdog time, and into the half of it after which the lease thinks that we are
 * away. */
static void pet(Service *service)
{
    uint64_t now = loop_now(service->context->event, CLOCK_MONOTONIC);

    if (!service->lease || service->triggered || service->plan->watchdog_usec != USEC_INFINITY)
        return;
    if (service->pet_usec != 0 &&
        now < service->pet_usec + service->watchdog_usec / PETS_PER_WATCHDOG)
        return;
    service->pet_usec = now;
    (void)lease_peer_say(service->lease, LEASE_PET);
}

void service_set_triggered(Service *service, bool triggered)
{
    service->triggered = triggered;
    if (service->slot)
        service->slot->triggered = triggered;
}

static void start_checks(Service *service, bool resume)
{
    service_set_triggered(service, false);
    service->ready = -1;
    service->blind_since_usec = 0;
    service_start_checks(service, resume ? runner_resume : runner_start);
}

/* Tells systemd to end the service. What is measured from here on is its end. */
static void trigger(Service *service, const char *reason, Runner *runner)
{
    if (service->triggered || (runner && !runner_restarts(runner)) ||
        service->context->is_braked(service->context->userdata))
        return;
    /* Without its lease (killed, say, for want of memory) nobody can tell systemd why; that it has
     * to end all the same can be said over the bus. */
    if (!service->lease && units_abort(service->context->units, service->unit, NULL, NULL) < 0)
        return;
    service_set_triggered(service, true);
    service_stop_checks(service);
    if (service->lease)
        (void)lease_peer_end_payload(service->lease, LEASE_TRIGGER, ABORT_GRACE_USEC, reason);
}

static void fail_start(Service *service, const char *reason, Runner *runner)
{
    if (!service->lease)
        return;
    if (runner && !runner_restarts(runner)) { /* the user wants to see it, not to have it ended */
        (void)lease_peer_say(service->lease, LEASE_READY);
        service->phase = LEASE_PHASE_READY;
        return;
    }
    service_set_triggered(service, true);
    service_stop_checks(service);
    (void)lease_peer_say_text(service->lease, LEASE_FAIL, reason);
}

static void act(Service *service, unsigned actions, bool resume, const char *reason, Runner *runner)
{
    if (actions & HEALTH_ACT_STOP_PROBES)
        service_stop_checks(service);
    if (actions & HEALTH_ACT_PROBE)
        start_checks(service, resume);
    if (actions & HEALTH_ACT_READY)
        service_demand_count_held(service);
    if ((actions & HEALTH_ACT_READY) && service->lease) {
        service->phase = LEASE_PHASE_READY;
        (void)lease_peer_say(service->lease, LEASE_READY);
    }
    if (actions & HEALTH_ACT_FAIL_START)
        fail_start(service, reason, runner);
    if (actions & HEALTH_ACT_TRIGGER)
        trigger(service, reason, runner);
}

/* ---- states ---- */

/* The event that tells of the state that comes; -1: none of its own. */
static int event_of(const Service *service, HealthState after, HealthEvent cause)
{
    HealthState before = service->state;

    switch (after) {
    case HEALTH_STARTING:
        return EVENT_STARTING;
    case HEALTH_HEALTHY:
        if (cause == HEALTH_EVENT_RESUME || cause == HEALTH_EVENT_MAINTENANCE_OFF ||
            cause == HEALTH_EVENT_THAW) /* told by service-freeze.c */
            return -1;
        return before == HEALTH_STARTING && !service->was_unhealthy ? EVENT_HEALTHY
                                                                    : EVENT_RECOVERED;
    case HEALTH_FAILING:
        return EVENT_FAILING;
    case HEALTH_UNHEALTHY:
        return before == HEALTH_STARTING ? EVENT_START_FAILED : EVENT_UNHEALTHY;
    case HEALTH_STOPPED:
        return cause == HEALTH_EVENT_RELEASE ? EVENT_RELEASED : -1;
    case HEALTH_FROZEN: /* told by service-freeze.c */
    case HEALTH_HELD:
    case HEALTH_MAINTENANCE:
    case _HEALTH_STATE_MAX:
        break;
    }
    return -1;
}

void service_enter(Service *service, HealthState state)
{
    ServiceRecord *record = service->record;
    HealthState before = service->state;

    if (before == HEALTH_FROZEN && state != before && service->demand)
        service_demand_add_frozen(service, service_in_state_usec(service));
    service->state = state;
    record->state = (int)state;
    record->state_since_usec = loop_now(service->context->event, CLOCK_REALTIME);
    if (state == HEALTH_HEALTHY) {
        record->last_healthy_usec = record->state_since_usec;
        service_arm_reset(service);
        service_arm_beat(service);
    } else {
        service_disarm_reset(service);
    }
    if (state == HEALTH_UNHEALTHY) {
        record->unhealthy++;
        record->last_failure_usec = record->state_since_usec;
        persist_set_last_reason(service->context->persist, record, service_reason(service));
    }
    if (state == HEALTH_UNHEALTHY || state == HEALTH_HELD)
        service->was_unhealthy = true;
    else if (state == HEALTH_HEALTHY)
        service->was_unhealthy = false;
    if (state == HEALTH_STOPPED || state == HEALTH_STARTING)
        service_disarm_beat(service);
    if (service->slot) {
        service->slot->state = (int32_t)state;
        service->slot->was_unhealthy = service->was_unhealthy;
    }
    if (before == HEALTH_STARTING)
        service->context->settled(service, service->context->userdata);
    service_touch(service);
}

static void post(Service *service, HealthEvent cause, const char *reason, Runner *runner,
                 const ProbeResult *result)
{
    HealthState before = service->state;
    HealthStep step = health_step(before, cause);

    if (step.actions & HEALTH_ACT_IGNORED)
        return;
    if (reason)
        set_text(&service->reason, reason);
    if (step.next != before) {
        int kind = event_of(service, step.next, cause);
        service_enter(service, step.next);
        if (kind >= 0)
            service_emit(service, (EventKind)kind, before,
                         result ? result->reason : service_reason(service), runner, result);
    }
    act(service, step.actions, cause == HEALTH_EVENT_RESUME || cause == HEALTH_EVENT_THAW,
        service_reason(service), runner);
    show_status(service);
}

void service_post(Service *service, HealthEvent event, const char *reason)
{
    post(service, event, reason, NULL, NULL);
}

/* ---- results ---- */

/* All that the service needs to be called healthy. A start also waits for readiness, but not for
 * ever: once that has failed for good, the service is up and not ready. */
static bool all_pass(const Service *service)
{
    for (size_t i = 0; i < service->n_runners; i++) {
        const Runner *runner = service->runners[i];
        Verdict verdict = runner_verdict(runner);
        if (is_vital(runner) ? verdict != VERDICT_PASSING
                             : service->state == HEALTH_STARTING && verdict != VERDICT_PASSING &&
                                   verdict != VERDICT_EXHAUSTED)
            return false;
    }
    return true;
}

static int readiness_of(const Service *service)
{
    int ready = -1;

    for (size_t i = 0; i < service->n_runners; i++) {
        if (!runner_is_readiness(service->runners[i]))
            continue;
        if (runner_verdict(service->runners[i]) == VERDICT_EXHAUSTED)
            return 0;
        if (runner_verdict(service->runners[i]) == VERDICT_PASSING)
            ready = ready < 0 ? 1 : ready;
        else
            ready = service->ready == 0 ? 0 : ready; /* not out before it fails for good */
    }
    return ready;
}

static void judge_readiness(Service *service, Runner *runner, const ProbeResult *result)
{
    int before = service->ready, ready = readiness_of(service);

    if (ready < 0 || ready == before)
        return;
    service->ready = (int8_t)ready;
    if (ready == 0) {
        set_text(&service->ready_reason, result->reason);
        service_emit(service, EVENT_NOT_READY, service->state, result->reason, runner, result);
    } else if (before == 0) {
        service_emit(service, EVENT_READY, service->state, result->reason, runner, result);
    }
}

/* "GET /health: 503 Service Unavailable, 2 of 3": what people and the journal read. */
static void count_reason(const Runner *runner, const ProbeResult *result, char *buf, size_t size)
{
    char tail[40];
    int n = snprintf(tail, sizeof(tail), ", %" PRIu32 " of %" PRId64, shown_failures(runner),
                     runner_spec(runner)->retries);

    snprintf(buf, size, "%.*s%s", (int)(size - (size_t)n - 1), result->reason, tail);
}

static void judge(Service *service, Runner *runner, const ProbeResult *result)
{
    char reason[PROBE_REASON_MAX];
    Verdict verdict = runner_verdict(runner);

    if (is_vital(runner) && verdict == VERDICT_EXHAUSTED) {
        count_reason(runner, result, reason, sizeof(reason));
        post(service, HEALTH_EVENT_EXHAUST, reason, runner, result);
    } else if (is_vital(runner) && verdict == VERDICT_FAILING && result->outcome == PROBE_FAIL) {
        count_reason(runner, result, reason, sizeof(reason));
        post(service, HEALTH_EVENT_FAIL, reason, runner, result);
    } else if (all_pass(service)) {
        post(service, HEALTH_EVENT_PASS, is_vital(runner) ? result->reason : NULL, runner, result);
    } else if (result->outcome == PROBE_FAIL) {
        set_text(&service->reason, result->reason);
    }
}

/* A start must not fail because we cannot look: after a while it goes on unseen, as it would
 * without a supervisor. */
static void give_up_waiting(Service *service, const ProbeResult *result)
{
    uint64_t now = loop_now(service->context->event, CLOCK_MONOTONIC);

    if (service->blind_since_usec == 0)
        service->blind_since_usec = now;
    if (service->phase != LEASE_PHASE_WAITING || !service->lease ||
        now < service->blind_since_usec + BLIND_MAX_USEC)
        return;
    service->phase = LEASE_PHASE_READY;
    set_text(&service->reason, result->reason);
    (void)lease_peer_say(service->lease, LEASE_READY);
}

void service_check_done(Runner *runner, Verdict before, const ProbeResult *result, void *userdata)
{
    Service *service = userdata;

    service->record->checks += result->outcome != PROBE_VOID;
    service->record->failures += result->outcome == PROBE_FAIL;
    service_remember(service);
    if (service->triggered)
        return;
    if (result->outcome == PROBE_VOID) {
        give_up_waiting(service, result);
    } else {
        service->blind_since_usec = 0;
        if (before == VERDICT_PASSING && result->outcome == PROBE_FAIL)
            service->context->onset(runner, service->context->userdata);
        judge_readiness(service, runner, result);
        judge(service, runner, result);
    }
    /* Also while it fails: whether and when that is the end is decided by retries, not by a timer
     * that knows nothing of them. */
    pet(service);
    show_status(service);
}

/* What failed while nobody was to be hurt counts from now on. */
void service_judge_again(Service *service)
{
    for (size_t i = 0; i < service->n_runners; i++) {
        Verdict verdict = runner_verdict(service->runners[i]);
        if (is_vital(service->runners[i]) &&
            (verdict == VERDICT_FAILING || verdict == VERDICT_EXHAUSTED)) {
            service_post(service, HEALTH_EVENT_FAIL, NULL);
            return;
        }
    }
}

void service_continue(Service *service)
{
    if (service->state == HEALTH_FROZEN) { /* the lease says next whether it still is */
        show_status(service);
        return;
    }
    service_start_checks(service, runner_continue);
    service->ready = (int8_t)readiness_of(service); /* which was told when it came to be */
    if (service->ready == 0)
        set_text(&service->ready_reason, "as before phoenixd restarted");
    if (service->state == HEALTH_HEALTHY)
        service_arm_beat(service);
    show_status(service);
}
