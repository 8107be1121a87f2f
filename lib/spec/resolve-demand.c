/* SPDX-License-Identifier: MIT */
/*
 * What "listen" means together with the other keys: which addresses can share a socket unit, how
 * the proxy gets to the service, and that a start waits until it does.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/strv.h"
#include "base/text.h"
#include "spec/demand.h"
#include "spec/resolve-internal.h"
#include "spec/value.h"

/* sun_path of unix(7), with the NUL at its end. */
#define SOCKET_PATH_MAX 108U

static bool is_unix(const SpecListen *listen)
{
    return listen->stream[0] == '/' || listen->stream[0] == '@';
}

static bool is_tcp(const SpecListen *listen)
{
    return !is_unix(listen);
}

static bool is_path(const SpecListen *listen)
{
    return listen->stream[0] == '/';
}

/* A setting of the socket unit, which its addresses share. */
typedef struct Shared {
    const char *key;
    bool (*applies)(const SpecListen *listen); /* NULL: to all */
    const char *other;                         /* what it has no effect on */
    const char *fallback;                      /* NULL: none */
} Shared;

static const Shared shared[] = {
    {"backlog", NULL, NULL, "4096"},
    {"mode", is_path, "an address that is no file", "0666"},
    {"user", is_path, "an address that is no file", NULL},
    {"group", is_path, "an address that is no file", NULL},
    {"bindipv6only", is_tcp, "a unix socket", "default"},
    {"freebind", is_tcp, "a unix socket", "false"},
};

static const Shared shared_proxy = {"maxconnections", NULL, NULL, "256"};

static bool is_same(const Key *key, const SpecListen *a, const SpecListen *b)
{
    const void *left = key_field_const(key, a), *right = key_field_const(key, b);

    switch (key->kind) {
    case KEY_STRING:
        return streq(*(char *const *)left, *(char *const *)right);
    case KEY_INTEGER:
        return *(const int64_t *)left == *(const int64_t *)right;
    case KEY_BOOL:
        return *(const int *)left == *(const int *)right;
    default:
        break;
    }
    assert(false && "a kind of key that is_same() does not know");
    return true;
}

static int copy_field(const Key *key, const SpecListen *from, SpecListen *to)
{
    const void *field = key_field_const(key, from);

    switch (key->kind) {
    case KEY_STRING:
        return value_set_text(key, key_field(key, to), *(char *const *)field);
    case KEY_INTEGER:
        *(int64_t *)key_field(key, to) = *(const int64_t *)field;
        return 0;
    case KEY_BOOL:
        *(int *)key_field(key, to) = *(const int *)field;
        return 0;
    default:
        break;
    }
    assert(false && "a kind of key that copy_field() does not know");
    return -EINVAL;
}

static char *place_of(const SpecListens *listens, const SpecListen *listen, const char *key)
{
    return text_printf("listen[%zu].%s", (size_t)(listen - listens->items), key);
}

/* Looks at what one address says itself. *given is the first that said anything. */
static int check_given(Resolver *resolver, const Shared *setting, const Key *key,
                       const SpecListen *listen, const SpecListen **given)
{
    const SpecListens *listens = &resolver->spec->listen;

    if (key_is_unset(key, listen))
        return 0;
    if (setting->applies && !setting->applies(listen)) {
        _cleanup_free_ char *place = place_of(listens, listen, key->name);
        _cleanup_free_ char *message = text_printf("has no effect on %s", setting->other);
        return place && message ? resolve_no_effect(resolver, place, message) : -ENOMEM;
    }
    if (!*given) {
        *given = listen;
        return 0;
    }
    if (is_same(key, listen, *given))
        return 0;
    _cleanup_free_ char *place = place_of(listens, listen, key->name);
    _cleanup_free_ char *message =
        text_printf("is not what listen[%zu] says; the addresses of a service share it",
                    (size_t)(*given - listens->items));
    return place && message ? resolve_error(resolver, place, NULL, message) : -ENOMEM;
}

static int share_setting(Resolver *resolver, const Shared *setting)
{
    SpecListens *listens = &resolver->spec->listen;
    const Key *key = key_find(key_find(&spec_keys, "listen")->table, setting->key);
    const SpecListen *given = NULL;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < listens->n; i++)
        r = check_given(resolver, setting, key, &listens->items[i], &given);
    for (size_t i = 0; r >= 0 && i < listens->n; i++) {
        SpecListen *listen = &listens->items[i];
        if (!key_is_unset(key, listen) || (setting->applies && !setting->applies(listen)))
            continue;
        if (given)
            r = copy_field(key, given, listen);
        else if (setting->fallback)
            r = value_set_text(key, key_field(key, listen), setting->fallback);
    }
    return r;
}

static int resolve_listen(Resolver *resolver)
{
    const SpecListens *listens = &resolver->spec->listen;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ELEMENTSOF(shared); i++)
        r = share_setting(resolver, &shared[i]);
    if (r >= 0 && resolver->spec->activation == SPEC_ACTIVATION_PROXY)
        return share_setting(resolver, &shared_proxy);
    for (size_t i = 0; r >= 0 && i < listens->n; i++) {
        if (listens->items[i].maxconnections == SPEC_INT_UNSET)
            continue;
        _cleanup_free_ char *place = place_of(listens, &listens->items[i], "maxconnections");
        r = place ? resolve_no_effect(resolver, place, "has no effect without a proxy") : -ENOMEM;
    }
    return r;
}

