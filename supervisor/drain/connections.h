/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Listening sockets, and which connections of theirs a server has: those that it has accepted and
 * not closed yet. What still waits in a queue is not counted: whoever accepts next gets it.
 */

#include <sys/socket.h>
#include <sys/types.h>

struct listener {
    int fd;
    socklen_t address_size;
    struct sockaddr_storage address;
};

/* Takes the address of a listening stream socket. Returns 0, or a negative errno (-EINVAL: it is
 * not one). */
int listener_init(struct listener *listener, int fd);

/* How many connections of these listeners the process has open; or a negative errno, -EPERM when we
 * may not look (pidfd_getfd(2)). Other processes do not count. */
int connections_count(pid_t pid, const struct listener *listeners, size_t n);
