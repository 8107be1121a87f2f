/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The connection to phoenixd: made, lost and made again. The socket unit stays when phoenixd is
 * gone, so that connecting usually starts it; while there is no socket, tries are 100 ms apart,
 * then twice that, up to 5 s.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol.h"

struct link {
    const char *path;
    int fd; /* -1: not connected */
    bool welcomed;
    uint64_t delay_usec, next_usec; /* how long, and until when, not to connect again */
    uint64_t heard_usec;            /* when a packet came, since the clock's start */
    _Alignas(uint64_t) char packet[LEASE_MESSAGE_MAX];
};

/* Returns 0, or -EINVAL for a path that no socket can have. */
int link_init(struct link *link, const char *path, uint64_t now_usec);

/* Connects when it is time to. Returns 0, or a negative errno (-EAGAIN: not yet). */
int link_connect(struct link *link, uint64_t now_usec);

/* Ends the connection; the next one is made after the delay. */
void link_close(struct link *link, uint64_t now_usec);

/* Takes the next packet. Returns 0, -EAGAIN when there is none now, or another negative errno:
 * then the connection is to be closed. *ret points into the link, up to the next call. */
int link_receive(struct link *link, uint64_t now_usec, struct lease_message *ret);

/* Sends a packet, with a descriptor when `fd` is one. Never blocks. Returns 0 or a negative errno:
 * then the connection is to be closed, as the supervisor has missed something. */
int link_send(const struct link *link, const void *packet, size_t size, int fd);
