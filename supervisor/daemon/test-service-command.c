/* SPDX-License-Identifier: MIT */
/* One service, and what people ask of it: maintenance, to be tried again, a check now. */
#include "test-service-fake.h"

#include <errno.h>

#define HOUR USEC_PER_HOUR

static uint64_t realtime(const Fixture *f)
{
    uint64_t now = 0;

    sd_event_now(f->context.event, CLOCK_REALTIME, &now);
    return now;
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

/* Asked for a check, and the plan changes before it is made: the one who asked is told. */
static void test_changed_plan_while_asked(void **state)
{
    Fixture *f = *state;

    n_views = n_ends = 0;
    be_healthy(f);
    assert_int_equal(service_probe_now(f->service, on_probed, f), 1);
    assert_int_equal(service_set_plan(f->service, make_plan(f)), 0);
    come(f, 200, LEASE_PHASE_READY);
    assert_int_equal(n_views, 0);
    assert_int_equal(n_ends, 1);
    assert_int_equal(service_probe_now(f->service, on_probed, f), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_maintenance),
        TEST(test_maintenance_ends_by_itself),
        TEST(test_start_in_maintenance),
        TEST(test_maintenance_of_the_past),
        TEST(test_held_and_released),
        TEST(test_held_and_reset_by_hand),
        TEST(test_held_is_tried_again),
        TEST(test_probe_now),
        TEST(test_changed_plan_while_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
