/* SPDX-License-Identifier: MIT */
#pragma once

/* The address of a listening socket, as ListenStream= of systemd.socket(5) writes it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include "supervisor/idle/diag.h"

struct listener {
    int family;
    uint16_t port;       /* TCP */
    bool any;            /* TCP: on all addresses of the family */
    uint8_t address[16]; /* TCP */
    size_t name_size;    /* unix; an abstract name begins with NUL */
    char name[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1]; /* unix; ended by NUL */
};

/* "PORT" (of IPv6 and with it of IPv4; without `ipv6` of IPv4 alone), "A.B.C.D:PORT",
 * "[ADDRESS]:PORT", an absolute path, "@NAME". Returns 0; -EINVAL for what is no address,
 * -ENAMETOOLONG. */
int listener_parse(const char *text, bool ipv6, struct listener *ret);

/* Whether it is on that address: the socket itself, or a connection to it. `file` is what a path
 * leads to, NULL when nobody knows: another root directory may have the same names. */
struct stat;
bool listener_has(const struct listener *listener, const struct diag_socket *socket,
                  const struct stat *file);
