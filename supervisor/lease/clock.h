/* SPDX-License-Identifier: MIT */
#pragma once

/* The one clock of the lease, and how it waits. */

#include <poll.h>
#include <stdint.h>
#include <time.h>

#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC  UINT64_C(1000000)
#define NEVER_USEC    UINT64_MAX

static inline uint64_t now_usec(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

static inline uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ppoll() until a time of now_usec(). */
static inline int poll_until(struct pollfd *fds, size_t n, uint64_t until_usec)
{
    uint64_t now = now_usec(), left = until_usec > now ? until_usec - now : 0;
    struct timespec ts = {.tv_sec = (time_t)(left / USEC_PER_SEC),
                          .tv_nsec = (long)(left % USEC_PER_SEC) * 1000};

    return ppoll(fds, (nfds_t)n, until_usec == NEVER_USEC ? NULL : &ts, NULL);
}
