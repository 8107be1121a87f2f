/* SPDX-License-Identifier: MIT */
/* The buckets of cold starts: neighbours differ by a quarter to a half, from 10 ms to a minute. */
#include "supervisor/policy/cold-start.h"

#include <assert.h>

#define MSEC UINT64_C(1000)

const uint64_t cold_start_bounds_usec[COLD_START_BUCKETS] = {
    10 * MSEC,    20 * MSEC,    30 * MSEC,    50 * MSEC,   75 * MSEC,   100 * MSEC,
    125 * MSEC,   150 * MSEC,   200 * MSEC,   250 * MSEC,  300 * MSEC,  400 * MSEC,
    500 * MSEC,   750 * MSEC,   1000 * MSEC,  1500 * MSEC, 2500 * MSEC, 5000 * MSEC,
    10000 * MSEC, 30000 * MSEC, 60000 * MSEC, UINT64_MAX,
};

void cold_starts_add(ColdStarts *starts, uint64_t usec)
{
    size_t i = 0;

    while (usec > cold_start_bounds_usec[i])
        i++;
    /* A full bucket stays full: a counter that jumps back to 0 would be taken for a restart. */
    if (starts->counts[i] < UINT32_MAX)
        starts->counts[i]++;
    starts->sum_usec += usec < UINT64_MAX - starts->sum_usec ? usec : UINT64_MAX - starts->sum_usec;
}

uint64_t cold_starts_count(const ColdStarts *starts)
{
    uint64_t count = 0;

    for (size_t i = 0; i < COLD_START_BUCKETS; i++)
        count += starts->counts[i];
    return count;
}

uint64_t cold_starts_quantile(const ColdStarts *starts, uint32_t permille)
{
    uint64_t count = cold_starts_count(starts), seen = 0, lower_usec = 0;

    assert(permille >= 1 && permille <= 1000);

    uint64_t rank = (count * permille + 999) / 1000;
    for (size_t i = 0; i < COLD_START_BUCKETS - 1; i++) {
        uint64_t n = starts->counts[i], width_usec = cold_start_bounds_usec[i] - lower_usec;
        if (n > 0 && seen + n >= rank)
            return lower_usec + width_usec * (rank - seen) / n;
        seen += n;
        lower_usec = cold_start_bounds_usec[i];
    }
    return count > 0 ? lower_usec : 0;
}
