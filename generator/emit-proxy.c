/* SPDX-License-Identifier: MIT */
/*
 * The proxy of a service that knows nothing of systemd's sockets: systemd-socket-proxyd(8) takes
 * the connections and makes others, to the service, which is healthy by then.
 *
 * It faces the network, so it gets what a relay needs and no more: its sockets and its target. The
 * first connection waits for all of this to be set up, so what takes mounts and protects a process
 * without privileges from nothing is left out (ProtectKernelTunables=, ProtectControlGroups=,
 * ProtectProc=, and a root of its own): together they would double the time the proxy takes to
 * start.
 *
 * With a service that is stopped when idle it ends by itself when nobody is connected. With one
 * that is frozen it stays and is frozen, too: to be thawed takes a millisecond, to be started some
 * ten.
 */
#include "generator/emit.h"

#include "base/strv.h"
#include "spec/demand.h"
#include "spec/supervision.h"

#define PROXY_PROGRAM "/usr/lib/systemd/systemd-socket-proxyd"

/* How long connections have to end when the proxy, or its service, is stopped or restarted. */
#define DRAIN_TIME         "10s"
#define DRAIN_STOP_TIMEOUT "15s"

/* One user for all proxies: they have no files, and the machine has only 4,000 such users. */
#define PROXY_USER "phoenix-proxy"

/* Two sockets and two pipes for each connection, and some of its own. */
#define FILES_PER_CONNECTION 6
#define FILES_OWN            64

static const struct {
    const char *key, *value;
} sandbox_settings[] = {
    {"ProtectSystem", "strict"},
    {"NoNewPrivileges", "yes"},
    {"SystemCallFilter", "@system-service"},
    {"SystemCallFilter", "~@privileged @resources"},
    {"SystemCallFilter", "pidfd_getfd"},
    {"SystemCallErrorNumber", "EPERM"},
    /* Without it the filter is made for each ABI of the machine, which takes three times as long.
     */
    {"SystemCallArchitectures", "native"},
    {"MemoryDenyWriteExecute", "yes"},
    {"RestrictNamespaces", "yes"},
    {"RestrictRealtime", "yes"},
    {"RestrictSUIDSGID", "yes"},
    {"LockPersonality", "yes"},
    {"UMask", "0077"},
};

/* phoenix-drain runs the proxy, and lets its connections end before it does. One that stays is
 * there also when nobody is waiting. */
static void emit_command(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    _cleanup_free_ char *path = text_printf("%s/phoenix-drain", context->platform->libexec);
    _cleanup_free_ char *after = emit_span_word(spec->idle.after_usec);
    _cleanup_text_ Text command = {0};
    bool stays = emit_freezes_proxy(context, spec);

    if (path)
        escape_word(&command, path, ESCAPE_COMMAND);
    text_addf(&command, " --time " DRAIN_TIME "%s --service phoenix@%s.service%s -- " PROXY_PROGRAM,
              stays ? "" : " --if-needed", spec->name,
              spec_is_supervised(spec) ? " --supervised" : "");
    if (spec_has_idle(spec) && !stays)
        text_addf(&command, " --exit-idle-time=%s", after ? after : "");
    text_addf(&command, " --connections-max=%jd ", (intmax_t)spec->listen.items[0].maxconnections);
    if (!path || !after || emit_target(context, spec, &command) < 0 || command.error < 0) {
        unit_fail_memory(unit);
        return;
    }
    unit_add(unit, "Service", "ExecStart", command.data);
    unit_add(unit, "Service", "KillMode", "mixed");
    unit_add(unit, "Service", "TimeoutStopSec", DRAIN_STOP_TIMEOUT);
}

/* A socket's file belongs to whoever the service runs as, with a mode of its own choice: in the
 * system's manager only the right to pass over that gets in for sure. */
static void emit_system_user(bool to_file, UnitFile *unit)
{
    if (to_file) {
        unit_add(unit, "Service", "CapabilityBoundingSet", "CAP_DAC_OVERRIDE");
        return;
    }
    unit_add(unit, "Service", "DynamicUser", "yes");
    unit_add(unit, "Service", "User", PROXY_USER);
    unit_add(unit, "Service", "CapabilityBoundingSet", "");
}

