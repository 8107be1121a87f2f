/* SPDX-License-Identifier: MIT */
/*
 * What the parts of an http or https check share: probe-http.c decides and judges, http-plain.c and
 * http-fetch.c get the answer, http-follow.c follows redirects.
 */
#pragma once

#include "supervisor/probe/fetch.h"
#include "supervisor/probe/http-plain.h"

#define HTTP_HOST_MAX 300

/* A transfer by libcurl: https, a host by its name, what comes after a redirect. */
typedef struct HttpFetch {
    Fetch fetch;
    struct curl_slist *headers;
} HttpFetch;

typedef struct HttpRun {
    ProbeRun run;
    HttpAnswer answer;
    HttpPlain plain;
    HttpFetch *fetch; /* NULL: the plain way */
    char *url;        /* after a redirect */
    unsigned redirects;
} HttpRun;

static inline HttpRun *http_run(const Probe *probe)
{
    return (HttpRun *)probe->run;
}

/* probe-http.c: the answer is complete. */
void http_judge(Probe *probe);

/* http-fetch.c: asks the address of the check, or where the redirect led. */
void http_fetch_start(Probe *probe);
void http_fetch_stop(Probe *probe);
/* The URL of the check itself; the caller frees. NULL without memory. */
char *http_fetch_url(const SpecProbe *spec);
/* Whether the certificate is valid for long enough; when it is not, the check has ended. Days in
 * any case. */
bool http_fetch_certificate_lasts(Probe *probe, uint64_t *ret_days);

/* http-follow.c: asks again where the answer says, on the same host, or ends the check. */
void http_follow(Probe *probe);
