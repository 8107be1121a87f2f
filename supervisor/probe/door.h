/* SPDX-License-Identifier: MIT */
/*
 * What a check needs from inside a service: a socket of its network namespace, a connection to a
 * unix socket or the age of a file as the service sees them, a program run in it. The daemon's door
 * is the lease of the service (daemon/lease-peer.h); tests have one of their own.
 */
#pragma once

#include <netinet/in.h>
#include <stdint.h>
#include <sys/types.h>

#include "supervisor/lease/protocol.h"

typedef struct DoorRequest {
    enum lease_op op;
    int domain;            /* SOCKET: AF_INET, AF_INET6 */
    const char *path;      /* CONNECT, STAT */
    char *const *argv;     /* EXEC */
    uint64_t timeout_usec; /* EXEC: the program is ended then; for all: no answer after this and
                            * a second is -ETIMEDOUT */
} DoorRequest;

typedef struct DoorAnswer {
    int error; /* 0 or a negative errno; -ENOTCONN: there is no lease now */
    int fd;    /* SOCKET, CONNECT: the callee owns it (TAKE_FD) or it is closed after; else -1 */
    uint32_t exit_code;    /* EXEC */
    uint64_t elapsed_usec; /* EXEC */
    uint64_t mtime_usec;   /* STAT */
    const char *text;      /* EXEC: last output, clean UTF-8 of one line; "" when there is none */
} DoorAnswer;

typedef void (*door_done_t)(DoorAnswer *answer, void *userdata);

typedef struct Door Door;
struct Door {
    /* Asks. `done` is called exactly once unless cancelled, never before this returns. Returns 0
     * and the id, or a negative errno (then `done` is not called). */
    int (*request)(Door *door, const DoorRequest *request, door_done_t done, void *userdata,
                   uint32_t *ret_id);
    void (*cancel)(Door *door, uint32_t id);
    /* A service in the supervisor's own network namespace: sockets need not be asked for. */
    int (*shares_network)(Door *door);
    /* The address that sockets of our own are bound to, where IPv4 is spoken; 0: none. So that who
     * counts connections can tell those of checks. */
    in_addr_t source;
    /* The same for IPv6, in host byte order; port_last 0: any port. */
    uint16_t port_first, port_last;
    uint16_t n_ports_used; /* wraps around */
};
