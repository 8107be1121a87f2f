/* SPDX-License-Identifier: MIT */
/*
 * grpc: the health protocol that gRPC servers speak (grpc.health.v1), over HTTP/2 without TLS.
 * libcurl does the HTTP/2; the messages are small enough to write by hand (grpc-message.c). The
 * outcome of the call is in the trailers, which libcurl hands to the header callback.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "supervisor/probe/fetch.h"
#include "supervisor/probe/grpc-message.h"
#include "supervisor/probe/http-answer.h"
#include "supervisor/probe/reason.h"
#include "base/text.h"

#define HOST_MAX     300
#define STATUS_UNSET UINT64_MAX

/* The empty ones take away what libcurl would add. */
static char *const headers[] = {(char *)"Content-Type: application/grpc", (char *)"TE: trailers",
                                (char *)"Accept:", (char *)"Expect:"};

typedef struct GrpcRun {
    ProbeRun run;
    Fetch fetch;
    struct curl_slist headers[ELEMENTSOF(headers)];
    char answer[GRPC_ANSWER_MAX];
    size_t answer_size, header_size;
    uint64_t status;  /* grpc-status */
    char message[80]; /* grpc-message, clean */
    bool too_long;
} GrpcRun;

typedef struct GrpcProbe {
    Probe probe;
    Text request;
} GrpcProbe;

static GrpcProbe *grpc_of(Probe *probe)
{
    return (GrpcProbe *)probe;
}

static GrpcRun *run_of(Probe *probe)
{
    return (GrpcRun *)probe->run;
}

static bool header_value(const char *line, size_t n, const char *name, const char **ret,
                         size_t *ret_n)
{
    size_t length = strlen(name);

    if (n <= length || strncasecmp(line, name, length) != 0 || line[length] != ':')
        return false;
    *ret = line + length + 1;
    *ret_n = n - length - 1;
    return true;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef0123456789ABCDEF", *p = c ? strchr(digits, c) : NULL;

    return p ? (int)((p - digits) & 15) : -1;
}

/* grpc-message is percent-encoded. */
static void read_message(GrpcRun *run, const char *value, size_t n)
{
    char text[4 * sizeof(run->message)];
    size_t used = 0;

    for (size_t i = 0; i < n && used < sizeof(text); i++) {
        int high = i + 2 < n && value[i] == '%' ? hex_digit(value[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(value[i + 2]) : -1;

        if (low >= 0) {
            text[used++] = (char)(16 * high + low);
            i += 2;
        } else {
            text[used++] = value[i];
        }
    }
    reason_clean(run->message, sizeof(run->message), text, used);
}

static uint64_t read_status(const char *value, size_t n)
{
    char text[8];

    reason_clean(text, sizeof(text), value, n);
    return *text && text[strspn(text, "0123456789")] == '\0' ? strtoul(text, NULL, 10)
                                                             : STATUS_UNSET;
}

static size_t on_header(char *data, size_t size, size_t n, void *userdata)
{
    GrpcRun *run = userdata;
    const char *value;
    size_t value_size;

    run->header_size += n * size;
    if (run->header_size > HTTP_HEADER_MAX) {
        run->too_long = true;
        return 0;
    }
    if (header_value(data, n * size, "grpc-status", &value, &value_size))
        run->status = read_status(value, value_size);
    else if (header_value(data, n * size, "grpc-message", &value, &value_size))
        read_message(run, value, value_size);
    return n * size;
}

static size_t on_body(char *data, size_t size, size_t n, void *userdata)
{
    GrpcRun *run = userdata;

    if (n * size > sizeof(run->answer) - run->answer_size) {
        run->too_long = true;
        return 0;
    }
    memcpy(run->answer + run->answer_size, data, n * size);
    run->answer_size += n * size;
    return n * size;
}

static char *url_of(const SpecProbe *spec)
{
    char host[HOST_MAX];

    route_url_host(spec->host, host, sizeof(host));
    return text_printf("http://%s:%jd/grpc.health.v1.Health/Check", host, (intmax_t)spec->port);
}

static int prepare(Fetch *fetch, CURL *easy)
{
    GrpcProbe *grpc = grpc_of(fetch->probe);
    GrpcRun *run = run_of(fetch->probe);
    _cleanup_free_ char *url = url_of(fetch->probe->spec);

    fetch->api->easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
    fetch->api->easy_setopt(easy, CURLOPT_POSTFIELDS, grpc->request.data);
    fetch->api->easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)grpc->request.size);
    fetch->api->easy_setopt(easy, CURLOPT_HTTPHEADER,
                            fetch_headers(run->headers, headers, ELEMENTSOF(headers)));
    fetch->api->easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    fetch->api->easy_setopt(easy, CURLOPT_HEADERDATA, run);
    fetch->api->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    fetch->api->easy_setopt(easy, CURLOPT_WRITEDATA, run);
    return url && fetch->api->easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK ? 0 : -ENOMEM;
}

