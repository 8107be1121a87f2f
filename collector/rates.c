/* SPDX-License-Identifier: MIT */

/* A token bucket for each address. */

#include "collector/rates.h"

#include <errno.h>

#include "base/macros.h"

#define ADDRESSES_MAX 256
#define ADDRESS_SIZE  64

typedef struct Bucket {
    char address[ADDRESS_SIZE];
    double tokens;
    uint64_t when_usec;
} Bucket;

struct Rates {
    double per_sec, burst;
    size_t n;
    Bucket buckets[ADDRESSES_MAX];
};

int rates_new(unsigned per_sec, unsigned burst, Rates **ret)
{
    Rates *rates = calloc(1, sizeof(*rates));

    if (!rates)
        return -ENOMEM;
    rates->per_sec = per_sec;
    rates->burst = MAX(burst, 1U);
    *ret = rates;
    return 0;
}

Rates *rates_free(Rates *rates)
{
    free(rates);
    return NULL;
}

static Bucket *find(Rates *rates, const char *address, uint64_t now_usec)
{
    Bucket *oldest = NULL;

    for (size_t i = 0; i < rates->n; i++) {
        Bucket *b = &rates->buckets[i];
        if (strncmp(b->address, address, ADDRESS_SIZE - 1) == 0)
            return b;
        if (!oldest || b->when_usec < oldest->when_usec)
            oldest = b;
    }
    if (rates->n < ADDRESSES_MAX)
        oldest = &rates->buckets[rates->n++];
    *oldest = (Bucket){.tokens = rates->burst, .when_usec = now_usec};
    (void)snprintf(oldest->address, ADDRESS_SIZE, "%s", address);
    return oldest;
}

uint64_t rates_take(Rates *rates, const char *address, uint64_t now_usec)
{
    Bucket *b;

    if (rates->per_sec <= 0)
        return 0;
    b = find(rates, address, now_usec);
    if (now_usec > b->when_usec)
        b->tokens += (double)(now_usec - b->when_usec) * rates->per_sec / (double)USEC_PER_SEC;
    b->tokens = MIN(b->tokens, rates->burst);
    b->when_usec = now_usec;
    if (b->tokens >= 1) {
        b->tokens -= 1;
        return 0;
    }
    return (uint64_t)((1 - b->tokens) / rates->per_sec * (double)USEC_PER_SEC) + 1;
}
