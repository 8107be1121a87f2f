/* SPDX-License-Identifier: MIT */
/*
 * How long cold starts took: as histogram.h, but for times between a container's and a slow
 * database's, with a quantile that is good enough to be read by people.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define COLD_START_BUCKETS 22

typedef struct ColdStarts {
    uint64_t sum_usec;
    uint32_t counts[COLD_START_BUCKETS]; /* not cumulative */
} ColdStarts;

/* Upper bounds in microseconds, each in its own bucket ("le"); the last one is UINT64_MAX. */
extern const uint64_t cold_start_bounds_usec[COLD_START_BUCKETS];

void cold_starts_add(ColdStarts *starts, uint64_t usec);
uint64_t cold_starts_count(const ColdStarts *starts);
/* The time within which this share (1..1000 permille) of all starts was done, taken as evenly
 * spread within their bucket. Of the last bucket its lower bound; 0 when there are none. */
uint64_t cold_starts_quantile(const ColdStarts *starts, uint32_t permille);
