/* SPDX-License-Identifier: MIT */

/* CPU time as a percentage: of the time since the reading before. What is the same reading once
 * more, since the module keeps one for a while, has the same percentages. */

#pragma once

#include "sysinfo/sysinfo.h"

typedef struct RateSample {
    uint64_t key;
    uint64_t cpu_usec, taken_usec;
    double percent;
} RateSample;

/* Initialise with { 0 }. */
typedef struct Rates {
    RateSample *samples; /* of the last reading, by key */
    size_t n;
} Rates;

void rates_done(Rates *rates);

/* Fills in cpu_percent of each container: since the reading before this one, or, of a container
 * that was not in it, since it was started. One without CPU time of its own (taken_usec is 0) keeps
 * what it has. -ENOMEM. */
int rates_apply(Rates *rates, Sysinfo *sysinfo);
