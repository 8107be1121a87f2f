/* SPDX-License-Identifier: MIT */
/* Latencies in fixed buckets, as OpenMetrics has them, and percentiles of them for people. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BUCKETS 12 /* 0.5 ms, 1, 2.5, 5, 10, 25, 50, 100, 250 ms, 1 s, 5 s, +Inf */

typedef struct Histogram {
    uint32_t counts[HISTOGRAM_BUCKETS]; /* not cumulative */
    uint64_t sum_usec;
} Histogram;

/* Upper bounds in microseconds, each in its own bucket ("le"); the last one is UINT64_MAX. */
extern const uint64_t histogram_bounds_usec[HISTOGRAM_BUCKETS];

void histogram_add(Histogram *histogram, uint64_t usec);
uint64_t histogram_count(const Histogram *histogram);
/* The upper bound of the bucket within which this share (0..1000 permille) of all values lies;
 * UINT64_MAX when it is the last one, 0 when there are no values. */
uint64_t histogram_quantile(const Histogram *histogram, uint32_t permille);
