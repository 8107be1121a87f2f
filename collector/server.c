/* SPDX-License-Identifier: MIT */

/* The server within the event loop: it accepts, lets libmicrohttpd work when there is something to
 * do, ends connections that are overdue, and wakes requests whose work is done. */

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/log.h"
#include "base/strv.h"
#include "collector/clocks.h"
#include "collector/server-internal.h"

#define ACCEPT_AT_ONCE  64
#define SWEEP_USEC      (2 * USEC_PER_SEC)
#define HUB_BYTES       (256U << 10)
#define CONNECTION_POOL 16384 /* for the head of a request and the head of its answer */
#define SLACK           64  /* connections that are ending count a little longer there than here */
#define STOP_ROUNDS     200 /* of 10 ms, for answers on their way */

static void run_daemon(Server *server)
{
    (void)MHD_run(server->daemon);
}

static int on_epoll(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    run_daemon(userdata);
    return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    run_daemon(userdata);
    return 0;
}

static int on_more(sd_event_source *source, void *userdata)
{
    run_daemon(userdata);
    return 0;
}

/* Before the loop waits: until when it may. Not at all is not a matter for a timer, which has a
 * grain. */
static int on_prepare(sd_event_source *source, void *userdata)
{
    Server *server = userdata;
    MHD_UNSIGNED_LONG_LONG msec = 0;
    bool limited = MHD_get_timeout(server->daemon, &msec) == MHD_YES;
    int r = sd_event_source_set_enabled(server->more,
                                        limited && msec == 0 ? SD_EVENT_ONESHOT : SD_EVENT_OFF);

    if (r >= 0 && limited && msec > 0)
        r = sd_event_source_set_time_relative(server->timer, (uint64_t)msec * USEC_PER_MSEC);
    if (r >= 0)
        r = sd_event_source_set_enabled(server->timer,
                                        limited && msec > 0 ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
    return MIN(r, 0);
}

/* A connection beyond the limit is told so, if it listens. */
static void turn_away(Server *server, int fd)
{
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
                                 "Retry-After: 10\r\nContent-Length: 0\r\n\r\n";

    (void)send(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    close(fd);
    server->stats.turned_away++;
}

/* Whether there is no room for one more. libmicrohttpd counts a connection that it was given only
 * when it runs, so that many that come at once have to be counted here until then. */
static bool is_crowded(Server *server, unsigned *given)
{
    if (server->stats.clients + *given >= server->options->max_clients && *given > 0) {
        run_daemon(server);
        *given = 0;
    }
    return server->stats.clients >= server->options->max_clients;
}

static int on_accept(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    Server *server = userdata;
    unsigned given = 0;

    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof(address);
        int connection =
            accept4(fd, (struct sockaddr *)&address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (connection < 0)
            break; /* none left; or no descriptors, then the next ones to end give some back */
        if (is_crowded(server, &given)) {
            turn_away(server, connection);
        } else {
            (void)MHD_add_connection(server->daemon, connection, (struct sockaddr *)&address, size);
            given++;
        }
    }
    run_daemon(server);
    return 0;
}

/* IPv4 in IPv6 is IPv4. */
static void name_address(Client *client, const struct sockaddr *address)
{
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;

    client->is_local = true;
    (void)snprintf(client->address, sizeof(client->address), "local");
    if (address->sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &in->sin_addr, client->address, sizeof(client->address));
        client->is_local = ntohl(in->sin_addr.s_addr) >> 24 == 127;
    } else if (address->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
        (void)inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], client->address,
                        sizeof(client->address));
        client->is_local = in6->sin6_addr.s6_addr[12] == 127;
    } else if (address->sa_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &in6->sin6_addr, client->address, sizeof(client->address));
        client->is_local = IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
    }
}

