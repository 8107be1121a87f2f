/* SPDX-License-Identifier: MIT */

/* Delays of restarts, some against those that systemd itself gave, and when the count is reset or a
 * held service tried again. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>

#include "supervisor/policy/restart.h"

#define SEC    UINT64_C(1000000)
#define MINUTE (60 * SEC)
#define NEVER  UINT64_MAX

static void check_series(const RestartRules *rules, const uint64_t *expected, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t usec = restart_delay(rules, (uint32_t)i);
        if (usec != expected[i])
            fail_msg("restart %zu: %lu us, not %lu", i + 1, (unsigned long)usec,
                     (unsigned long)expected[i]);
    }
}
#define CHECK_SERIES(rules, ...)                                                                   \
    do {                                                                                           \
        const uint64_t expected[] = {__VA_ARGS__};                                                 \
        check_series(rules, expected, sizeof(expected) / sizeof(expected[0]));                     \
    } while (0)

/* The numbers are RestartUSecNext of failing units under systemd 257, read in auto-restart. */
static void test_series_of_systemd(void **state)
{
    CHECK_SERIES(&((RestartRules){.delay_usec = 100000, .steps = 5, .max_usec = 10 * SEC}), 100000,
                 251188, 630957, 1584893, 3981071, 10000000, 10000000, 10000000);
    CHECK_SERIES(&((RestartRules){.delay_usec = 20000, .steps = 8, .max_usec = MINUTE}), 20000,
                 54408, 148016, 402671, 1095445, 2980099, 8107200, 22055204, 60000000, 60000000);
    const RestartRules odd = {.delay_usec = 333, .steps = 7, .max_usec = 777000};
    assert_int_equal(restart_delay(&odd, 5), 84750);
    assert_int_equal(restart_delay(&odd, 6), 256614);
    assert_int_equal(restart_delay(&odd, 7), 777000);
    /* One microsecond less, were the powers of type double, or the last one a power at all. */
    const RestartRules tens = {.delay_usec = 1000, .steps = 3, .max_usec = SEC};
    CHECK_SERIES(&tens, 1000, 10000, 100000, 1000000);
    const RestartRules third = {.delay_usec = 7000, .steps = 3, .max_usec = SEC};
    assert_int_equal(restart_delay(&third, 2), 191293);
    assert_int_equal(restart_delay(&third, 3), SEC);
}

static void test_series_without_growth(void **state)
{
    CHECK_SERIES(&((RestartRules){.delay_usec = SEC, .steps = 0, .max_usec = NEVER}), SEC, SEC,
                 SEC);
    CHECK_SERIES(&((RestartRules){.delay_usec = SEC, .steps = 5, .max_usec = NEVER}), SEC, SEC,
                 SEC);
    CHECK_SERIES(&((RestartRules){.delay_usec = SEC, .steps = 5, .max_usec = SEC}), SEC, SEC, SEC);
    CHECK_SERIES(&((RestartRules){.delay_usec = SEC, .steps = 5, .max_usec = 1}), SEC, SEC, SEC);
    CHECK_SERIES(&((RestartRules){.delay_usec = 0, .steps = 5, .max_usec = SEC}), 0, 0, 0, 0, 0, 0);
    CHECK_SERIES(&((RestartRules){.delay_usec = SEC, .steps = 1, .max_usec = MINUTE}), SEC, MINUTE);
}

static void test_series_only_grows(void **state)
{
    const RestartRules rules = {.delay_usec = 1, .steps = 1000, .max_usec = 86400 * SEC};

    for (uint32_t i = 0; i < 1100; i++)
        assert_true(restart_delay(&rules, i) <= restart_delay(&rules, i + 1));
    assert_int_equal(restart_delay(&rules, UINT32_MAX), 86400 * SEC);
}

static void test_reset(void **state)
{
    RestartRules rules = {.reset_usec = 10 * MINUTE};

    assert_int_equal(restart_reset_at(&rules, 0, 5 * SEC), NEVER); /* nothing to reset */
    assert_int_equal(restart_reset_at(&rules, 1, 5 * SEC), 5 * SEC + 10 * MINUTE);
    assert_int_equal(restart_reset_at(&rules, 9, NEVER - 1), NEVER);
    rules.reset_usec = 0;
    assert_int_equal(restart_reset_at(&rules, 9, 5 * SEC), NEVER);
    rules.reset_usec = NEVER;
    assert_int_equal(restart_reset_at(&rules, 9, 5 * SEC), NEVER);
}

static void test_retry(void **state)
{
    const uint64_t held = 1000 * SEC;
    RestartRules rules = {.delay_usec = SEC, .max_usec = 30 * SEC, .reset_usec = 40 * SEC};

    assert_int_equal(restart_retry_at(&rules, held), held + MINUTE);
    rules.reset_usec = 10 * MINUTE;
    assert_int_equal(restart_retry_at(&rules, held), held + 10 * MINUTE);
    rules.max_usec = 20 * MINUTE;
    assert_int_equal(restart_retry_at(&rules, held), held + 20 * MINUTE);
    rules.delay_usec = 30 * MINUTE;
    assert_int_equal(restart_retry_at(&rules, held), held + 30 * MINUTE);
    /* Nothing is given up for ever. */
    rules = (RestartRules){.delay_usec = NEVER, .max_usec = NEVER, .reset_usec = NEVER};
    assert_int_equal(restart_retry_at(&rules, held), held + MINUTE);
    assert_int_equal(restart_retry_at(&rules, NEVER - 1), NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_series_of_systemd),
        cmocka_unit_test(test_series_without_growth),
        cmocka_unit_test(test_series_only_grows),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_retry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
