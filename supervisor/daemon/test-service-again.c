/* SPDX-License-Identifier: MIT */
/* One service, and what comes again: its lease, its plan, the supervisor. */
#include "test-service-fake.h"

#include <errno.h>

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

static void test_beats_after_a_restart_of_the_supervisor(void **state)
{
    Fixture *f = *state;

    f->watchdog_usec = 200 * USEC_PER_MSEC;
    be_healthy(f);
    take_over(f, 100);
    assert_int_equal(f->service->state, HEALTH_HEALTHY);
    f->units.n_beat = 0;
    while (f->units.n_beat == 0)
        assert_true(sd_event_run(f->context.event, PATIENCE_USEC) > 0);
}

static void test_restart_of_both(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    give(f, 0, PROBE_FAIL, "tcp 80: refused");
    take_over(f, 200);
    assert_int_equal(f->service->state, HEALTH_HEALTHY);
    give(f, 0, PROBE_FAIL, "tcp 80: refused");
    shows(f, "failing: tcp 80: refused, 1 of 3");
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

/* A running service is checked as it was started; what is new counts from its next start. */
static void test_changed_plan(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    f->n_health = 2;
    assert_int_equal(service_set_plan(f->service, make_plan(f)), 0);
    assert_int_equal(fake.n_probes, 1);
    /* Changed once more. */
    assert_int_equal(service_set_plan(f->service, make_plan(f)), 0);
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
    assert_int_equal(service_set_plan(f->service, make_plan(f)), 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reconnect_keeps_the_count),
        TEST(test_reconnect_after_a_trigger),
        TEST(test_another_lease_is_another_run),
        TEST(test_lease_gone_with_its_unit),
        TEST(test_restart_of_the_supervisor),
        TEST(test_beats_after_a_restart_of_the_supervisor),
        TEST(test_restart_of_both),
        TEST(test_recovery_after_a_restart_of_the_supervisor),
        TEST(test_changed_plan),
        TEST(test_changed_plan_of_what_is_down),
        TEST(test_verdict_without_lease),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
