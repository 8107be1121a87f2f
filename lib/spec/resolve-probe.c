/* SPDX-License-Identifier: MIT */
/*
 * Which keys belong to which kind of check, in one table: it gives the kind when none is named, the
 * defaults, what is missing, and what has no effect.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/strv.h"
#include "base/text.h"
#include "spec/resolve-internal.h"

#define ON(type) (1U << (type))
#define ON_HTTP  (ON(SPEC_PROBE_HTTP) | ON(SPEC_PROBE_HTTPS))
#define ON_NET   (ON_HTTP | ON(SPEC_PROBE_TCP) | ON(SPEC_PROBE_GRPC))

/* A key of a check that only some kinds have. */
typedef struct ProbeKey {
    const char *name;
    unsigned on;     /* kinds that take it */
    unsigned needed; /* kinds that cannot do without */
    bool (*is_set)(const SpecProbe *probe);
} ProbeKey;

#define IS_SET(member, condition)                                                                  \
    static bool has_##member(const SpecProbe *probe)                                               \
    {                                                                                              \
        return condition;                                                                          \
    }
IS_SET(path, probe->path != NULL)
IS_SET(port, probe->port != SPEC_INT_UNSET)
IS_SET(method, probe->method != NULL)
IS_SET(headers, probe->headers != NULL)
IS_SET(status, probe->status != NULL)
IS_SET(body, probe->body != NULL)
IS_SET(certdays, probe->certdays != SPEC_INT_UNSET)
IS_SET(socket, probe->socket != NULL)
IS_SET(exec, probe->exec != NULL)
IS_SET(file, probe->file != NULL)
IS_SET(match, probe->match != NULL)
IS_SET(age, probe->age_usec != USEC_INFINITY)
IS_SET(service, probe->service != NULL)

static const ProbeKey probe_only[] = {
    {"path", ON_HTTP, 0, has_path},
    {"port", ON_NET, 0, has_port},
    {"method", ON_HTTP, 0, has_method},
    {"headers", ON_HTTP, 0, has_headers},
    {"status", ON_HTTP, 0, has_status},
    {"body", ON_HTTP, 0, has_body},
    {"certdays", ON(SPEC_PROBE_HTTPS), 0, has_certdays},
    {"socket", ON(SPEC_PROBE_UNIX), ON(SPEC_PROBE_UNIX), has_socket},
    {"exec", ON(SPEC_PROBE_EXEC), ON(SPEC_PROBE_EXEC), has_exec},
    {"file", ON(SPEC_PROBE_FILE), ON(SPEC_PROBE_FILE), has_file},
    {"match", ON(SPEC_PROBE_LOG), ON(SPEC_PROBE_LOG), has_match},
    {"age", ON(SPEC_PROBE_FILE) | ON(SPEC_PROBE_LOG), 0, has_age},
    {"service", ON(SPEC_PROBE_GRPC), 0, has_service},
};

static SpecProbeType guess_type(const SpecProbe *probe)
{
    if (probe->exec)
        return SPEC_PROBE_EXEC;
    if (probe->socket)
        return SPEC_PROBE_UNIX;
    if (probe->file)
        return SPEC_PROBE_FILE;
    if (probe->match)
        return SPEC_PROBE_LOG;
    if (probe->service)
        return SPEC_PROBE_GRPC;
    return probe->port != SPEC_INT_UNSET && !probe->path ? SPEC_PROBE_TCP : SPEC_PROBE_HTTP;
}

static int check_keys(Resolver *resolver, const char *path, const SpecProbe *probe)
{
    for (size_t i = 0; i < ELEMENTSOF(probe_only); i++) {
        const ProbeKey *key = &probe_only[i];
        _cleanup_free_ char *place = text_printf("%s.%s", path, key->name);
        int r = 0;

        if (!place)
            return -ENOMEM;
        if (!key->is_set(probe) && (key->needed & ON(probe->type)))
            r = diag_add(resolver->diags, DIAG_ERROR, resolver->spec->source, place,
                         DIAG_CODE_MISSING_KEY, NULL, "is missing: a check of type \"%s\" needs it",
                         spec_probe_word(probe->type));
        else if (key->is_set(probe) && !(key->on & ON(probe->type)))
            r = diag_add(resolver->diags, DIAG_WARNING, resolver->spec->source, place,
                         DIAG_CODE_NO_EFFECT, NULL, "has no effect on a check of type \"%s\"",
                         spec_probe_word(probe->type));
        if (r < 0)
            return r;
    }
    return 0;
}

static int set_http_defaults(SpecProbe *probe)
{
    if (!probe->path)
        probe->path = strdup("/");
    if (!probe->method)
        probe->method = strdup("GET");
    if (!probe->path || !probe->method)
        return -ENOMEM;
    return probe->status ? 0 : strv_push(&probe->status, "200");
}

static int resolve_probe(Resolver *resolver, const char *path, SpecProbe *probe, bool restart)
{
    int r;

    if (probe->type == SPEC_UNSET)
        probe->type = (int)guess_type(probe);
    if (probe->restart == SPEC_UNSET)
        probe->restart = restart;
    r = check_keys(resolver, path, probe);
    if (r >= 0 && (ON_HTTP & ON(probe->type)))
        r = set_http_defaults(probe);
    if ((ON_NET & ON(probe->type)) && probe->port == SPEC_INT_UNSET)
        probe->port = resolver->spec->proxyport;
    if ((probe->type == SPEC_PROBE_FILE || probe->type == SPEC_PROBE_LOG) &&
        probe->age_usec == USEC_INFINITY)
        probe->age_usec = MAX(3 * probe->interval_usec, USEC_PER_SEC);
    return r;
}

static int resolve_list(Resolver *resolver, const char *name, SpecProbes *probes, bool restart)
{
    for (size_t i = 0; i < probes->n; i++) {
        _cleanup_free_ char *path = text_printf("%s[%zu]", name, i);
        int r = path ? resolve_probe(resolver, path, &probes->items[i], restart) : -ENOMEM;
        if (r < 0)
            return r;
    }
    return 0;
}

int resolve_probes(Resolver *resolver)
{
    int r = resolve_list(resolver, "healthcheck", &resolver->spec->healthcheck, true);

    return r < 0 ? r : resolve_list(resolver, "readiness", &resolver->spec->readiness, false);
}
