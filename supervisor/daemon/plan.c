/* SPDX-License-Identifier: MIT */
/*
 * A plan without what only the generator needs, in one piece: as a Spec it takes five times the
 * memory, most of it in small pieces, and there is one for each service.
 *
 * The copy is made twice by the same code: first into nothing, which tells how much room it takes.
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/macros.h"
#include "base/strv.h"
#include "spec/demand.h"
#include "spec/keys.h"
#include "supervisor/daemon/plans.h"

/* Structures and vectors from the front, texts behind all of them. */
typedef struct Pack {
    char *structures, *texts; /* NULL: only counted */
    size_t n_structures, n_texts;
} Pack;

static void *add_structure(Pack *pack, size_t size)
{
    char *at = pack->structures ? pack->structures + pack->n_structures : NULL;

    pack->n_structures += size;
    return at;
}

static char *add_text(Pack *pack, const char *text)
{
    char *at = pack->texts ? pack->texts + pack->n_texts : NULL;
    size_t size = text ? strlen(text) + 1 : 0;

    pack->n_texts += size;
    return text && at ? memcpy(at, text, size) : NULL;
}

static char **add_strv(Pack *pack, char *const *v)
{
    size_t n = strv_length(v);
    char **copy = v ? add_structure(pack, (n + 1) * sizeof(char *)) : NULL;

    for (size_t i = 0; i < n; i++) {
        char *text = add_text(pack, v[i]);
        if (copy)
            copy[i] = text;
    }
    if (copy)
        copy[n] = NULL;
    return copy;
}

/* The structure was copied; its texts still belong to the spec. The table of keys knows them. */
static void own_texts(Pack *pack, const KeyTable *table, void *structure)
{
    for (size_t i = 0; i < table->n; i++) {
        void *field = key_field(&table->keys[i], structure);
        switch (table->keys[i].kind) {
        case KEY_STRING:
            *(char **)field = add_text(pack, *(char **)field);
            break;
        case KEY_STRV:
        case KEY_ENV:
        case KEY_HEADERS:
            *(char ***)field = add_strv(pack, *(char ***)field);
            break;
        case KEY_BOOL:
        case KEY_INTEGER:
        case KEY_ENUM:
        case KEY_SPAN:
            break;
        case KEY_OBJECT:
        case KEY_OBJECTS:
        case KEY_NAMED:
        case KEY_SETTINGS:
        case _KEY_KIND_MAX:
            assert(false); /* neither a check nor onfailure has such */
        }
    }
}

static const KeyTable *table_of(const char *name)
{
    const Key *key = key_find(&spec_keys, name);

    assert(key && key->table);
    return key->table;
}

static void add_checks(Pack *pack, const SpecProbes *probes, SpecProbe *checks)
{
    const KeyTable *table = table_of("healthcheck");

    for (size_t i = 0; i < probes->n; i++) {
        SpecProbe check = probes->items[i];
        own_texts(pack, table, &check);
        if (checks)
            checks[i] = check;
    }
}

static char **add_addresses(Pack *pack, const SpecListens *listens)
{
    char **addresses = add_structure(pack, (listens->n + 1) * sizeof(char *));

    for (size_t i = 0; i < listens->n; i++) {
        char *address = add_text(pack, listens->items[i].stream);
        if (addresses)
            addresses[i] = address;
    }
    if (addresses)
        addresses[listens->n] = NULL;
    return addresses;
}

static int parse_host(const SpecProbe *probe, ListenAddress *ret)
{
    bool bare_ipv6 = strchr(probe->host, ':') && probe->host[0] != '[';
    char stream[INET6_ADDRSTRLEN + 10];
    int n = snprintf(stream, sizeof(stream), bare_ipv6 ? "[%s]:%d" : "%s:%d", probe->host,
                     (int)probe->port);

    return n < (int)sizeof(stream) ? listen_address_parse(stream, ret) : -EINVAL;
}

static bool is_loopback(const ListenAddress *address)
{
    const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;

    return address->family == LISTEN_IPV4
               ? address->address[0] == 127
               : memcmp(address->address, &loopback, sizeof(loopback)) == 0;
}

