/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The HTTP server's connections: a small state machine for each, no one of which can make the
 * others wait.
 */

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "answer.h"
#include "listener.h"

#define CONNECTIONS_MAX 64
#define REQUEST_MAX     8192

struct connection;

struct server {
    struct connection *connections[CONNECTIONS_MAX];
    size_t n_connections;
};

/* How many entries server_prepare() needs at most. */
#define SERVER_POLLFDS_MAX (LISTENERS_MAX + CONNECTIONS_MAX)

/* Fills in what to poll. Returns the number of entries; *due is lowered to the next time something
 * has to be done. */
size_t server_prepare(const struct server *server, const struct listeners *listeners,
                      struct pollfd *ret, uint64_t *due);

/* Goes on wherever it can, after poll(). Returns true and a final command that has been answered,
 * to be obeyed now. */
bool server_dispatch(struct server *server, const struct pollfd *fds, size_t n_fds,
                     struct facts *facts, uint64_t now, struct command *ret);

void server_close(struct server *server);
