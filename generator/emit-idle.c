/* SPDX-License-Identifier: MIT */
/*
 * What keeps a service up for a while that nobody is connected to, and lets it go then: a timer
 * where a proxy tells by its end that nobody is, and where the service is to be stopped; else
 * phoenix-idle(8), which looks for itself and can freeze it.
 */
#include "generator/emit.h"

#include <errno.h>

#include "base/strv.h"
#include "spec/demand.h"

static void emit_needs(const Spec *spec, UnitFile *unit)
{
    unit_addf(unit, "Unit", "Requires", "phoenix@%s.service", spec->name);
    unit_addf(unit, "Unit", "After", "phoenix@%s.service", spec->name);
}

/* The timer needs the service as long as it runs. What it starts in the end is there to end it: a
 * target that nothing needs, which is gone at once. */
void emit_up_timer(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    _cleanup_free_ char *span = emit_span_word(MAX(spec->idle.after_usec, spec->idle.min_usec));

    if (!span) {
        unit_fail_memory(unit);
        return;
    }
    emit_identity(spec, "time to stay up", unit);
    emit_needs(spec, unit);
    unit_add(unit, "Unit", "DefaultDependencies", "no");
    /* A service that is started often must not lose its time because of systemd's rate limit. */
    unit_add(unit, "Unit", "StartLimitIntervalSec", "0");
    unit_add(unit, "Timer", "OnActiveSec", span);
    unit_add(unit, "Timer", "AccuracySec", "100ms");
    unit_add(unit, "Timer", "RemainAfterElapse", "no");
    unit_add(unit, "Timer", "Unit", "phoenix-elapsed.target");
    emit_x_phoenix(context, spec, spec->name, "generated", unit);
}

static void add_word(Text *command, const char *option, const char *value)
{
    _cleanup_free_ char *word = text_printf("%s=%s", option, value);

    text_add_char(command, ' ');
    if (word)
        escape_word(command, word, ESCAPE_COMMAND);
    else
        command->error = -ENOMEM;
}

static void add_span(Text *command, const char *option, uint64_t usec)
{
    _cleanup_free_ char *span = emit_span_word(usec);

    if (span)
        add_word(command, option, span);
    else
        command->error = -ENOMEM;
}

static bool any_is_outside(const Spec *spec, const SpecProbes *probes)
{
    for (size_t i = 0; i < probes->n; i++)
        if (spec_probe_is_outside(spec, &probes->items[i]))
            return true;
    return false;
}

/* Whether the end of its proxy, which is in a slice of its own, says that nobody uses it. */
static bool has_proxy_slice(const EmitContext *context, const Spec *spec)
{
    return spec_has_proxy(spec) && !emit_freezes_proxy(context, spec);
}

/* What tells whether somebody uses it: the proxy's slice, or the addresses that are listened on. */
static void add_subject(const EmitContext *context, const Spec *spec, Text *command)
{
    _cleanup_free_ char *slice = NULL;

    if (has_proxy_slice(context, spec)) {
        slice = emit_proxy_slice(context, spec);
        if (!slice)
            command->error = -ENOMEM;
        else
            add_word(command, "--proxy", slice);
        return;
    }
    for (size_t i = 0; i < spec->listen.n; i++)
        add_word(command, "--listen", spec->listen.items[i].stream);
    if (spec_has_proxy(spec)) {
        text_add(command, " --with-proxy");
        return;
    }
    /* Checks of such an address are connections, too, but not use. */
    if (any_is_outside(spec, &spec->healthcheck) || any_is_outside(spec, &spec->readiness)) {
        add_word(command, "--except", SPEC_CHECK_SOURCE);
        text_addf(command, " --except-ports=%d-%d", SPEC_CHECK_PORT_FIRST, SPEC_CHECK_PORT_LAST);
    }
}

