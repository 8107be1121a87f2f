/* SPDX-License-Identifier: MIT */
/* The text of a request; see http-request.h. */
#include "supervisor/probe/http-request.h"

#include <errno.h>
#include <strings.h>

#include "supervisor/probe/route.h"
#include "base/strv.h"
#include "base/text.h"

#define HOST_MAX     300
#define DEFAULT_PORT 80

static bool is_named(const char *header, const char *name)
{
    size_t n = strlen(name);

    return strncasecmp(header, name, n) == 0 && header[n] == ':';
}

static void add_unless_own(Text *text, const SpecProbe *spec, const char *name, const char *value)
{
    STRV_FOREACH (header, spec->headers)
        if (is_named(*header, name))
            return;
    text_addf(text, "%s: %s\r\n", name, value);
}

static void add_own(Text *text, const SpecProbe *spec)
{
    STRV_FOREACH (header, spec->headers) {
        const char *value = strchr(*header, ':');

        if (value && value[1 + strspn(value + 1, " \t")])
            text_addf(text, "%s\r\n", *header);
    }
}

static void add_host(Text *text, const SpecProbe *spec)
{
    char host[HOST_MAX], value[HOST_MAX + 32];

    route_url_host(spec->host, host, sizeof(host));
    if (spec->port == DEFAULT_PORT)
        snprintf(value, sizeof(value), "%s", host);
    else
        snprintf(value, sizeof(value), "%s:%jd", host, (intmax_t)spec->port);
    add_unless_own(text, spec, "Host", value);
}

int http_request(const SpecProbe *spec, char **ret)
{
    const char *method = spec->method ? spec->method : "GET", *path = spec->path ? spec->path : "/";
    _cleanup_text_ Text text = {0};

    /* What comes after "#" is for the one who asks. */
    text_addf(&text, "%s %.*s HTTP/1.1\r\n", method, (int)strcspn(path, "#"), path);
    add_host(&text, spec);
    add_unless_own(&text, spec, "User-Agent", "phoenix-probe/" PHOENIX_VERSION);
    add_unless_own(&text, spec, "Accept", "*/*");
    /* These are expected to bring something, if only nothing. */
    if (streq(method, "POST") || streq(method, "PUT") || streq(method, "PATCH")) {
        add_unless_own(&text, spec, "Content-Length", "0");
        add_unless_own(&text, spec, "Content-Type", "application/x-www-form-urlencoded");
    }
    add_own(&text, spec);
    text_add(&text, "\r\n");
    return text_take(&text, ret);
}
