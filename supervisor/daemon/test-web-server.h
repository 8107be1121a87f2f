/* SPDX-License-Identifier: MIT */
/*
 * A small web server on the event loop of the test, which answers what it is told to and keeps what
 * was asked. For tests of those that post; they include <cmocka.h> before it.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "base/macros.h"
#include "base/text.h"

#define REQUEST_MAX ((size_t)256 * 1024)
#define N_REQUESTS  64U

typedef struct Server {
    sd_event *event;
    sd_event_source *listening;
    int port;               /* 0: any, when it is started */
    const char *answers[8]; /* one after the other; the last one for all that follow */
    size_t n_answers;
    bool stays; /* answers do not end: the connection is left open */
    char *requests[N_REQUESTS];
    size_t n_requests;
} Server;

typedef struct Peer {
    Server *server;
    int fd;
    Text request;
    sd_event_source *source;
} Peer;

/* The size of the whole request, once its head is there. */
static size_t peer_expects(const Peer *peer)
{
    const char *end = strstr(peer->request.data, "\r\n\r\n");
    const char *length = strcasestr(peer->request.data, "\r\nContent-Length: ");
    size_t body = 0;

    if (!end)
        return SIZE_MAX;
    if (length && length < end)
        body = strtoul(length + strlen("\r\nContent-Length: "), NULL, 10);
    return (size_t)(end + 4 - peer->request.data) + body;
}

static void peer_free(Peer *peer)
{
    sd_event_source_disable_unref(peer->source);
    text_done(&peer->request);
    close(peer->fd);
    free(peer);
}

static void peer_answer(Peer *peer)
{
    Server *server = peer->server;
    const char *answer = server->answers[MIN(server->n_requests, server->n_answers - 1)];

    assert_true(server->n_requests < N_REQUESTS);
    assert_int_equal(text_take(&peer->request, &server->requests[server->n_requests++]), 0);
    if (*answer)
        assert_int_equal(send(peer->fd, answer, strlen(answer), MSG_NOSIGNAL), strlen(answer));
}

static int on_peer(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    Peer *peer = userdata;
    char buf[16384];
    ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN)
        return 0;
    if (n > 0) {
        text_add_n(&peer->request, buf, (size_t)n);
        if (peer->request.size < MIN(peer_expects(peer), REQUEST_MAX))
            return 0;
        peer_answer(peer);
        if (peer->server->stays)
            return 0;
    }
    peer_free(peer);
    return 0;
}

static int on_accept(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    Server *server = userdata;
    Peer *peer = calloc(1, sizeof(*peer));

    assert_non_null(peer);
    peer->server = server;
    peer->fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(peer->fd >= 0);
    assert_true(sd_event_add_io(server->event, &peer->source, peer->fd, EPOLLIN, on_peer, peer) >=
                0);
    return 0;
}

static inline void server_start(Server *server, sd_event *event)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)server->port)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    server->event = event;
    server->port = ntohs(address.sin_port);
    assert_true(sd_event_add_io(event, &server->listening, fd, EPOLLIN, on_accept, server) >= 0);
    assert_true(sd_event_source_set_io_fd_own(server->listening, 1) >= 0);
}

static inline void server_answers(Server *server, const char *first, const char *then)
{
    server->answers[0] = first;
    server->answers[1] = then;
    server->n_answers = then ? 2 : 1;
}

static inline void server_stop(Server *server)
{
    sd_event_source_disable_unref(server->listening);
    for (size_t i = 0; i < server->n_requests; i++)
        free(server->requests[i]);
}
