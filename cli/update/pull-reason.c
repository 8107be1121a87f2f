/* SPDX-License-Identifier: MIT */

/* Podman says all that it was about to do when a pull failed; what matters is at the end. */

#include "base/macros.h"
#include "base/strv.h"
#include "base/text.h"
#include "cli/update/pull.h"

/* "pinging container registry HOST: Get "https://HOST/v2/": dial tcp ...: connection refused": a
 * new "HOST" in *ret_host, and what follows it; NULL when it is none of those. */
static const char *after_registry(const char *said, char **ret_host)
{
    static const char pinging[] = "pinging container registry ";
    const char *host = strstr(said, pinging);
    const char *end = host ? strstr(host, ": ") : NULL;

    if (!end)
        return NULL;
    host += strlen(pinging);
    *ret_host = strndup(host, (size_t)(end - host));
    return *ret_host ? end + 2 : NULL;
}

static const char *last_part(const char *said)
{
    const char *last = said;

    for (const char *next = said; (next = strstr(next, ": ")); last = next)
        next += 2;
    return last;
}

static bool says_any(const char *said, const char *const *words)
{
    for (; *words; words++)
        if (strcasestr(said, *words))
            return true;
    return false;
}

char *pull_reason(const char *said)
{
    static const char *const missing[] = {"manifest unknown", "name unknown",
                                          "repository name not known", NULL};
    static const char *const refused[] = {"unauthorized", "authentication required",
                                          "access to the resource is denied", NULL};
    _cleanup_free_ char *host = NULL;
    const char *rest = after_registry(said, &host);

    /* Some registries refuse the ping, too, so that comes first. */
    if (says_any(said, refused))
        return host
                   ? text_printf("the registry %s wants a login (podman login %s), or there is no "
                                 "such image",
                                 host, host)
                   : strdup("the registry wants a login (podman login), or there is no such image");
    if (rest)
        return text_printf("the registry %s cannot be reached: %s", host, last_part(rest));
    if (says_any(said, missing))
        return strdup("the registry has no image of that name and tag");
    return strdup(said);
}
