/* SPDX-License-Identifier: MIT */
/*
 * When the next check is due: 100 ms after the start, doubling to the interval while the service is
 * not yet healthy; then the interval, spread by the jitter. Where somebody waits for the start and
 * a check is cheap, it is 5 ms, and a quarter more each time: what gets ready is found a fifth of
 * that time later at most. After a second that doubles, too. Pure: the caller gives the random
 * number.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CADENCE_FIRST_USEC      UINT64_C(100000)
#define CADENCE_FINE_FIRST_USEC UINT64_C(5000)
#define CADENCE_FINE_LAST_USEC  UINT64_C(1000000) /* from here on it doubles */

typedef struct CadenceRules {
    uint64_t interval_usec;
    uint32_t jitter_permille; /* 0..1000: share of the interval, added or taken at random */
    bool fine;                /* a start-up in small steps; may end at any step */
} CadenceRules;

typedef struct Cadence {
    uint64_t step_usec; /* of the start-up; 0 when it is over */
} Cadence;

void cadence_start(Cadence *cadence);  /* start-up: quick checks first */
void cadence_settle(Cadence *cadence); /* healthy once: the interval from now on */

/* The time from the end of one check (or from the start) to the next one, and steps on. `random`:
 * any 32 bits; they spread it evenly over interval - jitter .. interval + jitter. At least 1 ms. A
 * check of a service in its start-up is not jittered. */
uint64_t cadence_next(Cadence *cadence, const CadenceRules *rules, uint32_t random);

/* Reads "10%", "2.5%", "0.25%" into permille, rounded. Returns 0, or -EINVAL when it is no
 * percentage from 0% to 100% with at most two decimals (as phoenix-spec(5) has it). NULL is 0. */
int cadence_parse_jitter(const char *text, uint32_t *ret_permille);
