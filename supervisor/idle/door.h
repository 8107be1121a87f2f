/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The listening sockets themselves, while the service is frozen: only who has them learns from the
 * kernel that a connection waits. They are the service's own, shared with it by pidfd_getfd(2) from
 * the freeze to the thaw.
 */

#include <poll.h>
#include <stddef.h>

#include "supervisor/idle/group.h"
#include "supervisor/idle/sockets.h"

#define DOOR_MAX (2 * SOCKETS_MAX)

struct door {
    size_t n;
    int fds[DOOR_MAX]; /* sockets, and the processes that they were taken from (pidfds) */
};

/* All of them, of a service that is frozen. Returns 0; -EPERM when this process may not look into
 * the service; -ENOENT when one of them is not open in it, or another negative errno. */
int door_open(struct door *door, struct sockets *sockets, const struct group *group);
void door_close(struct door *door);

/* Fills in what to poll for to learn of a connection that waits, or of the end of a process that
 * has the sockets, after which it may wait somewhere else; returns how many. */
size_t door_poll(const struct door *door, struct pollfd *ret_fds);