static void end_status(Probe *probe, const GrpcRun *run)
{
    const char *word = grpc_status_word(run->status);
    const char *colon = run->message[0] ? ": " : "";

    if (word)
        probe_end(probe, PROBE_FAIL, 0, "%s%s%s", word, colon, run->message);
    else
        probe_end(probe, PROBE_FAIL, 0, "status %ju%s%s", (uintmax_t)run->status, colon,
                  run->message);
}

static void end_health(Probe *probe, const GrpcRun *run)
{
    uint64_t health;

    if (grpc_read_answer(run->answer, run->answer_size, &health) < 0) {
        probe_end(probe, PROBE_FAIL, 0, "the answer is no health status");
        return;
    }
    const char *word = grpc_health_word(health);
    ProbeOutcome outcome = health == GRPC_HEALTH_SERVING ? PROBE_PASS : PROBE_FAIL;
    if (word)
        probe_end(probe, outcome, 0, "%s", word);
    else
        probe_end(probe, outcome, 0, "health status %ju", (uintmax_t)health);
}

/* How the answer of something else than an HTTP/2 server looks to libcurl. */
static bool is_broken(CURLcode code)
{
    return code == CURLE_HTTP2 || code == CURLE_HTTP2_STREAM || code == CURLE_GOT_NOTHING ||
           code == CURLE_PARTIAL_FILE;
}

static void on_done(Fetch *fetch, CURLcode code)
{
    const GrpcRun *run = run_of(fetch->probe);
    long http_status = 0;

    fetch->api->easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &http_status);
    if (run->too_long)
        probe_end(fetch->probe, PROBE_FAIL, 0, "the answer is too long");
    else if (run->header_size == 0 && is_broken(code))
        probe_end(fetch->probe, PROBE_FAIL, 0, "no answer in HTTP/2");
    else if (code != CURLE_OK)
        fetch_fail(fetch, code);
    else if (run->status == STATUS_UNSET)
        probe_end(fetch->probe, PROBE_FAIL, 0, "no gRPC server: HTTP status %ld", http_status);
    else if (run->status != 0)
        end_status(fetch->probe, run);
    else
        end_health(fetch->probe, run);
}

static const FetchUser fetch_user = {.prepare = prepare, .done = on_done};

static void start(Probe *probe)
{
    GrpcRun *run = run_of(probe);

    run->status = STATUS_UNSET;
    fetch_init(&run->fetch, probe, &fetch_user);
    fetch_start(&run->fetch);
}

static void late(Probe *probe)
{
    fetch_late(&run_of(probe)->fetch, "no answer");
}

static void stop(Probe *probe)
{
    fetch_stop(&run_of(probe)->fetch);
}

static int set_subject(Probe *probe, const char *host)
{
    const SpecProbe *spec = probe->spec;
    const char *service = spec->service && *spec->service ? spec->service : NULL;

    if (route_of(spec->host).local)
        return probe_set_subject(probe, "grpc%s%s", service ? " " : "", service ? service : "");
    return probe_set_subject(probe, "grpc %s:%jd%s%s", host, (intmax_t)spec->port,
                             service ? " " : "", service ? service : "");
}

static int init(Probe *probe, const char *unit)
{
    const SpecProbe *spec = probe->spec;
    char host[HOST_MAX];

    if (spec->port < 1 || spec->port > 65535)
        return -EINVAL;
    int r = grpc_add_request(&grpc_of(probe)->request, spec->service);
    return r < 0 ? r : set_subject(probe, route_url_host(spec->host, host, sizeof(host)));
}

static void destroy(Probe *probe)
{
    text_done(&grpc_of(probe)->request);
}

const ProbeKind probe_kind_grpc = {
    .size = sizeof(GrpcProbe),
    .run_size = sizeof(GrpcRun),
    .init = init,
    .start = start,
    .late = late,
    .stop = stop,
    .destroy = destroy,
};
