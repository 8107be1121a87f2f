/* SPDX-License-Identifier: MIT */
/*
 * What an HTTP answer means for something that waits to be delivered, and when it is tried again.
 * Pure: the caller gives the time that the server asked for, and the random number.
 */
#pragma once

#include <stdint.h>

typedef enum DeliveryVerdict {
    DELIVERY_STORED,
    DELIVERY_LATER,   /* nobody answered, or somebody has no time or no room now */
    DELIVERY_DENIED,  /* not without (another) token */
    DELIVERY_ASTRAY,  /* whoever answers is not who should: the address wants mending */
    DELIVERY_REFUSED, /* this one never, others perhaps */
    _DELIVERY_MAX,
} DeliveryVerdict;

/* RFC 9110 and 6585; 0: no answer came. */
DeliveryVerdict delivery_verdict(long status);

typedef struct DeliveryRules {
    uint64_t first_usec,
        max_usec;          /* the delay after the first failure; it doubles up to the other */
    uint64_t mend_usec;    /* at least this, when somebody has to mend something */
    uint64_t ask_max_usec; /* a server may ask for so much (Retry-After) */
} DeliveryRules;

extern const DeliveryRules delivery_rules;

/* From the end of a try to the next one. `failures` in a row, this one included, at least 1.
 * `asked_usec`: what the server asks for, 0 when it does not. Spread by a fifth, and never earlier
 * than the server asked for: many who were sent away together shall not come back together. */
uint64_t delivery_delay(const DeliveryRules *rules, DeliveryVerdict verdict, uint32_t failures,
                        uint64_t asked_usec, uint64_t random);
