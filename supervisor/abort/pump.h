/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Saves the last words of a container. The service manager's signal ends conmon first, and with it
 * the only reader of the container's stdout and stderr: a stack dump that the payload writes on our
 * SIGABRT would meet a broken pipe. The pump is a child process that becomes the reader and copies
 * to our stderr, which is the unit's journal.
 */

#include <stdint.h>
#include <sys/types.h>

#include "tree.h"

#define PUMP_COPY_MAX (1024 * 1024) /* bytes of one container, both pipes together */

struct pump {
    pid_t child; /* 0: there is none */
    int fd;      /* hung up when the child is done */
};

/* Starts the child when the payload is a container whose pipes nobody reads, and returns when the
 * pipes are open (a few milliseconds), so that no write after this is lost. Without a container,
 * without such pipes or when that fails (which is said on stderr), there is no pump: the payload
 * must be ended all the same. */
void pump_start(const struct payload *payload, struct pump *ret);

/* To be called when the payload is gone: lets the child copy what is still in the pipes for at most
 * `usec`, then ends it. */
void pump_stop(struct pump *pump, uint64_t usec);