static void add_client(Server *server, struct MHD_Connection *connection, void **ret)
{
    Client *client = calloc(1, sizeof(*client));

    *ret = client;
    if (!client)
        return; /* its requests are refused */
    client->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    client->since_usec = clock_usec(CLOCK_MONOTONIC);
    name_address(
        client,
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
    client->next = server->clients;
    if (client->next)
        client->next->back = &client->next;
    client->back = &server->clients;
    server->clients = client;
    server->stats.clients++;
    server->stats.connections++;
}

static void remove_client(Server *server, Client *client)
{
    if (!client)
        return;
    *client->back = client->next;
    if (client->next)
        client->next->back = client->back;
    server->stats.clients--;
    free(client);
}

static void on_connection(void *userdata, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        add_client(userdata, connection, context);
    else
        remove_client(userdata, *context);
}

/* libmicrohttpd ends those that send nothing at all; these send something now and then. */
static int on_sweep(sd_event_source *source, uint64_t usec, void *userdata)
{
    Server *server = userdata;
    uint64_t now = clock_usec(CLOCK_MONOTONIC);

    for (Client *c = server->clients; c; c = c->next) {
        if (c->answering || now - c->since_usec < server->options->request_usec)
            continue;
        c->since_usec = now;
        server->stats.overdue++;
        (void)shutdown(c->fd, SHUT_RDWR);
    }
    stream_beat(server, now);
    run_daemon(server);
    (void)sd_event_source_set_time_relative(source, SWEEP_USEC);
    (void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
    return 0;
}

static void follow_generation(Server *server)
{
    unsigned generation = writer_generation(server->writer);

    if (generation == server->generation)
        return;
    server->generation = generation;
    reader_reopen(server->reader);
    painter_reopen(server->painter);
}

static int on_stored(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    Server *server = userdata;
    eventfd_t n;

    (void)eventfd_read(fd, &n);
    follow_generation(server);
    post_done_jobs(server);
    run_daemon(server);
    return 0;
}

static int on_painted(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    eventfd_t n;

    (void)eventfd_read(fd, &n);
    graphs_done_jobs(userdata);
    run_daemon(userdata);
    return 0;
}

/* One request from here on. */

static const Route *find_route(const char *url)
{
    const Route *route = server_routes;

    while (route->path && !streq(route->path, url))
        route++;
    return route;
}

/* A page of somebody else, whose name was made to mean this machine (DNS rebinding), must not read
 * or post here. Addresses cannot be made to mean another machine. */
static bool host_is_ours(Server *server, const char *header)
{
    char host[256], binary[16];
    size_t n = header && *header == '[' ? strcspn(header, "]") + 1
               : header                 ? strcspn(header, ":")
                                        : 0;

    if (!header || n >= sizeof(host))
        return !header;
    memcpy(host, header, n);
    host[n] = '\0';
    if (*host == '[')
        return true;
    return inet_pton(AF_INET, host, binary) == 1 || strcasecmp(host, "localhost") == 0 ||
           strcasecmp(host, server->own_host) == 0 || strv_contains(server->options->names, host);
}

static void check_request(Request *request, const char *method)
{
    struct MHD_Connection *c = request->connection;
    const char *host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    bool is_get = streq(method, "GET") || streq(method, "HEAD");

    request->is_post = streq(method, "POST") && request->route->post;
    if (!request->client)
        request_refuse(request, 503, "out of memory");
    else if (!host_is_ours(request->server, host))
        request_refuse(request, 421, "this collector does not go by the name %.128s", host);
    else if (!is_get && !request->is_post)
        request_refuse(request, 405, "%.32s is not for %.128s", method, request->url);
    else if (request->is_post)
        post_check_head(request);
}

static enum MHD_Result on_param(void *userdata, enum MHD_ValueKind kind, const char *name,
                                const char *value)
{
    Request *request = userdata;

    for (const char *const *p = request->route->params; *p; p++)
        if (streq(*p, name))
            return MHD_YES;
    request_refuse(request, 400, "there is no parameter %.64s here", name);
    return MHD_NO;
}

static Request *request_new(Server *server, struct MHD_Connection *connection, const char *url,
                            const char *method)
{
    Request *request = calloc(1, sizeof(*request));

    if (!request)
        return NULL;
    request->server = server;
    request->connection = connection;
    request->client =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    request->route = find_route(url);
    request->url = url;
    server->stats.requests++;
    check_request(request, method);
    (void)MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, on_param, request);
    return request;
}

/* Whether the body is not worth waiting for: the client has asked first, or it never ends. */
static bool refuse_at_once(Request *request)
{
    return request->refuse_status != 0 &&
           MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
                                       MHD_HTTP_HEADER_EXPECT);
}

