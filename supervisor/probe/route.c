/* SPDX-License-Identifier: MIT */
/* Where a check connects to; see route.h. */
#include "supervisor/probe/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

Route route_of(const char *host)
{
    unsigned char address[16];

    if (!host || strcasecmp(host, "localhost") == 0)
        return (Route){.local = true, .either = true, .family = AF_INET};
    if (inet_pton(AF_INET, host, address) == 1 && address[0] == 127)
        return (Route){.local = true, .family = AF_INET};
    if (streq(host, "::1") || streq(host, "[::1]"))
        return (Route){.local = true, .family = AF_INET6};
    return (Route){.local = false};
}

const char *route_url_host(const char *host, char *buffer, size_t size)
{
    bool bare_ipv6 = host && strchr(host, ':') && host[0] != '[';

    snprintf(buffer, size, bare_ipv6 ? "[%s]" : "%s", host ? host : "localhost");
    return buffer;
}

static int socket_option(int fd, int option)
{
    int value = -1;
    socklen_t size = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, option, &value, &size) < 0 ? -1 : value;
}

/* The descriptor comes from another process: it is used only when it is what was asked for. */
static int check_socket(int fd, int family)
{
    if (fd < 0 || socket_option(fd, SO_DOMAIN) != family ||
        socket_option(fd, SO_TYPE) != SOCK_STREAM)
        return -EBADMSG;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    return 0;
}

static void on_socket(Probe *probe, DoorAnswer *answer)
{
    int r = answer->error < 0 ? answer->error : check_socket(answer->fd, probe->family);

    probe->opened(probe->opened_userdata, r < 0 ? r : TAKE_FD(answer->fd));
}

void route_open(Probe *probe, int family, route_socket_t opened, void *userdata)
{
    if (probe->door->shares_network(probe->door) == 1) {
        int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        opened(userdata, fd < 0 ? -errno : fd);
        return;
    }
    probe->family = family;
    probe->opened = opened;
    probe->opened_userdata = userdata;
    probe_ask(probe,
              &(DoorRequest){.op = LEASE_OP_SOCKET,
                             .domain = family,
                             .timeout_usec = probe->spec->timeout_usec},
              on_socket);
}
