/* SPDX-License-Identifier: MIT */
/*
 * http, https: one request on a fresh connection. The whole answer has to come in time, so that a
 * server that drips it out is seen; of a long one only the beginning is read. Plain HTTP to an
 * address that is known is spoken by ourselves, everything else by libcurl.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "supervisor/probe/http-internal.h"
#include "supervisor/probe/http-request.h"
#include "supervisor/probe/reason.h"
#include "base/strv.h"

static bool is_redirect(const SpecProbe *spec, unsigned status)
{
    return spec->redirects == 1 && status >= 300 && status < 400 && status != 304;
}

static void judge_body(Probe *probe, uint64_t value)
{
    const HttpAnswer *answer = &http_run(probe)->answer;
    const char *wanted = probe->spec->body, *blank = answer->phrase[0] ? " " : "";
    char text[32];

    if (!wanted || answer->found) {
        probe_end(probe, PROBE_PASS, value, "%u%s%s", answer->status, blank, answer->phrase);
        return;
    }
    reason_clean(text, sizeof(text), wanted, strlen(wanted));
    probe_end(probe, PROBE_FAIL, value, "%u%s%s, without \"%s\" in the %s", answer->status, blank,
              answer->phrase, text,
              answer->body_size == HTTP_BODY_MAX ? "first 64K of the body" : "body");
}

void http_judge(Probe *probe)
{
    const SpecProbe *spec = probe->spec;
    const HttpAnswer *answer = &http_run(probe)->answer;
    bool accepted = http_status_accepted(spec->status, answer->status);
    uint64_t value = answer->status;

    if (is_redirect(spec, answer->status) && !accepted)
        http_follow(probe);
    else if (spec->type == SPEC_PROBE_HTTPS && !http_fetch_certificate_lasts(probe, &value))
        return;
    else if (accepted)
        judge_body(probe, value);
    else
        probe_end(probe, PROBE_FAIL, value, "%u%s%s", answer->status, answer->phrase[0] ? " " : "",
                  answer->phrase);
}

/* Everything else is libcurl's. */
static bool is_plain(const SpecProbe *spec)
{
    return spec->type == SPEC_PROBE_HTTP && route_of(spec->host).family != AF_UNSPEC;
}

/* It has its place after the label: one piece of memory instead of two. */
static const char *request_of(const Probe *probe)
{
    return probe->label + strlen(probe->label) + 1;
}

static int keep_request(Probe *probe)
{
    _cleanup_free_ char *request = NULL;
    int r = http_request(probe->spec, &request);

    if (r < 0)
        return r;
    size_t label_size = strlen(probe->label) + 1, request_size = strlen(request) + 1;
    char *both = realloc(probe->label, label_size + request_size);
    if (!both)
        return -ENOMEM;
    memcpy(both + label_size, request, request_size);
    probe->label = both;
    return 0;
}

static void on_plain(HttpPlain *plain)
{
    http_judge(plain->dial.probe);
}

static void start(Probe *probe)
{
    HttpRun *run = http_run(probe);

    http_answer_init(&run->answer, probe->spec->body);
    if (is_plain(probe->spec))
        http_plain_start(&run->plain, probe, request_of(probe), &run->answer, on_plain);
    else
        http_fetch_start(probe);
}

static void late(Probe *probe)
{
    HttpRun *run = http_run(probe);

    if (run->fetch)
        fetch_late(&run->fetch->fetch,
                   run->answer.header_size > 0 ? "the answer did not end" : "no answer");
    else
        http_plain_late(&run->plain);
}

static void stop(Probe *probe)
{
    HttpRun *run = http_run(probe);

    http_plain_stop(&run->plain);
    http_fetch_stop(probe);
    http_answer_done(&run->answer);
    free(run->url);
}

/* Specs are checked when they are read (spec/rules.h), but a line break here would be a request of
 * its own. */
static bool is_one_line(const char *s)
{
    for (; s && *s; s++)
        if ((unsigned char)*s < 0x20 && *s != '\t')
            return false;
    return true;
}

static bool is_safe(const SpecProbe *spec)
{
    STRV_FOREACH (header, spec->headers)
        if (!is_one_line(*header))
            return false;
    return spec->port >= 1 && spec->port <= 65535 && is_one_line(spec->path) &&
           is_one_line(spec->method) && is_one_line(spec->host);
}

static int set_subject(Probe *probe)
{
    const SpecProbe *spec = probe->spec;
    const char *method = spec->method ? spec->method : "GET", *path = spec->path ? spec->path : "/";
    char host[HTTP_HOST_MAX];

    if (route_of(spec->host).local)
        return probe_set_subject(probe, "%s %s", method, path);
    return probe_set_subject(probe, "%s %s:%jd%s", method,
                             route_url_host(spec->host, host, sizeof(host)), (intmax_t)spec->port,
                             path);
}

static int init(Probe *probe, const char *unit)
{
    const SpecProbe *spec = probe->spec;

    if (!is_safe(spec))
        return -EINVAL;
    int r = set_subject(probe);
    return r < 0 || !is_plain(spec) ? r : keep_request(probe);
}

const ProbeKind probe_kind_http = {
    .size = sizeof(Probe),
    .run_size = sizeof(HttpRun),
    .bare = true,
    .init = init,
    .start = start,
    .late = late,
    .stop = stop,
};
