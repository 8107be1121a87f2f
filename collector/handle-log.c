/* SPDX-License-Identifier: MIT */

/* GET /logs: a walk over the entries, one page after the other, each a query of its own. What is in
 * memory at any time is one page; how fast the client reads is its own business. */

#include <errno.h>

#include "collector/clocks.h"
#include "collector/describe.h"
#include "collector/server-internal.h"

#define PAGE_ENTRIES 256
#define PAGE_BYTES   65536
#define BLOCK        32768 /* what libmicrohttpd asks for at once */

typedef struct Walk {
    Server *server;
    char *host;
    LogCursor cursor;
    uint64_t until_usec, left;
    bool ndjson, with_host, started, read_all, ended;
    Text page;
    size_t sent, n_on_page;
} Walk;

static void walk_free(void *userdata)
{
    Walk *walk = userdata;

    if (!walk)
        return;
    free(walk->host);
    text_done(&walk->page);
    free(walk);
}

static void walk_freep(Walk **walk)
{
    walk_free(*walk);
}

static int add_entry(const char *host, const char *body, size_t size, void *userdata)
{
    Walk *walk = userdata;

    if (walk->left == 0 || (walk->n_on_page > 0 && walk->page.size + size > PAGE_BYTES))
        return 1;
    walk->left--;
    walk->n_on_page++;
    if (!walk->ndjson && walk->started)
        text_add(&walk->page, ",\n");
    walk->started = true;
    if (walk->with_host) {
        text_add_char(&walk->page, '{');
        describe_string(&walk->page, "host", host);
        describe_name(&walk->page, "entry");
    }
    text_add_n(&walk->page, body, size);
    if (walk->with_host)
        text_add_char(&walk->page, '}');
    if (walk->ndjson)
        text_add_char(&walk->page, '\n');
    return walk->page.error;
}

static int next_page(Walk *walk)
{
    int r;

    text_truncate(&walk->page, 0);
    walk->sent = walk->n_on_page = 0;
    if (walk->read_all) {
        walk->ended = true;
        return walk->ndjson ? 0 : text_add(&walk->page, walk->started ? "]\n" : "[]\n");
    }
    if (!walk->ndjson && !walk->started)
        text_add_char(&walk->page, '[');
    r = reader_log_page(walk->server->reader, walk->host, &walk->cursor, walk->until_usec,
                        (size_t)MIN(walk->left, (uint64_t)PAGE_ENTRIES), add_entry, walk);
    /* The bracket belongs to the first entry; when there is none, the end says "[]". */
    if (!walk->started)
        text_truncate(&walk->page, 0);
    walk->read_all = r == 0 || walk->left == 0;
    return MIN(r, 0);
}

static ssize_t read_walk(void *userdata, uint64_t position, char *buf, size_t max)
{
    Walk *walk = userdata;

    while (walk->sent == walk->page.size) {
        if (walk->ended)
            return MHD_CONTENT_READER_END_OF_STREAM;
        /* Cut off in the middle, which the client sees by the missing last chunk. */
        if (next_page(walk) < 0)
            return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t n = MIN(max, walk->page.size - walk->sent);
    memcpy(buf, walk->page.data + walk->sent, n);
    walk->sent += n;
    return (ssize_t)n;
}

/* 0, or 1 when a parameter is wrong. */
static int read_form(Request *request, Walk *walk, enum MHD_Result *ret)
{
    const char *format = request_param(request, "format"), *with = request_param(request, "with"),
               *accept = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
                                                     MHD_HTTP_HEADER_ACCEPT);

    if (format && !streq(format, "array") && !streq(format, "ndjson")) {
        *ret = request_fail(request, 400,
                            "format: found \"%.64s\", accepted is \"array\" or \"ndjson\"", format);
        return 1;
    }
    if (with && !streq(with, "host")) {
        *ret = request_fail(request, 400, "with: found \"%.64s\", accepted is \"host\"", with);
        return 1;
    }
    walk->ndjson =
        format ? streq(format, "ndjson") : accept && strstr(accept, "application/x-ndjson");
    walk->with_host = with;
    return 0;
}

static int read_params(Request *request, Walk *walk, enum MHD_Result *ret)
{
    uint64_t now = clock_usec(CLOCK_REALTIME);

    walk->until_usec = INT64_MAX;
    walk->left = INT64_MAX;
    if (read_form(request, walk, ret) != 0 ||
        request_time(request, "since", now, &walk->cursor.time_usec, ret) != 0 ||
        request_time(request, "until", now, &walk->until_usec, ret) != 0 ||
        request_number(request, "limit", 1, INT64_MAX, &walk->left, ret) != 0)
        return 1;
    const char *host = request_param(request, "host");
    walk->host = host ? strdup(host) : NULL;
    return 0;
}

enum MHD_Result get_logs(Request *request)
{
    _cleanup_(walk_freep) Walk *walk = calloc(1, sizeof(*walk));
    struct MHD_Response *response;
    enum MHD_Result result = MHD_NO;
    int r;

    if (!walk)
        return MHD_NO;
    walk->server = request->server;
    if (read_params(request, walk, &result) != 0)
        return result;
    /* The first page now: a database that cannot be read is a 503, not half an answer. */
    r = next_page(walk);
    if (r < 0)
        return request_fail_reading(request, r);
    response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_walk, walk, walk_free);
    if (!response)
        return MHD_NO;
    (void)MHD_add_response_header(response, "Content-Type",
                                  walk->ndjson ? "application/x-ndjson" : "application/json");
    walk = NULL; /* is the response's */
    return request_queue(request, 200, response);
}
