/* SPDX-License-Identifier: MIT */
/* One service from its start to its end: what its lease is told to do, and what is told of it. */
#include "test-service-fake.h"

#include <errno.h>

#define HOUR USEC_PER_HOUR

static uint64_t realtime(const Fixture *f)
{
    uint64_t now = 0;

    sd_event_now(f->context.event, CLOCK_REALTIME, &now);
    return now;
}

static void test_start(void **state)
{
    Fixture *f = *state;

    make_service(f);
    unit_is(f, UNIT_ACTIVATING, "start-post", "success", 0);
    come(f, 100, LEASE_PHASE_WAITING);
    hears(f, LEASE_WELCOME, NULL);
    hears(f, LEASE_STATUS, "starting");
    hears_nothing(f);
    tells(EVENT_STARTING, "");
    give(f, 0, PROBE_PASS, "tcp 80: open");
    hears(f, LEASE_READY, NULL);
    hears(f, LEASE_STATUS, "healthy");
    hears(f, LEASE_PET, NULL);
    hears_nothing(f);
    tells(EVENT_HEALTHY, "tcp 80: open");
    give(f, 0, PROBE_PASS, "tcp 80: open");
    hears(f, LEASE_PET, NULL); /* and nothing that was said already */
    hears_nothing(f);
    tells_nothing();
    assert_int_equal(fake.record.checks, 2);
    assert_true(fake.n_settled > 0);
}

/* A pet wakes two processes: with a minute of watchdog time, checks in quick succession share one.
 */
static void test_pets_are_shared(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    f->service->watchdog_usec = USEC_PER_MINUTE;
    f->service->pet_usec = 0;
    give(f, 0, PROBE_PASS, "tcp 80: open");
    hears(f, LEASE_PET, NULL);
    give(f, 0, PROBE_PASS, "tcp 80: open");
    hears_nothing(f);
    f->service->pet_usec -= 10 * USEC_PER_SEC;
    give(f, 0, PROBE_PASS, "tcp 80: open");
    hears(f, LEASE_PET, NULL);
}

static void test_start_waits_for_all(void **state)
{
    Fixture *f = *state;

    f->n_health = 2;
    make_service(f);
    come(f, 100, LEASE_PHASE_WAITING);
    give(f, 0, PROBE_PASS, "tcp 80: open");
    assert_int_equal(f->service->state, HEALTH_STARTING);
    give(f, 1, PROBE_PASS, "tcp 81: open");
    assert_int_equal(f->service->state, HEALTH_HEALTHY);
}

static void test_failed_start(void **state)
{
    Fixture *f = *state;

    make_service(f);
    come(f, 100, LEASE_PHASE_WAITING);
    hears(f, LEASE_WELCOME, NULL);
    hears(f, LEASE_STATUS, "starting");
    give(f, 0, PROBE_FAIL, "tcp 80: refused");
    hears(f, LEASE_STATUS, "starting: tcp 80: refused, 1 of 3");
    hears(f, LEASE_PET, NULL);
    give(f, 0, PROBE_FAIL, "tcp 80: refused");
    hears(f, LEASE_STATUS, "starting: tcp 80: refused, 2 of 3");
    hears(f, LEASE_PET, NULL);
    give(f, 0, PROBE_FAIL, "tcp 80: refused");
    hears(f, LEASE_FAIL, "tcp 80: refused, 3 of 3");
    hears_nothing(f); /* a pet would only delay its end */
    tells(EVENT_STARTING, NULL);
    tells(EVENT_START_FAILED, "tcp 80: refused");
    assert_false(fake.probes[0]->running);
}

static void test_grace(void **state)
{
    Fixture *f = *state;

    f->grace_usec = HOUR;
    make_service(f);
    come(f, 100, LEASE_PHASE_WAITING);
    for (int i = 0; i < 10; i++)
        give(f, 0, PROBE_FAIL, "tcp 80: refused");
    assert_int_equal(f->service->state, HEALTH_STARTING);
    assert_string_equal(f->service->status, "starting: tcp 80: refused");
    give(f, 0, PROBE_PASS, "tcp 80: open");
    assert_int_equal(f->service->state, HEALTH_HEALTHY);
    for (int i = 0; i < 3; i++) /* the grace time ends with the first pass */
        give(f, 0, PROBE_FAIL, "tcp 80: refused");
    assert_int_equal(f->service->state, HEALTH_UNHEALTHY);
}

