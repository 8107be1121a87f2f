/* SPDX-License-Identifier: MIT */

/*
 * The kernel's side of sockets.h. A filter of ours runs where the kernel tells of ended
 * connections, so that those of other services do not wake this process.
 */

#include "sockets.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "diag.h"

/* Many connections may end between two looks at the queue. That there were more than fit is told,
 * and is all that has to be known. */
#define ENDED_BUFFER_SIZE (16 * 1024)
#define ANSWER_SECONDS    1

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

static void map_address(uint8_t ret[16], const void *ipv4)
{
    memcpy(ret, mapped_prefix, sizeof(mapped_prefix));
    memcpy(ret + sizeof(mapped_prefix), ipv4, 4);
}

void sockets_init(struct sockets *sockets)
{
    assert(sockets);
    sockets->n = 0;
    sockets->ended_fd = -1;
    sockets->has_except = false;
    sockets->except_first = sockets->except_last = 0;
}

int sockets_except(struct sockets *sockets, const char *address)
{
    struct in_addr ipv4;

    if (inet_pton(AF_INET, address, &ipv4) == 1)
        map_address(sockets->except, &ipv4);
    else if (inet_pton(AF_INET6, address, sockets->except) != 1)
        return -EINVAL;
    sockets->has_except = true;
    return 0;
}

int sockets_except_ports(struct sockets *sockets, const char *ports)
{
    uint16_t range[2];
    const char *at = ports;

    for (size_t i = 0; i < 2; i++) {
        char *end;
        unsigned long port = isdigit((unsigned char)*at) ? strtoul(at, &end, 10) : 0;
        if (port == 0 || port > UINT16_MAX || *end != (i == 0 ? '-' : '\0'))
            return -EINVAL;
        range[i] = (uint16_t)port;
        at = end + 1;
    }
    if (range[0] > range[1])
        return -EINVAL;
    sockets->except_first = range[0];
    sockets->except_last = range[1];
    return 0;
}

/* ---- unix: the time of the file ---- */

