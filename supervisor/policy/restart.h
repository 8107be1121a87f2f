/* SPDX-License-Identifier: MIT */
/*
 * What systemd makes of RestartSec=, RestartSteps= and RestartMaxDelaySec= (systemd.service(5)),
 * and what phoenixd adds to it: the reset of the count after `reset` of healthy time, and the slow
 * retry of a held service. Pure, clock passed in.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RESTART_RETRY_LEAST_USEC UINT64_C(60000000)

typedef struct RestartRules {
    uint64_t delay_usec; /* RestartSec= */
    uint64_t max_usec;   /* RestartMaxDelaySec=; UINT64_MAX: no growth */
    uint32_t steps;      /* RestartSteps=; 0: no growth */
    uint64_t reset_usec; /* healthy time; 0 or UINT64_MAX: the count is never reset */
    int64_t burst;       /* 0: never held */
} RestartRules;

/* The delay before restart number n_restarts + 1 (0: the first), to the microsecond as systemd
 * computes it: delay x (max / delay) ^ (n_restarts / steps), and max from n_restarts = steps on. */
uint64_t restart_delay(const RestartRules *rules, uint32_t n_restarts);

/* When the count of restarts is to be reset: healthy without a break since healthy_since_usec.
 * UINT64_MAX when there is nothing to reset. */
uint64_t restart_reset_at(const RestartRules *rules, uint32_t n_restarts,
                          uint64_t healthy_since_usec);

/* When a service that was held at held_usec is tried again: after the longest of delay, max, reset
 * and one minute, so that systemd's own start limit is over by then. What is infinite does not
 * count: nothing is given up for ever. */
uint64_t restart_retry_at(const RestartRules *rules, uint64_t held_usec);
