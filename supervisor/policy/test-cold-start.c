/* SPDX-License-Identifier: MIT */
/* The buckets of cold starts, and what is read from them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "supervisor/policy/cold-start.h"

#define MSEC UINT64_C(1000)

static void test_bounds(void **state)
{
    for (size_t i = 1; i < COLD_START_BUCKETS; i++)
        assert_true(cold_start_bounds_usec[i] > cold_start_bounds_usec[i - 1]);
    assert_true(cold_start_bounds_usec[COLD_START_BUCKETS - 1] == UINT64_MAX);
}

static void test_none(void **state)
{
    const ColdStarts starts = {0};

    assert_int_equal(cold_starts_count(&starts), 0);
    assert_int_equal(cold_starts_quantile(&starts, 500), 0);
}

static void test_quantiles(void **state)
{
    ColdStarts starts = {0};

    for (int i = 0; i < 9; i++)
        cold_starts_add(&starts, 180 * MSEC);
    cold_starts_add(&starts, 900 * MSEC);
    assert_int_equal(cold_starts_count(&starts), 10);
    assert_int_equal(starts.sum_usec, 9 * 180 * MSEC + 900 * MSEC);
    /* The fifth of nine between 150 and 200 ms; the one between 750 ms and a second. */
    assert_int_equal(cold_starts_quantile(&starts, 500), 150 * MSEC + 50 * MSEC * 5 / 9);
    assert_int_equal(cold_starts_quantile(&starts, 990), 1000 * MSEC);
    assert_int_equal(cold_starts_quantile(&starts, 1), 150 * MSEC + 50 * MSEC / 9);
}

static void test_extremes(void **state)
{
    ColdStarts starts = {0};

    cold_starts_add(&starts, 0);
    assert_int_equal(starts.counts[0], 1);
    assert_int_equal(cold_starts_quantile(&starts, 1000), 10 * MSEC);
    cold_starts_add(&starts, UINT64_MAX);
    assert_true(starts.sum_usec == UINT64_MAX);
    assert_int_equal(cold_starts_quantile(&starts, 1000), 60000 * MSEC);
    starts.counts[0] = UINT32_MAX;
    cold_starts_add(&starts, 1);
    assert_true(starts.counts[0] == UINT32_MAX);
    assert_true(cold_starts_count(&starts) == (uint64_t)UINT32_MAX + 1);
    assert_int_equal(cold_starts_quantile(&starts, 1000), 60000 * MSEC);
    assert_true(cold_starts_quantile(&starts, 500) <= 10 * MSEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_extremes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