static void emit_command(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    _cleanup_free_ char *path = text_printf("%s/phoenix-idle", context->platform->libexec);
    _cleanup_text_ Text command = {0};
    const SpecIdle *idle = &spec->idle;
    bool freezes = emit_freezes(context, spec);

    if (path)
        escape_word(&command, path, ESCAPE_COMMAND);
    add_span(&command, "--after", idle->after_usec);
    if (idle->min_usec > 0)
        add_span(&command, "--min", idle->min_usec);
    add_word(&command, "--action", freezes ? "freeze" : "stop");
    if (freezes && idle->stop_usec != USEC_INFINITY)
        add_span(&command, "--stop", idle->stop_usec);
    if (freezes && idle->reclaim == 1)
        text_add(&command, " --reclaim");
    add_subject(context, spec, &command);
    text_addf(&command, " %s", spec->name);
    if (!path || command.error < 0)
        unit_fail_memory(unit);
    else
        unit_add(unit, "Service", "ExecStart", command.data);
}

/* Whether a socket's file is another user's: then setting its time takes a privilege. */
static bool any_file_is_given_away(const Spec *spec)
{
    for (size_t i = 0; i < spec->listen.n; i++)
        if (spec->listen.items[i].user)
            return true;
    return false;
}

/* It reads the network's sockets, takes those that are listened on from the service, and writes to
 * the cgroup of the payload. In a user's manager all of that belongs to its user. What needs mounts
 * is left out: it starts with the service, and the first connection waits for both. */
static void emit_watch_sandbox(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    static const struct {
        const char *key, *value;
    } settings[] = {
        {"NoNewPrivileges", "yes"},
        {"RestrictAddressFamilies", "AF_UNIX AF_NETLINK"},
        {"SystemCallFilter", "@system-service"},
        {"SystemCallFilter", "~@privileged @resources"},
        {"SystemCallFilter", "pidfd_getfd"},
        {"SystemCallErrorNumber", "EPERM"},
        {"SystemCallArchitectures", "native"},
        {"MemoryDenyWriteExecute", "yes"},
        {"RestrictNamespaces", "yes"},
        {"RestrictRealtime", "yes"},
        {"RestrictSUIDSGID", "yes"},
        {"LockPersonality", "yes"},
        {"UMask", "0077"},
    };

    if (context->scope == SPEC_SCOPE_SYSTEM)
        unit_addf(unit, "Service", "CapabilityBoundingSet", "CAP_DAC_OVERRIDE CAP_SYS_PTRACE%s%s",
                  emit_freezes_proxy(context, spec) ? " CAP_KILL" : "",
                  any_file_is_given_away(spec) ? " CAP_FOWNER" : "");
    for (size_t i = 0; i < ELEMENTSOF(settings); i++)
        unit_add(unit, "Service", settings[i].key, settings[i].value);
}

/* What is to be there before it. A proxy that is frozen has to be thawed before it is stopped, and
 * that is what the watch does at its own stop. */
static void emit_proxy_order(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    _cleanup_free_ char *slice = NULL;

    if (emit_freezes_proxy(context, spec)) {
        unit_addf(unit, "Unit", "PartOf", "phoenix-proxy@%s.service", spec->name);
        unit_addf(unit, "Unit", "After", "phoenix-proxy@%s.service", spec->name);
    }
    if (!has_proxy_slice(context, spec))
        return;
    slice = emit_proxy_slice(context, spec);
    if (!slice) {
        unit_fail_memory(unit);
        return;
    }
    unit_add(unit, "Unit", "Requires", slice);
    unit_add(unit, "Unit", "After", slice);
}

void emit_idle_watch(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    emit_identity(spec, "idle watch", unit);
    emit_needs(spec, unit);
    emit_proxy_order(context, spec, unit);
    unit_add(unit, "Unit", "StartLimitIntervalSec", "0");
    unit_add(unit, "Service", "Type", "notify");
    emit_command(context, spec, unit);
    emit_slice(context, spec, unit);
    /* Status 0 says that the service may go; anything else must not leave a frozen one behind. */
    unit_add(unit, "Service", "Restart", "on-failure");
    unit_add(unit, "Service", "RestartSec", "100ms");
    /* A child of it thaws a service that is being stopped. */
    unit_add(unit, "Service", "KillMode", "process");
    emit_watch_sandbox(context, spec, unit);
    emit_x_phoenix(context, spec, spec->name, "generated", unit);
}
