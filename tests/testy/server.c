/* SPDX-License-Identifier: MIT */

/*
 * The HTTP server's connections; see server.h. One request for each connection, which is then
 * closed. Every state has a deadline, and a newcomer to a full server takes the place of whoever
 * has kept it waiting longest: a client that sends nothing costs the others nothing.
 */

#include "server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util.h"

#define READ_USEC  (5 * USEC_PER_SEC)
#define WRITE_USEC (10 * USEC_PER_SEC)
#define DRAIN_USEC (1 * USEC_PER_SEC)

enum phase {
    PHASE_READ,  /* of the request */
    PHASE_DELAY, /* the answer is there, "slow" holds it back */
    PHASE_WRITE,
    PHASE_DRAIN, /* the answer is out; closing with unread input would make the kernel reset it away
                  */
};

struct connection {
    int fd;
    enum phase phase;
    uint64_t deadline;
    char *response;
    size_t length;
    size_t position; /* in the response, or in the request while reading */
    bool has_after;
    struct command after;
    char request[REQUEST_MAX];
};

static void connection_free(struct connection *connection)
{
    if (!connection)
        return;
    close(connection->fd);
    free(connection->response);
    free(connection);
}

static void server_remove(struct server *server, size_t index)
{
    connection_free(server->connections[index]);
    server->connections[index] = server->connections[--server->n_connections];
}

void server_close(struct server *server)
{
    while (server->n_connections > 0)
        server_remove(server, server->n_connections - 1);
}

/* Makes room by giving up the oldest connection that waits for its client. Returns false when there
 * is none. */
static bool server_evict(struct server *server)
{
    size_t victim = CONNECTIONS_MAX;

    for (size_t i = 0; i < server->n_connections; i++) {
        const struct connection *connection = server->connections[i];

        if (connection->phase != PHASE_READ && connection->phase != PHASE_DRAIN)
            continue;
        if (victim == CONNECTIONS_MAX ||
            connection->deadline < server->connections[victim]->deadline)
            victim = i;
    }
    if (victim == CONNECTIONS_MAX)
        return false;
    server_remove(server, victim);
    return true;
}

static void server_accept(struct server *server, int listener, uint64_t now)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0 && (errno == EMFILE || errno == ENFILE) && server_evict(server))
            continue;
        if (fd < 0)
            return;
        struct connection *connection = NULL;
        if (server->n_connections < CONNECTIONS_MAX || server_evict(server))
            connection = malloc(sizeof(*connection));
        if (!connection) {
            close(fd);
            return;
        }
        /* Not cleared as a whole: the request's buffer becomes memory only where it is written to.
         */
        connection->fd = fd;
        connection->phase = PHASE_READ;
        connection->deadline = now + READ_USEC;
        connection->response = NULL;
        connection->length = connection->position = 0;
        connection->has_after = false;
        server->connections[server->n_connections++] = connection;
    }
}

/* Takes over what is to be answered. Returns 0, or -ENOMEM: the connection is lost then. */
static int connection_answer(struct connection *connection, struct answer *answer, bool head_only,
                             uint64_t delay_usec, uint64_t now)
{
    connection->response = answer_to_response(answer, head_only, &connection->length);
    free(answer->body);
    answer->body = NULL;
    if (!connection->response)
        return -ENOMEM;
    connection->position = 0;
    connection->has_after = answer->has_after;
    connection->after = answer->after;
    bool delayed = delay_usec > 0 && !answer->is_prompt;
    connection->phase = delayed ? PHASE_DELAY : PHASE_WRITE;
    connection->deadline = now + (delayed ? delay_usec : WRITE_USEC);
    return 0;
}

static int connection_parse(struct connection *connection, struct facts *facts, uint64_t now)
{
    struct request request = {};
    struct answer answer;

    int r = request_parse(connection->request, connection->position, &request);
    if (r == 0 && connection->position < sizeof(connection->request))
        return 0;
    if (r > 0)
        r = answer_request(facts, &request, now, &answer);
    else
        r = answer_error(r == 0 ? -ENAMETOOLONG : r, &answer);
    if (r < 0)
        return r;
    return connection_answer(connection, &answer, request.is_head, facts->faults.slow_usec, now);
}

