/* SPDX-License-Identifier: MIT */
/*
 * Just enough of HTTP/1.1 (RFC 9112) for GET and HEAD of one path.
 */
#include "supervisor/daemon/metrics/metrics-request.h"

#include <assert.h>
#include <stdbool.h>

#include "base/macros.h"

static const char *const answer_status[_METRICS_ANSWER_MAX] = {
    [METRICS_ANSWER_OK] = "200 OK",
    [METRICS_ANSWER_BAD] = "400 Bad Request",
    [METRICS_ANSWER_NOT_FOUND] = "404 Not Found",
    [METRICS_ANSWER_METHOD] = "405 Method Not Allowed",
    [METRICS_ANSWER_TIMEOUT] = "408 Request Timeout",
    [METRICS_ANSWER_LARGE] = "431 Request Header Fields Too Large",
    [METRICS_ANSWER_FAILED] = "500 Internal Server Error",
    [METRICS_ANSWER_BUSY] = "503 Service Unavailable",
};

/* Length of the head with its empty line, 0 when that has not come yet. A lone LF ends a line, too
 * (RFC 9112, 2.2). */
static size_t head_size(const char *data, size_t size)
{
    for (const char *p = data, *end = data + size; (p = memchr(p, '\n', (size_t)(end - p))); p++) {
        size_t left = (size_t)(end - p);

        if (left >= 2 && p[1] == '\n')
            return (size_t)(p - data) + 2;
        if (left >= 3 && p[1] == '\r' && p[2] == '\n')
            return (size_t)(p - data) + 3;
    }
    return 0;
}

/* The characters of a method: those of a token (RFC 9110, 5.6.2). */
static bool is_token(const char *s, size_t n)
{
    static const char more[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < n; i++) {
        char lower = (char)(s[i] | 0x20);

        if (!(lower >= 'a' && lower <= 'z') && !(s[i] >= '0' && s[i] <= '9') &&
            !memchr(more, s[i], sizeof(more) - 1))
            return false;
    }
    return n > 0;
}

static bool is_visible(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] <= ' ' || s[i] > '~')
            return false;
    return n > 0;
}

static bool is_word(const char *s, size_t n, const char *word)
{
    return n == strlen(word) && memcmp(s, word, n) == 0;
}

/* "GET /metrics?x HTTP/1.1" without the end of the line */
static MetricsAnswer request_line(const char *line, size_t size)
{
    const char *target, *version, *end = line + size;
    size_t n_method, n_target;

    target = memchr(line, ' ', size);
    if (!target)
        return METRICS_ANSWER_BAD;
    n_method = (size_t)(target++ - line);
    version = memchr(target, ' ', (size_t)(end - target));
    if (!version)
        return METRICS_ANSWER_BAD;
    n_target = (size_t)(version++ - target);

    if (!is_token(line, n_method) || !is_visible(target, n_target) || target[0] != '/')
        return METRICS_ANSWER_BAD;
    if (!is_word(version, (size_t)(end - version), "HTTP/1.1") &&
        !is_word(version, (size_t)(end - version), "HTTP/1.0"))
        return METRICS_ANSWER_BAD;

    const char *query = memchr(target, '?', n_target);
    if (!is_word(target, query ? (size_t)(query - target) : n_target, "/metrics"))
        return METRICS_ANSWER_NOT_FOUND;
    if (is_word(line, n_method, "GET") || is_word(line, n_method, "HEAD"))
        return METRICS_ANSWER_OK;
    return METRICS_ANSWER_METHOD;
}

MetricsAnswer metrics_request_parse(const char *data, size_t size)
{
    assert(data);

    size_t head = head_size(data, MIN(size, (size_t)METRICS_REQUEST_MAX));
    if (head == 0)
        return size >= METRICS_REQUEST_MAX ? METRICS_ANSWER_LARGE : METRICS_ANSWER_NOT_YET;
    if (memchr(data, '\0', head))
        return METRICS_ANSWER_BAD;

    size_t line = (size_t)((const char *)memchr(data, '\n', head) - data);
    if (line > 0 && data[line - 1] == '\r')
        line--;
    return request_line(data, line);
}

bool metrics_request_is_head(const char *data, size_t size)
{
    static const char head[] = "HEAD ";

    return size >= sizeof(head) - 1 && memcmp(data, head, sizeof(head) - 1) == 0;
}

int metrics_answer_head(MetricsAnswer answer, bool to_head, size_t body_size, Text *text)
{
    assert(answer > METRICS_ANSWER_NOT_YET && answer < _METRICS_ANSWER_MAX);
    assert(text);

    bool ok = answer == METRICS_ANSWER_OK;
    const char *status = answer_status[answer];
    text_addf(text, "HTTP/1.1 %s\r\nContent-Type: %s; charset=utf-8\r\n", status,
              ok ? "application/openmetrics-text; version=1.0.0" : "text/plain");
    if (answer == METRICS_ANSWER_METHOD)
        text_add(text, "Allow: GET, HEAD\r\n");
    text_addf(text, "Content-Length: %zu\r\nConnection: close\r\n\r\n",
              ok ? body_size : strlen(status) + 1);
    return ok || to_head ? text->error : text_addf(text, "%s\n", status);
}
