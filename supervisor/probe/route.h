/* SPDX-License-Identifier: MIT */
/*
 * Where a check connects to. "localhost" and the loopback addresses are inside the service: the
 * socket is made in its network namespace by the lease and handed over. Everything else is reached
 * from the supervisor's own network.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>

#include "supervisor/probe/probe-internal.h"

typedef struct Route {
    bool local;
    bool either; /* "localhost": what refuses on 127.0.0.1 may listen on ::1 only */
    int family;  /* AF_INET or AF_INET6; AF_UNSPEC: a name whose address has to be found */
} Route;

typedef union RouteAddress {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
} RouteAddress;

Route route_of(const char *host);

/* The address of that host, which has a family; a local one is the loopback address. Returns its
 * size. */
socklen_t route_address(Route route, const char *host, uint16_t port, RouteAddress *ret);

/* "db.example.com", "[fd00::7]": as it stands in a URL. Returns buffer, of `size` bytes. */
const char *route_url_host(const char *host, char *buffer, size_t size);

/* A non-blocking stream socket of our own network, bound as the door says; or a negative errno. */
int route_socket(const Probe *probe, int family);

/* Receives a non-blocking stream socket and owns it; or a negative errno, which says nothing about
 * the service. */
typedef void (*route_socket_t)(void *userdata, int fd);

/* Makes a socket for a local route, at once or through the door. */
void route_open(Probe *probe, int family, route_socket_t opened, void *userdata);
