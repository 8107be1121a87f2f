/* SPDX-License-Identifier: MIT */
/*
 * The facts behind demand.h. No finding is made here: what is wrong is said in resolve-demand.c and
 * set-listen.c.
 */
#include "spec/demand.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/strv.h"
#include "base/text.h"

static int parse_port(const char *s, uint16_t *ret)
{
    char *end;

    if (!*s || s[strspn(s, "0123456789")] || strlen(s) > 5)
        return -EINVAL;
    unsigned long port = strtoul(s, &end, 10);
    if (port == 0 || port > UINT16_MAX)
        return -EINVAL;
    *ret = (uint16_t)port;
    return 0;
}

/* IPv4 as IPv6 has it (::ffff:10.0.0.1) is IPv4 to everybody who binds it. */
static void unmap(ListenAddress *address)
{
    static const unsigned char prefix[12] = {[10] = 0xff, [11] = 0xff};

    if (memcmp(address->address, prefix, sizeof(prefix)) != 0)
        return;
    address->family = LISTEN_IPV4;
    memmove(address->address, address->address + sizeof(prefix), 4);
    memset(address->address + 4, 0, sizeof(prefix));
}

static int parse_ip(const char *s, size_t n, ListenAddress *address)
{
    char copy[INET6_ADDRSTRLEN + 2];

    if (n >= sizeof(copy))
        return -EINVAL;
    memcpy(copy, s, n);
    copy[n] = '\0';
    if (n > 2 && copy[0] == '[' && copy[n - 1] == ']') {
        copy[n - 1] = '\0';
        address->family = LISTEN_IPV6;
        if (inet_pton(AF_INET6, copy + 1, address->address) != 1)
            return -EINVAL;
        unmap(address);
        return 0;
    }
    address->family = LISTEN_IPV4;
    return inet_pton(AF_INET, copy, address->address) == 1 ? 0 : -EINVAL;
}

int listen_address_parse(const char *stream, ListenAddress *ret)
{
    ListenAddress address = {.family = LISTEN_ANY};
    const char *colon = strrchr(stream, ':');
    int r = 0;

    if (stream[0] == '/' || stream[0] == '@') {
        *ret = (ListenAddress){.family = LISTEN_UNIX};
        return 0;
    }
    if (colon)
        r = parse_ip(stream, (size_t)(colon - stream), &address);
    if (r >= 0)
        r = parse_port(colon ? colon + 1 : stream, &address.port);
    if (r >= 0)
        *ret = address;
    return r;
}

bool listen_address_is_wildcard(const ListenAddress *address)
{
    static const unsigned char zero[16];

    return address->family != LISTEN_UNIX && memcmp(address->address, zero, sizeof(zero)) == 0;
}

/* Networks that belong to somebody else; nothing can be published there. */
static bool joins_another(char *const *networks)
{
    STRV_FOREACH (network, networks) {
        size_t n = strlen(*network);
        if (strncmp(*network, "container:", 10) == 0 || strncmp(*network, "ns:", 3) == 0 ||
            (n > 10 && streq(*network + n - 10, ".container")))
            return true;
    }
    return false;
}

SpecTarget spec_target(const Spec *spec)
{
    bool none = strv_contains(spec->network, "none");

    if (spec->proxysocket)
        return SPEC_TARGET_SOCKET;
    if (spec->type != SPEC_TYPE_CONTAINER)
        return none ? SPEC_TARGET_NAMESPACE : SPEC_TARGET_HOST;
    if (none || joins_another(spec->network))
        return SPEC_TARGET_NONE;
    return strv_contains(spec->network, "host") ? SPEC_TARGET_HOST : SPEC_TARGET_PUBLISHED;
}

bool spec_stops_when_idle(const Spec *spec)
{
    return spec_has_idle(spec) &&
           (spec->idle.action == SPEC_IDLE_STOP || spec->idle.stop_usec != USEC_INFINITY);
}

const SpecListen *spec_first_tcp(const Spec *spec)
{
    for (size_t i = 0; i < spec->listen.n; i++)
        if (!strchr("/@", spec->listen.items[i].stream[0]))
            return &spec->listen.items[i];
    return NULL;
}

