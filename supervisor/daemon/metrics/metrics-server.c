/* SPDX-License-Identifier: MIT */
/*
 * The listening sockets of the metrics and their connections: a small bounded responder, not a web
 * server. What a request means is decided in metrics-request.c.
 *
 * Why not libmicrohttpd: it limits the silence of a client, not the time of a whole request, and
 * does not answer a connection that is one too many. Its memory, measured on Debian 13: 2.7 MiB
 * (2.4 to 5.1) without a resident libcurl, which phoenixd loads only when it needs it, of the 8 MiB
 * that phoenixd may take with 1,000 services.
 *
 * Nobody who connects is trusted: 16 connections, each of them for 5 seconds whatever it does, 4
 * KiB of request, one exposition in memory for all who ask within a second. Supervision goes first
 * (the priority), and a connection that fails is closed without a word.
 */
#include "supervisor/daemon/metrics/metrics.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/socket.h>
#include <time.h>

#include "base/macros.h"
#include "supervisor/daemon/metrics/metrics-request.h"

#define CONNECTIONS_MAX  16U
#define CONNECTION_USEC  (5 * USEC_PER_SEC)
#define BODY_FRESH_USEC  USEC_PER_SEC
#define ACCEPT_WAIT_USEC USEC_PER_SEC
#define METRICS_PRIORITY (SD_EVENT_PRIORITY_NORMAL + 20)

/* An exposition, shared by the connections that it is sent to. */
typedef struct Body {
    size_t n_refs;
    uint64_t made_usec;
    Text text;
} Body;

typedef struct Listener {
    int fd;
    sd_event_source *source;
} Listener;

typedef struct Connection Connection;
struct Connection {
    Connection *next, *previous;
    MetricsServer *server;
    int fd;
    sd_event_source *io, *deadline;
    char request[METRICS_REQUEST_MAX];
    size_t n_request;
    Text head;  /* of the answer, with the body of an error; empty while the request is read */
    Body *body; /* of a 200 */
    size_t sent;
    bool answered; /* the answer is out; the peer has not closed yet */
};

struct MetricsServer {
    sd_event *event;
    Manager *manager;
    Listener *listeners;
    size_t n_listeners, n_connections;
    Connection *connections;
    Body *body; /* the newest one, while somebody still has it */
    sd_event_source *again;
    uint64_t timeout_usec;
};

static Body *body_unref(MetricsServer *server, Body *body)
{
    if (!body || --body->n_refs > 0)
        return NULL;
    if (server->body == body)
        server->body = NULL;
    text_done(&body->text);
    free(body);
    /* Megabytes with many services, and idle until the next scrape. */
    malloc_trim(0);
    return NULL;
}

static uint64_t now_usec(MetricsServer *server)
{
    uint64_t now = 0;

    (void)sd_event_now(server->event, CLOCK_MONOTONIC, &now);
    return now;
}

/* The exposition of this second. Whoever connects to ask for more gets what the first one got. */
static int body_get(MetricsServer *server, Body **ret)
{
    uint64_t now = now_usec(server);
    Body *body = server->body;

    if (!body || now - body->made_usec >= BODY_FRESH_USEC) {
        body = calloc(1, sizeof(Body));
        if (!body)
            return -ENOMEM;
        body->made_usec = now;
        int r = metrics_write(server->manager, &body->text);
        if (r < 0) {
            text_done(&body->text);
            free(body);
            return r;
        }
        server->body = body;
    }
    body->n_refs++;
    *ret = body;
    return 0;
}

static Connection *connection_free(Connection *connection)
{
    MetricsServer *server = connection->server;

    if (connection->previous)
        connection->previous->next = connection->next;
    else
        server->connections = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    server->n_connections--;
    sd_event_source_disable_unref(connection->io);
    sd_event_source_disable_unref(connection->deadline);
    close(connection->fd);
    body_unref(server, connection->body);
    text_done(&connection->head);
    free(connection);
    return NULL;
}

/* Sends what the socket takes. Returns 1 when all is out, 0 when there is more, or an error. */
static int connection_send(Connection *connection)
{
    const Text *parts[] = {&connection->head, connection->body ? &connection->body->text : NULL};
    size_t before = 0;

    for (size_t i = 0; i < ELEMENTSOF(parts) && parts[i]; i++) {
        while (connection->sent < before + parts[i]->size) {
            ssize_t n =
                send(connection->fd, parts[i]->data + (connection->sent - before),
                     before + parts[i]->size - connection->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0)
                return errno == EAGAIN ? 0 : -errno;
            connection->sent += (size_t)n;
        }
        before += parts[i]->size;
    }
    return 1;
}

