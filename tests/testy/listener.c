/* SPDX-License-Identifier: MIT */

/* The sockets phoenix-testy listens on; see listener.h. */

#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util.h"

#define FIRST_INHERITED_FD 3
#define BACKLOG            512

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un un;
};

static int listen_on(const union address *address, socklen_t length)
{
    const int yes = 1, no = 0;
    int family = address->any.sa_family;

    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (family != AF_UNIX)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
    if (bind(fd, &address->any, length) < 0 || listen(fd, BACKLOG) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

static int listen_v4(struct in_addr ip, int port)
{
    union address address = {
        .v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = ip}};

    return listen_on(&address, sizeof(address.v4));
}

static int listen_v6(const struct in6_addr *ip, int port)
{
    union address address = {
        .v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = *ip}};

    return listen_on(&address, sizeof(address.v6));
}

static int listen_tcp(const char *ip, int port)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (!ip) {
        int fd = listen_v6(&in6addr_any, port);
        /* A kernel or a container without IPv6. */
        if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL)
            fd = listen_v4((struct in_addr){.s_addr = htonl(INADDR_ANY)}, port);
        return fd;
    }
    if (inet_pton(AF_INET, ip, &v4) == 1)
        return listen_v4(v4, port);
    return inet_pton(AF_INET6, ip, &v6) == 1 ? listen_v6(&v6, port) : -EADDRNOTAVAIL;
}

int unix_address(const char *path, struct sockaddr_un *ret)
{
    size_t length = strlen(path);

    if (length == 0 || length >= sizeof(ret->sun_path))
        return -ENAMETOOLONG;
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret->sun_path, path, length);
    if (path[0] == '@')
        ret->sun_path[0] = '\0';
    return (int)(offsetof(struct sockaddr_un, sun_path) + length + (path[0] != '@'));
}

static int listen_unix(const char *path)
{
    union address address;
    struct stat st;

    int length = unix_address(path, &address.un);
    if (length < 0)
        return length;
    /* What a killed one left behind; never anything that is not a socket. */
    if (path[0] != '@' && lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        (void)unlink(path);
    return listen_on(&address, (socklen_t)length);
}

static bool is_listening(int fd)
{
    int value = 0;
    socklen_t length = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) == 0 && value;
}

/* $LISTEN_PID is not looked at: in a container with an init it names the init. What the descriptors
 * are tells more. */
static void take_inherited(struct listeners *listeners)
{
    const char *text = getenv("LISTEN_FDS");
    uint64_t n;

    if (!text || parse_number(text, LISTENERS_MAX, &n) < 0)
        return;
    for (int fd = FIRST_INHERITED_FD; fd < FIRST_INHERITED_FD + (int)n; fd++) {
        if (!is_listening(fd))
            continue;
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        listeners->fds[listeners->n_fds++] = fd;
    }
    if (listeners->n_fds > 0)
        snprintf(listeners->where, sizeof(listeners->where), "%zu inherited socket%s",
                 listeners->n_fds, listeners->n_fds == 1 ? "" : "s");
}

static int actual_port(int fd)
{
    union address address = {};
    socklen_t length = sizeof(address);

    if (getsockname(fd, &address.any, &length) < 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

int listeners_open(struct listeners *ret, const struct options *options)
{
    int fd;

    *ret = (struct listeners){};
    if (options->no_http)
        return 0;
    if (!options->unix_path && options->port < 0 && !options->address) {
        take_inherited(ret);
        if (ret->n_fds > 0)
            return 0;
    }
    if (options->unix_path) {
        snprintf(ret->where, sizeof(ret->where), "%s", options->unix_path);
        fd = listen_unix(options->unix_path);
        if (fd >= 0 && options->unix_path[0] != '@')
            ret->made_path = options->unix_path;
    } else {
        int port = options->port < 0 ? DEFAULT_PORT : options->port;
        fd = listen_tcp(options->address, port);
        snprintf(ret->where, sizeof(ret->where), "%s%sport %d",
                 options->address ? options->address : "", options->address ? " " : "",
                 fd >= 0 ? actual_port(fd) : port);
    }
    if (fd < 0)
        return fd;
    ret->fds[ret->n_fds++] = fd;
    return 0;
}

void listeners_close(struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->n_fds; i++)
        close(listeners->fds[i]);
    listeners->n_fds = 0;
    if (listeners->made_path)
        (void)unlink(listeners->made_path);
    listeners->made_path = NULL;
}
