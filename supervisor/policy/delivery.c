/* SPDX-License-Identifier: MIT */
/* Answers and back-off of deliveries; see delivery.h. */
#include "supervisor/policy/delivery.h"

#include <assert.h>

#define SECOND UINT64_C(1000000)

const DeliveryRules delivery_rules = {
    .first_usec = SECOND,
    .max_usec = 60 * SECOND,
    .mend_usec = 30 * SECOND,
    .ask_max_usec = 600 * SECOND,
};

DeliveryVerdict delivery_verdict(long status)
{
    switch (status) {
    case 400: /* Bad Request */
    case 413: /* Content Too Large */
    case 422: /* Unprocessable Content */
        return DELIVERY_REFUSED;
    case 401:
    case 403:
    case 407:
        return DELIVERY_DENIED;
    case 408: /* Request Timeout */
    case 425: /* Too Early */
    case 429: /* Too Many Requests */
        return DELIVERY_LATER;
    default:
        if (status >= 200 && status < 300)
            return DELIVERY_STORED;
        return status >= 300 && status < 500 ? DELIVERY_ASTRAY : DELIVERY_LATER;
    }
}

static uint64_t min_usec(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t max_usec(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

uint64_t delivery_delay(const DeliveryRules *rules, DeliveryVerdict verdict, uint32_t failures,
                        uint64_t asked_usec, uint64_t random)
{
    uint64_t delay = rules->first_usec;

    assert(failures >= 1);
    assert(verdict > DELIVERY_STORED && verdict < _DELIVERY_MAX);

    for (uint32_t i = 1; i < failures && delay < rules->max_usec; i++)
        delay *= 2;
    delay = min_usec(delay, rules->max_usec);
    if (verdict == DELIVERY_DENIED || verdict == DELIVERY_ASTRAY)
        delay = max_usec(delay, rules->mend_usec);
    delay = max_usec(delay, min_usec(asked_usec, rules->ask_max_usec));
    return delay + random % (delay / 5 + 1);
}
