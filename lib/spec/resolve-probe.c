/* SPDX-License-Identifier: MIT */
/*
 * Which keys belong to which kind of check, in one table: it gives the kind when none is named, the
 * defaults, what is missing, and what has no effect.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/strv.h"
#include "base/text.h"
#include "spec/demand.h"
#include "spec/resolve-internal.h"

#define TIMEOUT_DEFAULT_USEC (3 * USEC_PER_SEC)

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
IS_SET(host, !streq(probe->host, "localhost"))
IS_SET(path, probe->path != NULL)
IS_SET(port, probe->port != SPEC_INT_UNSET)
IS_SET(method, probe->method != NULL)
IS_SET(headers, probe->headers != NULL)
IS_SET(status, probe->status != NULL)
IS_SET(body, probe->body != NULL)
IS_SET(certdays, probe->certdays != SPEC_INT_UNSET)
IS_SET(insecure, probe->insecure == 1)
IS_SET(redirects, probe->redirects == 1)
IS_SET(socket, probe->socket != NULL)
IS_SET(exec, probe->exec != NULL)
IS_SET(file, probe->file != NULL)
IS_SET(match, probe->match != NULL)
IS_SET(age, probe->age_usec != USEC_INFINITY)
IS_SET(service, probe->service != NULL)

static const ProbeKey probe_only[] = {
    {"host", ON_NET, 0, has_host},
    {"path", ON_HTTP, 0, has_path},
    {"port", ON_NET, 0, has_port},
    {"method", ON_HTTP, 0, has_method},
    {"headers", ON_HTTP, 0, has_headers},
    {"status", ON_HTTP, 0, has_status},
    {"body", ON_HTTP, 0, has_body},
    {"certdays", ON(SPEC_PROBE_HTTPS), 0, has_certdays},
    {"insecure", ON(SPEC_PROBE_HTTPS), 0, has_insecure},
    {"redirects", ON_HTTP, 0, has_redirects},
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

static int warn(Resolver *resolver, const char *path, const char *key, const char *hint,
                const char *message)
{
    _cleanup_free_ char *place = text_printf("%s.%s", path, key);

    if (!place)
        return -ENOMEM;
    return diag_add(resolver->diags, DIAG_WARNING, resolver->spec->source, place,
                    DIAG_CODE_CONFLICT, hint, "%s", message);
}

/* The port of the container in [[ip:][hostPort]:]containerPort[/protocol], or the first one of a
 * range. */
static bool publishes(const char *published, int64_t wanted)
{
    const char *port = strrchr(published, ':');
    char *end;

    port = port ? port + 1 : published;
    long first = strtol(port, &end, 10);
    long last = *end == '-' ? strtol(end + 1, NULL, 10) : first;
    return first <= wanted && wanted <= last;
}

/* Of several checks one is enough. */
static int note_default_port(Resolver *resolver, const char *path)
{
    _cleanup_free_ char *place = text_printf("%s.port", path);

    if (!place)
        return -ENOMEM;
    if (resolver->port_noted || resolver->spec->duration == SPEC_DURATION_ONESHOT)
        return 0;
    resolver->port_noted = true;
    return diag_add(resolver->diags, DIAG_NOTE, resolver->spec->source, place, DIAG_CODE_DEFAULT,
                    "give \"proxyport\", or \"port\" in the check, if it serves on another one",
                    "is not given, so the check goes to 8000, the default of \"proxyport\"");
}

/* A port that nobody named, while others are published, is most likely the wrong one. */
static int check_default_port(Resolver *resolver, const char *path)
{
    const Spec *spec = resolver->spec;

    if (resolver->proxyport_given)
        return 0;
    if (!spec->ports || !*spec->ports)
        return note_default_port(resolver, path);
    STRV_FOREACH (published, spec->ports)
        if (publishes(*published, spec->proxyport))
            return 0;
    return warn(resolver, path, "port", "give \"proxyport\", or \"port\" in the check",
                "is not given, so the check goes to 8000, the default of \"proxyport\", which is "
                "not among \"ports\"");
}

static int set_host(SpecProbe *probe, const ListenAddress *address)
{
    int family = address->family == LISTEN_IPV4 ? AF_INET : AF_INET6;
    char text[INET6_ADDRSTRLEN];

    if (!inet_ntop(family, address->address, text, sizeof(text)))
        return -errno;
    free(probe->host);
    probe->host = strdup(text);
    return probe->host ? 0 : -ENOMEM;
}