static enum MHD_Result answer(Request *request)
{
    if (request->client)
        request->client->answering = true;
    follow_generation(request->server);
    if (request->refuse_status != 0)
        return request_answer(request, request->refuse_status, NULL, &request->refuse_body);
    return request->is_post ? request->route->post(request) : request->route->get(request);
}

static enum MHD_Result on_request(void *userdata, struct MHD_Connection *connection,
                                  const char *url, const char *method, const char *version,
                                  const char *data, size_t *size, void **context)
{
    Request *request = *context;

    if (!request) {
        request = request_new(userdata, connection, url, method);
        *context = request;
        if (!request)
            return MHD_NO;
        return refuse_at_once(request) ? answer(request) : MHD_YES;
    }
    request->url = url;
    if (*size > 0) {
        if (request->is_post)
            post_take(request, data, *size);
        *size = 0;
        return MHD_YES;
    }
    return answer(request);
}

static void on_completed(void *userdata, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    Server *server = userdata;
    Request *request = *context;

    if (!request)
        return;
    if (request->client) {
        request->client->answering = false;
        request->client->since_usec = clock_usec(CLOCK_MONOTONIC);
    }
    stream_end(request);
    server->stats.body_bytes -= request->body_allocated;
    free(request->body);
    paint_job_free(request->paint);
    text_done(&request->refuse_body);
    free(request);
    *context = NULL;
}

static void on_log(void *userdata, const char *format, va_list ap) _printf_(2, 0);

/* What clients do wrong is not worth a line in the journal. */
static void on_log(void *userdata, const char *format, va_list ap)
{
    char line[256];

    (void)vsnprintf(line, sizeof(line), format, ap);
    log_debug("%s", line);
}

static int start_daemon(Server *server)
{
    const ServerOptions *o = server->options;

    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
        NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_CONNECTION_LIMIT, o->max_clients + SLACK, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)(o->request_usec / USEC_PER_SEC), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_POOL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_END);
    return server->daemon ? 0 : -EIO;
}

static int add_io(Server *server, int fd, sd_event_io_handler_t handler, const char *description,
                  int64_t priority, sd_event_source **ret)
{
    int r = sd_event_add_io(server->event, ret, fd, EPOLLIN, handler, server);

    if (r >= 0)
        r = sd_event_source_set_priority(*ret, priority);
    if (r >= 0)
        r = sd_event_source_set_description(*ret, description);
    return r;
}

static int add_sources(Server *server)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    int r = info ? 0 : -EIO;

    if (r >= 0)
        r = add_io(server, info->epoll_fd, on_epoll, "http", SD_EVENT_PRIORITY_NORMAL,
                   &server->epoll_source);
    if (r >= 0)
        r = sd_event_add_time_relative(server->event, &server->timer, CLOCK_MONOTONIC, 0,
                                       USEC_PER_MSEC, on_timer, server);
    if (r >= 0)
        r = sd_event_add_defer(server->event, &server->more, on_more, server);
    if (r >= 0)
        r = sd_event_source_set_prepare(server->epoll_source, on_prepare);
    if (r >= 0)
        r = add_io(server, server->done_fd, on_stored, "stored", SD_EVENT_PRIORITY_NORMAL - 1,
                   &server->done_source);
    if (r >= 0)
        r = add_io(server, server->painted_fd, on_painted, "painted", SD_EVENT_PRIORITY_NORMAL,
                   &server->painted_source);
    if (r >= 0)
        r = sd_event_add_time_relative(server->event, &server->sweep, CLOCK_MONOTONIC, SWEEP_USEC,
                                       USEC_PER_SEC, on_sweep, server);
    return r >= 0 ? graphs_start(server) : r;
}

