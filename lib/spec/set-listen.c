/* SPDX-License-Identifier: MIT */
/*
 * Who serves where: an address that two services want is an error on both, since only one of them
 * would get it, and which one would be chance. Ports that two containers publish are not looked at,
 * as they may be meant to run in turn; but what is listened on is listened on all the time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/strv.h"
#include "base/text.h"
#include "spec/demand.h"
#include "spec/publish.h"
#include "spec/set-internal.h"

typedef enum ClaimFamily {
    CLAIM_IPV4,
    CLAIM_IPV6,
    CLAIM_UNIX,
} ClaimFamily;

/* One address that one spec wants, of one family: a port alone makes two of them. */
typedef struct Claim {
    SpecEntry *entry;
    char *key;         /* "listen[0].stream", "proxyport" */
    const char *shown; /* as the spec has it; borrowed */
    ClaimFamily family;
    uint16_t port;
    unsigned char address[16]; /* all zero: every address */
    bool told;
} Claim;

typedef struct Claims {
    Claim *items;
    size_t n, allocated;
} Claims;

static void claims_done(Claims *claims)
{
    for (size_t i = 0; i < claims->n; i++)
        free(claims->items[i].key);
    free(claims->items);
}

/* Takes over the key, also when it fails; NULL is no memory. */
static int add_claim(Claims *claims, Claim claim)
{
    if (claim.key && claims->n == claims->allocated) {
        size_t allocated = claims->allocated ? 2 * claims->allocated : 16;
        Claim *items = reallocarray(claims->items, allocated, sizeof(Claim));
        if (items) {
            claims->items = items;
            claims->allocated = allocated;
        }
    }
    if (!claim.key || claims->n == claims->allocated) {
        free(claim.key);
        return -ENOMEM;
    }
    claims->items[claims->n++] = claim;
    return 0;
}

static int claim_listen(Claims *claims, SpecEntry *entry, size_t i)
{
    const SpecListen *listen = &entry->spec->listen.items[i];
    ListenAddress address;
    int r = 0;

    if (listen_address_parse(listen->stream, &address) < 0)
        return 0;
    Claim claim = {.entry = entry, .shown = listen->stream, .port = address.port};
    memcpy(claim.address, address.address, sizeof(claim.address));
    if (address.family == LISTEN_UNIX)
        claim.family = CLAIM_UNIX;
    else if (address.family == LISTEN_IPV4)
        claim.family = CLAIM_IPV4;
    else
        claim.family = CLAIM_IPV6;
    claim.key = text_printf("listen[%zu].stream", i);
    r = add_claim(claims, claim);
    /* Linux lets the IPv6 wildcard take IPv4 as well, unless told otherwise. */
    if (r < 0 || claim.family != CLAIM_IPV6 || !listen_address_is_wildcard(&address) ||
        (address.family == LISTEN_IPV6 && listen->bindipv6only &&
         streq(listen->bindipv6only, "ipv6-only")))
        return r;
    claim.family = CLAIM_IPV4;
    claim.key = text_printf("listen[%zu].stream", i);
    return add_claim(claims, claim);
}

/* The proxy of a service without a network of its own finds it on the host's loopback. */
static int claim_target(Claims *claims, SpecEntry *entry)
{
    const Spec *spec = entry->spec;

    if (!spec_has_proxy(spec) || spec_target(spec) != SPEC_TARGET_HOST)
        return 0;
    return add_claim(claims, (Claim){.entry = entry,
                                     .key = strdup("proxyport"),
                                     .family = CLAIM_IPV4,
                                     .port = (uint16_t)spec->proxyport,
                                     .address = {127, 0, 0, 1}});
}

static int claim_all(Claims *claims, SpecEntry *entry)
{
    int r = claim_target(claims, entry);

    for (size_t i = 0; r >= 0 && i < entry->spec->listen.n; i++)
        r = claim_listen(claims, entry, i);
    return r;
}

/* Families and ports together; within, as the files come, so that findings come in that order. */
static int compare_claims(const void *a, const void *b)
{
    const Claim *left = a, *right = b;

    if (left->family != right->family)
        return left->family < right->family ? -1 : 1;
    if (left->port != right->port)
        return left->port < right->port ? -1 : 1;
    if (left->family == CLAIM_UNIX && !streq(left->shown, right->shown))
        return strcmp(left->shown, right->shown);
    int c = strcmp(left->entry->file.stem, right->entry->file.stem);
    return c != 0 ? c : strcmp(left->key, right->key);
}

static bool is_same_place(const Claim *a, const Claim *b)
{
    return a->family == b->family && a->port == b->port &&
           (a->family != CLAIM_UNIX || streq(a->shown, b->shown));
}

static bool is_zero(const unsigned char address[16])
{
    static const unsigned char zero[16];

    return memcmp(address, zero, sizeof(zero)) == 0;
}

static bool is_anywhere(const Claim *claim)
{
    return is_zero(claim->address);
}

