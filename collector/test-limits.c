/* SPDX-License-Identifier: MIT */

/* What keeps the collector within its bounds: rates, the ring of the stream, the steady clock. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "collector/hub.h"
#include "collector/rates.h"
#include "collector/steady.h"

static void test_rate(void **state)
{
    Rates *rates = NULL;
    uint64_t now = 5 * USEC_PER_SEC;

    assert_int_equal(rates_new(10, 3, &rates), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rates_take(rates, "10.0.0.1", now), 0);
    uint64_t wait = rates_take(rates, "10.0.0.1", now);
    assert_in_range(wait, 99000, 101000);
    assert_int_equal(rates_take(rates, "10.0.0.2", now), 0);
    assert_int_equal(rates_take(rates, "10.0.0.1", now + wait), 0);
    assert_true(rates_take(rates, "10.0.0.1", now + wait) > 0);
    /* A clock that stands still or goes back gives nothing and breaks nothing. */
    assert_true(rates_take(rates, "10.0.0.1", now - USEC_PER_SEC) > 0);
    rates_free(rates);
}

static void test_no_rate(void **state)
{
    Rates *rates = NULL;

    assert_int_equal(rates_new(0, 1, &rates), 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(rates_take(rates, "a", 1), 0);
    rates_free(rates);
}

static void test_many_addresses_do_not_lift_the_limit(void **state)
{
    Rates *rates = NULL;
    char address[32];

    assert_int_equal(rates_new(1, 1, &rates), 0);
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(address, sizeof(address), "10.0.%u.%u", i / 250, i % 250);
        assert_int_equal(rates_take(rates, address, 1000 + i), 0);
        assert_true(rates_take(rates, address, 1000 + i) > 0);
    }
    rates_free(rates);
}

static void read_hub(Hub *hub, uint64_t *id, size_t max, const char *expected)
{
    _cleanup_text_ Text t = {0};

    hub_read(hub, id, max, &t);
    assert_string_equal(t.data ? t.data : "", expected);
}

static void test_hub(void **state)
{
    Hub *hub = NULL;
    uint64_t id = 1, other = 2, stranger = 77, unknown = 0;

    assert_int_equal(hub_new(8, &hub), 0);
    read_hub(hub, &id, 1000, "");
    hub_add(hub, "sample", "{1}");
    hub_add(hub, "event", "{2}");
    assert_int_equal(hub_next_id(hub), 3);
    read_hub(hub, &id, 1, "id: 1\nevent: sample\ndata: {1}\n\n");
    read_hub(hub, &id, 1, "id: 2\nevent: event\ndata: {2}\n\n");
    read_hub(hub, &id, 1, "");
    /* 12 bytes do not fit into 8: the first two are gone for who has not read them. */
    hub_add(hub, "event", "{3}");
    hub_add(hub, "event", "{4}");
    read_hub(hub, &other, 1, "id: 2\nevent: lost\ndata: {\"n\": 1}\n\n");
    read_hub(hub, &other, 1000,
             "id: 3\nevent: event\ndata: {3}\n\nid: 4\nevent: event\ndata: {4}\n\n");
    read_hub(hub, &stranger, 1, "id: 4\nevent: lost\ndata: {\"n\": 0}\n\n");
    read_hub(hub, &stranger, 1, "");
    read_hub(hub, &unknown, 1, "id: 4\nevent: lost\ndata: {\"n\": 0}\n\n");
    hub_free(hub);
}

static void test_hub_is_bounded(void **state)
{
    Hub *hub = NULL;
    uint64_t id = 1;
    _cleanup_text_ Text t = {0};

    assert_int_equal(hub_new(SIZE_MAX / 2, &hub), 0);
    for (int i = 0; i < 10000; i++)
        hub_add(hub, "event", "{}");
    hub_read(hub, &id, 1, &t);
    assert_non_null(strstr(t.data, "event: lost\ndata: {\"n\": 5904}"));
    hub_free(hub);
}

#define YEAR USEC_PER_YEAR

static void test_steady_follows_a_good_clock(void **state)
{
    Steady steady = {0};

    for (uint64_t t = 0; t < USEC_PER_DAY; t += USEC_PER_MINUTE)
        assert_int_equal(steady_now(&steady, 50 * YEAR + t, t), 50 * YEAR + t);
}

static void test_steady_does_not_believe_a_jump(void **state)
{
    Steady steady = {0};
    uint64_t start = 50 * YEAR, t = 0;

    assert_int_equal(steady_now(&steady, start, 0), start);
    /* Wrong for ten minutes. */
    for (t = USEC_PER_MINUTE; t < 10 * USEC_PER_MINUTE; t += USEC_PER_MINUTE)
        assert_int_equal(steady_now(&steady, start + YEAR + t, t), start + t);
    assert_int_equal(steady_now(&steady, start + t, t), start + t);
    /* Back is believed at once. */
    assert_int_equal(steady_now(&steady, start - YEAR, t), start - YEAR);
}

static void test_steady_believes_in_the_end(void **state)
{
    Steady steady = {0};
    uint64_t start = USEC_PER_DAY, t; /* 1970: no battery */

    (void)steady_now(&steady, start, 0);
    for (t = USEC_PER_MINUTE; t <= USEC_PER_HOUR; t += USEC_PER_MINUTE)
        assert_int_equal(steady_now(&steady, 56 * YEAR + t, t), start + t);
    t += USEC_PER_MINUTE;
    assert_int_equal(steady_now(&steady, 56 * YEAR + t, t), 56 * YEAR + t);
}

static void test_steady_wants_the_same_for_an_hour(void **state)
{
    Steady steady = {0};
    uint64_t start = 50 * YEAR;

    (void)steady_now(&steady, start, 0);
    /* Another time each time: none of them is believed. */
    for (uint64_t t = USEC_PER_MINUTE; t < 5 * USEC_PER_HOUR; t += USEC_PER_MINUTE)
        assert_int_equal(steady_now(&steady, start + t * 3, t), start + t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_no_rate),
        cmocka_unit_test(test_many_addresses_do_not_lift_the_limit),
        cmocka_unit_test(test_hub),
        cmocka_unit_test(test_hub_is_bounded),
        cmocka_unit_test(test_steady_follows_a_good_clock),
        cmocka_unit_test(test_steady_does_not_believe_a_jump),
        cmocka_unit_test(test_steady_believes_in_the_end),
        cmocka_unit_test(test_steady_wants_the_same_for_an_hour),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
