/* SPDX-License-Identifier: MIT */
/*
 * Choosing addresses, behind loopback.h.
 */
#include "generator/loopback.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/strv.h"
#include "base/text.h"
#include "spec/demand.h"
#include "spec/publish.h"

/* 127.64.0.0/10 without addresses that end in 0 or 255, which look like those of networks. */
#define ADDRESS_FIRST UINT32_C(0x7f400000)
#define HOSTS         254U
#define ADDRESSES     (64U * 256U * HOSTS)

/* Above those that Linux hands out by itself, and above the privileged ones, which a user could not
 * have. A server on all addresses is seldom found here, and would be in the way. */
#define PORT_FIRST 61000U
#define PORTS      (65536U - PORT_FIRST)

/* What is not free any more. */
typedef struct Taken {
    unsigned char *addresses; /* a bit for each */
    bool ports[PORTS];
} Taken;

void loopbacks_done(Loopbacks *loopbacks)
{
    free(loopbacks->items);
    *loopbacks = (Loopbacks){0};
}

static bool needs_one(const SpecEntry *entry)
{
    return entry->fate == SPEC_FATE_GENERATED && spec_has_proxy(entry->spec) &&
           spec_target(entry->spec) == SPEC_TARGET_PUBLISHED;
}

static void take(Taken *taken, unsigned first, unsigned last)
{
    for (unsigned port = MAX(first, PORT_FIRST); port <= last; port++)
        taken->ports[port - PORT_FIRST] = true;
}

/* Also what is only taken on one address: there are enough others. */
static void take_ports(const Spec *spec, Taken *taken)
{
    ListenAddress address;
    Published published;

    for (size_t i = 0; i < spec->listen.n; i++)
        if (listen_address_parse(spec->listen.items[i].stream, &address) >= 0)
            take(taken, address.port, address.port);
    STRV_FOREACH (port, spec->ports)
        if (publish_parse(*port, &published) > 0)
            take(taken, published.first, published.last);
}

static bool take_address(Taken *taken, uint64_t place)
{
    unsigned char bit = (unsigned char)(1U << place % 8);

    if (taken->addresses[place / 8] & bit)
        return false;
    taken->addresses[place / 8] |= bit;
    return true;
}

static Loopback choose(const char *name, const char *user, Taken *taken)
{
    uint64_t hash = hash64(HASH64_START, user, strlen(user) + 1);

    hash = hash64(hash, name, strlen(name));
    uint64_t place = hash % ADDRESSES;
    unsigned port = (unsigned)(hash / ADDRESSES % PORTS);
    while (!take_address(taken, place))
        place = (place + 1) % ADDRESSES;
    for (unsigned tries = 0; taken->ports[port] && tries < PORTS; tries++)
        port = (port + 1) % PORTS;
    return (Loopback){.name = name,
                      .address =
                          ADDRESS_FIRST + (uint32_t)(place / HOSTS * 256 + place % HOSTS + 1),
                      .port = (uint16_t)(PORT_FIRST + port)};
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const Loopback *)a)->name, ((const Loopback *)b)->name);
}

int loopbacks_assign(const SpecSet *set, unsigned uid, Loopbacks *ret)
{
    _cleanup_(loopbacks_done) Loopbacks loopbacks = {0};
    _cleanup_free_ Taken *taken = calloc(1, sizeof(Taken));
    _cleanup_free_ unsigned char *addresses = NULL;
    _cleanup_free_ char *user = text_printf("%u", uid);

    loopbacks.items = calloc(set->n + 1, sizeof(Loopback));
    if (!taken || !user || !loopbacks.items)
        return -ENOMEM;
    for (size_t i = 0; i < set->n; i++) {
        if (set->items[i].fate == SPEC_FATE_GENERATED)
            take_ports(set->items[i].spec, taken);
        if (needs_one(&set->items[i]))
            loopbacks.items[loopbacks.n++].name = set->items[i].unit;
    }
    if (loopbacks.n > 0)
        taken->addresses = addresses = calloc(ADDRESSES / 8 + 1, 1);
    if (loopbacks.n > 0 && !addresses)
        return -ENOMEM;
    /* By name, so that it does not matter how the folder lists them. */
    qsort(loopbacks.items, loopbacks.n, sizeof(Loopback), compare_names);
    for (size_t i = 0; i < loopbacks.n; i++)
        loopbacks.items[i] = choose(loopbacks.items[i].name, user, taken);
    *ret = loopbacks;
    loopbacks = (Loopbacks){0};
    return 0;
}

const Loopback *loopbacks_find(const Loopbacks *loopbacks, const char *name)
{
    const Loopback key = {.name = name};
    const Loopback *found = loopbacks->n == 0 ? NULL
                                              : bsearch(&key, loopbacks->items, loopbacks->n,
                                                        sizeof(Loopback), compare_names);

    assert(found && "loopbacks_assign() has given an address to each that needs one");
    return found;
}
