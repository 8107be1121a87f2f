/* SPDX-License-Identifier: MIT */

/* The delays before a service's restarts, as the service manager computes them. RestartSteps= and
 * RestartMaxDelaySec= together mean a geometric series that few people can do in their head, so
 * `phoenix explain` writes it out. Source: systemd.service(5) and service_restart_usec_next() of
 * systemd 254 to 257. */

#pragma once

#include <stdint.h>

#include "base/text.h"

typedef struct Delays {
    uint64_t first_usec; /* RestartSec= */
    uint64_t max_usec;   /* RestartMaxDelaySec=; USEC_INFINITY: none */
    unsigned steps;      /* RestartSteps=; 0: the delay does not grow */
} Delays;

/* The delay before the nth restart in a row, n from 1. */
uint64_t delays_nth(const Delays *delays, unsigned n);

/* Appends "100ms", or the series: "20ms, 45ms, 101ms, ... 1min from the 9th restart on". Values are
 * rounded to what a person wants to know. */
void delays_add(Text *t, const Delays *delays);

/* Takes RestartSec=, RestartSteps= and RestartMaxDelaySec= out of the text of a unit file; the last
 * assignment counts, as in systemd. What is not set has systemd's default (100ms, 0, infinity). */
void delays_of_unit(const char *unit, Delays *ret);

/* The last value of a key that is a time span, in the text of a unit file; *usec stays as it is
 * when there is none. */
void unit_text_span(const char *unit, const char *key, uint64_t *usec);
