/* SPDX-License-Identifier: MIT */
/* Delays by systemd's own formula, and the two times at which we do what systemd does not. All
 * sums end at the largest number, which stands for never. */
#include "supervisor/policy/restart.h"

#include <math.h>

#define INFINITE UINT64_MAX

static uint64_t add_usec(uint64_t a, uint64_t b)
{
    return a <= INFINITE - b ? a + b : INFINITE;
}

uint64_t restart_delay(const RestartRules *rules, uint32_t n_restarts)
{
    bool grows = rules->steps > 0 && rules->delay_usec > 0 && rules->max_usec != INFINITE &&
                 rules->max_usec > rules->delay_usec;

    if (n_restarts == 0 || !grows)
        return rules->delay_usec;
    if (n_restarts >= rules->steps)
        return rules->max_usec;

    /* In systemd's floating type and order, so that the last microsecond is the same, too. */
    long double growth = (long double)rules->max_usec / (long double)rules->delay_usec;
    long double exponent = (long double)n_restarts / (long double)rules->steps;
    return (uint64_t)((long double)rules->delay_usec * powl(growth, exponent));
}

uint64_t restart_reset_at(const RestartRules *rules, uint32_t n_restarts,
                          uint64_t healthy_since_usec)
{
    if (n_restarts == 0 || rules->reset_usec == 0)
        return INFINITE;
    return add_usec(healthy_since_usec, rules->reset_usec);
}

uint64_t restart_retry_at(const RestartRules *rules, uint64_t held_usec)
{
    const uint64_t spans[] = {rules->delay_usec, rules->max_usec, rules->reset_usec};
    uint64_t longest = RESTART_RETRY_LEAST_USEC;

    for (unsigned i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
        if (spans[i] != INFINITE && spans[i] > longest)
            longest = spans[i];
    return add_usec(held_usec, longest);
}
