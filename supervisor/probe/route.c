/* SPDX-License-Identifier: MIT */
/* Where a check connects to; see route.h. */
#include "supervisor/probe/route.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* "[::1]" is how people write it in URLs. 1, or 0 when the host is no IPv6 address. */
static int read_ipv6(const char *host, struct in6_addr *ret)
{
    char bare[INET6_ADDRSTRLEN];
    size_t n = strlen(host);

    if (host[0] != '[')
        return inet_pton(AF_INET6, host, ret);
    if (n < 3 || host[n - 1] != ']' || n - 2 >= sizeof(bare))
        return 0;
    memcpy(bare, host + 1, n - 2);
    bare[n - 2] = '\0';
    return inet_pton(AF_INET6, bare, ret);
}

Route route_of(const char *host)
{
    struct in6_addr in6;
    unsigned char in[4];

    if (!host || strcasecmp(host, "localhost") == 0)
        return (Route){.local = true, .either = true, .family = AF_INET};
    if (inet_pton(AF_INET, host, in) == 1)
        return (Route){.local = in[0] == 127, .family = AF_INET};
    if (read_ipv6(host, &in6) == 1)
        return (Route){.local = IN6_IS_ADDR_LOOPBACK(&in6), .family = AF_INET6};
    return (Route){.family = AF_UNSPEC};
}

static socklen_t loopback(int family, uint16_t port, RouteAddress *ret)
{
    if (family == AF_INET6) {
        ret->in6 = (struct sockaddr_in6){
            .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        return sizeof(ret->in6);
    }
    ret->in = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return sizeof(ret->in);
}

socklen_t route_address(Route route, const char *host, uint16_t port, RouteAddress *ret)
{
    socklen_t size = loopback(route.family, port, ret);

    assert(route.family != AF_UNSPEC);
    if (!route.local && route.family == AF_INET6)
        (void)read_ipv6(host, &ret->in6.sin6_addr);
    else if (!route.local)
        (void)inet_pton(AF_INET, host, &ret->in.sin_addr);
    return size;
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
    ProbeRun *run = probe->run;
    int r = answer->error < 0 ? answer->error : check_socket(answer->fd, run->family);

    run->opened(run->opened_userdata, r < 0 ? r : TAKE_FD(answer->fd));
}

/* The port is chosen when it is connected, from all that are free for that peer. */
static int bind_source(int fd, in_addr_t source)
{
    const struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = source};
    const int yes = 1;

    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes));
    return bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

/* They are taken in turn, and shared: what matters is that the same one is not used again for the
 * same service while the kernel remembers the connection (TIME_WAIT). Best effort, as a check that
 * is taken for use is better than none. */
static void bind_port(int fd, Door *door)
{
    const int yes = 1;
    unsigned n = (unsigned)door->port_last - door->port_first + 1;
    struct sockaddr_in6 address = {
        .sin6_family = AF_INET6,
        .sin6_port = htons((uint16_t)(door->port_first + door->n_ports_used++ % n)),
    };

    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    (void)!bind(fd, (const struct sockaddr *)&address, sizeof(address));
}

int route_socket(const Probe *probe, int family)
{
    in_addr_t source = probe->door->source;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int r = fd < 0 ? -errno : 0;

    if (r >= 0 && source != 0 && family == AF_INET)
        r = bind_source(fd, source);
    if (r >= 0 && probe->door->port_last != 0 && family == AF_INET6)
        bind_port(fd, probe->door);
    if (r >= 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return r;
}

void route_open(Probe *probe, int family, route_socket_t opened, void *userdata)
{
    if (probe->door->shares_network(probe->door) == 1) {
        opened(userdata, route_socket(probe, family));
        return;
    }
    probe->run->family = family;
    probe->run->opened = opened;
    probe->run->opened_userdata = userdata;
    probe_ask(probe,
              &(DoorRequest){.op = LEASE_OP_SOCKET,
                             .domain = family,
                             .timeout_usec = probe->spec->timeout_usec},
              on_socket);
}
