/* SPDX-License-Identifier: MIT */

/* The server: its connections, of which it ends those that are overdue; its requests, from their
 * head to their end, of which it wakes those whose work is done. */

#include <arpa/inet.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/log.h"
#include "base/strv.h"
#include "collector/clocks.h"
#include "collector/server-internal.h"

#define SWEEP_USEC  (2 * USEC_PER_SEC)
#define HUB_BYTES   (256U << 10)
#define STOP_ROUNDS 200 /* of 10 ms, for answers on their way */

static void run_daemons(Server *server)
{
    endpoint_run(&server->plain);
    endpoint_run(&server->secure);
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

void server_on_connection(void *userdata, struct MHD_Connection *connection, void **context,
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
    run_daemons(server);
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
    run_daemons(server);
    return 0;
}

static int on_painted(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    eventfd_t n;

    (void)eventfd_read(fd, &n);
    graphs_done_jobs(userdata);
    run_daemons(userdata);
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

enum MHD_Result server_on_request(void *userdata, struct MHD_Connection *connection,
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

void server_on_completed(void *userdata, struct MHD_Connection *connection, void **context,
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
    int r = add_io(server, server->done_fd, on_stored, "stored", SD_EVENT_PRIORITY_NORMAL - 1,
                   &server->done_source);

    if (r >= 0)
        r = add_io(server, server->painted_fd, on_painted, "painted", SD_EVENT_PRIORITY_NORMAL,
                   &server->painted_source);
    if (r >= 0)
        r = sd_event_add_time_relative(server->event, &server->sweep, CLOCK_MONOTONIC, SWEEP_USEC,
                                       USEC_PER_SEC, on_sweep, server);
    return r >= 0 ? graphs_start(server) : r;
}

/* With a certificate what comes from other machines is TLS; this machine needs none. */
static int start_endpoints(Server *server, const Listen *listen)
{
    _cleanup_free_ int *plain = calloc(listen->n, sizeof(int)),
                       *secure = calloc(listen->n, sizeof(int));
    size_t n_plain = 0, n_secure = 0;
    int r = 0;

    if (!plain || !secure)
        return -ENOMEM;
    for (size_t i = 0; i < listen->n; i++) {
        if (server->options->tls_cert && !listen_is_local(listen->fds[i]))
            secure[n_secure++] = listen->fds[i];
        else
            plain[n_plain++] = listen->fds[i];
    }
    if (n_plain > 0)
        r = endpoint_start(&server->plain, server, false, plain, n_plain);
    if (n_secure > 0 && r >= 0)
        r = endpoint_start(&server->secure, server, true, secure, n_secure);
    return r;
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

int server_new(sd_event *event, const ServerOptions *options, const Listen *listen, Store *store,
               const WriterOptions *writer, Server **ret)
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
        r = add_sources(server);
    if (r >= 0)
        r = start_endpoints(server, listen);
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
    if (!server->plain.daemon && !server->secure.daemon)
        return;
    post_done_jobs(server);
    graphs_done_jobs(server);
    stream_beat(server, UINT64_MAX);
    for (int i = 0; i < STOP_ROUNDS; i++) {
        bool busy = false;
        run_daemons(server);
        for (Client *c = server->clients; c && !busy; c = c->next)
            busy = c->answering;
        if (!busy)
            break;
        (void)usleep(10000);
    }
}

Server *server_free(Server *server)
{
    if (!server)
        return NULL;
    endpoint_close(&server->plain);
    endpoint_close(&server->secure);
    finish(server);
    endpoint_stop(&server->plain);
    endpoint_stop(&server->secure);
    sd_event_source_disable_unref(server->sweep);
    sd_event_source_disable_unref(server->done_source);
    sd_event_source_disable_unref(server->painted_source);
    sd_event_source_disable_unref(server->live);
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
    free(server->last_host);
    sd_event_unref(server->event);
    free(server);
    return NULL;
}
