/* SPDX-License-Identifier: MIT */

/* Sockets to listen on, and who can reach them. */

#include "collector/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "base/macros.h"
#include "base/strv.h"

static int add(Listen *listen, int fd)
{
    int *fds = realloc(listen->fds, (listen->n + 1) * sizeof(int));

    if (!fds)
        return -ENOMEM;
    fds[listen->n++] = fd;
    listen->fds = fds;
    return 0;
}

static int parse(const char *s, struct sockaddr_storage *ret, socklen_t *ret_size)
{
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)ret;
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)ret;
    const char *colon = strrchr(s, ':');
    char host[64], *end;
    unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
    size_t n = colon ? (size_t)(colon - s) : 0;

    if (port < 1 || port > 65535 || *end != '\0' || n < 1 || n >= sizeof(host))
        return -EINVAL;
    memcpy(host, s, n);
    host[n] = '\0';
    memset(ret, 0, sizeof(*ret));
    if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)port);
        *ret_size = sizeof(*in);
        return 0;
    }
    if (*host != '[' || host[n - 1] != ']')
        return -EINVAL;
    host[n - 1] = '\0';
    if (inet_pton(AF_INET6, host + 1, &in6->sin6_addr) != 1)
        return -EINVAL;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons((uint16_t)port);
    *ret_size = sizeof(*in6);
    return 0;
}

static int open_address(const char *s, int *ret)
{
    struct sockaddr_storage address;
    _cleanup_close_ int fd = -1;
    const int on = 1;
    socklen_t size;
    int r = parse(s, &address, &size);

    if (r < 0)
        return r;
    fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, SOMAXCONN) < 0)
        return -errno;
    *ret = TAKE_FD(fd);
    return 0;
}

static int take_passed(Listen *listen)
{
    int n = sd_listen_fds(true);

    for (int i = 0; i < n; i++) {
        int fd = SD_LISTEN_FDS_START + i, r;
        if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
            return -ENOTSOCK;
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
        r = add(listen, fd);
        if (r < 0)
            return r;
    }
    return MIN(n, 0);
}

int listen_take(char *const *addresses, Listen *ret)
{
    int r = take_passed(ret), fd = -1;

    for (; r == 0 && addresses && *addresses; addresses++) {
        r = open_address(*addresses, &fd);
        if (r == 0)
            r = add(ret, fd);
    }
    return r < 0 ? r : ret->n == 0 ? -ENOTCONN : 0;
}

void listen_done(Listen *listen)
{
    for (size_t i = 0; i < listen->n; i++)
        close(listen->fds[i]);
    free(listen->fds);
    *listen = (Listen){0};
}

bool listen_is_local(int fd)
{
    struct sockaddr_storage address = {0};
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&address;
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&address;
    socklen_t size = sizeof(address);

    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return false;
    if (address.ss_family == AF_INET)
        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    if (address.ss_family != AF_INET6)
        return address.ss_family == AF_UNIX;
    return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) ||
           (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) && in6->sin6_addr.s6_addr[12] == 127);
}
