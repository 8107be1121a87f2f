/* SPDX-License-Identifier: MIT */
/*
 * connect(2) to a loopback address says EINPROGRESS although the connection stands, or is refused,
 * by the time it returns: so it is tried at once, and waited for only when that says EAGAIN.
 */
#include "supervisor/probe/dial.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_socket(void *userdata, int fd);

static void drop(Dial *dial)
{
    ready_remove(dial->probe->context->sockets, &dial->ready);
    if (dial->fd >= 0)
        close(dial->fd);
    dial->fd = -1;
}

void dial_stop(Dial *dial)
{
    if (dial->probe)
        drop(dial);
    dial->probe = NULL;
}

int dial_connect(Dial *dial)
{
    const SpecProbe *spec = dial->probe->spec;
    RouteAddress address;
    socklen_t size = route_address(dial->route, spec->host, (uint16_t)spec->port, &address);

    return connect(dial->fd, &address.any, size) < 0 ? -errno : 0;
}

bool dial_wait(Dial *dial, uint32_t events, ready_t callback)
{
    ReadySet *sockets = dial->probe->context->sockets;
    int r;

    if (dial->ready.added) {
        dial->ready.callback = callback;
        r = ready_change(sockets, &dial->ready, events);
    } else {
        r = ready_add(sockets, &dial->ready, dial->fd, events, callback);
    }
    if (r < 0)
        probe_end_void(dial->probe, r);
    return r >= 0;
}

/* A machine, or a namespace, without IPv6. */
static bool has_no_family(int error)
{
    return error == -EADDRNOTAVAIL || error == -ENETUNREACH || error == -EAFNOSUPPORT;
}

static void settle(Dial *dial, int r)
{
    if (r == -ECONNREFUSED && dial->route.either && !dial->tried_other) {
        drop(dial);
        dial->tried_other = true;
        dial->route.family = AF_INET6;
        route_open(dial->probe, AF_INET6, on_socket, dial);
        return;
    }
    /* Then it stays at what 127.0.0.1 said. */
    if (dial->tried_other && has_no_family(r))
        r = -ECONNREFUSED;
    dial->user->done(dial, r);
}

static void on_news(Ready *ready, uint32_t events)
{
    Dial *dial = (Dial *)ready;
    int r = dial->user->attempt(dial);

    if (r != -EAGAIN)
        settle(dial, r);
}

static void begin(Dial *dial)
{
    int r = dial_connect(dial);

    if (r == 0 || r == -EINPROGRESS) {
        r = dial->user->attempt(dial);
        if (r == -EAGAIN) {
            (void)dial_wait(dial, EPOLLOUT, on_news);
            return;
        }
    }
    settle(dial, r);
}

static void on_socket(void *userdata, int fd)
{
    Dial *dial = userdata;

    /* No IPv6 there, either. */
    if (fd < 0 && dial->tried_other)
        probe_end_errno(dial->probe, ECONNREFUSED);
    else if (fd < 0)
        probe_end_void(dial->probe, fd);
    else {
        dial->fd = fd;
        begin(dial);
    }
}

static void open_own(Dial *dial)
{
    int fd = route_socket(dial->probe, dial->route.family);

    dial->fd = MAX(fd, -1);
    if (fd >= 0)
        begin(dial);
    else if (probe_error_is_ours(fd))
        probe_end_void(dial->probe, fd);
    else
        probe_end_errno(dial->probe, fd);
}

void dial_start(Dial *dial, Probe *probe, const DialUser *user)
{
    *dial = (Dial){.probe = probe, .user = user, .route = route_of(probe->spec->host), .fd = -1};
    assert(dial->route.family != AF_UNSPEC);

    if (dial->route.local)
        route_open(probe, dial->route.family, on_socket, dial);
    else
        open_own(dial);
}

void dial_fail(Dial *dial, int error)
{
    if (error == -ENOMEM || error == -ENOBUFS)
        probe_end_void(dial->probe, error);
    else
        probe_end_errno(dial->probe, error);
}

void dial_late(Dial *dial, const char *what)
{
    /* Without a socket, the lease is waited for, and not the service. */
    if (dial->fd < 0)
        probe_end_void(dial->probe, -ETIMEDOUT);
    else
        probe_end_late(dial->probe, what);
}
