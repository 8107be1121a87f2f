/* SPDX-License-Identifier: MIT */

/* Accepting, and libmicrohttpd's share of the event loop. */

#include "collector/endpoint.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/socket.h>

#include "base/log.h"
#include "collector/server-internal.h"

#define ACCEPT_AT_ONCE  64
#define CONNECTION_POOL 16384 /* for the head of a request and the head of its answer */
#define SLACK           64 /* connections that are ending count a little longer there than here */
/* Nothing older than TLS 1.2. https://gnutls.org/manual/html_node/Priority-Strings.html */
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

void endpoint_run(Endpoint *endpoint)
{
    if (endpoint->daemon)
        (void)MHD_run(endpoint->daemon);
}

static int on_epoll(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    endpoint_run(userdata);
    return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    endpoint_run(userdata);
    return 0;
}

static int on_more(sd_event_source *source, void *userdata)
{
    endpoint_run(userdata);
    return 0;
}

/* Before the loop waits: until when it may. Not at all is not a matter for a timer, which has a
 * grain. */
static int on_prepare(sd_event_source *source, void *userdata)
{
    Endpoint *endpoint = userdata;
    MHD_UNSIGNED_LONG_LONG msec = 0;
    bool limited = MHD_get_timeout(endpoint->daemon, &msec) == MHD_YES;
    int r = sd_event_source_set_enabled(endpoint->more,
                                        limited && msec == 0 ? SD_EVENT_ONESHOT : SD_EVENT_OFF);

    if (r >= 0 && limited && msec > 0)
        r = sd_event_source_set_time_relative(endpoint->timer, (uint64_t)msec * USEC_PER_MSEC);
    if (r >= 0)
        r = sd_event_source_set_enabled(endpoint->timer,
                                        limited && msec > 0 ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
    return MIN(r, 0);
}

/* A connection beyond the limit is told so, if it listens; one that wants TLS would not understand.
 */
static void turn_away(Endpoint *endpoint, int fd)
{
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
                                 "Retry-After: 10\r\nContent-Length: 0\r\n\r\n";

    if (!endpoint->tls)
        (void)send(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    close(fd);
    endpoint->server->stats.turned_away++;
}

/* Whether there is no room for one more. libmicrohttpd counts a connection that it was given only
 * when it runs, so that many that come at once have to be counted here until then. */
static bool is_crowded(Endpoint *endpoint, unsigned *given)
{
    const Server *server = endpoint->server;

    if (*given > 0 && server->stats.clients + *given >= server->options->max_clients) {
        endpoint_run(endpoint);
        *given = 0;
    }
    return server->stats.clients >= server->options->max_clients;
}

static int on_accept(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    Endpoint *endpoint = userdata;
    unsigned given = 0;

    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof(address);
        int connection =
            accept4(fd, (struct sockaddr *)&address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (connection < 0)
            break; /* none left; or no descriptors, then the next ones to end give some back */
        if (is_crowded(endpoint, &given)) {
            turn_away(endpoint, connection);
        } else {
            (void)MHD_add_connection(endpoint->daemon, connection, (struct sockaddr *)&address,
                                     size);
            given++;
        }
    }
    endpoint_run(endpoint);
    return 0;
}

static void on_log(void *userdata, const char *format, va_list ap) _printf_(2, 0);

/* What clients do wrong is not worth a line in the journal; why it does not start is. */
static void on_log(void *userdata, const char *format, va_list ap)
{
    const Endpoint *endpoint = userdata;
    char line[256];

    (void)vsnprintf(line, sizeof(line), format, ap);
    line[strcspn(line, "\n")] = '\0';
    if (endpoint->daemon)
        log_debug("%s", line);
    else
        log_error("%s", line);
}

static int start_daemon(Endpoint *endpoint)
{
    Server *server = endpoint->server;
    const ServerOptions *o = server->options;
    const struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(intptr_t)o->tls_cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(intptr_t)o->tls_key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(intptr_t)PRIORITIES},
        {MHD_OPTION_END, 0, NULL},
    };

    endpoint->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
            (endpoint->tls ? MHD_USE_TLS : 0),
        0, NULL, NULL, server_on_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_log, endpoint,
        MHD_OPTION_ARRAY, endpoint->tls ? tls : plain, MHD_OPTION_CONNECTION_LIMIT,
        o->max_clients + SLACK, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)(o->request_usec / USEC_PER_SEC), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_POOL, MHD_OPTION_NOTIFY_CONNECTION, server_on_connection, server,
        MHD_OPTION_NOTIFY_COMPLETED, server_on_completed, server, MHD_OPTION_END);
    if (endpoint->daemon)
        return 0;
    if (endpoint->tls)
        log_error("TLS cannot be had with this certificate and this key");
    return -EIO;
}

static int add_sources(Endpoint *endpoint)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(endpoint->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    sd_event *event = endpoint->server->event;
    int r = info ? 0 : -EIO;

    if (r >= 0)
        r = sd_event_add_io(event, &endpoint->epoll_source, info->epoll_fd, EPOLLIN, on_epoll,
                            endpoint);
    if (r >= 0)
        r = sd_event_source_set_description(endpoint->epoll_source,
                                            endpoint->tls ? "https" : "http");
    if (r >= 0)
        r = sd_event_add_time_relative(event, &endpoint->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC,
                                       on_timer, endpoint);
    if (r >= 0)
        r = sd_event_add_defer(event, &endpoint->more, on_more, endpoint);
    if (r >= 0)
        r = sd_event_source_set_prepare(endpoint->epoll_source, on_prepare);
    return r;
}

static int add_listener(Endpoint *endpoint, int fd)
{
    sd_event_source **source = &endpoint->listeners[endpoint->n_listeners];
    int r = sd_event_add_io(endpoint->server->event, source, fd, EPOLLIN, on_accept, endpoint);

    if (r < 0)
        return r;
    endpoint->n_listeners++;
    (void)sd_event_source_set_description(*source, "listen");
    return sd_event_source_set_priority(*source, SD_EVENT_PRIORITY_IDLE);
}

int endpoint_start(Endpoint *endpoint, Server *server, bool tls, const int *fds, size_t n_fds)
{
    int r;

    *endpoint = (Endpoint){.server = server, .tls = tls};
    endpoint->listeners = calloc(n_fds, sizeof(sd_event_source *));
    r = endpoint->listeners ? start_daemon(endpoint) : -ENOMEM;
    if (r >= 0)
        r = add_sources(endpoint);
    for (size_t i = 0; i < n_fds && r >= 0; i++)
        r = add_listener(endpoint, fds[i]);
    return r;
}

void endpoint_close(Endpoint *endpoint)
{
    for (size_t i = 0; i < endpoint->n_listeners; i++)
        sd_event_source_disable_unref(endpoint->listeners[i]);
    free(endpoint->listeners);
    endpoint->listeners = NULL;
    endpoint->n_listeners = 0;
    endpoint->epoll_source = sd_event_source_disable_unref(endpoint->epoll_source);
}

void endpoint_stop(Endpoint *endpoint)
{
    endpoint_close(endpoint);
    if (endpoint->daemon)
        MHD_stop_daemon(endpoint->daemon);
    endpoint->daemon = NULL;
    endpoint->timer = sd_event_source_disable_unref(endpoint->timer);
    endpoint->more = sd_event_source_disable_unref(endpoint->more);
}
