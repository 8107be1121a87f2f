/* SPDX-License-Identifier: MIT */
/* The rules of notifications, with a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "supervisor/daemon/notify/notify-policy.h"

#define T0 (1000 * USEC_PER_SEC)

static int kind_of(EventKind kind, HealthState before)
{
    return notify_kind_of_event(&(Event){.kind = kind, .service = "web", .before = before});
}

static void test_events(void **state)
{
    assert_int_equal(kind_of(EVENT_UNHEALTHY, HEALTH_FAILING), NOTIFY_UNHEALTHY);
    assert_int_equal(kind_of(EVENT_START_FAILED, HEALTH_STARTING), NOTIFY_UNHEALTHY);
    assert_int_equal(kind_of(EVENT_RESTARTED, HEALTH_UNHEALTHY), NOTIFY_RESTARTED);
    assert_int_equal(kind_of(EVENT_HELD, HEALTH_UNHEALTHY), NOTIFY_HELD);
    assert_int_equal(kind_of(EVENT_RECOVERED, HEALTH_STARTING), NOTIFY_RECOVERED);
    assert_int_equal(kind_of(EVENT_RECOVERED, HEALTH_UNHEALTHY), NOTIFY_RECOVERED);
    assert_int_equal(kind_of(EVENT_RECOVERED, HEALTH_FAILING), -1);
    assert_int_equal(kind_of(EVENT_FAILING, HEALTH_HEALTHY), -1);
    assert_int_equal(notify_kind_of_event(&(Event){.kind = EVENT_DEGRADED}), -1);
    assert_int_equal(notify_kind_of_event(&(Event){.kind = EVENT_HELD}), -1);
}

static void test_words(void **state)
{
    for (int kind = 0; kind < _NOTIFY_KIND_MAX; kind++)
        assert_int_equal(notify_kind_from_word(notify_kind_word((NotifyKind)kind)), kind);
    assert_int_equal(notify_kind_from_word("start-failed"), -1);
    assert_int_equal(notify_kind_from_word(""), -1);
    assert_int_equal(notify_kind_from_word(NULL), -1);
}

static void test_http(void **state)
{
    assert_int_equal(notify_http_verdict(200), NOTIFY_DELIVERED);
    assert_int_equal(notify_http_verdict(204), NOTIFY_DELIVERED);
    assert_int_equal(notify_http_verdict(299), NOTIFY_DELIVERED);
    assert_int_equal(notify_http_verdict(300), NOTIFY_RETRY);
    assert_int_equal(notify_http_verdict(302), NOTIFY_RETRY);
    assert_int_equal(notify_http_verdict(400), NOTIFY_REFUSED);
    assert_int_equal(notify_http_verdict(404), NOTIFY_REFUSED);
    assert_int_equal(notify_http_verdict(408), NOTIFY_RETRY);
    assert_int_equal(notify_http_verdict(429), NOTIFY_RETRY);
    assert_int_equal(notify_http_verdict(499), NOTIFY_REFUSED);
    assert_int_equal(notify_http_verdict(500), NOTIFY_RETRY);
    assert_int_equal(notify_http_verdict(0), NOTIFY_RETRY);
}

static void test_back_off(void **state)
{
    uint64_t expected = USEC_PER_SEC;

    for (uint32_t attempts = 1; attempts < 40; attempts++) {
        assert_int_equal(notify_retry_delay(&notify_rules, attempts, expected / 10), expected);
        for (uint64_t random = 0; random < 1000; random++) {
            uint64_t delay =
                notify_retry_delay(&notify_rules, attempts, random * UINT64_C(0x9e3779b97f4a7c15));

            assert_true(delay >= expected - expected / 10);
            assert_true(delay <= expected + expected / 10);
        }
        expected = MIN(expected * 2, 15 * USEC_PER_MINUTE);
    }
    assert_int_equal(expected, 15 * USEC_PER_MINUTE);
    assert_true(notify_retry_delay(&notify_rules, UINT32_MAX, 0) > 13 * USEC_PER_MINUTE);
}

static void test_same_kind(void **state)
{
    NotifyRate rate = {0};

    assert_int_equal(notify_rate_at(&rate, &notify_rules, "web", 0, T0), T0);
    notify_rate_take(&rate, &notify_rules, "web", 0, T0);
    assert_int_equal(notify_rate_at(&rate, &notify_rules, "web", 0, T0 + 1), T0 + USEC_PER_MINUTE);
    assert_int_equal(notify_rate_at(&rate, &notify_rules, "web", 1, T0 + 1), T0 + 1);
    assert_int_equal(notify_rate_at(&rate, &notify_rules, "web2", 0, T0 + 1), T0 + 1);
    assert_int_equal(notify_rate_at(&rate, &notify_rules, "web", -1, T0 + 1), T0 + 1);
    assert_int_equal(notify_rate_at(&rate, &notify_rules, "web", 0, T0 + USEC_PER_MINUTE),
                     T0 + USEC_PER_MINUTE);
}

static void test_window(void **state)
{
    NotifyRate rate = {0};

    for (unsigned i = 0; i < 60; i++) {
        char name[16];

        snprintf(name, sizeof(name), "web%u", i);
        assert_int_equal(notify_rate_at(&rate, &notify_rules, name, 0, T0 + i), T0 + i);
        notify_rate_take(&rate, &notify_rules, name, i % 2 == 0 ? 0 : -1, T0 + i);
    }
    /* Full: the 61st waits for the first to leave, whatever it is. */
    assert_int_equal(notify_rate_at(&rate, &notify_rules, "new", 0, T0 + 60), T0 + USEC_PER_MINUTE);
    assert_int_equal(notify_rate_at(&rate, &notify_rules, "new", -1, T0 + 60),
                     T0 + USEC_PER_MINUTE);
    notify_rate_take(&rate, &notify_rules, "new", 0, T0 + USEC_PER_MINUTE);
    assert_int_equal(notify_rate_at(&rate, &notify_rules, "newer", 0, T0 + USEC_PER_MINUTE),
                     T0 + 1 + USEC_PER_MINUTE);
}

/* A flood for ten minutes: never more than 60 in any minute, never one kind twice in one. */
static void test_flood(void **state)
{
    NotifyRate rate = {0};
    uint64_t last[20] = {0}, all[1000];
    size_t n = 0;

    for (uint64_t now = T0; now < T0 + 10 * USEC_PER_MINUTE; now += 37 * USEC_PER_MSEC) {
        size_t who = now / USEC_PER_MSEC % 20;
        char name[2] = {(char)('a' + who), '\0'};
        int key = who % 3 == 0 ? -1 : 1;

        if (notify_rate_at(&rate, &notify_rules, name, key, now) > now)
            continue;
        notify_rate_take(&rate, &notify_rules, name, key, now);
        if (key >= 0 && last[who] > 0)
            assert_true(now - last[who] >= USEC_PER_MINUTE);
        last[who] = now;
        assert_true(n < ELEMENTSOF(all));
        all[n++] = now;
        if (n > 60)
            assert_true(now - all[n - 61] >= USEC_PER_MINUTE);
    }
    assert_true(n > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),    cmocka_unit_test(test_words),
        cmocka_unit_test(test_http),      cmocka_unit_test(test_back_off),
        cmocka_unit_test(test_same_kind), cmocka_unit_test(test_window),
        cmocka_unit_test(test_flood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
