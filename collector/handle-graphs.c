/* SPDX-License-Identifier: MIT */

/* Pictures: drawn when asked for, each 5 seconds while somebody looks, and served. */

#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/log.h"
#include "collector/clocks.h"
#include "collector/describe.h"
#include "collector/server-internal.h"

#define LIVE_USEC     (5 * USEC_PER_SEC)
#define LIVE_FOR_USEC (10 * USEC_PER_MINUTE) /* after the last look */
#define SPAN_USEC     USEC_PER_HOUR
#define PNG_MAX       (16U << 20)

static int paint(Server *server, Request *owner, const char *host, uint64_t span_usec, bool is_last)
{
    PaintJob *job = calloc(1, sizeof(*job));

    if (job && host)
        job->host = strdup(host);
    if (!job || (host && !job->host)) {
        paint_job_free(job);
        return -ENOMEM;
    }
    job->owner = owner;
    job->span_usec = span_usec;
    job->is_last = is_last;
    painter_push(server->painter, job);
    return 0;
}

static enum MHD_Result ask(Request *request, const char *host, uint64_t span_usec)
{
    if (request->server->stopping || paint(request->server, request, host, span_usec, false) < 0)
        return request_fail(request, 503, "the pictures cannot be drawn now");
    request->paint_waiting = true;
    request_suspend(request);
    return MHD_YES;
}

/* What nobody waits for is drawn one at a time: of many hosts that end at once the last one. */
static void start_last(Server *server)
{
    if (!server->last_host || server->live_painting || server->stopping)
        return;
    server->live_painting = paint(server, NULL, server->last_host, SPAN_USEC, true) == 0;
    free(TAKE_PTR(server->last_host));
}

void graphs_draw_last(Server *server, char *host)
{
    free(server->last_host);
    server->last_host = host;
    start_last(server);
}

static void say_last(const PaintJob *job)
{
    if (job->error < 0)
        log_warning("%s has ended; its graphs cannot be drawn: %s", job->host,
                    strerror(-job->error));
    else
        log_info("%s has ended; its graphs are drawn", job->host);
}

void graphs_done_jobs(Server *server)
{
    for (PaintJob *job; (job = painter_take_done(server->painter));) {
        Request *request = job->owner;
        if (job->error == -EUCLEAN)
            writer_report_damage(server->writer);
        if (!request) {
            server->live_painting = false;
            if (job->is_last)
                say_last(job);
            paint_job_free(job);
            start_last(server);
            continue;
        }
        request->paint = job;
        request->paint_waiting = false;
        request->paint_done = true;
        request_wake(request);
    }
}

static void add_files(Text *t, const char *folder)
{
    describe_name(t, "files");
    text_add_char(t, '[');
    for (int i = 0; i < 2; i++) {
        _cleanup_free_ char *path =
            text_printf("%s/%s", folder, i == 0 ? GRAPH_SYSTEM : GRAPH_CONTAINERS);
        text_add(t, i > 0 ? ", " : "");
        text_add_json_string(t, path ? path : "", path ? strlen(path) : 0);
    }
    text_add_char(t, ']');
}

static enum MHD_Result answer_painted(Request *request)
{
    const PaintJob *job = request->paint;
    Text t = {0};

    if (job->error < 0)
        return request_fail(request, job->error == -ENOSPC ? 507 : 503,
                            "the pictures cannot be drawn: %s", strerror(-job->error));
    text_add_char(&t, '{');
    describe_string(&t, "system", "/" GRAPH_SYSTEM);
    describe_string(&t, "containers", "/" GRAPH_CONTAINERS);
    add_files(&t, request->server->options->graphs);
    describe_string(&t, "host", job->host);
    describe_number(&t, "samples", (double)job->n_samples);
    describe_time(&t, "generated", job->when_usec);
    text_add(&t, "}\n");
    return request_answer(request, 200, NULL, &t);
}

static int read_params(Request *request, uint64_t *ret_span_usec, enum MHD_Result *ret_result)
{
    uint64_t now = clock_usec(CLOCK_REALTIME), since = now - SPAN_USEC;

    if (request_time(request, "since", now, &since, ret_result) != 0)
        return 1;
    *ret_span_usec = since < now ? now - since : USEC_PER_SEC;
    return 0;
}

enum MHD_Result get_generate_graphs(Request *request)
{
    enum MHD_Result result;
    uint64_t span;

    if (request->paint_done)
        return answer_painted(request);
    if (read_params(request, &span, &result) != 0)
        return result;
    return ask(request, request_param(request, "host"), span);
}

static int on_live(sd_event_source *source, uint64_t usec, void *userdata)
{
    Server *server = userdata;
    uint64_t now = clock_usec(CLOCK_MONOTONIC);

    if (now >= server->live_until_usec || server->stopping)
        return 0; /* once: it is off now */
    /* One that is slower than 5 s is not drawn twice at a time. */
    if (!server->live_painting)
        server->live_painting =
            paint(server, NULL, server->live_host, server->live_span_usec, false) == 0;
    (void)sd_event_source_set_time_relative(source, LIVE_USEC);
    (void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
    return 0;
}

static void look(Server *server)
{
    if (server->live_until_usec > 0)
        server->live_until_usec = clock_usec(CLOCK_MONOTONIC) + LIVE_FOR_USEC;
}

int graphs_start(Server *server)
{
    int r = sd_event_add_time_relative(server->event, &server->live, CLOCK_MONOTONIC, LIVE_USEC,
                                       USEC_PER_SEC / 4, on_live, server);

    if (r >= 0)
        r = sd_event_source_set_enabled(server->live, SD_EVENT_OFF);
    if (r >= 0)
        (void)sd_event_source_set_description(server->live, "live-graphs");
    return r;
}

static enum MHD_Result redirect(Request *request)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);

    if (response)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, "/");
    return request_queue(request, 303, response);
}

enum MHD_Result get_show_graphs(Request *request)
{
    Server *server = request->server;
    const char *host = request_param(request, "host");
    enum MHD_Result result;
    uint64_t span;

    if (read_params(request, &span, &result) != 0)
        return result;
    free(server->live_host);
    server->live_host = host ? strdup(host) : NULL;
    server->live_span_usec = span;
    server->live_until_usec = clock_usec(CLOCK_MONOTONIC) + LIVE_FOR_USEC;
    (void)sd_event_source_set_time_relative(server->live, 0);
    (void)sd_event_source_set_enabled(server->live, SD_EVENT_ONESHOT);
    return redirect(request);
}

static enum MHD_Result answer_file(Request *request, const char *path, bool *ret_missing)
{
    struct MHD_Response *response;
    char *data = NULL;
    size_t size;
    int r = file_read(AT_FDCWD, path, PNG_MAX, &data, &size);

    *ret_missing = r == -ENOENT;
    if (r < 0)
        return *ret_missing
                   ? MHD_NO
                   : request_fail(request, 503, "the picture cannot be read: %s", strerror(-r));
    response = MHD_create_response_from_buffer(size, data, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(data);
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, "Content-Type", "image/png");
    return request_queue(request, 200, response);
}

enum MHD_Result get_graph(Request *request)
{
    _cleanup_free_ char *path = text_printf("%s%s", request->server->options->graphs, request->url);
    bool missing;

    if (!path)
        return MHD_NO;
    look(request->server);
    enum MHD_Result result = answer_file(request, path, &missing);
    if (!missing)
        return result;
    if (!request->paint_done)
        return ask(request, NULL, SPAN_USEC);
    return request->paint->error < 0 ? answer_painted(request)
                                     : request_fail(request, 503, "the picture is gone");
}
