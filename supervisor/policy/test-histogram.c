/* SPDX-License-Identifier: MIT */

/* Which bucket a latency falls into, what percentiles are made of them, and that full counters do
 * not wrap. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>

#include "supervisor/policy/histogram.h"

static void test_bounds(void **state)
{
    for (size_t i = 1; i < HISTOGRAM_BUCKETS; i++)
        assert_true(histogram_bounds_usec[i - 1] < histogram_bounds_usec[i]);
    assert_true(histogram_bounds_usec[HISTOGRAM_BUCKETS - 1] == UINT64_MAX);
}

/* A bound belongs to its own bucket, as "le" says. */
static void test_buckets(void **state)
{
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        Histogram histogram = {};

        histogram_add(&histogram, histogram_bounds_usec[i]);
        assert_int_equal(histogram.counts[i], 1);
        if (i + 1 == HISTOGRAM_BUCKETS)
            break;
        histogram_add(&histogram, histogram_bounds_usec[i] + 1);
        assert_int_equal(histogram.counts[i + 1], 1);
    }
}

static void test_empty(void **state)
{
    const Histogram histogram = {};

    assert_int_equal(histogram_count(&histogram), 0);
    assert_int_equal(histogram_quantile(&histogram, 500), 0);
    assert_int_equal(histogram_quantile(&histogram, 1000), 0);
}

static void test_quantiles(void **state)
{
    Histogram histogram = {};

    for (int i = 0; i < 90; i++)
        histogram_add(&histogram, 700); /* up to 1 ms */
    for (int i = 0; i < 9; i++)
        histogram_add(&histogram, 20000); /* up to 25 ms */
    histogram_add(&histogram, 4000000);   /* up to 5 s */

    assert_int_equal(histogram_count(&histogram), 100);
    assert_int_equal(histogram.sum_usec, 90 * 700 + 9 * 20000 + 4000000);
    assert_int_equal(histogram_quantile(&histogram, 0), 1000);
    assert_int_equal(histogram_quantile(&histogram, 500), 1000);
    assert_int_equal(histogram_quantile(&histogram, 900), 1000);
    assert_int_equal(histogram_quantile(&histogram, 901), 25000);
    assert_int_equal(histogram_quantile(&histogram, 990), 25000);
    assert_int_equal(histogram_quantile(&histogram, 991), 5000000);
    assert_int_equal(histogram_quantile(&histogram, 1000), 5000000);
    histogram_add(&histogram, 6000000);
    assert_true(histogram_quantile(&histogram, 1000) == UINT64_MAX);
}

static void test_full(void **state)
{
    Histogram histogram = {.sum_usec = UINT64_MAX - 1};

    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        histogram.counts[i] = UINT32_MAX;
    histogram_add(&histogram, 1);
    assert_int_equal(histogram.counts[0], UINT32_MAX);
    assert_true(histogram.sum_usec == UINT64_MAX);
    histogram_add(&histogram, UINT64_MAX);
    assert_true(histogram.sum_usec == UINT64_MAX);
    assert_true(histogram_count(&histogram) == (uint64_t)UINT32_MAX * HISTOGRAM_BUCKETS);
    assert_true(histogram_quantile(&histogram, 500) == histogram_bounds_usec[5]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds), cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_empty),  cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
