/* SPDX-License-Identifier: MIT */
/*
 * Redirects of http and https checks. They are followed here and not by libcurl: each needs a
 * socket of the service, and none leads to another host.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "supervisor/probe/http-internal.h"
#include "base/strv.h"

#define REDIRECTS_MAX 5

/* The value of an own "Host:" header, without a port. */
static void own_host(const SpecProbe *spec, char *buffer, size_t size)
{
    buffer[0] = '\0';
    STRV_FOREACH (header, spec->headers) {
        if (strncasecmp(*header, "Host:", 5) != 0)
            continue;
        const char *host = *header + 5 + strspn(*header + 5, " \t");
        size_t n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ": \t");
        snprintf(buffer, size, "%.*s", (int)MIN(n, size - 1), host);
    }
}

/* The host that was asked, by its address or by the name in an own Host header. */
static bool same_host(const SpecProbe *spec, const char *host)
{
    char asked[HTTP_HOST_MAX], named[HTTP_HOST_MAX];

    route_url_host(spec->host, asked, sizeof(asked));
    own_host(spec, named, sizeof(named));
    if (strcasecmp(host, asked) == 0 || (*named && strcasecmp(host, named) == 0))
        return true;
    /* A server inside the service may know itself by any of its loopback names. */
    return route_of(spec->host).local && route_of(host).local;
}

static bool url_stays(const CurlApi *api, const SpecProbe *spec, const char *text)
{
    CURLU *url = api->url();
    char *host = NULL;
    bool stays = url && api->url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
                 api->url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK && same_host(spec, host);

    api->free(host);
    api->url_cleanup(url);
    return stays;
}

/* Where a location leads from the address of the check; as it stands when that makes no address.
 * The caller frees. NULL without memory. */
static char *resolve(const CurlApi *api, const SpecProbe *spec, const char *location)
{
    _cleanup_free_ char *base = http_fetch_url(spec);
    CURLU *url = base ? api->url() : NULL;
    char *found = NULL, *copy;

    if (!url)
        return NULL;
    if (api->url_set(url, CURLUPART_URL, base, CURLU_PATH_AS_IS) == CURLUE_OK &&
        api->url_set(url, CURLUPART_URL, location, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
        (void)api->url_get(url, CURLUPART_URL, &found, 0);
    copy = strdup(found ? found : location);
    api->free(found);
    api->url_cleanup(url);
    return copy;
}

/* 0 and where the answer leads, NULL when it does not say. */
static int find_target(Probe *probe, const CurlApi *api, char **ret)
{
    HttpRun *run = http_run(probe);
    const char *location = http_parser_location(&run->plain.parser);
    char *target = NULL;

    if (run->fetch) { /* libcurl knows it already, from the address that it asked last */
        char *known = NULL;

        api->easy_getinfo(run->fetch->fetch.easy, CURLINFO_REDIRECT_URL, &known);
        target = known ? strdup(known) : NULL;
        location = known;
    } else if (location) {
        target = resolve(api, probe->spec, location);
    }
    if (location && !target)
        return -ENOMEM;
    *ret = target;
    return 0;
}

static void go_there(Probe *probe, char *url)
{
    HttpRun *run = http_run(probe);

    free(run->url);
    run->url = url;
    http_plain_stop(&run->plain);
    http_fetch_stop(probe);
    http_fetch_start(probe);
}

void http_follow(Probe *probe)
{
    const SpecProbe *spec = probe->spec;
    _cleanup_free_ char *target = NULL;
    const CurlApi *api;
    int r = curl_loop_api(probe->context->curl, &api);

    if (r >= 0)
        r = find_target(probe, api, &target);
    if (r < 0)
        fetch_end_void(probe, r);
    else if (!target)
        probe_end(probe, PROBE_FAIL, 0, "redirect without a place to go");
    else if (!url_stays(api, spec, target))
        probe_end(probe, PROBE_FAIL, 0, "redirect to another host: %s", target);
    else if (spec->type == SPEC_PROBE_HTTPS && strncasecmp(target, "https:", 6) != 0)
        probe_end(probe, PROBE_FAIL, 0, "redirect to plain HTTP: %s", target);
    else if (http_run(probe)->redirects++ == REDIRECTS_MAX)
        probe_end(probe, PROBE_FAIL, 0, "more than %d redirects", REDIRECTS_MAX);
    else
        go_there(probe, TAKE_PTR(target));
}
