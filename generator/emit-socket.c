/* SPDX-License-Identifier: MIT */
/*
 * The sockets of a service that is started by its connections: systemd listens as long as the
 * socket unit is active, whether the service runs or not.
 *
 * A service that cannot start must not cost it its socket. Mostly it does not, as a start goes on
 * through restarts (emit_patience()). What fails for good, and again at the next try, makes systemd
 * close the socket (TriggerLimit*=), and so does an address that is not to be had; then a timer
 * opens it again. (PollLimit*= would only make it wait, but each try sets the count back, up to
 * systemd 257 at least.)
 */
#include "generator/emit.h"

#include "base/strv.h"
#include "spec/demand.h"

/* How long a socket stays closed. */
#define REOPEN_AFTER "10s"

/* A peer that has gone without a word would keep the service up for ever. */
#define KEEPALIVE_TIME     "2min"
#define KEEPALIVE_INTERVAL "15s"
#define KEEPALIVE_PROBES   "8"

static void emit_file(const EmitContext *context, const SpecListen *listen, UnitFile *unit)
{
    unit_add(unit, "Socket", "SocketMode", listen->mode);
    if (listen->user && context->scope == SPEC_SCOPE_SYSTEM)
        unit_add(unit, "Socket", "SocketUser", listen->user);
    if (listen->group)
        unit_add(unit, "Socket", "SocketGroup", listen->group);
    /* What is no longer listened on should not look as if it were. */
    unit_add(unit, "Socket", "RemoveOnStop", "yes");
}

static void emit_tcp(const Spec *spec, const SpecListen *listen, UnitFile *unit)
{
    if (!streq(listen->bindipv6only, "default"))
        unit_add(unit, "Socket", "BindIPv6Only", listen->bindipv6only);
    if (listen->freebind == 1)
        unit_add(unit, "Socket", "FreeBind", "yes");
    /* The proxy writes what it reads, when it reads it; to wait for more would only cost time. */
    if (spec_has_proxy(spec))
        unit_add(unit, "Socket", "NoDelay", "yes");
    if (!spec_has_idle(spec))
        return;
    unit_add(unit, "Socket", "KeepAlive", "yes");
    unit_add(unit, "Socket", "KeepAliveTimeSec", KEEPALIVE_TIME);
    unit_add(unit, "Socket", "KeepAliveIntervalSec", KEEPALIVE_INTERVAL);
    unit_add(unit, "Socket", "KeepAliveProbes", KEEPALIVE_PROBES);
}

static const SpecListen *first_file(const Spec *spec)
{
    for (size_t i = 0; i < spec->listen.n; i++)
        if (spec->listen.items[i].stream[0] == '/')
            return &spec->listen.items[i];
    return NULL;
}

void emit_socket(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    const SpecListen *file = first_file(spec), *tcp = spec_first_tcp(spec);

    emit_identity(spec, "socket", unit);
    unit_addf(unit, "Unit", "OnFailure", "phoenix-reopen@%s.timer", spec->name);
    for (size_t i = 0; i < spec->listen.n; i++)
        unit_add_plain(unit, "Socket", "ListenStream", spec->listen.items[i].stream);
    if (spec_has_proxy(spec))
        unit_addf(unit, "Socket", "Service", "phoenix-proxy@%s.service", spec->name);
    unit_addf(unit, "Socket", "Backlog", "%jd", (intmax_t)spec->listen.items[0].backlog);
    if (file)
        emit_file(context, file, unit);
    if (tcp)
        emit_tcp(spec, tcp, unit);
    emit_passthrough(spec, "Socket", NULL, unit);
    emit_x_phoenix(context, spec, spec->name, "generated", unit);
}

void emit_reopen(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    emit_identity(spec, "socket, opened again", unit);
    unit_add(unit, "Timer", "OnActiveSec", REOPEN_AFTER);
    unit_add(unit, "Timer", "AccuracySec", "1s");
    unit_add(unit, "Timer", "RemainAfterElapse", "no");
    unit_addf(unit, "Timer", "Unit", "phoenix@%s.socket", spec->name);
    emit_x_phoenix(context, spec, spec->name, "generated", unit);
}