static int add_listeners(Server *server, const int *fds, size_t n)
{
    server->listeners = calloc(n, sizeof(sd_event_source *));
    if (!server->listeners)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        int r = add_io(server, fds[i], on_accept, "listen", SD_EVENT_PRIORITY_IDLE,
                       &server->listeners[i]);
        if (r < 0)
            return r;
        server->n_listeners++;
    }
    return 0;
}

static int start_workers(Server *server, Store *store, const WriterOptions *options)
{
    int r;

    server->db_path = strdup(store_path(store));
    server->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    server->painted_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = !server->db_path ? -ENOMEM : server->done_fd < 0 || server->painted_fd < 0 ? -errno : 0;
    if (r < 0) {
        store_free(store);
        return r;
    }
    r = writer_new(store, options, server->done_fd, &server->writer);
    if (r >= 0)
        r = painter_new(server->db_path, server->options->graphs, server->painted_fd,
                        &server->painter);
    return r >= 0 ? reader_new(server->db_path, &server->reader) : r;
}

static int own_host(char **ret)
{
    char name[256];

    if (gethostname(name, sizeof(name)) < 0 || name[sizeof(name) - 1] != '\0' || *name == '\0')
        (void)snprintf(name, sizeof(name), "localhost");
    *ret = strdup(name);
    return *ret ? 0 : -ENOMEM;
}

int server_new(sd_event *event, const ServerOptions *options, const int *fds, size_t n_fds,
               Store *store, const WriterOptions *writer, Server **ret)
{
    Server *server = calloc(1, sizeof(*server));
    int r;

    if (!server) {
        store_free(store);
        return -ENOMEM;
    }
    server->event = sd_event_ref(event);
    server->options = options;
    server->done_fd = server->painted_fd = -1;
    r = start_workers(server, store, writer);
    if (r >= 0)
        r = own_host(&server->own_host);
    if (r >= 0)
        r = hub_new(HUB_BYTES, &server->hub);
    if (r >= 0)
        r = rates_new(options->rate, options->burst, &server->rates);
    if (r >= 0)
        r = start_daemon(server);
    if (r >= 0)
        r = add_sources(server);
    if (r >= 0)
        r = add_listeners(server, fds, n_fds);
    if (r < 0) {
        server_free(server);
        return r;
    }
    *ret = server;
    return 0;
}

/* What waits is stored and answered; streams end; clients that read get a moment. */
static void finish(Server *server)
{
    server->stopping = true;
    writer_stop(server->writer);
    painter_stop(server->painter);
    if (!server->daemon)
        return;
    post_done_jobs(server);
    graphs_done_jobs(server);
    stream_beat(server, UINT64_MAX);
    for (int i = 0; i < STOP_ROUNDS; i++) {
        bool busy = false;
        run_daemon(server);
        for (Client *c = server->clients; c && !busy; c = c->next)
            busy = c->answering;
        if (!busy)
            break;
        (void)usleep(10000);
    }
    MHD_stop_daemon(server->daemon);
}

Server *server_free(Server *server)
{
    if (!server)
        return NULL;
    for (size_t i = 0; i < server->n_listeners; i++)
        sd_event_source_disable_unref(server->listeners[i]);
    sd_event_source_disable_unref(server->epoll_source);
    finish(server);
    sd_event_source_disable_unref(server->timer);
    sd_event_source_disable_unref(server->more);
    sd_event_source_disable_unref(server->sweep);
    sd_event_source_disable_unref(server->done_source);
    sd_event_source_disable_unref(server->painted_source);
    sd_event_source_disable_unref(server->live);
    free(server->listeners);
    painter_free(server->painter);
    writer_free(server->writer);
    reader_free(server->reader);
    hub_free(server->hub);
    rates_free(server->rates);
    cleanup_close(&server->done_fd);
    cleanup_close(&server->painted_fd);
    free(server->db_path);
    free(server->own_host);
    free(server->live_host);
    sd_event_unref(server->event);
    free(server);
    return NULL;
}
