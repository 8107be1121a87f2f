/* SPDX-License-Identifier: MIT */
/* A plain HTTP exchange; see http-plain.h. */
#include "supervisor/probe/http-plain.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* A whole answer of a health check, as a rule. */
#define PIECE_MAX 4096

static HttpPlain *plain_of(Dial *dial)
{
    return (HttpPlain *)dial;
}

static void say_failure(Probe *probe, HttpProgress progress)
{
    static const char *const words[] = {
        [HTTP_NO_ANSWER] = "connection closed without an answer",
        [HTTP_CUT_OFF] = "connection closed inside the answer",
        [HTTP_MALFORMED] = "the answer is not HTTP",
        [HTTP_BAD_CHUNKS] = "the chunks of the answer are malformed",
        [HTTP_TOO_LONG] = "the header of the answer is longer than 64K",
        [HTTP_NO_MEMORY] = NULL,
    };
    static_assert(ELEMENTSOF(words) == _HTTP_PROGRESS_MAX, "words for every end");

    if (progress == HTTP_NO_MEMORY)
        probe_end_void(probe, -ENOMEM);
    else
        probe_end(probe, PROBE_FAIL, 0, "%s", words[progress]);
}

static void go_on(HttpPlain *plain, HttpProgress progress)
{
    if (progress == HTTP_COMPLETE)
        plain->done(plain);
    else if (progress != HTTP_MORE)
        say_failure(plain->dial.probe, progress);
}

static void on_readable(Ready *ready, uint32_t events)
{
    HttpPlain *plain = plain_of((Dial *)ready);
    char piece[PIECE_MAX];
    ssize_t n = recv(plain->dial.fd, piece, sizeof(piece), 0);

    if (n > 0)
        go_on(plain, http_parser_feed(&plain->parser, piece, (size_t)n));
    else if (n == 0)
        go_on(plain, http_parser_close(&plain->parser));
    else if (errno != EAGAIN && errno != EINTR)
        dial_fail(&plain->dial, -errno);
}

/* Sending is what shows whether the connection stands. */
static int send_request(Dial *dial)
{
    HttpPlain *plain = plain_of(dial);
    const char *rest = plain->request + plain->n_sent;
    size_t size = strlen(rest);
    ssize_t n = send(dial->fd, rest, size, MSG_NOSIGNAL);

    if (n < 0)
        return errno == EINTR ? -EAGAIN : -errno;
    plain->n_sent += (size_t)n;
    return (size_t)n < size ? -EAGAIN : 0;
}

static void on_dialled(Dial *dial, int error)
{
    if (error < 0)
        dial_fail(dial, error);
    else
        (void)dial_wait(dial, EPOLLIN, on_readable);
}

static const DialUser dial_user = {.attempt = send_request, .done = on_dialled};

void http_plain_start(HttpPlain *plain, Probe *probe, const char *request, HttpAnswer *answer,
                      http_plain_done_t done)
{
    const char *method = probe->spec->method;

    plain->request = request;
    plain->done = done;
    http_parser_init(&plain->parser, answer, probe->spec->status, method && streq(method, "HEAD"));
    dial_start(&plain->dial, probe, &dial_user);
}

void http_plain_stop(HttpPlain *plain)
{
    dial_stop(&plain->dial);
    http_parser_done(&plain->parser);
}

void http_plain_late(HttpPlain *plain)
{
    dial_late(&plain->dial,
              plain->parser.answer->header_size > 0 ? "the answer did not end" : "no answer");
}
