/* SPDX-License-Identifier: MIT */

/* The sockets to listen on: those that systemd passed (sd_listen_fds(3)), or, by hand, addresses.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct Listen {
    int *fds;
    size_t n;
} Listen;

/* -ENOTCONN when there are none at all; -EINVAL when an address cannot be read (an IPv4 or IPv6
 * address and a port, "127.0.0.1:5000", "[::1]:5000"). */
int listen_take(char *const *addresses, Listen *ret);
void listen_done(Listen *listen);

/* Whether only this machine can connect: a loopback address, or a unix socket. */
bool listen_is_local(int fd);
