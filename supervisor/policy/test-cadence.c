/* SPDX-License-Identifier: MIT */

/* The steps of a start, the spread of the jitter, and which texts give a jitter. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>

#include "supervisor/policy/cadence.h"

#define MSEC UINT64_C(1000)
#define SEC  (1000 * MSEC)

static void test_start_doubles_to_the_interval(void **state)
{
    const uint64_t expected[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000};
    const CadenceRules rules = {.interval_usec = 5 * SEC, .jitter_permille = 500};
    Cadence cadence;

    cadence_start(&cadence);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        assert_int_equal(cadence_next(&cadence, &rules, (uint32_t)i * 123456789U),
                         expected[i] * MSEC);
}

/* 5 ms and a quarter more each time, so that never more than a fifth of the time has passed unseen
 * (and 5 ms); then it doubles. */
static void test_fine_start(void **state)
{
    const CadenceRules rules = {.interval_usec = 10 * SEC, .fine = true};
    uint64_t passed_usec = 0, step_usec;
    size_t n = 0;
    Cadence cadence;

    cadence_start(&cadence);
    assert_int_equal(cadence_next(&cadence, &rules, 7), 5000);
    assert_int_equal(cadence_next(&cadence, &rules, 7), 6250);
    cadence_start(&cadence);
    do {
        step_usec = cadence_next(&cadence, &rules, 7);
        assert_true(step_usec <= passed_usec / 4 + 5 * MSEC);
        passed_usec += step_usec;
        n++;
    } while (step_usec < SEC);
    assert_in_range(n, 20, 26);
    uint64_t last_usec = step_usec;
    assert_int_equal(cadence_next(&cadence, &rules, 7), 2 * last_usec);
    assert_int_equal(cadence_next(&cadence, &rules, 7), 4 * last_usec);
    for (size_t i = 0; i < 4; i++)
        step_usec = cadence_next(&cadence, &rules, 7);
    assert_int_equal(step_usec, 10 * SEC);
}

/* When a failure begins to count, the steps are large ones at once. */
static void test_end_of_fine_steps(void **state)
{
    CadenceRules rules = {.interval_usec = 10 * SEC, .fine = true};
    Cadence cadence;

    cadence_start(&cadence);
    for (size_t i = 0; i < 3; i++)
        assert_true(cadence_next(&cadence, &rules, 0) < 10 * MSEC);
    rules.fine = false;
    assert_int_equal(cadence_next(&cadence, &rules, 0), 100 * MSEC);
    assert_int_equal(cadence_next(&cadence, &rules, 0), 200 * MSEC);
}

static void test_settle(void **state)
{
    const CadenceRules rules = {.interval_usec = 10 * SEC};
    Cadence cadence;

    cadence_start(&cadence);
    assert_int_equal(cadence_next(&cadence, &rules, 0), 100 * MSEC);
    cadence_settle(&cadence);
    assert_int_equal(cadence_next(&cadence, &rules, 7), 10 * SEC);
    cadence_start(&cadence);
    assert_int_equal(cadence_next(&cadence, &rules, 0), 100 * MSEC);
}

static void test_short_intervals(void **state)
{
    CadenceRules rules = {.interval_usec = 30 * MSEC};
    Cadence cadence;

    cadence_start(&cadence);
    assert_int_equal(cadence_next(&cadence, &rules, 0), 30 * MSEC);
    rules.interval_usec = 0; /* is no busy loop, in neither phase */
    assert_int_equal(cadence_next(&cadence, &rules, 0), MSEC);
    cadence_settle(&cadence);
    assert_int_equal(cadence_next(&cadence, &rules, 0), MSEC);
}

static void test_jitter_bounds(void **state)
{
    CadenceRules rules = {.interval_usec = 10 * SEC, .jitter_permille = 100};
    Cadence cadence = {};

    assert_int_equal(cadence_next(&cadence, &rules, 0), 9 * SEC);
    assert_int_equal(cadence_next(&cadence, &rules, UINT32_MAX), 11 * SEC);
    assert_in_range(cadence_next(&cadence, &rules, UINT32_MAX / 2), 10 * SEC - 10, 10 * SEC + 10);
    rules.jitter_permille = 1000;
    assert_int_equal(cadence_next(&cadence, &rules, 0), MSEC);
    assert_int_equal(cadence_next(&cadence, &rules, UINT32_MAX), 20 * SEC);
}

/* Evenly: a tenth of the numbers falls into a tenth of the range, and their mean is the interval.
 */
static void test_jitter_is_even(void **state)
{
    const CadenceRules rules = {.interval_usec = 10 * SEC, .jitter_permille = 200};
    const uint32_t n = 100000;
    Cadence cadence = {};
    uint64_t sum = 0;
    size_t tenths[10] = {};

    for (uint32_t i = 0; i < n; i++) {
        uint64_t usec = cadence_next(&cadence, &rules, i * (UINT32_MAX / n));
        assert_in_range(usec, 8 * SEC, 12 * SEC);
        tenths[(usec - 8 * SEC) / (400 * MSEC) % 10]++;
        sum += usec;
    }
    assert_in_range(sum / n, 10 * SEC - MSEC, 10 * SEC + MSEC);
    for (size_t i = 0; i < 10; i++)
        assert_in_range(tenths[i], n / 10 - 10, n / 10 + 10);
}

/* The longest interval a spec may have, with all of its jitter. */
static void test_long_interval(void **state)
{
    const CadenceRules rules = {.interval_usec = 86400 * SEC, .jitter_permille = 1000};
    Cadence cadence = {};

    assert_int_equal(cadence_next(&cadence, &rules, UINT32_MAX), 2 * 86400 * SEC);
}

static void test_parse_jitter(void **state)
{
    const struct {
        const char *text;
        int r;
        uint32_t permille;
    } cases[] = {
        {NULL, 0, 0},
        {"0%", 0, 0},
        {"10%", 0, 100},
        {"2.5%", 0, 25},
        {"0.25%", 0, 3},
        {"0.04%", 0, 0},
        {"99.99%", 0, 1000},
        {"100%", 0, 1000},
        {"100.0%", 0, 1000},
        {"007%", 0, 70},
        {"", -EINVAL, 0},
        {"10", -EINVAL, 0},
        {"%", -EINVAL, 0},
        {"-1%", -EINVAL, 0},
        {"+1%", -EINVAL, 0},
        {" 1%", -EINVAL, 0},
        {"1 %", -EINVAL, 0},
        {"1%%", -EINVAL, 0},
        {"1.%", -EINVAL, 0},
        {".5%", -EINVAL, 0},
        {"1.234%", -EINVAL, 0},
        {"100.01%", -EINVAL, 0},
        {"101%", -EINVAL, 0},
        {"4294967297%", -EINVAL, 0},
        {"18446744073709551626%", -EINVAL, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t permille = 4711;
        int r = cadence_parse_jitter(cases[i].text, &permille);

        if (r != cases[i].r || permille != (r == 0 ? cases[i].permille : 4711))
            fail_msg("\"%s\": %d, %u", cases[i].text ? cases[i].text : "NULL", r, permille);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_doubles_to_the_interval),
        cmocka_unit_test(test_fine_start),
        cmocka_unit_test(test_end_of_fine_steps),
        cmocka_unit_test(test_settle),
        cmocka_unit_test(test_short_intervals),
        cmocka_unit_test(test_jitter_bounds),
        cmocka_unit_test(test_jitter_is_even),
        cmocka_unit_test(test_long_interval),
        cmocka_unit_test(test_parse_jitter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
