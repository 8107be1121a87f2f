/* SPDX-License-Identifier: MIT */

/* The time by which data grows old. */

#include "collector/steady.h"

#include "base/macros.h"

#define SLACK_USEC   USEC_PER_MINUTE /* what a clock is corrected by in passing */
#define BELIEVE_USEC USEC_PER_HOUR

static uint64_t believe(Steady *steady, uint64_t real_usec, uint64_t boot_usec)
{
    *steady = (Steady){.started = true, .real_usec = real_usec, .boot_usec = boot_usec};
    return real_usec;
}

uint64_t steady_now(Steady *steady, uint64_t real_usec, uint64_t boot_usec)
{
    uint64_t expected = steady->real_usec + (boot_usec - steady->boot_usec);

    /* A clock that was set back makes everything younger: no harm. */
    if (!steady->started || real_usec <= expected + SLACK_USEC)
        return believe(steady, real_usec, boot_usec);

    uint64_t since = boot_usec - steady->ahead_since_usec;
    if (!steady->ahead || real_usec + SLACK_USEC < steady->ahead_real_usec + since ||
        real_usec > steady->ahead_real_usec + since + SLACK_USEC) {
        /* It has jumped, or jumped again. */
        steady->ahead = true;
        steady->ahead_since_usec = boot_usec;
        steady->ahead_real_usec = real_usec;
        return expected;
    }
    return since >= BELIEVE_USEC ? believe(steady, real_usec, boot_usec) : expected;
}
