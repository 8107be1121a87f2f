/* SPDX-License-Identifier: MIT */

/* POST /logs: what the head of the request and the body have to be, the way to the writer, and the
 * answer when it comes back. */

#include <errno.h>
#include <limits.h>
#include <strings.h>

#include "collector/clocks.h"
#include "collector/post.h"
#include "collector/server-internal.h"

#define BODIES_MAX (128U << 20) /* that are being received, of all clients */
#define FULL_SEC   30           /* a disk is not emptied at once */

static const char *header(Request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

static bool is_json(const char *type)
{
    const char *json = "application/json";
    size_t n = strlen(json);

    return type && strncasecmp(type, json, n) == 0 && strchr("; \t", type[n]);
}

/* As long whatever the token is, so that nobody finds it out byte by byte. */
static bool is_allowed(const char *authorization, const char *token)
{
    const char *given =
        authorization && strncasecmp(authorization, "Bearer ", 7) == 0 ? authorization + 7 : "";
    size_t n = strlen(token), m = strlen(given);
    unsigned char difference = n != m;

    for (size_t i = 0; i < n; i++)
        difference |= (unsigned char)(token[i] ^ (m > 0 ? given[i % m] : 0));
    return difference == 0;
}

static void refuse_large(Request *request)
{
    if (request->refuse_status == 0)
        request->server->stats.too_large++;
    request_refuse(request, 413, "a body has at most %zu bytes",
                   request->server->options->max_body);
}

static void check_length(Request *request)
{
    const char *length = header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);

    if (!length && !header(request, MHD_HTTP_HEADER_TRANSFER_ENCODING))
        request_refuse(request, 411, "there is no Content-Length");
    else if (length && strtoull(length, NULL, 10) > request->server->options->max_body)
        refuse_large(request);
}

static void check_rate(Request *request)
{
    Server *server = request->server;
    uint64_t wait =
        rates_take(server->rates, request->client->address, clock_usec(CLOCK_MONOTONIC));

    if (wait == 0)
        return;
    if (request->refuse_status == 0)
        server->stats.rate_limited++;
    request->retry_after_sec = wait / USEC_PER_SEC + 1;
    request_refuse(request, 429, "more than %u posts a second from one address",
                   server->options->rate);
}

void post_check_head(Request *request)
{
    const ServerOptions *options = request->server->options;
    const char *key = header(request, "Idempotency-Key");

    if (options->token &&
        !is_allowed(header(request, MHD_HTTP_HEADER_AUTHORIZATION), options->token))
        request_refuse(request, 401, "a post needs the bearer token of this collector");
    check_rate(request);
    if (!is_json(header(request, MHD_HTTP_HEADER_CONTENT_TYPE)))
        request_refuse(request, 415, "the Content-Type of a post has to be application/json");
    if (key && !post_key_is_valid(key))
        request_refuse(request, 400,
                       "Idempotency-Key: accepted are 1 to 128 printable ASCII characters");
    check_length(request);
}

static bool make_room(Request *request, size_t size)
{
    Server *server = request->server;
    size_t wanted = MAX(request->body_allocated, (size_t)4096);

    while (wanted < request->body_size + size)
        wanted *= 2;
    if (wanted == request->body_allocated)
        return true;
    if (server->stats.body_bytes + (wanted - request->body_allocated) > BODIES_MAX)
        return false;
    char *body = realloc(request->body, wanted);
    if (!body)
        return false;
    server->stats.body_bytes += wanted - request->body_allocated;
    request->body = body;
    request->body_allocated = wanted;
    return true;
}

void post_take(Request *request, const char *data, size_t size)
{
    if (request->refuse_status != 0)
        return;
    if (size > request->server->options->max_body - request->body_size) {
        refuse_large(request);
    } else if (!make_room(request, size)) {
        request->server->stats.overloaded++;
        request_refuse(request, 503, "too much is being received");
    } else {
        memcpy(request->body + request->body_size, data, size);
        request->body_size += size;
    }
}

static enum MHD_Result answer_stored(Request *request)
{
    const PostJob *job = &request->job;
    bool duplicate = job->outcome == POST_WAS_STORED;
    Text body = {0};

    text_addf(&body, "{\"stored\": %zu, \"events\": %zu, \"duplicate\": %s}\n",
              duplicate ? (size_t)0 : job->n_samples, duplicate ? (size_t)0 : job->n_events,
              duplicate ? "true" : "false");
    return request_answer(request, duplicate ? 200 : 201, NULL, &body);
}

static enum MHD_Result answer_failed(Request *request)
{
    int error = request->job.error;

    if (error == -ENOSPC) {
        request->retry_after_sec = FULL_SEC;
        return request_fail(request, 507, "the disk is full: nothing of this post is stored");
    }
    request->retry_after_sec = 5;
    return request_fail(request, 503, "it cannot be stored now: %s", strerror(-error));
}

static enum MHD_Result answer(Request *request)
{
    Text body = {0};

    switch (request->job.outcome) {
    case POST_STORED:
    case POST_WAS_STORED:
        return answer_stored(request);
    case POST_REFUSED:
        fault_add_json(&body, &request->job.fault);
        return request_answer(request, 400, NULL, &body);
    case POST_TOO_MANY:
        request->retry_after_sec = FULL_SEC;
        return request_fail(request, 507, "there are at most %d hosts, and %d services of a host",
                            STORE_HOSTS_MAX, STORE_SERVICES_MAX);
    case POST_FAILED:
        break;
    }
    return answer_failed(request);
}

static enum MHD_Result push(Request *request)
{
    Server *server = request->server;

    request->job = (PostJob){
        .owner = request,
        .body = request->body,
        .size = request->body_size,
        .sender = request->client->is_local ? server->own_host : request->client->address,
        .key = header(request, "Idempotency-Key"),
        .arrived_usec = clock_usec(CLOCK_REALTIME),
    };
    if (server->stopping || writer_push(server->writer, &request->job) < 0) {
        server->stats.overloaded++;
        return request_fail(request, 503, "too much is waiting to be stored");
    }
    request->job_waiting = true;
    request_suspend(request);
    return MHD_YES;
}

enum MHD_Result post_logs(Request *request)
{
    if (request->job_done)
        return answer(request);
    if (request->body_size == 0)
        return request_fail(request, 400, "the body is empty");
    return push(request);
}

void post_done_jobs(Server *server)
{
    for (PostJob *job = writer_take_done(server->writer), *next; job; job = next) {
        Request *request = job->owner;
        next = job->next;
        stream_publish(server, job->announcements);
        job->announcements = announcements_free(job->announcements);
        if (job->last_of)
            graphs_draw_last(server, TAKE_PTR(job->last_of));
        request->job_waiting = false;
        request->job_done = true;
        request_wake(request);
    }
}
