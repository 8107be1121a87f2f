/* SPDX-License-Identifier: MIT */
/*
 * The buckets are fixed, the same for all checks: close together where local answers lie, and few
 * enough that a thousand services cost nothing.
 */
#include "supervisor/policy/histogram.h"

const uint64_t histogram_bounds_usec[HISTOGRAM_BUCKETS] = {
    500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000, 5000000, UINT64_MAX,
};

static size_t bucket_of(uint64_t usec)
{
    size_t i = 0;

    while (usec > histogram_bounds_usec[i])
        i++;
    return i;
}

void histogram_add(Histogram *histogram, uint64_t usec)
{
    uint32_t *count = &histogram->counts[bucket_of(usec)];

    /* A full bucket stays full: a counter that jumps back to 0 would be taken for a restart. */
    if (*count < UINT32_MAX)
        (*count)++;
    histogram->sum_usec +=
        usec < UINT64_MAX - histogram->sum_usec ? usec : UINT64_MAX - histogram->sum_usec;
}

uint64_t histogram_count(const Histogram *histogram)
{
    uint64_t count = 0;

    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        count += histogram->counts[i];
    return count;
}

uint64_t histogram_quantile(const Histogram *histogram, uint32_t permille)
{
    uint64_t count = histogram_count(histogram), seen = 0;
    uint64_t rank = (count * permille + 999) / 1000;

    if (count == 0)
        return 0;
    if (rank == 0)
        rank = 1; /* the smallest */
    for (size_t i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
        seen += histogram->counts[i];
        if (seen >= rank)
            return histogram_bounds_usec[i];
    }
    return UINT64_MAX;
}
