/* SPDX-License-Identifier: MIT */
/*
 * tcp, unix: something accepts connections. A unix socket is connected to by the lease, which sees
 * the service's files; a local port by us on a socket of the service's network; a port elsewhere by
 * libcurl, which finds names without blocking.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "supervisor/probe/fetch.h"
#include "supervisor/probe/reason.h"
#include "supervisor/probe/route.h"
#include "base/text.h"

#define HOST_MAX 300

typedef struct TcpProbe {
    Probe probe;
    Route route;
    bool tried_other;
    int fd; /* while it connects */
    sd_event_source *io;
    Fetch *fetch; /* of another host */
} TcpProbe;

static TcpProbe *tcp_of(Probe *probe)
{
    return (TcpProbe *)probe;
}

static void end_connected(Probe *probe)
{
    probe_end(probe, PROBE_PASS, 0, "connected");
}

static void end_errno(Probe *probe, int error)
{
    char words[REASON_WORDS_MAX];

    probe_end(probe, PROBE_FAIL, 0, "%s", reason_errno(error, words));
}

static void drop_socket(TcpProbe *tcp)
{
    tcp->io = sd_event_source_disable_unref(tcp->io);
    if (tcp->fd >= 0)
        close(tcp->fd);
    tcp->fd = -1;
}

static void on_local_socket(void *userdata, int fd);

static void end_local(TcpProbe *tcp, int error)
{
    if (error == 0) {
        end_connected(&tcp->probe);
    } else if (error == -ECONNREFUSED && tcp->route.either && !tcp->tried_other) {
        drop_socket(tcp);
        tcp->tried_other = true;
        route_open(&tcp->probe, AF_INET6, on_local_socket, tcp);
    } else if (probe_error_is_ours(error)) {
        probe_end_void(&tcp->probe, error);
    } else {
        end_errno(&tcp->probe, error);
    }
}

static int on_connected(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    int error = 0;
    socklen_t size = sizeof(error);

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        error = errno;
    end_local(userdata, -error);
    return 0;
}

static int connect_loopback(int fd, int family, uint16_t port)
{
    struct sockaddr_in in = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 in6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int r = family == AF_INET6 ? connect(fd, (struct sockaddr *)&in6, sizeof(in6))
                               : connect(fd, (struct sockaddr *)&in, sizeof(in));

    return r < 0 ? -errno : 0;
}

static int wait_connected(TcpProbe *tcp)
{
    int r =
        sd_event_add_io(tcp->probe.context->event, &tcp->io, tcp->fd, EPOLLOUT, on_connected, tcp);

    if (r >= 0)
        sd_event_source_set_description(tcp->io, "probe-connect");
    return r;
}

static void on_local_socket(void *userdata, int fd)
{
    TcpProbe *tcp = userdata;

    if (fd < 0 && tcp->tried_other) {
        /* No IPv6 there: it stays at what 127.0.0.1 said. */
        end_errno(&tcp->probe, ECONNREFUSED);
        return;
    }
    if (fd < 0) {
        probe_end_void(&tcp->probe, fd);
        return;
    }
    tcp->fd = fd;
    int r = connect_loopback(fd, tcp->tried_other ? AF_INET6 : tcp->route.family,
                             (uint16_t)tcp->probe.spec->port);
    if (r == -EINPROGRESS) {
        r = wait_connected(tcp);
        if (r < 0)
            probe_end_void(&tcp->probe, r);
    } else {
        end_local(tcp, r);
    }
}

static int prepare_remote(Fetch *fetch, CURL *easy)
{
    const SpecProbe *spec = fetch->probe->spec;
    char host[HOST_MAX];
    _cleanup_free_ char *url = text_printf(
        "http://%s:%jd", route_url_host(spec->host, host, sizeof(host)), (intmax_t)spec->port);

    if (!url || curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK)
        return -ENOMEM;
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    return 0;
}

static void on_remote_done(Fetch *fetch, CURLcode code)
{
    if (code == CURLE_OK)
        end_connected(fetch->probe);
    else
        fetch_fail(fetch, code);
}

static const FetchUser fetch_user = {.prepare = prepare_remote, .done = on_remote_done};

static void start_tcp(Probe *probe)
{
    TcpProbe *tcp = tcp_of(probe);

    if (tcp->route.local) {
        route_open(probe, tcp->route.family, on_local_socket, tcp);
        return;
    }
    tcp->fetch = calloc(1, sizeof(*tcp->fetch));
    if (!tcp->fetch) {
        probe_end_void(probe, -ENOMEM);
        return;
    }
    fetch_init(tcp->fetch, probe, &fetch_user);
    fetch_start(tcp->fetch);
}

static void late_tcp(Probe *probe)
{
    TcpProbe *tcp = tcp_of(probe);

    if (tcp->fetch)
        fetch_late(tcp->fetch, "no connection");
    else if (tcp->fd < 0)
        probe_end_void(probe, -ETIMEDOUT);
    else
        probe_end_late(probe, "no connection");
}

static void stop_tcp(Probe *probe)
{
    TcpProbe *tcp = tcp_of(probe);

    drop_socket(tcp);
    tcp->tried_other = false;
    if (tcp->fetch)
        fetch_stop(tcp->fetch);
    free(tcp->fetch);
    tcp->fetch = NULL;
}

static int init_tcp(Probe *probe)
{
    TcpProbe *tcp = tcp_of(probe);
    const SpecProbe *spec = probe->spec;
    char host[HOST_MAX];

    tcp->fd = -1;
    if (spec->port < 1 || spec->port > 65535)
        return -EINVAL;
    tcp->route = route_of(spec->host);
    if (tcp->route.local)
        return probe_set_subject(probe, "tcp %jd", (intmax_t)spec->port);
    return probe_set_subject(probe, "tcp %s:%jd", route_url_host(spec->host, host, sizeof(host)),
                             (intmax_t)spec->port);
}

const ProbeKind probe_kind_tcp = {
    .size = sizeof(TcpProbe),
    .init = init_tcp,
    .start = start_tcp,
    .late = late_tcp,
    .stop = stop_tcp,
};

static void on_unix_connected(Probe *probe, DoorAnswer *answer)
{
    if (answer->error == 0)
        end_connected(probe);
    /* A full queue of connections that nobody accepts. */
    else if (answer->error == -ETIMEDOUT || answer->error == -EAGAIN)
        probe_end_late(probe, "no connection");
    else if (probe_error_is_ours(answer->error))
        probe_end_void(probe, answer->error);
    else
        end_errno(probe, answer->error);
}

static void start_unix(Probe *probe)
{
    probe_ask(probe,
              &(DoorRequest){.op = LEASE_OP_CONNECT,
                             .path = probe->spec->socket,
                             .timeout_usec = probe->spec->timeout_usec},
              on_unix_connected);
}

static void late_unix(Probe *probe)
{
    probe_end_late(probe, "no connection");
}

static int init_unix(Probe *probe)
{
    if (!probe->spec->socket)
        return -EINVAL;
    return probe_set_subject(probe, "unix %s", probe->spec->socket);
}

const ProbeKind probe_kind_unix = {
    .size = sizeof(Probe),
    .init = init_unix,
    .start = start_unix,
    .late = late_unix,
};
