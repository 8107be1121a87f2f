/* SPDX-License-Identifier: MIT */
/*
 * The kernel's list of listening sockets (sock_diag(7)), of which the address is looked for. It is
 * written by the kernel while it is asked for, so the answer is there when the question was sent.
 */
#include "supervisor/daemon/accept-queue.h"

#include <assert.h>
#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/strv.h"
#include "supervisor/idle/diag.h"
#include "supervisor/idle/listener.h"

/* As much as the kernel puts into one packet of a dump. */
#define PACKET_SIZE 32768

typedef struct Query {
    struct listener listener;
    const struct stat *file; /* of a path; NULL: not known, or none */
    uint64_t waiting;
} Query;

/* Returns 0: more packets follow, 1: that was the last one, or a negative errno. */
static int take_packet(const char *packet, size_t size, Query *query)
{
    struct diag_socket socket;
    size_t at = 0;
    int r;

    while ((r = diag_next(packet, size, &at, &socket)) > 0)
        if (listener_has(&query->listener, &socket, query->file))
            query->waiting += socket.waiting;
    return r == -ENODATA ? 1 : r;
}

/* Any process may send to a netlink socket: only the kernel's word counts. */
static int take_answer(int fd, Query *query)
{
    _Alignas(uint64_t) char packet[PACKET_SIZE];
    int r = 0;

    while (r == 0) {
        struct sockaddr_nl from = {0};
        socklen_t from_size = sizeof(from);
        ssize_t n = recvfrom(fd, packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC,
                             (struct sockaddr *)&from, &from_size);
        if (n < 0)
            return -errno;
        if ((size_t)n > sizeof(packet))
            return -EMSGSIZE;
        if (from.nl_pid == 0)
            r = take_packet(packet, (size_t)n, query);
    }
    return MIN(r, 0);
}

static int ask(int fd, Query *query)
{
    _Alignas(uint32_t) char request[DIAG_REQUEST_SIZE];
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    const struct listener *listener = &query->listener;
    size_t size = listener->family == AF_UNIX
                      ? diag_request_unix(request, DIAG_LISTENERS)
                      : diag_request_tcp(request, DIAG_LISTENERS, listener->family, listener->port);

    if (sendto(fd, request, size, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
        return -errno;
    return take_answer(fd, query);
}

/* On a machine without IPv6 a port alone is one of IPv4; elsewhere nobody listens there. */
static int ask_address(int fd, const char *address, bool ipv6, uint64_t *waiting)
{
    struct stat st;
    Query query = {0};
    int r = listener_parse(address, ipv6, &query.listener);

    if (r < 0)
        return r;
    if (address[0] == '/' && stat(address, &st) >= 0)
        query.file = &st;
    r = ask(fd, &query);
    *waiting += query.waiting;
    return r;
}

static int ask_all(int fd, char *const *addresses, uint64_t *waiting)
{
    int r = 0;

    STRV_FOREACH (address, (char **)addresses) {
        r = ask_address(fd, *address, true, waiting);
        if (r >= 0 && !strpbrk(*address, "/@:")) /* a port alone */
            r = ask_address(fd, *address, false, waiting);
        if (r < 0)
            break;
    }
    return r;
}

int accept_queue_length(char *const *addresses, uint64_t *ret)
{
    _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    uint64_t waiting = 0;

    assert(addresses && ret);

    if (fd < 0)
        return -errno;
    int r = ask_all(fd, addresses, &waiting);
    if (r >= 0)
        *ret = waiting;
    return r;
}
