/* SPDX-License-Identifier: MIT */
/*
 * http, https: one request on a fresh connection. The whole answer has to come in time, so that a
 * server that drips it out is seen; of a long one only the beginning is read. Redirects are
 * followed here and not by libcurl: each needs a socket of the service, and none leads to another
 * host.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "supervisor/probe/fetch.h"
#include "supervisor/probe/http-answer.h"
#include "supervisor/probe/reason.h"
#include "base/strv.h"
#include "base/text.h"

#define REDIRECTS_MAX 5
#define HOST_MAX      300

/* What one run needs; idle checks hold none of it. */
typedef struct HttpRun {
    Fetch fetch;
    HttpAnswer answer;
    char *url; /* after a redirect */
    unsigned redirects;
} HttpRun;

typedef struct HttpProbe {
    Probe probe;
    char *url;
    struct curl_slist *headers;
    HttpRun *run;
} HttpProbe;

static HttpProbe *http_of(Probe *probe)
{
    return (HttpProbe *)probe;
}

static HttpProbe *http_of_fetch(Fetch *fetch)
{
    return (HttpProbe *)fetch->probe;
}

static bool is_redirect(const HttpProbe *http, long code)
{
    return http->probe.spec->redirects == 1 && code >= 300 && code < 400 && code != 304;
}

static size_t on_header(char *data, size_t size, size_t n, void *userdata)
{
    HttpRun *run = userdata;

    return http_answer_header(&run->answer, data, n * size) ? n * size : 0;
}

/* A body that decides nothing is not waited for. */
static bool body_matters(HttpProbe *http)
{
    long code = 0;

    curl_easy_getinfo(http->run->fetch.easy, CURLINFO_RESPONSE_CODE, &code);
    return http_status_accepted(http->probe.spec->status, code);
}

static size_t on_body(char *data, size_t size, size_t n, void *userdata)
{
    HttpProbe *http = userdata;

    if (!body_matters(http)) {
        http->run->answer.enough = true;
        return 0;
    }
    return http_answer_body(&http->run->answer, data, n * size) ? n * size : 0;
}

static int set_method(const SpecProbe *spec, CURL *easy)
{
    const char *method = spec->method ? spec->method : "GET";

    if (streq(method, "GET"))
        return 0;
    if (streq(method, "HEAD"))
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L) == CURLE_OK ? 0 : -ENOMEM;
    /* These are expected to bring something, if only nothing. */
    if (streq(method, "POST") || streq(method, "PUT") || streq(method, "PATCH"))
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
    return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK ? 0 : -ENOMEM;
}

static void set_tls(const Probe *probe, CURL *easy)
{
    long verify = probe->spec->insecure == 1 ? 0 : 1;

    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verify);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2 * verify);
    curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
    /* libcurl keeps the parsed bundle for a day, but only when there is no folder beside it. */
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (probe->context->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, probe->context->ca_file);
}

static int prepare(Fetch *fetch, CURL *easy)
{
    HttpProbe *http = http_of_fetch(fetch);
    const SpecProbe *spec = fetch->probe->spec;

    http_answer_done(&http->run->answer);
    http_answer_init(&http->run->answer, spec->body);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, http->headers);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, http->run);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, http);
    if (spec->type == SPEC_PROBE_HTTPS || http->run->url)
        set_tls(fetch->probe, easy);
    else /* one small write: there is nothing to be held back */
        curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 0L);
    CURLcode code =
        curl_easy_setopt(easy, CURLOPT_URL, http->run->url ? http->run->url : http->url);
    return code == CURLE_OK ? set_method(spec, easy) : -ENOMEM;
}

/* The value of an own "Host:" header, without a port. */
static void own_host(const HttpProbe *http, char *buffer, size_t size)
{
    buffer[0] = '\0';
    STRV_FOREACH (header, http->probe.spec->headers) {
        if (strncasecmp(*header, "Host:", 5) != 0)
            continue;
        const char *host = *header + 5 + strspn(*header + 5, " \t");
        size_t n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ": \t");
        snprintf(buffer, size, "%.*s", (int)MIN(n, size - 1), host);
    }
}

