/* SPDX-License-Identifier: MIT */
/*
 * Where a check connects to. "localhost" and the loopback addresses are inside the service: the
 * socket is made in its network namespace by the lease and handed over. Everything else is reached
 * from the supervisor's own network.
 */
#pragma once

#include <stdbool.h>

#include "supervisor/probe/probe-internal.h"

typedef struct Route {
    bool local;
    bool either; /* "localhost": what refuses on 127.0.0.1 may listen on ::1 only */
    int family;  /* local: AF_INET or AF_INET6 */
} Route;

Route route_of(const char *host);

/* "db.example.com", "[fd00::7]": as it stands in a URL. Returns buffer, of `size` bytes. */
const char *route_url_host(const char *host, char *buffer, size_t size);

/* Receives a non-blocking stream socket and owns it; or a negative errno, which says nothing about
 * the service. */
typedef void (*route_socket_t)(void *userdata, int fd);

/* Makes a socket for a local route, at once or through the door. */
void route_open(Probe *probe, int family, route_socket_t opened, void *userdata);
