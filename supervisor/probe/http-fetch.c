/* SPDX-License-Identifier: MIT */
/* An http or https check by libcurl. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "supervisor/probe/http-internal.h"
#include "base/strv.h"
#include "base/text.h"

static HttpAnswer *answer_of(Fetch *fetch)
{
    return &http_run(fetch->probe)->answer;
}

static size_t on_header(char *data, size_t size, size_t n, void *userdata)
{
    Fetch *fetch = userdata;

    return http_answer_header(answer_of(fetch), data, n * size) ? n * size : 0;
}

static unsigned status_of(Fetch *fetch)
{
    long status = 0;

    fetch->api->easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    return (unsigned)status;
}

/* A body that decides nothing is not waited for. */
static size_t on_body(char *data, size_t size, size_t n, void *userdata)
{
    Fetch *fetch = userdata;

    if (!http_status_accepted(fetch->probe->spec->status, status_of(fetch))) {
        answer_of(fetch)->enough = true;
        return 0;
    }
    return http_answer_body(answer_of(fetch), data, n * size) ? n * size : 0;
}

static int set_method(Fetch *fetch, CURL *easy)
{
    const char *method = fetch->probe->spec->method ? fetch->probe->spec->method : "GET";

    if (streq(method, "GET"))
        return 0;
    if (streq(method, "HEAD"))
        return fetch->api->easy_setopt(easy, CURLOPT_NOBODY, 1L) == CURLE_OK ? 0 : -ENOMEM;
    /* These are expected to bring something, if only nothing. */
    if (streq(method, "POST") || streq(method, "PUT") || streq(method, "PATCH"))
        fetch->api->easy_setopt(easy, CURLOPT_POSTFIELDS, "");
    return fetch->api->easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK ? 0 : -ENOMEM;
}

static void set_tls(Fetch *fetch, CURL *easy)
{
    const Probe *probe = fetch->probe;
    long verify = probe->spec->insecure == 1 ? 0 : 1;

    fetch->api->easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verify);
    fetch->api->easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2 * verify);
    fetch->api->easy_setopt(easy, CURLOPT_CERTINFO, 1L);
    /* libcurl keeps the parsed bundle for a day, but only when there is no folder beside it. */
    fetch->api->easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (probe->context->ca_file)
        fetch->api->easy_setopt(easy, CURLOPT_CAINFO, probe->context->ca_file);
}

char *http_fetch_url(const SpecProbe *spec)
{
    char host[HTTP_HOST_MAX];

    return text_printf("%s://%s:%jd%s", spec->type == SPEC_PROBE_HTTPS ? "https" : "http",
                       route_url_host(spec->host, host, sizeof(host)), (intmax_t)spec->port,
                       spec->path ? spec->path : "/");
}

static int prepare(Fetch *fetch, CURL *easy)
{
    const SpecProbe *spec = fetch->probe->spec;
    HttpRun *run = http_run(fetch->probe);
    _cleanup_free_ char *own = run->url ? NULL : http_fetch_url(spec);
    const char *url = run->url ? run->url : own;

    http_answer_done(&run->answer);
    http_answer_init(&run->answer, spec->body);
    fetch->api->easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    fetch->api->easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    fetch->api->easy_setopt(
        easy, CURLOPT_HTTPHEADER,
        fetch_headers(run->fetch->headers, spec->headers, strv_length(spec->headers)));
    fetch->api->easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    fetch->api->easy_setopt(easy, CURLOPT_HEADERDATA, fetch);
    fetch->api->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    fetch->api->easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
    set_tls(fetch, easy);
    if (!url || fetch->api->easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK)
        return -ENOMEM;
    return set_method(fetch, easy);
}

static void on_done(Fetch *fetch, CURLcode code)
{
    Probe *probe = fetch->probe;
    HttpAnswer *answer = answer_of(fetch);

    answer->status = status_of(fetch);
    if (answer->no_memory)
        probe_end_void(probe, -ENOMEM);
    else if (answer->too_long)
        probe_end(probe, PROBE_FAIL, 0, "the header of the answer is longer than 64K");
    else if (code == CURLE_OK || answer->enough)
        http_judge(probe);
    else
        fetch_fail(fetch, code);
}

static const FetchUser fetch_user = {.prepare = prepare, .done = on_done};

static int make(Probe *probe, HttpFetch **ret)
{
    HttpFetch *fetch = malloc(sizeof(*fetch));

    if (!fetch)
        return -ENOMEM;
    fetch_init(&fetch->fetch, probe, &fetch_user);
    fetch->headers = calloc(strv_length(probe->spec->headers) + 1, sizeof(*fetch->headers));
    if (!fetch->headers) {
        free(fetch);
        return -ENOMEM;
    }
    *ret = fetch;
    return 0;
}

void http_fetch_start(Probe *probe)
{
    HttpRun *run = http_run(probe);
    int r = run->fetch ? 0 : make(probe, &run->fetch);

    if (r < 0)
        probe_end_void(probe, r);
    else
        fetch_start(&run->fetch->fetch);
}

void http_fetch_stop(Probe *probe)
{
    HttpRun *run = http_run(probe);

    if (!run->fetch)
        return;
    fetch_stop(&run->fetch->fetch);
    free(run->fetch->headers);
    free(run->fetch);
    run->fetch = NULL;
}

/* When the certificate of the server itself (the first of the chain) ends; -1 when unknown. */
static time_t certificate_end(Fetch *fetch)
{
    static const char key[] = "Expire date:";
    struct curl_certinfo *info = NULL;

    if (fetch->api->easy_getinfo(fetch->easy, CURLINFO_CERTINFO, &info) != CURLE_OK || !info ||
        info->num_of_certs < 1)
        return -1;
    for (const struct curl_slist *line = info->certinfo[0]; line; line = line->next)
        if (strncasecmp(line->data, key, strlen(key)) == 0)
            return fetch->api->getdate(line->data + strlen(key), NULL);
    return -1;
}

bool http_fetch_certificate_lasts(Probe *probe, uint64_t *ret_days)
{
    const SpecProbe *spec = probe->spec;
    time_t end = certificate_end(&http_run(probe)->fetch->fetch), now = time(NULL);
    uint64_t days = end > now ? (uint64_t)(end - now) / (24 * 60 * 60) : 0;

    *ret_days = days;
    if (spec->certdays == SPEC_INT_UNSET || (end > now && days >= (uint64_t)spec->certdays))
        return true;
    if (end < 0)
        probe_end(probe, PROBE_FAIL, 0, "the end of the certificate could not be read");
    else if (end <= now)
        probe_end(probe, PROBE_FAIL, 0, "the certificate has expired");
    else
        probe_end(probe, PROBE_FAIL, days, "the certificate is valid for %ju more days, %jd wanted",
                  (uintmax_t)days, (intmax_t)spec->certdays);
    return false;
}