static int connection_read(struct connection *connection, struct facts *facts, uint64_t now)
{
    ssize_t n = recv(connection->fd, connection->request + connection->position,
                     sizeof(connection->request) - connection->position, 0);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    if (n == 0)
        return -ECONNRESET;
    connection->position += (size_t)n;
    return connection_parse(connection, facts, now);
}

/* Returns 1 when the response is out. */
static int connection_write(struct connection *connection, uint64_t now)
{
    while (connection->position < connection->length) {
        ssize_t n = send(connection->fd, connection->response + connection->position,
                         connection->length - connection->position, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -errno;
        connection->position += (size_t)n;
    }
    (void)shutdown(connection->fd, SHUT_WR);
    connection->phase = PHASE_DRAIN;
    connection->deadline = now + DRAIN_USEC;
    return 1;
}

static int connection_drain(struct connection *connection)
{
    ssize_t n = recv(connection->fd, connection->request, sizeof(connection->request), 0);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    return n == 0 ? -ECONNRESET : 0;
}

static int connection_overdue(struct connection *connection, uint64_t now)
{
    struct answer answer;

    switch (connection->phase) {
    case PHASE_READ:
        if (answer_error(-EAGAIN, &answer) < 0)
            return -ENOMEM;
        return connection_answer(connection, &answer, false, 0, now);
    case PHASE_DELAY:
        connection->phase = PHASE_WRITE;
        connection->deadline = now + WRITE_USEC;
        return 0;
    default:
        return -ETIMEDOUT;
    }
}

/* Does whatever is possible. Returns negative when the connection is over, 1 when its response has
 * just gone out. */
static int connection_step(struct connection *connection, short revents, struct facts *facts,
                           uint64_t now)
{
    int r = 0;

    if (connection->phase == PHASE_DELAY && (revents & (POLLERR | POLLHUP)))
        return -ECONNRESET;
    if (connection->phase == PHASE_DRAIN && revents != 0)
        r = connection_drain(connection);
    else if (connection->phase == PHASE_READ && revents != 0)
        r = connection_read(connection, facts, now);
    if (r == 0 && now >= connection->deadline)
        r = connection_overdue(connection, now);
    /* At once: the socket's buffer nearly always takes the whole answer. */
    if (r == 0 && connection->phase == PHASE_WRITE)
        r = connection_write(connection, now);
    return r;
}

size_t server_prepare(const struct server *server, const struct listeners *listeners,
                      struct pollfd *ret, uint64_t *due)
{
    size_t n = 0;

    for (size_t i = 0; i < server->n_connections; i++) {
        const struct connection *connection = server->connections[i];
        short events = connection->phase == PHASE_WRITE   ? POLLOUT
                       : connection->phase == PHASE_DELAY ? 0
                                                          : POLLIN;

        ret[n++] = (struct pollfd){.fd = connection->fd, .events = events};
        if (connection->deadline < *due)
            *due = connection->deadline;
    }
    for (size_t i = 0; i < listeners->n_fds; i++)
        ret[n++] = (struct pollfd){.fd = listeners->fds[i], .events = POLLIN};
    return n;
}

bool server_dispatch(struct server *server, const struct pollfd *fds, size_t n_fds,
                     struct facts *facts, uint64_t now, struct command *ret)
{
    size_t n = server->n_connections;

    /* Backwards: one that is removed is replaced by the last, which has had its turn. */
    for (size_t i = n; i-- > 0;) {
        struct connection *connection = server->connections[i];
        int r = connection_step(connection, fds[i].revents, facts, now);

        if (r > 0 && connection->has_after) {
            *ret = connection->after;
            server_remove(server, i);
            return true;
        }
        if (r < 0)
            server_remove(server, i);
    }
    for (size_t i = n; i < n_fds; i++)
        if (fds[i].revents != 0)
            server_accept(server, fds[i].fd, now);
    facts->connections = server->n_connections;
    return false;
}
