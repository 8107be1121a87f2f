/* SPDX-License-Identifier: MIT */
/* One service that is put to sleep and woken: what its lease is told, what is told of it, and what
 * a supervisor that is killed meanwhile leaves to the next one. */
#include "test-service-fake.h"

#include <errno.h>

/* Asleep, everything said about it heard. */
static void fall_asleep(Fixture *f)
{
    be_healthy(f);
    service_set_frozen(f->service, true);
    assert_int_equal(f->service->state, HEALTH_FROZEN);
    shows(f, "frozen");
    fake.n_told = fake.n_events;
}

static void test_checks_pause(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    give(f, 0, PROBE_FAIL, "tcp 80: no answer");
    give(f, 0, PROBE_FAIL, "tcp 80: no answer");
    while (!fake.probes[0]->running)
        assert_true(sd_event_run(f->context.event, PATIENCE_USEC) > 0);
    fake.n_told = fake.n_events;
    service_set_frozen(f->service, true);
    shows(f, "frozen");
    tells(EVENT_FROZEN, "");
    /* The one that was under way is nobody's any more, and no other is made. */
    assert_false(fake.probes[0]->running);
    assert_int_equal(f->context.n_active, 0);
    assert_int_equal(sd_event_run(f->context.event, 50 * USEC_PER_MSEC), 0);
    assert_false(fake.probes[0]->running);
    service_set_frozen(f->service, true);
    tells_nothing();

    service_set_frozen(f->service, false);
    shows(f, "healthy");
    assert_int_equal(f->service->state, HEALTH_HEALTHY);
    assert_int_equal(fake.events[fake.n_told].before, HEALTH_FROZEN);
    tells(EVENT_THAWED, NULL);
    /* What failed before it slept does not count any more. */
    give(f, 0, PROBE_FAIL, "tcp 80: no answer");
    assert_int_equal(f->service->state, HEALTH_FAILING);
    shows(f, "failing: tcp 80: no answer, 1 of 3");
}

static void test_awake_is_nothing_new(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    service_set_frozen(f->service, false);
    tells_nothing();
    assert_int_equal(f->service->state, HEALTH_HEALTHY);
    give(f, 0, PROBE_PASS, "tcp 80: open");
}

static void test_start_is_not_put_to_sleep(void **state)
{
    Fixture *f = *state;

    make_service(f);
    come(f, 100, LEASE_PHASE_WAITING);
    fake.n_told = fake.n_events;
    service_set_frozen(f->service, true);
    assert_int_equal(f->service->state, HEALTH_STARTING);
    service_set_frozen(f->service, false);
    tells_nothing();
    give(f, 0, PROBE_PASS, "tcp 80: open");
    assert_int_equal(f->service->state, HEALTH_HEALTHY);
}

static void test_maintenance_goes_on(void **state)
{
    Fixture *f = *state;

    be_healthy(f);
    assert_int_equal(service_set_maintenance(f->service, true, UINT64_MAX), 0);
    service_set_frozen(f->service, true);
    assert_int_equal(f->service->state, HEALTH_FROZEN);
    service_set_frozen(f->service, false);
    assert_int_equal(f->service->state, HEALTH_MAINTENANCE);
    fail_for_good(f);
    assert_false(f->service->triggered);
}

static void test_ends_in_its_sleep(void **state)
{
    Fixture *f = *state;

    f->on_demand = f->freeze = true;
    fall_asleep(f);
    fake.record.state_since_usec -= USEC_PER_HOUR;
    unit_is(f, UNIT_DEACTIVATING, "stop-sigterm", "success", 0);
    unit_is(f, UNIT_INACTIVE, "dead", "success", 0);
    assert_int_equal(f->service->state, HEALTH_STOPPED);
    tells(EVENT_STOPPED, "");
    assert_int_equal(fake.demand.freezes, 1);
    assert_int_equal(fake.demand.thaws, 0);
    assert_true(fake.demand.frozen_usec >= USEC_PER_HOUR);
}

static void test_stopped_after_a_long_sleep(void **state)
{
    Fixture *f = *state;

    f->on_demand = f->freeze = true;
    f->stop_usec = 2 * USEC_PER_HOUR;
    fall_asleep(f);
    fake.idle.state.known = true;
    fake.idle.state.word = UNIT_WORD_IDLE;
    unit_is(f, UNIT_INACTIVE, "dead", "success", 0);
    tells(EVENT_IDLE_STOPPED, "frozen for 2h");
    assert_int_equal(fake.demand.idle_stops, 1);
}

/* The socket noticed it 4.1 ms before: so long has the connection waited. */
static void test_awake_for_a_connection(void **state)
{
    Fixture *f = *state;
    ServiceView view;
    uint64_t now;

    f->on_demand = f->freeze = true;
    be_healthy(f);
    service_set_frozen(f->service, true);
    tells(EVENT_FROZEN, "not used for 30s");
    fake.record.state_since_usec -= 2 * USEC_PER_HOUR;
    service_view(f->service, &view);
    assert_true(view.demand.frozen_usec >= 2 * USEC_PER_HOUR);
    assert_int_equal(fake.demand.frozen_usec, 0);
    assert_true(sd_event_now(f->context.event, CLOCK_MONOTONIC, &now) >= 0);
    f->units.changed_usec = now - 4100;
    service_set_frozen(f->service, false);
    tells(EVENT_THAWED, "awake after 4.1ms, frozen for 2h");
    assert_int_equal(fake.events[fake.n_told - 1].latency_usec, 4100);
    assert_int_equal(fake.demand.freezes, 1);
    assert_int_equal(fake.demand.thaws, 1);
    assert_true(fake.demand.frozen_usec >= 2 * USEC_PER_HOUR);
    assert_true(fake.demand.frozen_usec < 3 * USEC_PER_HOUR);

    /* By somebody else: that connection is of the time before. */
    service_set_frozen(f->service, true);
    tells(EVENT_FROZEN, NULL);
    fake.record.state_since_usec -= USEC_PER_SEC;
    f->units.changed_usec = now - 10 * USEC_PER_SEC;
    service_set_frozen(f->service, false);
    assert_int_equal(fake.events[fake.n_told].latency_usec, UINT64_MAX);
    assert_int_equal(strncmp(fake.reasons[fake.n_told], "frozen for 1s", 13), 0);
    tells(EVENT_THAWED, NULL);
    /* No bus. */
    service_set_frozen(f->service, true);
    tells(EVENT_FROZEN, NULL);
    f->units.error = -ENOTCONN;
    service_set_frozen(f->service, false);
    tells(EVENT_THAWED, NULL);
    assert_int_equal(fake.demand.thaws, 3);
}

