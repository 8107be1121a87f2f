/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who uses the listening sockets of a service that accepts connections itself, asked from the
 * kernel by their addresses. For TCP it tells of each connection that has ended (a multicast group
 * of sock_diag(7)), so that even a connection of a moment is noticed without looking; what is open
 * now is asked for. For unix sockets nobody tells: the time of the socket's file, which connect(2)
 * touches, shows that there was somebody since the last look.
 *
 * The sockets themselves are not needed for that, and not had: systemd would hand them over, but
 * sets O_NONBLOCK of what it hands over, at every start, and shares it with the service.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/idle/idle.h"
#include "supervisor/idle/listener.h"

#define SOCKETS_MAX 32

struct sockets {
    size_t n;
    struct {
        struct listener listener;
        bool traceless; /* unix: its file does not show who was there */
    } places[SOCKETS_MAX];
    int ended_fd; /* where the kernel tells of ended connections, or -1 */
    bool has_except;
    uint8_t except[16];                 /* IPv4 as ::ffff:a.b.c.d */
    uint16_t except_first, except_last; /* ports; 0: none */
    _Alignas(uint64_t) char packet[8192];
};

/* No sockets yet. */
void sockets_init(struct sockets *sockets);

/* The address of a peer whose connections are no use (health checks). Returns 0, or -EINVAL when
 * it is none. */
int sockets_except(struct sockets *sockets, const char *address);

/* "FIRST-LAST", the ports from which connections of the machine to itself (both ends have the same
 * address) are no use: for IPv6, where checks cannot have an address of their own. Returns 0, or
 * -EINVAL. */
int sockets_except_ports(struct sockets *sockets, const char *ports);

/* Adds a listening socket by its address. Returns 0, -EINVAL, -ENAMETOOLONG (as listener_parse()),
 * or -E2BIG. */
int sockets_add(struct sockets *sockets, const char *address);

/* After the last one was added: asks the kernel to tell. Returns 0 or a negative errno. */
int sockets_open(struct sockets *sockets);
void sockets_close(struct sockets *sockets);

/* Whether there are sockets whose use is found by looking only. */
bool sockets_need_looks(const struct sockets *sockets);

/* Looks: IDLE_EVENT_PRESENT (also when a connection waits to be accepted), _PASSED or _ABSENT.
 * Returns a negative errno when nobody can say. */
int sockets_look(struct sockets *sockets);

/* To be called when ended_fd is readable: whether one of our connections has ended. */
bool sockets_have_ended(struct sockets *sockets);

/* The inode of the listening socket of place `i`. Returns 0, -ENOENT when nobody listens there, or
 * another negative errno. */
int sockets_inode(struct sockets *sockets, size_t i, uint32_t *ret);
