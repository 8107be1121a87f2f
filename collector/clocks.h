/* SPDX-License-Identifier: MIT */

/* The clocks of the machine, in microseconds. Only threads and handlers read them; what they
 * call gets the time passed in. */

#pragma once

#include <time.h>

#include "base/macros.h"

static inline uint64_t clock_usec(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}
