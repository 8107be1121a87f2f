/* SPDX-License-Identifier: MIT */

/* GET /api/v1/stream: server-sent events
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html). A reader that has all waits
 * suspended; what is published, or a heartbeat, wakes it. */

#include <errno.h>
#include <inttypes.h>

#include "collector/clocks.h"
#include "collector/server-internal.h"

#define STREAMS_MAX 64
#define BEAT_USEC   (15 * USEC_PER_SEC)
#define BLOCK       16384

static void wait_in_list(Request *request)
{
    Server *server = request->server;

    if (request->back_stream)
        return;
    request->next_stream = server->streams;
    if (request->next_stream)
        request->next_stream->back_stream = &request->next_stream;
    request->back_stream = &server->streams;
    server->streams = request;
}

static void leave_list(Request *request)
{
    if (!request->back_stream)
        return;
    *request->back_stream = request->next_stream;
    if (request->next_stream)
        request->next_stream->back_stream = request->back_stream;
    request->back_stream = NULL;
}

void stream_end(Request *request)
{
    leave_list(request);
    if (request->is_stream)
        request->server->stats.streams--;
    text_done(&request->stream_text);
}

static void wake_all(Server *server)
{
    while (server->streams) {
        Request *request = server->streams;
        leave_list(request);
        request_wake(request);
    }
}

void stream_publish(Server *server, const Announcement *list)
{
    if (!list)
        return;
    for (; list; list = list->next)
        hub_add(server->hub, list->kind, list->json);
    wake_all(server);
}

void stream_beat(Server *server, uint64_t now_usec)
{
    for (Request *request = server->streams, *next; request; request = next) {
        next = request->next_stream;
        if (now_usec < request->beat_due_usec && !server->stopping)
            continue;
        leave_list(request);
        request_wake(request);
    }
}

static void fill(Request *request)
{
    uint64_t now = clock_usec(CLOCK_MONOTONIC);

    text_truncate(&request->stream_text, 0);
    request->stream_sent = 0;
    hub_read(request->server->hub, &request->stream_id, BLOCK, &request->stream_text);
    if (request->stream_text.size == 0 && now >= request->beat_due_usec)
        text_add(&request->stream_text, ": alive\n\n");
    if (request->stream_text.size > 0)
        request->beat_due_usec = now + BEAT_USEC;
}

static ssize_t read_stream(void *userdata, uint64_t position, char *buf, size_t max)
{
    Request *request = userdata;
    Text *t = &request->stream_text;

    if (request->server->stopping)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (request->stream_sent == t->size)
        fill(request);
    if (t->error < 0)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t n = MIN(max, t->size - request->stream_sent);
    if (n == 0) {
        wait_in_list(request);
        request_suspend(request);
        return 0;
    }
    memcpy(buf, t->data + request->stream_sent, n);
    request->stream_sent += n;
    return (ssize_t)n;
}

/* Where the reader was before its connection ended. */
static uint64_t first_id(Request *request)
{
    const char *last =
        MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Last-Event-ID");
    unsigned long long id;
    char *end;

    if (!last)
        return hub_next_id(request->server->hub);
    errno = 0;
    id = strtoull(last, &end, 10);
    return errno != 0 || end == last || *end != '\0' || id == UINT64_MAX ? 0 : (uint64_t)id + 1;
}

enum MHD_Result get_stream(Request *request)
{
    Server *server = request->server;
    struct MHD_Response *response;

    if (server->stats.streams >= STREAMS_MAX) {
        request->retry_after_sec = 60;
        return request_fail(request, 503, "there are at most %d readers of the stream",
                            STREAMS_MAX);
    }
    response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_stream, request, NULL);
    if (!response)
        return MHD_NO;
    (void)MHD_add_response_header(response, "Content-Type", "text/event-stream");
    server->stats.streams++;
    request->is_stream = true;
    request->stream_id = first_id(request);
    /* The head goes out at once, with a comment. */
    request->beat_due_usec = 0;
    return request_queue(request, 200, response);
}