/* Two claims of one place that cannot both be served. The two families of one address are one. */
static bool overlap(const Claim *a, const Claim *b)
{
    if (a->entry == b->entry && streq(a->key, b->key))
        return false;
    return is_anywhere(a) || is_anywhere(b) ||
           memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

/* "8080 is also what "shop" listens on (listen[0].stream)" */
static char *describe(const Claim *claim, const SpecEntry *other, const char *other_key,
                      const char *does)
{
    _cleanup_free_ char *shown =
        claim->shown ? strdup(claim->shown) : text_printf("127.0.0.1:%u", (unsigned)claim->port);

    if (!shown)
        return NULL;
    if (claim->entry == other)
        return text_printf("%s is also in its own %s", shown, other_key);
    return text_printf("%s is also what \"%s\" %s (%s)", shown, other->unit, does, other_key);
}

/* One finding for a claim is enough. */
static int tell(Claim *claim, const SpecEntry *other, const char *other_key, const char *does)
{
    const char *hint = streq(claim->key, "proxyport")
                           ? "let the service serve on another port, or on a \"proxysocket\""
                           : "give one of them another address";

    if (claim->told)
        return 0;
    _cleanup_free_ char *message = describe(claim, other, other_key, does);
    if (!message)
        return -ENOMEM;
    claim->told = true;
    return diag_add(&claim->entry->diags, DIAG_ERROR, claim->entry->file.path, claim->key,
                    DIAG_CODE_LISTEN_CLASH, hint, "%s", message);
}

static const char *what_it_does(const Claim *claim)
{
    return streq(claim->key, "proxyport") ? "serves on" : "listens on";
}

/* Of the claims from first to end, which are of one place. */
static int check_place(Claim *first, Claim *end)
{
    int r = 0;

    for (Claim *claim = first; r >= 0 && claim < end; claim++)
        for (Claim *other = first; r >= 0 && other < end && !claim->told; other++)
            if (other != claim && overlap(claim, other))
                r = tell(claim, other->entry, other->key, what_it_does(other));
    return r;
}

static int check_claims(Claims *claims)
{
    int r = 0;

    for (size_t first = 0, end; r >= 0 && first < claims->n; first = end) {
        for (end = first + 1;
             end < claims->n && is_same_place(&claims->items[first], &claims->items[end]);)
            end++;
        r = check_place(&claims->items[first], &claims->items[end]);
    }
    return r;
}

/* The first claim of that family whose port is at least this one. */
static Claim *first_from(const Claims *claims, ClaimFamily family, uint16_t port)
{
    size_t low = 0, high = claims->n;

    while (low < high) {
        size_t middle = (low + high) / 2;
        const Claim *claim = &claims->items[middle];
        if (claim->family < family || (claim->family == family && claim->port < port))
            low = middle + 1;
        else
            high = middle;
    }
    return claims->items + low;
}

/* What a container publishes in one family against all claims. */
static int check_published(Claims *claims, SpecEntry *entry, const char *key,
                           const Published *published, ClaimFamily family, bool *told)
{
    int r = 0;

    for (Claim *claim = first_from(claims, family, published->first);
         r >= 0 && claim < claims->items + claims->n && claim->family == family &&
         claim->port <= published->last;
         claim++) {
        if (!is_anywhere(claim) && !is_zero(published->address) &&
            memcmp(claim->address, published->address, sizeof(claim->address)) != 0)
            continue;
        r = tell(claim, entry, key, "publishes");
        if (r < 0 || *told)
            continue;
        *told = true;
        r = diag_add(&entry->diags, DIAG_ERROR, entry->file.path, key, DIAG_CODE_LISTEN_CLASH,
                     "publish another port, or leave it out: the proxy needs none",
                     "port %u is also what \"%s\" %s (%s)", (unsigned)claim->port,
                     claim->entry->unit, what_it_does(claim), claim->key);
    }
    return r;
}

static int check_ports(Claims *claims, SpecEntry *entry)
{
    size_t i = 0;
    int r = 0;

    if (entry->spec->type != SPEC_TYPE_CONTAINER)
        return 0;
    STRV_FOREACH (port, entry->spec->ports) {
        _cleanup_free_ char *key = text_printf("ports[%zu]", i++);
        Published published;
        bool told = false;

        if (!key)
            return -ENOMEM;
        if (publish_parse(*port, &published) <= 0 || published.protocol != PUBLISH_TCP)
            continue;
        if (published.ipv4)
            r = check_published(claims, entry, key, &published, CLAIM_IPV4, &told);
        if (r >= 0 && published.ipv6)
            r = check_published(claims, entry, key, &published, CLAIM_IPV6, &told);
        if (r < 0)
            return r;
    }
    return 0;
}

static bool counts(const SpecEntry *entry)
{
    return entry->fate == SPEC_FATE_GENERATED;
}

/* A network namespace of a user's manager belongs to the user namespace of its service, which
 * nobody else may join. */
static int check_way(SpecEntry *entry, SpecScope scope)
{
    if (scope != SPEC_SCOPE_USER || !spec_has_proxy(entry->spec) ||
        spec_target(entry->spec) != SPEC_TARGET_NAMESPACE)
        return 0;
    return diag_add(&entry->diags, DIAG_ERROR, entry->file.path, "network", DIAG_CODE_CONFLICT,
                    "give the unix socket on which it serves as \"proxysocket\"",
                    "\"none\" leaves the proxy of \"listen\" no way to a program of a user's "
                    "manager");
}

int set_check_listen(SpecSet *set, SpecScope scope)
{
    _cleanup_(claims_done) Claims claims = {0};
    int r = 0;

    for (size_t i = 0; r >= 0 && i < set->n; i++) {
        if (!counts(&set->items[i]) || !spec_is_listened_for(set->items[i].spec))
            continue;
        r = check_way(&set->items[i], scope);
        if (r >= 0)
            r = claim_all(&claims, &set->items[i]);
    }
    if (r < 0 || claims.n == 0)
        return r;
    qsort(claims.items, claims.n, sizeof(Claim), compare_claims);
    r = check_claims(&claims);
    for (size_t i = 0; r >= 0 && i < set->n; i++)
        if (counts(&set->items[i]))
            r = check_ports(&claims, &set->items[i]);
    for (size_t i = 0; i < set->n; i++)
        if (counts(&set->items[i]) && set->items[i].diags.errors > 0)
            set->items[i].fate = SPEC_FATE_BROKEN;
    return r;
}