/* The host that was asked, by its address or by the name in an own Host header. */
static bool same_host(const HttpProbe *http, const char *host)
{
    char asked[HOST_MAX], named[HOST_MAX];

    route_url_host(http->probe.spec->host, asked, sizeof(asked));
    own_host(http, named, sizeof(named));
    if (strcasecmp(host, asked) == 0 || (*named && strcasecmp(host, named) == 0))
        return true;
    /* A server inside the service may know itself by any of its loopback names. */
    return http->run->fetch.route.local && route_of(host).local;
}

static void url_cleanup(CURLU **url)
{
    curl_url_cleanup(*url);
}

static void curl_freep(char **p)
{
    curl_free(*p);
}

static bool url_stays(const HttpProbe *http, const char *text)
{
    _cleanup_(url_cleanup) CURLU *url = curl_url();
    _cleanup_(curl_freep) char *host = NULL;

    return url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
           curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK && same_host(http, host);
}

static void follow(HttpProbe *http)
{
    HttpRun *run = http->run;
    char *target = NULL;

    curl_easy_getinfo(run->fetch.easy, CURLINFO_REDIRECT_URL, &target);
    if (!target)
        probe_end(&http->probe, PROBE_FAIL, 0, "redirect without a place to go");
    else if (!url_stays(http, target))
        probe_end(&http->probe, PROBE_FAIL, 0, "redirect to another host: %s", target);
    else if (http->probe.spec->type == SPEC_PROBE_HTTPS && strncasecmp(target, "https:", 6) != 0)
        probe_end(&http->probe, PROBE_FAIL, 0, "redirect to plain HTTP: %s", target);
    else if (run->redirects++ == REDIRECTS_MAX)
        probe_end(&http->probe, PROBE_FAIL, 0, "more than %d redirects", REDIRECTS_MAX);
    else {
        char *url = strdup(target);

        if (!url) {
            probe_end_void(&http->probe, -ENOMEM);
            return;
        }
        free(run->url);
        run->url = url;
        fetch_stop(&run->fetch);
        fetch_start(&run->fetch);
    }
}

/* When the certificate of the server itself (the first of the chain) ends; -1 when unknown. */
static time_t certificate_end(CURL *easy)
{
    static const char key[] = "Expire date:";
    struct curl_certinfo *info = NULL;

    if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &info) != CURLE_OK || !info ||
        info->num_of_certs < 1)
        return -1;
    for (const struct curl_slist *line = info->certinfo[0]; line; line = line->next)
        if (strncasecmp(line->data, key, strlen(key)) == 0)
            return curl_getdate(line->data + strlen(key), NULL);
    return -1;
}

static bool certificate_lasts(HttpProbe *http, uint64_t *ret_days)
{
    const SpecProbe *spec = http->probe.spec;
    time_t end = certificate_end(http->run->fetch.easy), now = time(NULL);
    uint64_t days = end > now ? (uint64_t)(end - now) / (24 * 60 * 60) : 0;

    *ret_days = days;
    if (spec->certdays == SPEC_INT_UNSET || (end > now && days >= (uint64_t)spec->certdays))
        return true;
    if (end < 0)
        probe_end(&http->probe, PROBE_FAIL, 0, "the end of the certificate could not be read");
    else if (end <= now)
        probe_end(&http->probe, PROBE_FAIL, 0, "the certificate has expired");
    else
        probe_end(&http->probe, PROBE_FAIL, days,
                  "the certificate is valid for %ju more days, %jd wanted", (uintmax_t)days,
                  (intmax_t)spec->certdays);
    return false;
}

