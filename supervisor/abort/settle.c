/* SPDX-License-Identifier: MIT */
/*
 * The wait for the journal to have read our last words; see settle.h. Nothing tells when it has, so
 * the socket's queue is looked at each millisecond.
 */
#include "settle.h"

#include <stdbool.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>
#include <time.h>
#include <unistd.h>

#define USEC_PER_MSEC UINT64_C(1000)

void stderr_settle(uint64_t usec)
{
    const struct timespec nap = {.tv_nsec = 1000000};
    bool was_empty = false;
    int queued;

    for (uint64_t waited = 0; waited < usec; waited += USEC_PER_MSEC) {
        if (ioctl(STDERR_FILENO, SIOCOUTQ, &queued) < 0)
            return;
        /* Once more: it reads first and looks us up then. */
        if (queued == 0 && was_empty)
            return;
        was_empty = queued == 0;
        nanosleep(&nap, NULL);
    }
}