static void emit_network(const EmitContext *context, const Spec *spec, bool to_file, UnitFile *unit)
{
    unit_add(unit, "Service", "RestrictAddressFamilies",
             to_file ? "AF_UNIX" : "AF_UNIX AF_INET AF_INET6");
    if (spec_target(spec) == SPEC_TARGET_NAMESPACE) {
        unit_addf(unit, "Unit", "JoinsNamespaceOf", "phoenix@%s.service", spec->name);
        unit_add(unit, "Service", "PrivateNetwork", "yes");
    }
    /* For connections that it makes; those of clients belong to the socket unit. What a container
     * publishes is redirected to an address of its own network, which is not known here. */
    if (context->scope == SPEC_SCOPE_SYSTEM && spec_target(spec) != SPEC_TARGET_PUBLISHED) {
        unit_add(unit, "Service", "IPAddressDeny", "any");
        if (!to_file)
            unit_add(unit, "Service", "IPAddressAllow", "localhost");
    }
}

/* The manager of a user has its socket for sd_notify(3) below /run/user, which counts as a home. So
 * may be the folder of the service's socket. */
static void emit_homes(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    if (context->scope == SPEC_SCOPE_SYSTEM) {
        unit_add(unit, "Service", "ProtectHome",
                 spec_target(spec) == SPEC_TARGET_SOCKET ? "read-only" : "yes");
        return;
    }
    unit_add(unit, "Service", "ProtectHome", "tmpfs");
    unit_add(unit, "Service", "BindReadOnlyPaths", "-%t/systemd/notify");
    if (spec_target(spec) == SPEC_TARGET_SOCKET)
        emit_target_folder(context, spec, unit);
}

static void emit_proxy_sandbox(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    bool to_file = spec_target(spec) == SPEC_TARGET_SOCKET;

    if (context->scope == SPEC_SCOPE_SYSTEM) {
        emit_system_user(to_file, unit);
        unit_add(unit, "Service", "PrivateDevices", "yes");
    } else {
        unit_add(unit, "Service", "PrivateUsers", "yes");
        unit_add(unit, "Service", "CapabilityBoundingSet", "");
    }
    emit_homes(context, spec, unit);
    emit_network(context, spec, to_file, unit);
    for (size_t i = 0; i < ELEMENTSOF(sandbox_settings); i++)
        unit_add(unit, "Service", sandbox_settings[i].key, sandbox_settings[i].value);
}

/* A proxy that comes and goes beside a frozen service gets a slice of its own: phoenix-idle sees by
 * its cgroup whether it runs. */
static void emit_place(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    if (emit_freezes_proxy(context, spec) || !emit_has_idle_watch(context, spec)) {
        emit_slice(context, spec, unit);
        return;
    }
    _cleanup_free_ char *slice = emit_proxy_slice(context, spec);
    if (slice)
        unit_add(unit, "Service", "Slice", slice);
    else
        unit_fail_memory(unit);
}

/* Its idle watch comes with it, also with one that is started while the service runs. After a crash
 * it comes back by itself: without it the service could not be frozen, nor be stopped in the end.
 */
static void emit_stay(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    if (!emit_freezes_proxy(context, spec))
        return;
    unit_addf(unit, "Unit", "Wants", "phoenix-idle@%s.service", spec->name);
    unit_add(unit, "Service", "Restart", "on-failure");
    unit_add(unit, "Service", "RestartSec", "1s");
    emit_frozen_group(unit);
}

void emit_proxy(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    intmax_t connections = (intmax_t)spec->listen.items[0].maxconnections;

    emit_identity(spec, "proxy", unit);
    unit_addf(unit, "Unit", "Requires", "phoenix@%s.socket", spec->name);
    /* Not Requires=: when what the service needs is broken, systemd would try at once again, and in
     * the end close the socket. So it is tried now and then as long as somebody is connected. But a
     * proxy that is in use is stopped before its service, also for a restart. */
    unit_addf(unit, "Unit", "Upholds", "phoenix@%s.service", spec->name);
    unit_addf(unit, "Unit", "PartOf", "phoenix@%s.service", spec->name);
    unit_addf(unit, "Unit", "After", "phoenix@%s.service phoenix@%s.socket", spec->name,
              spec->name);
    /* Its socket would take a limit that is hit for a reason to close. */
    unit_add(unit, "Unit", "StartLimitIntervalSec", "0");
    unit_add(unit, "Service", "Type", "notify");
    emit_command(context, spec, unit);
    emit_place(context, spec, unit);
    emit_stay(context, spec, unit);
    unit_addf(unit, "Service", "LimitNOFILE", "%jd",
              FILES_OWN + FILES_PER_CONNECTION * connections);
    emit_proxy_sandbox(context, spec, unit);
    emit_x_phoenix(context, spec, spec->name, "generated", unit);
}