static void fail_for_good(Fixture *f)
{
    for (int i = 0; i < 3; i++)
        give(f, 0, PROBE_FAIL, "tcp 80: refused");
}

static void test_verdict(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    give(f, 0, PROBE_FAIL, "tcp 80: refused");
    hears(f, LEASE_STATUS, "failing: tcp 80: refused, 1 of 3");
    hears(f, LEASE_PET, NULL);
    tells(EVENT_FAILING, "tcp 80: refused");
    assert_int_equal(fake.n_onset, 1);
    give(f, 0, PROBE_FAIL, "tcp 80: refused");
    hears(f, LEASE_STATUS, "failing: tcp 80: refused, 2 of 3");
    hears(f, LEASE_PET, NULL);
    give(f, 0, PROBE_FAIL, "tcp 80: no answer");
    hears(f, LEASE_TRIGGER, "tcp 80: no answer, 3 of 3");
    hears_nothing(f);
    tells(EVENT_UNHEALTHY, "tcp 80: no answer");
    assert_int_equal(fake.events[fake.n_told - 1].failures, 3);
    assert_int_equal(fake.events[fake.n_told - 1].retries, 3);
    tells_nothing();
    assert_string_equal(fake.record.last_reason, "tcp 80: no answer, 3 of 3");
}

static void test_restart_and_recovery(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    fail_for_good(f);
    fake.n_told = fake.n_events;
    unit_is(f, UNIT_DEACTIVATING, "stop-watchdog", "watchdog", 0);
    assert_int_equal(f->service->state, HEALTH_STOPPED);
    unit_is(f, UNIT_ACTIVATING, "auto-restart", "watchdog", 0);
    unit_is(f, UNIT_ACTIVATING, "start-post", "success", 1);
    tells(EVENT_RESTARTED, "tcp 80: refused, 3 of 3");
    come(f, 101, LEASE_PHASE_WAITING);
    tells(EVENT_STARTING, "");
    give(f, 0, PROBE_PASS, "tcp 80: open");
    tells(EVENT_RECOVERED, "tcp 80: open");
    tells_nothing();
    assert_int_equal(fake.record.restarts, 1);
    assert_int_equal(fake.record.unhealthy, 1);
}

static void test_recovers_by_itself(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    give(f, 0, PROBE_FAIL, "tcp 80: refused");
    give(f, 0, PROBE_PASS, "tcp 80: open");
    tells(EVENT_FAILING, NULL);
    tells(EVENT_RECOVERED, NULL);
    give(f, 0, PROBE_FAIL, "tcp 80: refused"); /* counted from one again */
    assert_string_equal(f->service->status, "failing: tcp 80: refused, 1 of 3");
}

/* What could not be looked at is neither: the service lives, and is not forgotten. */
static void test_void_counts_for_nothing(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    for (int i = 0; i < 5; i++) {
        give(f, 0, PROBE_VOID, "tcp 80: no descriptors");
        hears(f, LEASE_PET, NULL);
    }
    hears_nothing(f);
    tells_nothing();
    assert_int_equal(fake.record.failures, 0);
}

static void test_brake_holds(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    fake.braked = true;
    fail_for_good(f);
    assert_int_equal(f->service->state, HEALTH_UNHEALTHY);
    assert_string_equal(f->service->status, "unhealthy: tcp 80: refused, 3 of 3");
    give(f, 0, PROBE_FAIL, "tcp 80: refused");
    assert_false(f->service->triggered);
    char byte;
    while (recv(f->lease, &byte, 1, MSG_DONTWAIT) > 0)
        ;
    fake.braked = false;
    give(f, 0, PROBE_FAIL, "tcp 80: refused");
    hears(f, LEASE_TRIGGER, "tcp 80: refused, 3 of 3");
    hears_nothing(f);
}

