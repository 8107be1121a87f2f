/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What is done to a payload that outlived its service: a signal that lets it dump its state, a
 * short grace, the end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tree.h"

struct abort_policy {
    int signal;          /* SIGABRT after a watchdog timeout, SIGTERM after any other failure */
    uint64_t grace_usec; /* how long the payload may take to end by itself */
    uint64_t dump_usec;  /* the same while the kernel writes a core of one of its processes */
};

struct abort_report {
    size_t found; /* processes there at the beginning */
    size_t signalled;
    size_t left;      /* processes there at the end */
    bool only_init;   /* all that was there was the init of a container, and it has no handler */
    bool ineffective; /* nobody there could react to the signal, so no time was spent waiting */
    bool killed;
    uint64_t killed_usec;  /* when SIGKILL was sent, since the beginning */
    uint64_t elapsed_usec; /* when all was over, since the beginning */
};

/* Ends the payload. Returns 0 when there is nothing left of it, -EBUSY when something is, or
 * -ENOMEM; *ret is filled in for the first two. */
int abort_payload(const struct payload *payload, const struct abort_policy *policy,
                  struct abort_report *ret);

/* Writes the one line for the journal, without the newline. `result` is $SERVICE_RESULT. */
void abort_describe(const struct abort_report *report, const char *result,
                    const struct abort_policy *policy, char *buf, size_t size);

/* Waits until the other helpers of Phoenix in the unit have ended, for at most `usec`. The lease
 * ends by itself with the main process; the manager's last SIGKILL is to find nobody. */
void abort_wait_helpers(const struct payload *payload, uint64_t usec);
