/* SPDX-License-Identifier: MIT */
/*
 * tcp, unix: something accepts connections. A unix socket is connected to by the lease, which sees
 * the service's files; a port by us; a port of a host whose address has to be found by libcurl,
 * which finds it without blocking.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "supervisor/probe/dial.h"
#include "supervisor/probe/fetch.h"
#include "supervisor/probe/route.h"
#include "base/text.h"

#define HOST_MAX 300

typedef struct TcpRun {
    ProbeRun run;
    Dial dial;
    Fetch *fetch; /* of a host by its name */
} TcpRun;

static TcpRun *run_of(Probe *probe)
{
    return (TcpRun *)probe->run;
}

static void end_connected(Probe *probe)
{
    probe_end(probe, PROBE_PASS, 0, "connected");
}

/* Asked again, connect(2) says how the connection went that it began. */
static int attempt(Dial *dial)
{
    int r = dial_connect(dial);

    return r == -EISCONN ? 0 : r == -EALREADY || r == -EINPROGRESS ? -EAGAIN : r;
}

static void on_dialled(Dial *dial, int error)
{
    if (error == 0)
        end_connected(dial->probe);
    else
        dial_fail(dial, error);
}

static const DialUser dial_user = {.attempt = attempt, .done = on_dialled};

static int prepare_remote(Fetch *fetch, CURL *easy)
{
    const SpecProbe *spec = fetch->probe->spec;
    char host[HOST_MAX];
    _cleanup_free_ char *url = text_printf(
        "http://%s:%jd", route_url_host(spec->host, host, sizeof(host)), (intmax_t)spec->port);

    if (!url || fetch->api->easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK)
        return -ENOMEM;
    fetch->api->easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
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
    TcpRun *run = run_of(probe);

    if (route_of(probe->spec->host).family != AF_UNSPEC) {
        dial_start(&run->dial, probe, &dial_user);
        return;
    }
    run->fetch = malloc(sizeof(*run->fetch));
    if (!run->fetch) {
        probe_end_void(probe, -ENOMEM);
        return;
    }
    fetch_init(run->fetch, probe, &fetch_user);
    fetch_start(run->fetch);
}

static void late_tcp(Probe *probe)
{
    TcpRun *run = run_of(probe);

    if (run->fetch)
        fetch_late(run->fetch, "no connection");
    else
        dial_late(&run->dial, "no connection");
}

static void stop_tcp(Probe *probe)
{
    TcpRun *run = run_of(probe);

    dial_stop(&run->dial);
    if (run->fetch)
        fetch_stop(run->fetch);
    free(run->fetch);
}

static int init_tcp(Probe *probe, const char *unit)
{
    const SpecProbe *spec = probe->spec;
    char host[HOST_MAX];

    if (spec->port < 1 || spec->port > 65535)
        return -EINVAL;
    if (route_of(spec->host).local)
        return probe_set_subject(probe, "tcp %jd", (intmax_t)spec->port);
    return probe_set_subject(probe, "tcp %s:%jd", route_url_host(spec->host, host, sizeof(host)),
                             (intmax_t)spec->port);
}

const ProbeKind probe_kind_tcp = {
    .size = sizeof(Probe),
    .run_size = sizeof(TcpRun),
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
        probe_end_errno(probe, answer->error);
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

static int init_unix(Probe *probe, const char *unit)
{
    if (!probe->spec->socket)
        return -EINVAL;
    return probe_set_subject(probe, "unix %s", probe->spec->socket);
}

const ProbeKind probe_kind_unix = {
    .size = sizeof(Probe),
    .run_size = sizeof(ProbeRun),
    .init = init_unix,
    .start = start_unix,
    .late = late_unix,
};