static void test_brake_and_recovery(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    fake.braked = true;
    fail_for_good(f);
    give(f, 0, PROBE_PASS, "tcp 80: open");
    fake.braked = false;
    assert_int_equal(f->service->state, HEALTH_HEALTHY);
    give(f, 0, PROBE_FAIL, "tcp 80: refused");
    assert_false(f->service->triggered);
}

static void test_maintenance(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    assert_int_equal(service_set_maintenance(f->service, true, UINT64_MAX), 0);
    hears(f, LEASE_STATUS, "maintenance: tcp 80: open");
    tells(EVENT_MAINTENANCE_ON, NULL);
    assert_int_equal(service_set_maintenance(f->service, true, UINT64_MAX), -EALREADY);
    for (int i = 0; i < 5; i++) {
        give(f, 0, PROBE_FAIL, "tcp 80: refused");
        assert_false(f->service->triggered);
    }
    assert_int_equal(f->service->state, HEALTH_MAINTENANCE);
    tells_nothing();
    /* What failed gets one more check before it is ended. */
    assert_int_equal(service_set_maintenance(f->service, false, 0), 0);
    tells(EVENT_MAINTENANCE_OFF, NULL);
    tells(EVENT_FAILING, NULL);
    assert_false(f->service->triggered);
    give(f, 0, PROBE_FAIL, "tcp 80: refused");
    tells(EVENT_UNHEALTHY, NULL);
    assert_true(f->service->triggered);
}

static void test_maintenance_ends_by_itself(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    assert_int_equal(service_set_maintenance(f->service, true, realtime(f) + 1000), 0);
    while (fake.record.maintenance)
        assert_true(sd_event_run(f->context.event, PATIENCE_USEC) > 0);
    tells(EVENT_MAINTENANCE_ON, NULL);
    tells(EVENT_MAINTENANCE_OFF, NULL);
    assert_int_equal(f->service->state, HEALTH_HEALTHY);
}

/* It is remembered over a restart of the supervisor, and a start in it is not waited for. */
static void test_start_in_maintenance(void **state)
{
    Fixture *f = *state;

    fake.record.maintenance = true;
    fake.record.maintenance_until_usec = UINT64_MAX;
    make_service(f);
    come(f, 100, LEASE_PHASE_WAITING);
    hears(f, LEASE_WELCOME, NULL);
    hears(f, LEASE_STATUS, "starting");
    hears(f, LEASE_READY, NULL);
    assert_int_equal(f->service->state, HEALTH_MAINTENANCE);
}

static void test_maintenance_of_the_past(void **state)
{
    Fixture *f = *state;

    fake.record.maintenance = true;
    fake.record.maintenance_until_usec = 1;
    make_service(f);
    assert_false(fake.record.maintenance);
}

static void test_reconnect_keeps_the_count(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    give(f, 0, PROBE_FAIL, "tcp 80: refused");
    give(f, 0, PROBE_FAIL, "tcp 80: refused");
    drop_lease(f);
    assert_int_equal(f->service->state, HEALTH_FAILING);
    come(f, 100, LEASE_PHASE_READY);
    hears(f, LEASE_WELCOME, NULL);
    give(f, 0, PROBE_FAIL, "tcp 80: refused");
    hears(f, LEASE_TRIGGER, "tcp 80: refused, 3 of 3");
}

/* An order that was out when the lease went away may never have arrived. */
static void test_reconnect_after_a_trigger(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    fail_for_good(f);
    assert_true(f->service->triggered);
    come(f, 100, LEASE_PHASE_READY);
    assert_false(f->service->triggered);
    assert_int_equal(f->service->state, HEALTH_HEALTHY);
    fail_for_good(f);
    assert_true(f->service->triggered);
}

static void test_another_lease_is_another_run(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    give(f, 0, PROBE_FAIL, "tcp 80: refused");
    come(f, 200, LEASE_PHASE_WAITING);
    assert_int_equal(f->service->state, HEALTH_STARTING);
    come(f, 300, LEASE_PHASE_READY);
    assert_int_equal(f->service->state, HEALTH_HEALTHY);
}

static void test_lease_gone_with_its_unit(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    fake.watch.state.known = false; /* the bus is away, too */
    drop_lease(f);
    assert_int_equal(f->service->state, HEALTH_STOPPED);
    assert_false(fake.probes[0]->running);
}

