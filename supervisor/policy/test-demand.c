/* SPDX-License-Identifier: MIT */
/* Which starts were for a connection, and which stops for idleness. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "supervisor/policy/demand.h"

#define SECOND UINT64_C(1000000)

static void test_start(void **state)
{
    assert_true(demand_is_start(true, 100, 105, 0));
    assert_true(demand_is_start(true, 105, 105, 0));
    /* It came while the last run was ending. */
    assert_true(demand_is_start(true, 100, 105, 99));
    /* Listening; or it came while the service was starting for somebody else. */
    assert_false(demand_is_start(false, 100, 105, 0));
    assert_false(demand_is_start(true, 106, 105, 0));
    assert_false(demand_is_start(true, 0, 105, 0));
    /* That was for the run before. */
    assert_false(demand_is_start(true, 100, 105, 101));
}

/* Started at 100 s, up a second later, used until 160 s, and stopped. */
static DemandStop stop_of(void)
{
    return (DemandStop){
        .success = true,
        .left_usec = 100 * SECOND,
        .active_usec = 101 * SECOND,
        .ended_usec = 160 * SECOND + 4000,
        .stay_usec = 30 * SECOND,
        .proxy_left_usec = 101 * SECOND + 5000,
        .proxy_ended_usec = 160 * SECOND,
        .proxy_exited = true,
    };
}

static void test_idle(void **state)
{
    DemandStop stop = stop_of();

    assert_true(demand_is_idle_stop(&stop));
    /* PID 1 was busy. */
    stop.ended_usec += 4 * SECOND;
    assert_true(demand_is_idle_stop(&stop));
}

static void test_stopped_while_in_use(void **state)
{
    DemandStop stop = stop_of();

    stop.proxy_exited = false; /* a signal ended it */
    assert_false(demand_is_idle_stop(&stop));
    stop = stop_of();
    stop.proxy_ended_usec = 0; /* it still runs */
    assert_false(demand_is_idle_stop(&stop));
}

static void test_stopped_before_its_time(void **state)
{
    DemandStop stop = stop_of();

    stop.stay_usec = 120 * SECOND;
    assert_false(demand_is_idle_stop(&stop));
    stop.ended_usec = 221 * SECOND;
    assert_true(demand_is_idle_stop(&stop));
    stop.ended_usec--;
    assert_false(demand_is_idle_stop(&stop));
}

static void test_never_used(void **state)
{
    DemandStop stop = stop_of();

    stop.proxy_left_usec = 50 * SECOND; /* of the run before */
    stop.proxy_ended_usec = 90 * SECOND;
    stop.proxy_exited = false;
    assert_false(demand_is_idle_stop(&stop)); /* at 131 s it would have been */
    stop.ended_usec = 131 * SECOND + 3000;
    assert_true(demand_is_idle_stop(&stop));
    stop.proxy_left_usec = stop.proxy_ended_usec = 0; /* it never ran */
    assert_true(demand_is_idle_stop(&stop));
    stop.ended_usec = 130 * SECOND;
    assert_false(demand_is_idle_stop(&stop));
}

/* Somebody else needed it, and stopped it long after. */
static void test_stopped_much_later(void **state)
{
    DemandStop stop = stop_of();

    stop.ended_usec = 166 * SECOND;
    assert_false(demand_is_idle_stop(&stop));
}

static void test_failures(void **state)
{
    DemandStop stop = stop_of();

    stop.success = false;
    assert_false(demand_is_idle_stop(&stop));
    stop = stop_of();
    stop.active_usec = 99 * SECOND; /* of the run before: this one never got there */
    assert_false(demand_is_idle_stop(&stop));
    stop = (DemandStop){.success = true};
    assert_false(demand_is_idle_stop(&stop));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_stopped_while_in_use),
        cmocka_unit_test(test_stopped_before_its_time),
        cmocka_unit_test(test_never_used),
        cmocka_unit_test(test_stopped_much_later),
        cmocka_unit_test(test_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