static int resolve_idle(Resolver *resolver)
{
    Spec *spec = resolver->spec;
    SpecIdle *idle = &spec->idle;

    if (idle->after_usec == USEC_INFINITY)
        return 0;
    if (idle->action == SPEC_UNSET)
        idle->action = SPEC_IDLE_STOP;
    resolve_default_bool(&idle->reclaim, false);
    if (idle->min_usec == USEC_INFINITY)
        idle->min_usec = 0;
    if (idle->action != SPEC_IDLE_FREEZE && idle->stop_usec != USEC_INFINITY)
        return resolve_error(resolver, "idle.stop", NULL, "is for \"action\": \"freeze\"");
    if (!spec_is_listened_for(spec))
        return resolve_no_effect(resolver, "idle",
                                 "has no effect without \"listen\": nothing would start it again");
    if (idle->action != SPEC_IDLE_FREEZE && idle->reclaim)
        return resolve_no_effect(resolver, "idle.reclaim",
                                 "has no effect on a service that is stopped");
    if (idle->action == SPEC_IDLE_FREEZE && spec->watchdog_usec != USEC_INFINITY)
        return resolve_error(resolver, "idle.action",
                             "use \"stop\", or a health check instead of \"watchdog\"",
                             "a frozen service cannot send the heartbeats that \"watchdog\" asks "
                             "for, and would be killed");
    return 0;
}

/* What needs "listen" to mean anything. */
static int check_without_listen(Resolver *resolver)
{
    const Spec *spec = resolver->spec;
    int r = 0;

    if (spec->activation != SPEC_UNSET)
        r = resolve_no_effect(resolver, "activation", "has no effect without \"listen\"");
    if (r >= 0 && spec->proxysocket)
        r = resolve_no_effect(resolver, "proxysocket", "has no effect without \"listen\"");
    return r;
}

static int check_proxysocket(Resolver *resolver)
{
    const Spec *spec = resolver->spec;
    const char *path = spec->proxysocket, *slash = strrchr(path, '/'), *reason = NULL;
    _cleanup_free_ char *place = NULL;

    if (!slash[1] || strstr(path, "//") || strstr(path, "/./"))
        return resolve_error(resolver, "proxysocket", NULL, "is not the plain path of a file");
    if (slash == path)
        return resolve_error(resolver, "proxysocket", "put it into a folder of its own",
                             "lies in the root folder, which cannot be shared with the proxy");
    int r = spec_proxysocket_on_host(spec, SPEC_SCOPE_ANY, &place, &reason);
    if (r == -EINVAL)
        return resolve_error(resolver, "proxysocket", "use another folder, or a volume of the host",
                             reason);
    if (r >= 0 && (strlen(path) >= SOCKET_PATH_MAX || (place && strlen(place) >= SOCKET_PATH_MAX)))
        return resolve_error(resolver, "proxysocket", NULL,
                             "is too long for a socket, which has 107 characters at most");
    return r;
}

static int check_target(Resolver *resolver)
{
    const Spec *spec = resolver->spec;

    if (spec->proxysocket)
        return check_proxysocket(resolver);
    if (spec_target(spec) != SPEC_TARGET_NONE)
        return 0;
    return resolve_error(resolver, "network",
                         "give the unix socket on which it serves as \"proxysocket\"",
                         strv_contains(spec->network, "none")
                             ? "\"none\" leaves the proxy of \"listen\" no port to connect to"
                             : "belongs to another container, so the proxy of \"listen\" has no "
                               "port to connect to");
}

/* Without a check, a start would be over before anybody answers, and the connection that has caused
 * it would be refused. Once it answers, this check only tells: nobody asked for more. */
static int add_check(Resolver *resolver)
{
    Spec *spec = resolver->spec;
    const KeyTable *table = key_find(&spec_keys, "healthcheck")->table;

    if (spec->healthcheck.n > 0 || spec->watchdog_usec != USEC_INFINITY)
        return 0;
    SpecProbe *probe = calloc(1, sizeof(SpecProbe));
    if (!probe)
        return -ENOMEM;
    key_table_init(table, probe);
    spec->healthcheck = (SpecProbes){.items = probe, .n = 1};
    probe->type = spec->proxysocket ? SPEC_PROBE_UNIX : SPEC_PROBE_TCP;
    probe->restart = false;
    if (!spec->proxysocket)
        probe->port = spec->proxyport;
    else if (!(probe->socket = strdup(spec->proxysocket)))
        return -ENOMEM;
    return resolve_fall_back(table, probe);
}

int resolve_on_demand(Resolver *resolver)
{
    Spec *spec = resolver->spec;
    int r = resolve_idle(resolver);

    if (r < 0)
        return r;
    if (!spec_is_listened_for(spec))
        return check_without_listen(resolver);
    if (spec->duration == SPEC_DURATION_ONESHOT)
        return resolve_error(resolver, "listen", NULL,
                             "a oneshot ends by itself, so nobody would serve the connections");
    if (spec->activation == SPEC_UNSET)
        spec->activation = SPEC_ACTIVATION_PROXY;
    r = resolve_listen(resolver);
    if (r < 0)
        return r;
    if (spec->activation == SPEC_ACTIVATION_NATIVE)
        return spec->proxysocket
                   ? resolve_no_effect(resolver, "proxysocket", "has no effect without a proxy")
                   : 0;
    r = check_target(resolver);
    return r < 0 ? r : add_check(resolver);
}