/* The supervisor is killed and another one takes over; `pid` is the lease that comes then. */
static void take_over(Fixture *f, pid_t pid)
{
    close(f->lease);
    f->lease = -1;
    f->service = service_free(f->service);
    f->peer = lease_peer_free(f->peer);
    make_service(f);
    come(f, pid, LEASE_PHASE_READY);
    hears(f, LEASE_WELCOME, NULL);
}

static void test_restart_of_the_supervisor(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    give(f, 0, PROBE_FAIL, "tcp 80: refused");
    give(f, 0, PROBE_FAIL, "tcp 80: refused");
    fake.n_told = fake.n_events;
    take_over(f, 100);
    hears(f, LEASE_STATUS, "failing");
    assert_int_equal(f->service->state, HEALTH_FAILING);
    tells_nothing();
    give(f, 0, PROBE_FAIL, "tcp 80: refused");
    hears(f, LEASE_TRIGGER, "tcp 80: refused, 3 of 3");
    tells(EVENT_UNHEALTHY, NULL);
}

static void test_restart_of_both(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    give(f, 0, PROBE_FAIL, "tcp 80: refused");
    take_over(f, 200);
    assert_int_equal(f->service->state, HEALTH_HEALTHY);
    give(f, 0, PROBE_FAIL, "tcp 80: refused");
    assert_string_equal(f->service->status, "failing: tcp 80: refused, 1 of 3");
}

/* A recovery is told as one, also by the supervisor after the one that saw the failure. */
static void test_recovery_after_a_restart_of_the_supervisor(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    fail_for_good(f);
    unit_is(f, UNIT_DEACTIVATING, "stop-watchdog", "watchdog", 0);
    close(f->lease);
    f->lease = -1;
    f->service = service_free(f->service);
    f->peer = lease_peer_free(f->peer);
    make_service(f);
    come(f, 200, LEASE_PHASE_WAITING);
    fake.n_told = fake.n_events;
    give(f, 0, PROBE_PASS, "tcp 80: open");
    tells(EVENT_RECOVERED, NULL);
}

static void be_held(Fixture *f)
{
    be_healthy(f);
    unit_is(f, UNIT_ACTIVATING, "auto-restart", "exit-code", 5);
    unit_is(f, UNIT_FAILED, "failed", "start-limit-hit", 5);
    assert_int_equal(f->service->state, HEALTH_HELD);
}

static void test_held_and_released(void **state)
{
    Fixture *f = *state;

    be_held(f);
    assert_string_equal(event_kind_word(fake.events[fake.n_events - 1].kind), "held");
    assert_int_equal(fake.events[fake.n_events - 1].delay_usec, 5 * USEC_PER_MINUTE);
    assert_int_equal(service_held_until(f->service), fake.record.held_usec + 5 * USEC_PER_MINUTE);
    assert_int_equal(f->units.n_start, 0);
    assert_int_equal(service_release(f->service), 0);
    assert_int_equal(f->units.n_reset, 1);
    assert_int_equal(f->units.n_start, 1);
    come(f, 200, LEASE_PHASE_WAITING);
    assert_int_equal(fake.record.held_usec, 0);
    assert_int_equal(f->service->state, HEALTH_STARTING);
    give(f, 0, PROBE_PASS, "tcp 80: open");
    assert_string_equal(event_kind_word(fake.events[fake.n_events - 1].kind), "recovered");
}

static void test_held_and_reset_by_hand(void **state)
{
    Fixture *f = *state;

    be_held(f);
    fake.n_told = fake.n_events;
    unit_is(f, UNIT_INACTIVE, "dead", "success", 0);
    tells(EVENT_RELEASED, NULL);
    assert_int_equal(f->service->state, HEALTH_STOPPED);
}