bool spec_probe_is_outside(const Spec *spec, const SpecProbe *probe)
{
    ListenAddress address;

    if (!spec_is_native(spec) || probe->port == SPEC_INT_UNSET)
        return false;
    for (size_t i = 0; i < spec->listen.n; i++)
        if (listen_address_parse(spec->listen.items[i].stream, &address) >= 0 &&
            address.port == probe->port)
            return true;
    return false;
}

/* How much of the path the folder covers; 0 when it does not. */
static size_t covers(const char *folder, size_t n, const char *path)
{
    while (n > 0 && folder[n - 1] == '/')
        n--;
    return strncmp(path, folder, n) == 0 && path[n] == '/' ? n + 1 : 0;
}

/* What lies on the way to the socket: the mount that is nearest to it. */
typedef struct Mount {
    size_t covered;
    const char *source; /* NULL: nothing that the host can see */
    size_t source_size;
} Mount;

static void look_at_volume(const char *volume, const char *path, Mount *mount)
{
    const char *colon = strchr(volume, ':');
    const char *destination = colon ? colon + 1 : volume;
    size_t covered = covers(destination, strcspn(destination, ":"), path);

    if (covered == 0 || covered < mount->covered)
        return;
    mount->covered = covered;
    mount->source = colon && volume[0] == '/' ? volume : NULL;
    mount->source_size = colon ? (size_t)(colon - volume) : 0;
}

/* How much of the path the tmpfs nearest to it covers. */
static size_t covered_by_tmpfs(const Spec *spec)
{
    size_t most = 0;

    STRV_FOREACH (tmpfs, spec->tmpfs) {
        size_t covered = covers(*tmpfs, strcspn(*tmpfs, ":"), spec->proxysocket);
        most = MAX(most, covered);
    }
    return most;
}

/* A program that has a /tmp of its own has it all to itself, and where systemd gives it to each
 * user that it makes for a run, nothing can be mounted there. */
static bool is_in_private_tmp(const Spec *spec)
{
    return spec->type == SPEC_TYPE_BINARY &&
           (spec->hardening.tmp == 1 || spec->hardening.dynamicuser == 1) &&
           (strncmp(spec->proxysocket, "/tmp/", 5) == 0 ||
            strncmp(spec->proxysocket, "/var/tmp/", 9) == 0);
}

int spec_proxysocket_on_host(const Spec *spec, SpecScope scope, char **ret, const char **ret_reason)
{
    const char *path = spec->proxysocket;
    size_t tmpfs = covered_by_tmpfs(spec);
    Mount volume = {0};
    char *place = NULL;

    STRV_FOREACH (item, spec->volumes)
        look_at_volume(*item, path, &volume);
    if (tmpfs > 0 && tmpfs == (size_t)(strrchr(path, '/') - path) + 1) {
        *ret_reason = "lies on a tmpfs, which only the service can see";
        return -EINVAL;
    }
    /* A tmpfs further up is no hindrance: our own folder is mounted into it. */
    if (volume.covered > tmpfs && !volume.source) {
        *ret_reason = "lies on a volume that is no folder of the host";
        return -EINVAL;
    }
    if (volume.covered <= tmpfs && is_in_private_tmp(spec)) {
        *ret_reason = "lies in the service's own /tmp, which only it can see";
        return -EINVAL;
    }
    /* In a user's manager a mount would keep its lease from starting (systemd 257): the lease is
     * outside of the sandbox, and cannot be outside of a mount. */
    if (volume.covered <= tmpfs && spec->type == SPEC_TYPE_BINARY && scope == SPEC_SCOPE_USER) {
        place = strdup(path);
        if (!place)
            return -ENOMEM;
    }
    if (volume.covered > tmpfs) {
        while (volume.source_size > 1 && volume.source[volume.source_size - 1] == '/')
            volume.source_size--;
        place =
            text_printf("%.*s/%s", (int)volume.source_size, volume.source, path + volume.covered);
        if (!place)
            return -ENOMEM;
    }
    *ret = place;
    return 0;
}

char *spec_proxysocket_folder(const Spec *spec)
{
    return strndup(spec->proxysocket,
                   (size_t)(strrchr(spec->proxysocket, '/') - spec->proxysocket));
}