/* Set back so that the next connect(2) moves it on a file system with relatime, too. */
static int erase_trace(const struct listener *listener)
{
    const struct timespec times[2] = {{.tv_sec = 0}, {.tv_nsec = UTIME_OMIT}};

    if (listener->name[0] == '\0')
        return -EOPNOTSUPP;
    return utimensat(AT_FDCWD, listener->name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static bool take_trace(struct sockets *sockets, size_t i)
{
    const struct listener *listener = &sockets->places[i].listener;
    struct stat st;

    if (listener->family != AF_UNIX || sockets->places[i].traceless ||
        stat(listener->name, &st) < 0 || (st.st_atim.tv_sec == 0 && st.st_atim.tv_nsec == 0))
        return false;
    sockets->places[i].traceless = erase_trace(listener) < 0;
    return true;
}

/* ---- the listening sockets ---- */

/* As systemd decides what a port alone means. */
static bool has_ipv6(void)
{
    return access("/proc/net/if_inet6", F_OK) == 0;
}

int sockets_add(struct sockets *sockets, const char *address)
{
    struct listener listener;

    if (sockets->n == SOCKETS_MAX)
        return -E2BIG;
    int r = listener_parse(address, has_ipv6(), &listener);
    if (r < 0)
        return r;
    sockets->places[sockets->n].traceless =
        listener.family == AF_UNIX && erase_trace(&listener) < 0;
    sockets->places[sockets->n++].listener = listener;
    return 0;
}

bool sockets_need_looks(const struct sockets *sockets)
{
    for (size_t i = 0; i < sockets->n; i++)
        if (sockets->places[i].listener.family == AF_UNIX)
            return true;
    return false;
}

/* ---- connections that have ended ---- */

/* Lets through what is of one of our ports: a load of the port, a comparison for each socket. */
static int attach_filter(const struct sockets *sockets, int fd)
{
    struct sock_filter code[SOCKETS_MAX + 3];
    unsigned short n = 0;

    code[n++] = (struct sock_filter)BPF_STMT(
        BPF_LD | BPF_H | BPF_ABS, NLMSG_HDRLEN + offsetof(struct inet_diag_msg, id.idiag_sport));
    for (size_t i = 0; i < sockets->n; i++)
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                 sockets->places[i].listener.port,
                                                 (uint8_t)(sockets->n - i), 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
    const struct sock_fprog program = {.len = n, .filter = code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

static int open_netlink(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

    return fd < 0 ? -errno : fd;
}

static uint32_t groups_of(const struct sockets *sockets)
{
    uint32_t groups = 0;

    for (size_t i = 0; i < sockets->n; i++) {
        if (sockets->places[i].listener.family == AF_INET)
            groups |= 1U << (SKNLGRP_INET_TCP_DESTROY - 1);
        if (sockets->places[i].listener.family == AF_INET6)
            groups |= 1U << (SKNLGRP_INET6_TCP_DESTROY - 1);
    }
    return groups;
}

int sockets_open(struct sockets *sockets)
{
    const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups_of(sockets)};
    const int size = ENDED_BUFFER_SIZE;

    if (address.nl_groups == 0)
        return 0;
    int fd = open_netlink();
    if (fd < 0)
        return fd;
    int r = attach_filter(sockets, fd);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    if (r == 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        r = -errno;
    if (r < 0) {
        close(fd);
        return r;
    }
    sockets->ended_fd = fd;
    return 0;
}

void sockets_close(struct sockets *sockets)
{
    if (sockets->ended_fd >= 0)
        close(sockets->ended_fd);
    sockets->ended_fd = -1;
}

static bool is_except_port(const struct sockets *sockets, const struct diag_socket *socket)
{
    return sockets->except_last != 0 && socket->peer_port >= sockets->except_first &&
           socket->peer_port <= sockets->except_last &&
           memcmp(socket->peer, socket->address, sizeof(socket->peer)) == 0;
}

static bool is_except(const struct sockets *sockets, const struct diag_socket *socket)
{
    uint8_t mapped[16];

    if (is_except_port(sockets, socket))
        return true;
    if (!sockets->has_except)
        return false;
    if (socket->family == AF_INET6)
        return memcmp(socket->peer, sockets->except, sizeof(sockets->except)) == 0;
    map_address(mapped, socket->peer);
    return memcmp(mapped, sockets->except, sizeof(mapped)) == 0;
}

/* Whether the socket is at place `i`. */
static bool is_at(const struct sockets *sockets, size_t i, const struct diag_socket *socket)
{
    const struct listener *listener = &sockets->places[i].listener;
    struct stat st;
    bool has_file =
        listener->family == AF_UNIX && listener->name[0] != '\0' && stat(listener->name, &st) == 0;

    return listener_has(listener, socket, has_file ? &st : NULL);
}

static bool is_ours(const struct sockets *sockets, const struct diag_socket *socket)
{
    if (socket->family != AF_UNIX && is_except(sockets, socket))
        return false;
    for (size_t i = 0; i < sockets->n; i++)
        if (is_at(sockets, i, socket))
            return true;
    return false;
}

/* Only the kernel's word counts: any process may send to a netlink socket of its user. Returns the
 * size, 0 for a packet of somebody else, or a negative errno. */
static ssize_t receive(struct sockets *sockets, int fd, int flags)
{
    struct sockaddr_nl from = {0};
    struct iovec data = {.iov_base = sockets->packet, .iov_len = sizeof(sockets->packet)};
    struct msghdr message = {
        .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &data, .msg_iovlen = 1};
    ssize_t n;

    do
        n = recvmsg(fd, &message, flags);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    if (from.nl_pid != 0)
        return 0;
    return message.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
}

bool sockets_have_ended(struct sockets *sockets)
{
    struct diag_socket socket;
    bool ended = false;
    ssize_t n;

    if (sockets->ended_fd < 0)
        return false;
    while ((n = receive(sockets, sockets->ended_fd, MSG_DONTWAIT)) != -EAGAIN) {
        /* ENOBUFS: there were more than we could keep up with. Anything else nobody can say. */
        if (n < 0)
            ended = true;
        for (size_t at = 0; n > 0 && diag_next(sockets->packet, (size_t)n, &at, &socket) > 0;)
            ended = ended || is_ours(sockets, &socket);
    }
    return ended;
}

/* ---- what there is now ---- */

/* What is looked for: a connection of ours, or the listening socket of one place. */
struct search {
    bool listening;
    size_t place;
    uint32_t inode;
};

static bool is_found(const struct sockets *sockets, const struct diag_socket *socket,
                     struct search *search)
{
    if (!search->listening)
        return diag_is_use(socket) && is_ours(sockets, socket);
    search->inode = socket->inode;
    return socket->state == TCP_LISTEN && socket->inode != 0 &&
           is_at(sockets, search->place, socket);
}

/* Returns 1 when it is in the packet, 0 when it is not, -ENODATA at the end, or another negative
 * errno. */
static int search_packet(const struct sockets *sockets, size_t size, struct search *search)
{
    struct diag_socket socket;
    size_t at = 0;
    int r;

    while ((r = diag_next(sockets->packet, size, &at, &socket)) > 0)
        if (is_found(sockets, &socket, search))
            return 1;
    return r;
}

static int search_answer(struct sockets *sockets, int fd, struct search *search)
{
    int r;

    do {
        ssize_t n = receive(sockets, fd, 0);
        if (n < 0)
            return (int)n;
        r = search_packet(sockets, (size_t)n, search);
    } while (r == 0);
    return r == -ENODATA ? 0 : r;
}

/* Asks for all sockets that may be at place `i`. Returns 1 when it was found, 0, or a negative
 * errno. */
static int search_place(struct sockets *sockets, size_t i, struct search *search)
{
    const struct listener *listener = &sockets->places[i].listener;
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    const struct timeval patience = {.tv_sec = ANSWER_SECONDS};
    enum diag_kind kind = search->listening ? DIAG_LISTENERS : DIAG_CONNECTIONS;
    _Alignas(uint32_t) char request[DIAG_REQUEST_SIZE];
    int fd = open_netlink(), r;

    if (fd < 0)
        return fd;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    size_t size = listener->family == AF_UNIX
                      ? diag_request_unix(request, kind)
                      : diag_request_tcp(request, kind, listener->family, listener->port);
    if (sendto(fd, request, size, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
        r = -errno;
    else
        r = search_answer(sockets, fd, search);
    close(fd);
    return r;
}

/* Whether the connections of an earlier place were those of place `i`, too. */
static bool is_asked_already(const struct sockets *sockets, size_t i)
{
    const struct listener *listener = &sockets->places[i].listener;

    for (size_t j = 0; j < i; j++)
        if (sockets->places[j].listener.family == listener->family &&
            sockets->places[j].listener.port == listener->port)
            return true;
    return false;
}

int sockets_look(struct sockets *sockets)
{
    /* First what is over, then what is there: one that ends in between is told later. The other way
     * round it would be taken for there, and its end be lost. */
    bool passed = sockets_have_ended(sockets);
    struct search search = {0};
    int r = 0;

    for (size_t i = 0; i < sockets->n; i++)
        passed = take_trace(sockets, i) || passed;
    for (size_t i = 0; i < sockets->n && r == 0; i++)
        if (!is_asked_already(sockets, i))
            r = search_place(sockets, i, &search);
    if (r < 0)
        return r;
    if (r > 0)
        return IDLE_EVENT_PRESENT;
    return passed ? IDLE_EVENT_PASSED : IDLE_EVENT_ABSENT;
}

int sockets_inode(struct sockets *sockets, size_t i, uint32_t *ret)
{
    struct search search = {.listening = true, .place = i};
    int r = search_place(sockets, i, &search);

    if (r < 0)
        return r;
    if (r == 0)
        return -ENOENT;
    *ret = search.inode;
    return 0;
}