/* Held by a supervisor of long ago: its time has come. */
static void test_held_is_tried_again(void **state)
{
    Fixture *f = *state;

    fake.record.held_usec = realtime(f) - 2 * HOUR;
    fake.record.n_restarts_seen = 5;
    make_service(f);
    unit_is(f, UNIT_FAILED, "failed", "start-limit-hit", 5);
    assert_int_equal(f->service->state, HEALTH_HELD);
    tells_nothing(); /* that was said then */
    while (f->units.n_start == 0)
        assert_true(sd_event_run(f->context.event, PATIENCE_USEC) > 0);
    assert_int_equal(f->units.n_reset, 1);
    /* In vain: it is held for as long again, and that is said. */
    unit_is(f, UNIT_ACTIVATING, "start", "success", 0);
    unit_is(f, UNIT_FAILED, "failed", "start-limit-hit", 5);
    assert_true(fake.record.held_usec > realtime(f) - HOUR);
    assert_string_equal(event_kind_word(fake.events[fake.n_events - 1].kind), "held");
}

static void test_beats(void **state)
{
    Fixture *f = *state;
    ServiceView view;

    f->watchdog_usec = 200 * USEC_PER_MSEC;
    f->units.beat_usec = 1000 * USEC_PER_SEC;
    be_healthy(f);
    give(f, 0, PROBE_PASS, "tcp 80: open");
    hears_nothing(f); /* a pet of ours would hide that it does not beat */
    while (f->units.n_beat < 1)
        assert_true(sd_event_run(f->context.event, PATIENCE_USEC) > 0);
    assert_int_equal(fake.record.beats, 0);
    f->units.beat_usec += USEC_PER_SEC;
    while (fake.record.beats < 1)
        assert_true(sd_event_run(f->context.event, PATIENCE_USEC) > 0);
    service_view(f->service, &view);
    assert_true(view.beats_per_minute > 59 && view.beats_per_minute < 61);
}

/* systemd's own timer ran out. The payload of a container hears of that from its lease only. */
static void test_no_heartbeat(void **state)
{
    Fixture *f = *state;

    f->type = SPEC_TYPE_CONTAINER;
    be_healthy(f);
    unit_is(f, UNIT_DEACTIVATING, "stop-watchdog", "watchdog", 0);
    hears(f, LEASE_ABORT, "");
    hears_nothing(f);
    tells(EVENT_UNHEALTHY, "no heartbeat in time");
    assert_int_equal(f->service->state, HEALTH_STOPPED);
}

static void test_readiness(void **state)
{
    Fixture *f = *state;

    f->n_ready = 1;
    be_healthy(f);
    for (int i = 0; i < 3; i++)
        give(f, 1, PROBE_FAIL, "tcp 90: refused");
    tells(EVENT_NOT_READY, "tcp 90: refused");
    tells_nothing();
    assert_int_equal(f->service->state, HEALTH_HEALTHY);
    assert_false(f->service->triggered);
    assert_string_equal(f->service->status, "healthy, not ready: tcp 90: refused");
    give(f, 1, PROBE_PASS, "tcp 90: open");
    tells(EVENT_READY, "tcp 90: open");
    assert_string_equal(f->service->status, "healthy");
}

static void test_without_checks(void **state)
{
    Fixture *f = *state;

    f->n_health = 0;
    make_service(f);
    unit_is(f, UNIT_ACTIVATING, "start-post", "success", 0);
    assert_int_equal(f->service->state, HEALTH_STARTING);
    come(f, 100, LEASE_PHASE_WAITING);
    hears(f, LEASE_WELCOME, NULL);
    hears(f, LEASE_READY, NULL);
    unit_is(f, UNIT_ACTIVE, "running", "success", 0);
    assert_int_equal(f->service->state, HEALTH_HEALTHY);
    unit_is(f, UNIT_INACTIVE, "dead", "success", 0);
    assert_int_equal(f->service->state, HEALTH_STOPPED);
}

static unsigned n_views, n_ends;

static void on_probed(const ProbeView *view, const ProbeSample *sample, void *userdata)
{
    n_views += view != NULL;
    n_ends += view == NULL;
}