/* No lease: what phoenix-idle says. */
static void test_without_checks(void **state)
{
    Fixture *f = *state;

    f->on_demand = f->native = f->freeze = true;
    f->n_health = 0;
    make_service(f);
    fake.socket.state.known = fake.idle.state.known = true;
    fake.watch.state.left_usec = 1;
    fake.watch.state.active_usec = 2;
    unit_is(f, UNIT_ACTIVE, "running", "success", 0);
    fake.idle.state.active = UNIT_ACTIVE;
    fake.idle.state.word = UNIT_WORD_FROZEN;
    service_follow_demand(f->service);
    assert_int_equal(f->service->state, HEALTH_FROZEN);
    tells(EVENT_FROZEN, "not used for 30s");
    /* The unit is active all the time. */
    fake.watch.state.main_pid++;
    unit_is(f, UNIT_ACTIVE, "running", "success", 0);
    assert_int_equal(f->service->state, HEALTH_FROZEN);
    /* phoenix-idle was killed: it has not said anything yet. */
    fake.idle.state.word = UNIT_WORD_NONE;
    service_follow_demand(f->service);
    assert_int_equal(f->service->state, HEALTH_FROZEN);
    /* So was the supervisor. */
    f->service = service_free(f->service);
    make_service(f);
    unit_is(f, UNIT_ACTIVE, "running", "success", 0);
    assert_int_equal(f->service->state, HEALTH_FROZEN);
    fake.idle.state.word = UNIT_WORD_FROZEN;
    service_follow_demand(f->service);
    tells_nothing();
    fake.idle.state.word = UNIT_WORD_AWAKE;
    service_follow_demand(f->service);
    assert_int_equal(f->service->state, HEALTH_HEALTHY);
    tells(EVENT_THAWED, NULL);
    tells_nothing();
    assert_int_equal(fake.demand.freezes, 1);
    assert_int_equal(fake.demand.thaws, 1);
}

/* ---- a supervisor that is killed ---- */

static void take_over(Fixture *f)
{
    close(f->lease);
    f->lease = -1;
    f->service = service_free(f->service);
    f->peer = lease_peer_free(f->peer);
    make_service(f);
    assert_int_equal(f->service->state, HEALTH_FROZEN);
    come(f, 100, LEASE_PHASE_READY);
    hears(f, LEASE_WELCOME, NULL);
    hears(f, LEASE_STATUS, "frozen");
    assert_int_equal(f->service->state, HEALTH_FROZEN);
    assert_int_equal(f->context.n_active, 0);
}

static void test_killed_while_it_sleeps(void **state)
{
    Fixture *f = *state;

    f->on_demand = f->freeze = true;
    fall_asleep(f);
    take_over(f);
    service_set_frozen(f->service, true); /* the lease says so again */
    tells_nothing();
    assert_int_equal(fake.demand.freezes, 1);
    service_set_frozen(f->service, false);
    tells(EVENT_THAWED, NULL);
    give(f, 0, PROBE_PASS, "tcp 80: open");
    assert_int_equal(f->service->state, HEALTH_HEALTHY);
}

static void test_killed_while_it_wakes(void **state)
{
    Fixture *f = *state;

    f->on_demand = f->freeze = true;
    fall_asleep(f);
    take_over(f);
    service_set_frozen(f->service, false); /* what the lease says after HELLO */
    tells(EVENT_THAWED, NULL);
    assert_int_equal(fake.demand.thaws, 1);
    give(f, 0, PROBE_PASS, "tcp 80: open");
    assert_int_equal(f->service->state, HEALTH_HEALTHY);
}

/* What slept has ended, and another one runs. */
static void test_killed_and_all_is_new(void **state)
{
    Fixture *f = *state;

    fall_asleep(f);
    close(f->lease);
    f->lease = -1;
    f->service = service_free(f->service);
    f->peer = lease_peer_free(f->peer);
    make_service(f);
    come(f, 200, LEASE_PHASE_READY);
    assert_int_equal(f->service->state, HEALTH_HEALTHY);
    give(f, 0, PROBE_PASS, "tcp 80: open");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_checks_pause),
        TEST(test_awake_is_nothing_new),
        TEST(test_start_is_not_put_to_sleep),
        TEST(test_maintenance_goes_on),
        TEST(test_ends_in_its_sleep),
        TEST(test_stopped_after_a_long_sleep),
        TEST(test_awake_for_a_connection),
        TEST(test_without_checks),
        TEST(test_killed_while_it_sleeps),
        TEST(test_killed_while_it_wakes),
        TEST(test_killed_and_all_is_new),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