/* A native service serves where systemd listens for it. */
static int resolve_native_port(Resolver *resolver, const char *path, SpecProbe *probe)
{
    const SpecListen *listen = spec_first_tcp(resolver->spec);
    ListenAddress address;

    if (!listen || listen_address_parse(listen->stream, &address) < 0) {
        probe->port = resolver->spec->proxyport;
        return resolver->proxyport_given
                   ? 0
                   : warn(resolver, path, "port", "use a check of type \"unix\", or give \"port\"",
                          "is not given, and \"listen\" has none, so the check goes to 8000, the "
                          "default of \"proxyport\"");
    }
    probe->port = address.port;
    if (!streq(probe->host, "localhost") || listen_address_is_wildcard(&address))
        return 0;
    return set_host(probe, &address);
}

static int resolve_port(Resolver *resolver, const char *path, SpecProbe *probe)
{
    if (!(ON_NET & ON(probe->type)) || probe->port != SPEC_INT_UNSET)
        return 0;
    if (spec_is_native(resolver->spec))
        return resolve_native_port(resolver, path, probe);
    probe->port = resolver->spec->proxyport;
    return check_default_port(resolver, path);
}

/* Times that are possible, but hardly meant. */
static int resolve_times(Resolver *resolver, const char *path, SpecProbe *probe)
{
    int r = 0;

    if (probe->timeout_usec == USEC_INFINITY)
        probe->timeout_usec = MIN(TIMEOUT_DEFAULT_USEC, probe->interval_usec);
    if (probe->timeout_usec > probe->interval_usec)
        r = warn(resolver, path, "timeout", NULL,
                 "is longer than the interval: a check that hangs delays the ones after it");
    if (r >= 0 && probe->grace_usec == 0)
        r = warn(resolver, path, "grace", "give the time that a start may take",
                 "of 0 counts failures from the first check on, 100ms after the start");
    if ((probe->type == SPEC_PROBE_FILE || probe->type == SPEC_PROBE_LOG) &&
        probe->age_usec == USEC_INFINITY)
        probe->age_usec = MAX(3 * probe->interval_usec, USEC_PER_SEC);
    return r;
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
    if (r >= 0)
        r = resolve_port(resolver, path, probe);
    return r < 0 ? r : resolve_times(resolver, path, probe);
}

static int resolve_list(Resolver *resolver, const char *name, SpecProbes *probes, bool restart)
{
    if (probes->n > 0 && resolver->spec->duration == SPEC_DURATION_ONESHOT) {
        int r = resolve_no_effect(resolver, name,
                                  "has no effect on a oneshot, which is done when it has ended");
        if (r < 0)
            return r;
    }
    if (probes->n > SPEC_PROBES_MAX)
        return diag_add(resolver->diags, DIAG_ERROR, resolver->spec->source, name,
                        DIAG_CODE_BAD_VALUE, NULL, "holds %zu checks, but at most %d are accepted",
                        probes->n, SPEC_PROBES_MAX);
    for (size_t i = 0; i < probes->n; i++) {
        _cleanup_free_ char *path = text_printf("%s[%zu]", name, i);
        int r = path ? resolve_probe(resolver, path, &probes->items[i], restart) : -ENOMEM;
        if (r < 0)
            return r;
    }
    return 0;
}

static bool may_restart(const SpecProbes *probes)
{
    for (size_t i = 0; i < probes->n; i++)
        if (probes->items[i].restart == 1)
            return true;
    return false;
}

/* Not every policy takes the watchdog for a reason to restart (systemd.service(5), Restart=). */
static int check_policy(Resolver *resolver)
{
    const Spec *spec = resolver->spec;
    int policy = spec->restart.policy;

    if (policy != SPEC_RESTART_NO && policy != SPEC_RESTART_ON_SUCCESS &&
        policy != SPEC_RESTART_ON_ABORT)
        return 0;
    if (spec->duration == SPEC_DURATION_ONESHOT ||
        (!may_restart(&spec->healthcheck) && !may_restart(&spec->readiness)))
        return 0;
    return diag_add(resolver->diags, DIAG_WARNING, spec->source, "restart.policy",
                    DIAG_CODE_CONFLICT, "give the checks \"restart\": false, to be told only",
                    "of \"%s\" leaves the service down when a check has ended it",
                    spec_restart_word(policy));
}

int resolve_probes(Resolver *resolver)
{
    int r = resolve_list(resolver, "healthcheck", &resolver->spec->healthcheck, true);

    if (r >= 0)
        r = resolve_list(resolver, "readiness", &resolver->spec->readiness, false);
    return r < 0 ? r : check_policy(resolver);
}