/* Reads and forgets: closing a socket with unread bytes would reset the connection, and the peer
 * might lose the answer. Returns 1 when the peer has closed, 0 when it has not, or an error. */
static int connection_drain(Connection *connection)
{
    char nobody[4096];
    ssize_t n = recv(connection->fd, nobody, sizeof(nobody), MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    return n == 0;
}

/* Goes on with the answer. Returns 1 when the connection is over. */
static int connection_write(Connection *connection)
{
    int r = connection_send(connection);

    if (r == 0)
        return sd_event_source_set_io_events(connection->io, EPOLLOUT);
    if (r < 0)
        return r;
    connection->answered = true;
    if (shutdown(connection->fd, SHUT_WR) < 0)
        return -errno;
    return sd_event_source_set_io_events(connection->io, EPOLLIN);
}

static int connection_answer(Connection *connection, MetricsAnswer answer)
{
    bool to_head = metrics_request_is_head(connection->request, connection->n_request);
    size_t size = 0;
    int r;

    if (answer == METRICS_ANSWER_OK && body_get(connection->server, &connection->body) < 0)
        answer = METRICS_ANSWER_FAILED;
    if (connection->body)
        size = connection->body->text.size;
    r = metrics_answer_head(answer, to_head, size, &connection->head);
    if (r < 0)
        return r;
    if (to_head)
        connection->body = body_unref(connection->server, connection->body);
    return connection_write(connection);
}

static int connection_read(Connection *connection)
{
    size_t room = sizeof(connection->request) - connection->n_request;
    ssize_t n =
        recv(connection->fd, connection->request + connection->n_request, room, MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    if (n == 0)
        return 1; /* gone without a request, or with half of one */
    connection->n_request += (size_t)n;
    MetricsAnswer answer = metrics_request_parse(connection->request, connection->n_request);
    return answer == METRICS_ANSWER_NOT_YET ? 0 : connection_answer(connection, answer);
}

static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    Connection *connection = userdata;
    int r;

    if (connection->answered)
        r = connection_drain(connection);
    else if (connection->head.size > 0)
        r = connection_write(connection);
    else
        r = connection_read(connection);
    if (r != 0)
        connection_free(connection);
    return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
    Connection *connection = userdata;

    /* Who has sent no whole request is told, if it takes no waiting. */
    if (connection->head.size == 0 &&
        metrics_answer_head(METRICS_ANSWER_TIMEOUT, false, 0, &connection->head) >= 0)
        (void)connection_send(connection);
    connection_free(connection);
    return 0;
}

static int connection_watch(Connection *connection)
{
    MetricsServer *server = connection->server;
    int r;

    r = sd_event_add_io(server->event, &connection->io, connection->fd, EPOLLIN, on_connection,
                        connection);
    if (r < 0)
        return r;
    r = sd_event_add_time_relative(server->event, &connection->deadline, CLOCK_MONOTONIC,
                                   server->timeout_usec, 0, on_deadline, connection);
    if (r < 0)
        return r;
    (void)sd_event_source_set_description(connection->io, "metrics-connection");
    (void)sd_event_source_set_description(connection->deadline, "metrics-deadline");
    r = sd_event_source_set_priority(connection->io, METRICS_PRIORITY);
    return r < 0 ? r : sd_event_source_set_priority(connection->deadline, METRICS_PRIORITY);
}

/* Takes the descriptor, also on failure. */
static int connection_new(MetricsServer *server, int fd)
{
    Connection *connection = calloc(1, sizeof(Connection));

    if (!connection) {
        close(fd);
        return -ENOMEM;
    }
    connection->server = server;
    connection->fd = fd;
    connection->next = server->connections;
    if (connection->next)
        connection->next->previous = connection;
    server->connections = connection;
    server->n_connections++;
    int r = connection_watch(connection);
    if (r < 0)
        connection_free(connection);
    return r;
}

/* One too many: answered at once, without waiting for what it asks. */
static void refuse(int fd)
{
    _cleanup_text_ Text head = {0};
    char nobody[METRICS_REQUEST_MAX];

    (void)recv(fd, nobody, sizeof(nobody), MSG_DONTWAIT);
    if (metrics_answer_head(METRICS_ANSWER_BUSY, false, 0, &head) >= 0)
        (void)send(fd, head.data, head.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata)
{
    MetricsServer *server = userdata;

    for (size_t i = 0; i < server->n_listeners; i++)
        (void)sd_event_source_set_enabled(server->listeners[i].source, SD_EVENT_ON);
    return 0;
}

/* Out of descriptors or memory: the connection stays in the queue, and looking again at once would
 * be a busy loop. */
static void pause_accepting(MetricsServer *server)
{
    int r = sd_event_source_set_time_relative(server->again, ACCEPT_WAIT_USEC);

    if (r < 0 || sd_event_source_set_enabled(server->again, SD_EVENT_ONESHOT) < 0)
        return;
    for (size_t i = 0; i < server->n_listeners; i++)
        (void)sd_event_source_set_enabled(server->listeners[i].source, SD_EVENT_OFF);
}

static int on_listener(sd_event_source *source, int listener, uint32_t revents, void *userdata)
{
    MetricsServer *server = userdata;
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0 && server->n_connections >= CONNECTIONS_MAX)
        refuse(fd);
    else if (fd >= 0)
        (void)connection_new(server, fd); /* it closes on failure; that is all there is to say */
    else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
        pause_accepting(server);
    return 0; /* other errors are those of a peer that went away before we came */
}

static int listener_start(MetricsServer *server, Listener *listener)
{
    int flags = fcntl(listener->fd, F_GETFL);
    int r;

    /* systemd passes it blocking, and a peer may go away between the event and accept(). */
    if (flags < 0 || fcntl(listener->fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    r = sd_event_add_io(server->event, &listener->source, listener->fd, EPOLLIN, on_listener,
                        server);
    if (r < 0)
        return r;
    (void)sd_event_source_set_description(listener->source, "metrics-listener");
    return sd_event_source_set_priority(listener->source, METRICS_PRIORITY);
}

static int add_again(MetricsServer *server)
{
    int r = sd_event_add_time(server->event, &server->again, CLOCK_MONOTONIC, USEC_INFINITY, 0,
                              on_again, server);

    if (r < 0)
        return r;
    (void)sd_event_source_set_description(server->again, "metrics-accept-again");
    r = sd_event_source_set_priority(server->again, METRICS_PRIORITY);
    return r < 0 ? r : sd_event_source_set_enabled(server->again, SD_EVENT_OFF);
}

static int server_start(MetricsServer *server)
{
    int r = add_again(server);

    for (size_t i = 0; r >= 0 && i < server->n_listeners; i++)
        r = listener_start(server, &server->listeners[i]);
    return r;
}

int metrics_server_new(sd_event *event, Manager *manager, const int *fds, size_t n_fds,
                       MetricsServer **ret)
{
    MetricsServer *server;
    int r;

    assert(event);
    assert(manager);
    assert(fds || n_fds == 0);
    assert(ret);

    server = calloc(1, sizeof(MetricsServer));
    if (!server)
        return -ENOMEM;
    server->listeners = calloc(MAX(n_fds, (size_t)1), sizeof(Listener));
    if (!server->listeners) {
        free(server);
        return -ENOMEM;
    }
    server->event = sd_event_ref(event);
    server->manager = manager;
    server->timeout_usec = CONNECTION_USEC;
    server->n_listeners = n_fds;
    for (size_t i = 0; i < n_fds; i++)
        server->listeners[i].fd = fds[i];
    r = server_start(server);
    if (r < 0) {
        server->n_listeners = 0; /* they stay the caller's */
        for (size_t i = 0; i < n_fds; i++)
            sd_event_source_disable_unref(server->listeners[i].source);
        metrics_server_free(server);
        return r;
    }
    *ret = server;
    return 0;
}

void metrics_server_set_timeout(MetricsServer *server, uint64_t usec)
{
    assert(server);

    server->timeout_usec = usec;
}

MetricsServer *metrics_server_free(MetricsServer *server)
{
    if (!server)
        return NULL;
    while (server->connections)
        connection_free(server->connections);
    for (size_t i = 0; i < server->n_listeners; i++) {
        sd_event_source_disable_unref(server->listeners[i].source);
        close(server->listeners[i].fd);
    }
    sd_event_source_disable_unref(server->again);
    sd_event_unref(server->event);
    free(server->listeners);
    free(server);
    return NULL;
}
