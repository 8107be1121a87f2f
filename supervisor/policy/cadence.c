/* SPDX-License-Identifier: MIT */
/* The arithmetic of due times: growing steps while a service starts, jitter after that, and no
 * overflow whatever the spec says. */
#include "supervisor/policy/cadence.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define LEAST_USEC UINT64_C(1000)

void cadence_start(Cadence *cadence)
{
    cadence->step_usec = CADENCE_FINE_FIRST_USEC;
}

void cadence_settle(Cadence *cadence)
{
    cadence->step_usec = 0;
}

/* value * numerator / denominator without overflow, as long as numerator <= denominator. */
static uint64_t share_of(uint64_t value, uint32_t numerator, uint32_t denominator)
{
    return value / denominator * numerator + value % denominator * numerator / denominator;
}

static uint64_t jittered(const CadenceRules *rules, uint32_t random)
{
    uint64_t spread = share_of(rules->interval_usec, rules->jitter_permille, 1000);
    uint64_t added = 2 * share_of(spread, random, UINT32_MAX);

    return rules->interval_usec - spread + added;
}

static uint64_t start_step(Cadence *cadence, const CadenceRules *rules)
{
    uint64_t step = cadence->step_usec;

    if (!rules->fine && step < CADENCE_FIRST_USEC)
        step = CADENCE_FIRST_USEC;
    if (step >= rules->interval_usec)
        return rules->interval_usec;
    cadence->step_usec = rules->fine && step < CADENCE_FINE_LAST_USEC ? step + step / 4 : 2 * step;
    return step;
}

uint64_t cadence_next(Cadence *cadence, const CadenceRules *rules, uint32_t random)
{
    uint64_t usec = cadence->step_usec > 0 ? start_step(cadence, rules) : jittered(rules, random);

    return usec > LEAST_USEC ? usec : LEAST_USEC;
}

/* One or two digits behind a point as hundredths; moves on behind them. -EINVAL when there are
 * none, or more. */
static int read_hundredths(const char **text, uint32_t *ret_hundredths)
{
    size_t n = strspn(*text, "0123456789");
    const char *digits = *text;

    if (n < 1 || n > 2)
        return -EINVAL;
    *ret_hundredths = (uint32_t)(digits[0] - '0') * 10 + (n == 2 ? (uint32_t)(digits[1] - '0') : 0);
    *text += n;
    return 0;
}

int cadence_parse_jitter(const char *text, uint32_t *ret_permille)
{
    uint32_t hundredths = 0, whole = 0;
    const char *p = text;

    if (!text) {
        *ret_permille = 0;
        return 0;
    }
    if (*p < '0' || *p > '9')
        return -EINVAL;
    for (; *p >= '0' && *p <= '9'; p++) {
        whole = whole * 10 + (uint32_t)(*p - '0');
        if (whole > 100)
            return -EINVAL;
    }
    if (*p == '.') {
        p++;
        int r = read_hundredths(&p, &hundredths);
        if (r < 0)
            return r;
    }
    if (strcmp(p, "%") != 0 || whole * 100 + hundredths > 10000)
        return -EINVAL;
    *ret_permille = (whole * 100 + hundredths + 5) / 10;
    return 0;
}