static void judge(HttpProbe *http, long code)
{
    const SpecProbe *spec = http->probe.spec;
    const HttpAnswer *answer = &http->run->answer;
    const char *blank = answer->phrase[0] ? " " : "";
    uint64_t value = (uint64_t)code;
    char text[32];

    if (is_redirect(http, code) && !http_status_accepted(spec->status, code)) {
        follow(http);
        return;
    }
    if (spec->type == SPEC_PROBE_HTTPS && !certificate_lasts(http, &value))
        return;
    if (!http_status_accepted(spec->status, code)) {
        probe_end(&http->probe, PROBE_FAIL, value, "%ld%s%s", code, blank, answer->phrase);
    } else if (spec->body && !answer->found) {
        reason_clean(text, sizeof(text), spec->body, strlen(spec->body));
        probe_end(&http->probe, PROBE_FAIL, value, "%ld%s%s, without \"%s\" in the %s", code, blank,
                  answer->phrase, text,
                  answer->body_size == HTTP_BODY_MAX ? "first 64K of the body" : "body");
    } else {
        probe_end(&http->probe, PROBE_PASS, value, "%ld%s%s", code, blank, answer->phrase);
    }
}

static void on_done(Fetch *fetch, CURLcode code)
{
    HttpProbe *http = http_of_fetch(fetch);
    const HttpAnswer *answer = &http->run->answer;
    long status = 0;

    curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    if (answer->no_memory)
        probe_end_void(fetch->probe, -ENOMEM);
    else if (answer->too_long)
        probe_end(fetch->probe, PROBE_FAIL, 0, "the header of the answer is longer than 64K");
    else if (code == CURLE_OK || answer->enough)
        judge(http, status);
    else
        fetch_fail(fetch, code);
}

static const FetchUser fetch_user = {.prepare = prepare, .done = on_done};

static void start(Probe *probe)
{
    HttpProbe *http = http_of(probe);

    http->run = calloc(1, sizeof(*http->run));
    if (!http->run) {
        probe_end_void(probe, -ENOMEM);
        return;
    }
    fetch_init(&http->run->fetch, probe, &fetch_user);
    fetch_start(&http->run->fetch);
}

static void late(Probe *probe)
{
    const HttpRun *run = http_of(probe)->run;

    fetch_late(&http_of(probe)->run->fetch,
               run->answer.header_size > 0 ? "the answer did not end" : "no answer");
}

static void stop(Probe *probe)
{
    HttpProbe *http = http_of(probe);

    if (!http->run)
        return;
    fetch_stop(&http->run->fetch);
    http_answer_done(&http->run->answer);
    free(http->run->url);
    free(http->run);
    http->run = NULL;
}

/* Specs are checked when they are read (spec/rules.c), but a line break here would be a request of
 * its own. */
static bool is_one_line(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 && *s != '\t')
            return false;
    return true;
}

static int add_headers(HttpProbe *http)
{
    STRV_FOREACH (header, http->probe.spec->headers) {
        if (!is_one_line(*header))
            return -EINVAL;
        struct curl_slist *longer = curl_slist_append(http->headers, *header);
        if (!longer)
            return -ENOMEM;
        http->headers = longer;
    }
    return 0;
}

static int set_subject(Probe *probe, const char *host, const char *path)
{
    const char *method = probe->spec->method ? probe->spec->method : "GET";

    if (route_of(probe->spec->host).local)
        return probe_set_subject(probe, "%s %s", method, path);
    return probe_set_subject(probe, "%s %s:%jd%s", method, host, (intmax_t)probe->spec->port, path);
}

static int init(Probe *probe)
{
    HttpProbe *http = http_of(probe);
    const SpecProbe *spec = probe->spec;
    const char *path = spec->path ? spec->path : "/";
    char host[HOST_MAX];

    if (spec->port < 1 || spec->port > 65535 || !is_one_line(path) ||
        (spec->method && !is_one_line(spec->method)) || (spec->host && !is_one_line(spec->host)))
        return -EINVAL;
    route_url_host(spec->host, host, sizeof(host));
    http->url = text_printf("%s://%s:%jd%s", spec->type == SPEC_PROBE_HTTPS ? "https" : "http",
                            host, (intmax_t)spec->port, path);
    if (!http->url)
        return -ENOMEM;
    int r = add_headers(http);
    return r < 0 ? r : set_subject(probe, host, path);
}

static void destroy(Probe *probe)
{
    curl_slist_free_all(http_of(probe)->headers);
    free(http_of(probe)->url);
}

const ProbeKind probe_kind_http = {
    .size = sizeof(HttpProbe),
    .init = init,
    .start = start,
    .late = late,
    .stop = stop,
    .destroy = destroy,
};
