/* SPDX-License-Identifier: MIT */

/* One request: its parameters, its waiting, its answer. */

#include <errno.h>
#include <inttypes.h>

#include "base/timespan.h"
#include "collector/rfc3339.h"
#include "collector/server-internal.h"

void request_suspend(Request *request)
{
    request->suspended = true;
    MHD_suspend_connection(request->connection);
}

void request_wake(Request *request)
{
    if (!request->suspended)
        return;
    request->suspended = false;
    MHD_resume_connection(request->connection);
}

/* No script but our own files, no other host, and nobody may put us into a frame. */
static const char *const headers[][2] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src "
     "'self'; "
     "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Referrer-Policy", "no-referrer"},
    {"Cache-Control", "no-store"},
};

static void add_retry_after(Request *request, unsigned status, struct MHD_Response *response)
{
    char text[24];

    if (status != 429 && status != 503 && status != 507)
        return;
    (void)snprintf(text, sizeof(text), "%" PRIu64, MAX(request->retry_after_sec, UINT64_C(1)));
    (void)MHD_add_response_header(response, "Retry-After", text);
}

enum MHD_Result request_queue(Request *request, unsigned status, struct MHD_Response *response)
{
    enum MHD_Result result;

    if (!response)
        return MHD_NO;
    for (size_t i = 0; i < ELEMENTSOF(headers); i++)
        (void)MHD_add_response_header(response, headers[i][0], headers[i][1]);
    if (status == 405)
        (void)MHD_add_response_header(response, "Allow", request->route->allow);
    if (status == 401)
        (void)MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    add_retry_after(request, status, response);
    request->server->stats.answers[MIN(status / 100, 5U)]++;
    result = MHD_queue_response(request->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result request_answer(Request *request, unsigned status, const char *content_type,
                               Text *body)
{
    struct MHD_Response *response;
    size_t size = body->size;
    char *data = NULL;

    if (text_take(body, &data) < 0) {
        text_done(body);
        return MHD_NO;
    }
    response = MHD_create_response_from_buffer(size, data, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(data);
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, "Content-Type",
                                  content_type ? content_type : "application/json");
    return request_queue(request, status, response);
}

static void add_error(Text *t, const char *format, va_list ap) _printf_(2, 0);

static void add_error(Text *t, const char *format, va_list ap)
{
    _cleanup_text_ Text words = {0};

    text_addv(&words, format, ap);
    text_add(t, "{\"error\": ");
    text_add_json_string(t, words.data ? words.data : "", words.size);
    text_add(t, "}\n");
}

enum MHD_Result request_fail(Request *request, unsigned status, const char *format, ...)
{
    Text body = {0};
    va_list ap;

    va_start(ap, format);
    add_error(&body, format, ap);
    va_end(ap);
    return request_answer(request, status, NULL, &body);
}

void request_refuse(Request *request, unsigned status, const char *format, ...)
{
    va_list ap;

    if (request->refuse_status != 0)
        return;
    va_start(ap, format);
    add_error(&request->refuse_body, format, ap);
    va_end(ap);
    request->refuse_status = status;
}

enum MHD_Result request_fail_reading(Request *request, int error)
{
    if (error == -EUCLEAN)
        writer_report_damage(request->server->writer);
    request->retry_after_sec = 2;
    return request_fail(request, 503, "the database cannot be read: %s", strerror(-error));
}

const char *request_param(Request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

int request_span(Request *request, const char *name, uint64_t *ret_usec,
                 enum MHD_Result *ret_result)
{
    const char *value = request_param(request, name);
    uint64_t usec;

    if (!value)
        return 0;
    if (timespan_parse(value, &usec) < 0 || usec == 0 || usec > 200 * USEC_PER_YEAR) {
        *ret_result = request_fail(
            request, 400, "%s: found \"%.64s\", accepted is a time span as \"15min\"", name, value);
        return 1;
    }
    *ret_usec = usec;
    return 0;
}

int request_time(Request *request, const char *name, uint64_t now_usec, uint64_t *ret_usec,
                 enum MHD_Result *ret_result)
{
    const char *value = request_param(request, name);
    uint64_t span;

    if (!value || rfc3339_parse(value, ret_usec) == 0)
        return 0;
    if (timespan_parse(value, &span) == 0) {
        *ret_usec = span < now_usec ? now_usec - span : 0;
        return 0;
    }
    *ret_result =
        request_fail(request, 400,
                     "%s: found \"%.64s\", accepted is a time as in RFC 3339, or a span before "
                     "now as \"15min\"",
                     name, value);
    return 1;
}

int request_number(Request *request, const char *name, uint64_t min, uint64_t max, uint64_t *ret,
                   enum MHD_Result *ret_result)
{
    const char *value = request_param(request, name);
    uint64_t number = 0;
    size_t n = 0;

    if (!value)
        return 0;
    for (; value[n] >= '0' && value[n] <= '9' && n < 19; n++)
        number = number * 10 + (uint64_t)(value[n] - '0');
    if (n == 0 || value[n] != '\0' || number < min || number > max) {
        *ret_result = request_fail(
            request, 400, "%s: found \"%.64s\", accepted is a number from %" PRIu64 " to %" PRIu64,
            name, value, min, max);
        return 1;
    }
    *ret = number;
    return 0;
}
