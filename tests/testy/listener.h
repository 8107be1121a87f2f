/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The sockets phoenix-testy listens on: made by itself or inherited (sd_listen_fds(3)).
 */

#include <stdbool.h>
#include <stddef.h>

#include "options.h"

#define LISTENERS_MAX 8

struct listeners {
    int fds[LISTENERS_MAX];
    size_t n_fds;
    const char *made_path; /* a socket file to remove at the end, or NULL */
    char where[128];       /* for the log: "port 8080" */
};

/* Opens what the options ask for, else takes inherited sockets, else listens on the default port.
 * Returns 0 or a negative errno; ret->where then says what it tried. */
int listeners_open(struct listeners *ret, const struct options *options);
void listeners_close(struct listeners *listeners);

/* Fills in the address of a unix socket, "@name" being an abstract one. Returns its length or
 * -ENAMETOOLONG. */
struct sockaddr_un;
int unix_address(const char *path, struct sockaddr_un *ret);
