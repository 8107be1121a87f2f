/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The packets of sock_diag(7): requests made, answers read. No I/O, so that what the reader does
 * with any bytes can be tested.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

/* The longest request. */
#define DIAG_REQUEST_SIZE 128

/* A listening socket, or one connection (or what is left of one) from the service's end. */
struct diag_socket {
    uint8_t family; /* AF_INET, AF_INET6, AF_UNIX */
    uint8_t state;  /* TCP_ESTABLISHED, ...; for AF_UNIX, too */
    uint32_t inode; /* 0: no program has it, or not yet */
    /* AF_INET, AF_INET6 */
    uint16_t port;       /* own, in host byte order */
    uint16_t peer_port;  /* 0 when the kernel has forgotten it */
    uint8_t address[16]; /* own; AF_INET: the first 4 bytes */
    uint8_t peer[16];
    /* AF_UNIX: the name of the listening socket */
    size_t name_size;                                          /* 0: it has none */
    char name[sizeof(((struct sockaddr_un *)NULL)->sun_path)]; /* abstract ones begin with NUL */
    uint32_t waiting; /* of a listening socket: connections that nobody has accepted */
    bool has_file;
    uint32_t file_inode;  /* the lower half */
    uint32_t file_device; /* as the kernel has it: major << 20 | minor */
};

enum diag_kind {
    DIAG_CONNECTIONS,
    DIAG_LISTENERS,
};

/* Write a request for a dump into `buf` (DIAG_REQUEST_SIZE, aligned for uint32_t): all TCP sockets
 * of a family and kind with this own port, or all unix sockets of a kind. As unix connections that
 * wait to be accepted are not listed, those who listen are among the connections there. Return its
 * size. */
size_t diag_request_tcp(void *buf, enum diag_kind kind, int family, uint16_t port);
size_t diag_request_unix(void *buf, enum diag_kind kind);

/* Reads the socket at *offset of what was received (aligned for uint32_t) and moves the offset on.
 * Returns 1 and the socket; 0 when there is no more in this packet; -ENODATA at the end of the
 * dump; another negative errno that the kernel answered with, or -EBADMSG. What is of no use here
 * (other families, other messages) is skipped. */
int diag_next(const void *packet, size_t size, size_t *offset, struct diag_socket *ret);

/* Whether the connection is one that keeps the service in use. One that the service has closed is
 * the kernel's business alone. */
bool diag_is_use(const struct diag_socket *socket);