static bool is_same(const ListenAddress *a, const ListenAddress *b)
{
    return a->family == b->family && a->port == b->port &&
           memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

/* Another machine may have a service on the same port. */
static bool is_here(const Spec *spec, const SpecProbe *probe)
{
    ListenAddress wanted, address;

    if (strcasecmp(probe->host, "localhost") == 0)
        return true;
    if (parse_host(probe, &wanted) < 0)
        return false;
    if (is_loopback(&wanted))
        return true;
    for (size_t i = 0; i < spec->listen.n; i++)
        if (listen_address_parse(spec->listen.items[i].stream, &address) >= 0 &&
            is_same(&address, &wanted))
            return true;
    return false;
}

static uint32_t outside_of(const Spec *spec, const SpecProbes *probes)
{
    uint32_t outside = 0;

    for (size_t i = 0; i < probes->n; i++)
        if (spec_probe_is_outside(spec, &probes->items[i]) && is_here(spec, &probes->items[i]))
            outside |= UINT32_C(1) << i;
    return outside;
}

static PlanDemand *add_demand(Pack *pack, const Spec *spec)
{
    const SpecIdle *idle = &spec->idle;
    bool has_idle = spec_has_idle(spec);

    if (!spec_is_listened_for(spec))
        return NULL;
    PlanDemand *at = add_structure(pack, sizeof(PlanDemand));
    PlanDemand demand = {
        .listen = add_addresses(pack, &spec->listen),
        .native = spec_is_native(spec),
        .idle = has_idle,
        .freeze = has_idle && idle->action == SPEC_IDLE_FREEZE,
        .after_usec = idle->after_usec,
        .stay_usec = idle->min_usec == USEC_INFINITY ? idle->after_usec
                                                     : MAX(idle->after_usec, idle->min_usec),
        .stop_usec = idle->stop_usec,
        .outside = outside_of(spec, &spec->healthcheck) | outside_of(spec, &spec->readiness)
                                                              << spec->healthcheck.n,
    };

    if (at)
        *at = demand;
    return at;
}

_Static_assert(2 * SPEC_PROBES_MAX <= 32, "a bit for each check");

static Plan *add_plan(Pack *pack, const char *name, uint64_t hash, const Spec *spec)
{
    /* A oneshot is not checked: it is over before anything could be said of it. */
    bool daemon = spec->duration != SPEC_DURATION_ONESHOT;
    size_t n_liveness = daemon ? spec->healthcheck.n : 0;
    size_t n_checks = daemon ? n_liveness + spec->readiness.n : 0;
    Plan *at = add_structure(pack, sizeof(Plan));
    SpecProbe *checks = add_structure(pack, n_checks * sizeof(SpecProbe));
    Plan plan = {
        .name = add_text(pack, name),
        .hash = hash,
        .type = (SpecType)spec->type,
        .watchdog_usec = spec->watchdog_usec,
        .restart = {.delay_usec = spec->restart.delay_usec,
                    .max_usec = spec->restart.max_usec,
                    .reset_usec = spec->restart.reset_usec,
                    .burst = spec->restart.burst},
        .checks = checks,
        .n_checks = n_checks,
        .n_liveness = n_liveness,
        .after = add_strv(pack, spec->after),
        .needs = add_strv(pack, spec->needs),
        .demand = add_demand(pack, spec),
        .onfailure = spec->onfailure,
    };

    own_texts(pack, table_of("onfailure"), &plan.onfailure);
    if (daemon) {
        add_checks(pack, &spec->healthcheck, checks);
        add_checks(pack, &spec->readiness, checks ? checks + n_liveness : NULL);
    }
    if (at)
        *at = plan;
    return at;
}

int plan_new(const char *name, uint64_t hash, const Spec *spec, Plan **ret)
{
    Pack pack = {0};

    assert(name && spec && ret);

    (void)add_plan(&pack, name, hash, spec);
    char *memory = malloc(pack.n_structures + pack.n_texts);
    if (!memory)
        return -ENOMEM;
    pack = (Pack){.structures = memory, .texts = memory + pack.n_structures};
    *ret = add_plan(&pack, name, hash, spec);
    return 0;
}

Plan *plan_free(Plan *plan)
{
    free(plan);
    return NULL;
}