static void test_probe_now(void **state)
{
    Fixture *f = *state;

    f->n_health = 2;
    n_views = n_ends = 0;
    make_service(f);
    assert_int_equal(service_probe_now(f->service, on_probed, f), -ENOTCONN);
    be_healthy(f);
    assert_int_equal(service_probe_now(f->service, on_probed, f), 2);
    assert_int_equal(service_probe_now(f->service, on_probed, f), -EBUSY);
    give(f, 1, PROBE_PASS, "tcp 81: open");
    assert_int_equal(n_views, 1);
    assert_int_equal(n_ends, 0);
    unit_is(f, UNIT_DEACTIVATING, "stop-sigterm", "success", 0); /* before the other one is made */
    assert_int_equal(n_views, 1);
    assert_int_equal(n_ends, 1);
}

/* A running service is checked as it was started; what is new counts from its next start. */
static void test_changed_plan(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    f->n_health = 2;
    Plan plan = make_plan(f);
    assert_int_equal(service_set_plan(f->service, &plan), 0);
    assert_int_equal(fake.n_probes, 1);
    plan = make_plan(f); /* changed once more */
    assert_int_equal(service_set_plan(f->service, &plan), 0);
    give(f, 0, PROBE_PASS, "tcp 80: open");
    come(f, 200, LEASE_PHASE_WAITING);
    assert_int_equal(fake.n_probes, 2);
    assert_int_equal(fake.n_offset, 1);
    give(f, 0, PROBE_PASS, "tcp 80: open");
    give(f, 1, PROBE_FAIL, "tcp 81: refused");
    assert_int_equal(f->service->state, HEALTH_STARTING);
}

static void test_changed_plan_of_what_is_down(void **state)
{
    Fixture *f = *state;

    make_service(f);
    f->n_health = 0;
    Plan plan = make_plan(f);
    assert_int_equal(service_set_plan(f->service, &plan), 0);
    assert_int_equal(fake.n_probes, 0);
    assert_false(service_is_supervised(f->service));
}

/* The lease is gone (killed, say) and the main process is not: the bus is the other way. */
static void test_verdict_without_lease(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    drop_lease(f);
    assert_int_equal(f->service->state, HEALTH_HEALTHY);
    f->units.error = -ENOTCONN;
    fail_for_good(f);
    assert_false(f->service->triggered); /* tried again with the next failure */
    f->units.error = 0;
    give(f, 0, PROBE_FAIL, "tcp 80: refused");
    assert_true(f->service->triggered);
    assert_int_equal(f->units.n_abort, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Asked for a check, and the plan changes before it is made: the one who asked is told. */
static void test_changed_plan_while_asked(void **state)
{
    Fixture *f = *state;

    n_views = n_ends = 0;
    be_healthy(f);
    assert_int_equal(service_probe_now(f->service, on_probed, f), 1);
    Plan plan = make_plan(f);
    assert_int_equal(service_set_plan(f->service, &plan), 0);
    come(f, 200, LEASE_PHASE_READY);
    assert_int_equal(n_views, 0);
    assert_int_equal(n_ends, 1);
    assert_int_equal(service_probe_now(f->service, on_probed, f), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_start),
        TEST(test_pets_are_shared),
        TEST(test_start_waits_for_all),
        TEST(test_failed_start),
        TEST(test_grace),
        TEST(test_verdict),
        TEST(test_restart_and_recovery),
        TEST(test_recovers_by_itself),
        TEST(test_void_counts_for_nothing),
        TEST(test_brake_holds),
        TEST(test_brake_and_recovery),
        TEST(test_maintenance),
        TEST(test_maintenance_ends_by_itself),
        TEST(test_start_in_maintenance),
        TEST(test_maintenance_of_the_past),
        TEST(test_reconnect_keeps_the_count),
        TEST(test_reconnect_after_a_trigger),
        TEST(test_another_lease_is_another_run),
        TEST(test_lease_gone_with_its_unit),
        TEST(test_restart_of_the_supervisor),
        TEST(test_restart_of_both),
        TEST(test_recovery_after_a_restart_of_the_supervisor),
        TEST(test_held_and_released),
        TEST(test_held_and_reset_by_hand),
        TEST(test_held_is_tried_again),
        TEST(test_beats),
        TEST(test_no_heartbeat),
        TEST(test_readiness),
        TEST(test_without_checks),
        TEST(test_probe_now),
        TEST(test_changed_plan),
        TEST(test_changed_plan_of_what_is_down),
        TEST(test_verdict_without_lease),
        TEST(test_changed_plan_while_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
