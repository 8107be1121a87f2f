/* SPDX-License-Identifier: MIT */
/*
 * What follows from "listen": how a service comes by its connections, where its proxy finds it, and
 * whether it ever goes again. Specs given to these functions are resolved, but where said.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "spec/spec.h"

typedef enum ListenFamily {
    LISTEN_ANY, /* a port alone: IPv6, and with it IPv4 */
    LISTEN_IPV4,
    LISTEN_IPV6,
    LISTEN_UNIX, /* a path, or a name of the abstract namespace */
    _LISTEN_FAMILY_MAX,
} ListenFamily;

typedef struct ListenAddress {
    ListenFamily family;
    unsigned char address[16]; /* in network order; of IPv4 the first four */
    uint16_t port;             /* in host order; 0 of a unix socket */
} ListenAddress;

/* Reads "8080", "127.0.0.1:8080", "[::1]:8080", "/run/web.sock", "@name". Returns 0 or -EINVAL. */
int listen_address_parse(const char *stream, ListenAddress *ret);

/* Whether it stands for all addresses of its family. */
bool listen_address_is_wildcard(const ListenAddress *address);

/* Where phoenixd's checks of a listening address come from, so that phoenix-idle(8) can tell them
 * from use (--except=). A loopback address that nobody has a reason to use, and that is none of
 * those to which ports are published. */
#define SPEC_CHECK_SOURCE "127.32.0.1"

/* IPv6 has one loopback address, so there they come from these ports (--except-ports=): above those
 * that Linux hands out by itself, and enough that none is needed again soon. */
#define SPEC_CHECK_PORT_FIRST 64512
#define SPEC_CHECK_PORT_LAST  65535

/* Where the proxy connects to. */
typedef enum SpecTarget {
    SPEC_TARGET_HOST,      /* 127.0.0.1:proxyport: the service has the host's network */
    SPEC_TARGET_PUBLISHED, /* a loopback address that is its own, to which proxyport is published */
    SPEC_TARGET_NAMESPACE, /* 127.0.0.1:proxyport in the service's namespace, which it joins */
    SPEC_TARGET_SOCKET,    /* proxysocket */
    SPEC_TARGET_NONE,      /* there is no way */
    _SPEC_TARGET_MAX,
} SpecTarget;

SpecTarget spec_target(const Spec *spec);

/* These take unresolved specs as well. */
static inline bool spec_is_listened_for(const Spec *spec)
{
    return spec->listen.n > 0;
}

static inline bool spec_has_proxy(const Spec *spec)
{
    return spec_is_listened_for(spec) && spec->activation == SPEC_ACTIVATION_PROXY;
}

static inline bool spec_is_native(const Spec *spec)
{
    return spec_is_listened_for(spec) && spec->activation == SPEC_ACTIVATION_NATIVE;
}

static inline bool spec_has_idle(const Spec *spec)
{
    return spec_is_listened_for(spec) && spec->idle.after_usec != USEC_INFINITY;
}

/* Whether idleness, in the end, stops it. */
bool spec_stops_when_idle(const Spec *spec);

/* The first TCP address that is listened on; NULL when there are only unix sockets. */
const SpecListen *spec_first_tcp(const Spec *spec);

/* Whether a check goes to a socket that systemd listens on for the service itself: such a socket is
 * in the network of the manager, whatever that of the service is. */
bool spec_probe_is_outside(const Spec *spec, const SpecProbe *probe);

/*
 * Where the host has the proxysocket, in the manager of that scope. Returns 0 and the path when the
 * host can see it; NULL when a folder of its own is to be mounted; -EINVAL when it can be had in
 * neither way, with *ret_reason a constant; or -ENOMEM.
 */
int spec_proxysocket_on_host(const Spec *spec, SpecScope scope, char **ret,
                             const char **ret_reason);

/* The folder of the proxysocket, allocated (never the root); NULL without memory. */
char *spec_proxysocket_folder(const Spec *spec);
