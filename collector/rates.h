/* SPDX-License-Identifier: MIT */

/* How many posts an address may make: a token bucket for each. The table is bounded; when it is
 * full, the address that was away longest is forgotten (its bucket has filled up most). Pure. */

#pragma once

#include <stdint.h>

typedef struct Rates Rates;

/* per_sec: tokens a second, 0: no limit. burst: size of a bucket. */
int rates_new(unsigned per_sec, unsigned burst, Rates **ret);
Rates *rates_free(Rates *rates);

/* Takes one token: 0; or, when there is none, the time in microseconds until there is one. */
uint64_t rates_take(Rates *rates, const char *address, uint64_t now_usec);
