/* SPDX-License-Identifier: MIT */
/* One service from its start to its end: what its lease is told to do, and what is told of it. */
#include "test-service-fake.h"

#include <errno.h>

#define HOUR USEC_PER_HOUR

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
    shows(f, "starting: tcp 80: refused");
    give(f, 0, PROBE_PASS, "tcp 80: open");
    assert_int_equal(f->service->state, HEALTH_HEALTHY);
    for (int i = 0; i < 3; i++) /* the grace time ends with the first pass */
        give(f, 0, PROBE_FAIL, "tcp 80: refused");
    assert_int_equal(f->service->state, HEALTH_UNHEALTHY);
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
    assert_string_equal(fake.last_reason, "tcp 80: no answer, 3 of 3");
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
    unit_is(f, UNIT_ACTIVATING, "auto-restart-queued", "watchdog", 1);
    tells_nothing();
    fake.watch.state.invocation.bytes[0]++;
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

/* systemd tells what it is about to do, and the lease of the next run may be faster than it is in
 * saying that it has done so. */
static void test_reason_of_a_restart(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    fake.n_told = fake.n_events;
    fake.watch.state.exit_code = CLD_EXITED;
    fake.watch.state.exit_status = 7;
    unit_is(f, UNIT_ACTIVATING, "auto-restart", "exit-code", 0);
    assert_string_equal(f->service->reason, "it exited with status 7");
    unit_is(f, UNIT_ACTIVATING, "auto-restart-queued", "exit-code", 1);
    come(f, 101, LEASE_PHASE_WAITING);
    tells(EVENT_STARTING, "");
    fake.watch.state.invocation.bytes[0]++;
    unit_is(f, UNIT_ACTIVATING, "start-post", "success", 1);
    tells(EVENT_RESTARTED, "it exited with status 7");
    assert_int_equal(fake.record.restarts, 1);
}

/* The last one is counted by systemd, and refused. */
static void test_the_last_restart_is_none(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    fake.n_told = fake.n_events;
    for (unsigned i = 1; i <= 5; i++) {
        unit_is(f, UNIT_ACTIVATING, "auto-restart", "signal", i - 1);
        fake.watch.state.invocation.bytes[0]++;
        unit_is(f, UNIT_ACTIVATING, "start", "success", i);
        tells(EVENT_RESTARTED, "a signal ended it");
    }
    unit_is(f, UNIT_ACTIVATING, "auto-restart", "signal", 5);
    unit_is(f, UNIT_ACTIVATING, "auto-restart-queued", "signal", 6);
    unit_is(f, UNIT_FAILED, "failed", "signal", 6);
    tells(EVENT_HELD, "a signal ended it");
    tells_nothing();
    assert_int_equal(fake.record.restarts, 5);
    /* By hand; the next restart is counted again. */
    fake.watch.state.invocation.bytes[0]++;
    unit_is(f, UNIT_ACTIVATING, "start", "success", 0);
    fake.n_told = fake.n_events;
    fake.watch.state.invocation.bytes[0]++;
    unit_is(f, UNIT_ACTIVATING, "start", "success", 1);
    tells(EVENT_RESTARTED, NULL);
    assert_int_equal(fake.record.restarts, 6);
}

/* What it was like when it ran is no news any more. */
static void test_stopped_has_no_reason(void **state)
{
    Fixture *f = *state;
    ServiceView view;

    be_healthy(f);
    give(f, 0, PROBE_FAIL, "tcp 80: refused");
    fake.n_told = fake.n_events;
    unit_is(f, UNIT_DEACTIVATING, "stop-sigterm", "success", 0);
    unit_is(f, UNIT_INACTIVE, "dead", "success", 0);
    tells(EVENT_STOPPED, "");
    service_view(f->service, &view);
    assert_string_equal(view.reason, "");
    /* A verdict that was its end is one, until it has been stopped by hand. */
    come(f, 102, LEASE_PHASE_WAITING);
    give(f, 0, PROBE_PASS, "tcp 80: open");
    fail_for_good(f);
    unit_is(f, UNIT_FAILED, "failed", "watchdog", 0);
    service_view(f->service, &view);
    assert_string_equal(view.reason, "tcp 80: refused, 3 of 3");
    unit_is(f, UNIT_INACTIVE, "dead", "success", 0);
    service_view(f->service, &view);
    assert_string_equal(view.reason, "");
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
    shows(f, "failing: tcp 80: refused, 1 of 3");
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
    shows(f, "unhealthy: tcp 80: refused, 3 of 3");
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
    shows(f, "healthy, not ready: tcp 90: refused");
    give(f, 1, PROBE_PASS, "tcp 90: open");
    tells(EVENT_READY, "tcp 90: open");
    shows(f, "healthy");
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
    assert_int_equal(fake.record.state, HEALTH_HEALTHY);
    assert_true(fake.record.last_healthy_usec > 0);
    tells_nothing();
    unit_is(f, UNIT_INACTIVE, "dead", "success", 0);
    assert_int_equal(f->service->state, HEALTH_STOPPED);
    assert_int_equal(fake.record.state, HEALTH_STOPPED);
}

static void test_recovery_without_checks(void **state)
{
    Fixture *f = *state;

    f->n_health = 0;
    fake.record.state = HEALTH_HELD; /* of a supervisor before */
    make_service(f);
    unit_is(f, UNIT_ACTIVATING, "start", "success", 0);
    tells_nothing();
    unit_is(f, UNIT_ACTIVE, "running", "success", 0);
    tells(EVENT_RECOVERED, "active");
    unit_is(f, UNIT_RELOADING, "reload", "success", 0);
    unit_is(f, UNIT_ACTIVE, "running", "success", 0);
    tells_nothing();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
        TEST(test_reason_of_a_restart),
        TEST(test_the_last_restart_is_none),
        TEST(test_stopped_has_no_reason),
        TEST(test_recovers_by_itself),
        TEST(test_void_counts_for_nothing),
        TEST(test_brake_holds),
        TEST(test_brake_and_recovery),
        TEST(test_beats),
        TEST(test_no_heartbeat),
        TEST(test_readiness),
        TEST(test_without_checks),
        TEST(test_recovery_without_checks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
