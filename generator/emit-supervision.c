/* SPDX-License-Identifier: MIT */
/*
 * What ties a service to its supervisor: the lease that stays in its cgroup and speaks for it, the
 * gate before it, and the times that systemd must wait for both. All of it is here, so that the
 * other end of each line is found in one place: phoenix-lease(8), phoenixd(8).
 *
 * The lease runs in the service's own sandbox. It needs no privilege, a unix socket, and to be
 * heard by systemd (NotifyAccess=all). But in a user's manager, where each process of a sandboxed
 * unit is in a user namespace of its own, it could not look at the service from there: it is
 * started outside, with no more rights than the user has, and joins the service when a check asks
 * for it.
 */
#include "generator/emit.h"

#include <stdio.h>

#include "base/strv.h"
#include "base/timespan.h"
#include "spec/demand.h"
#include "spec/supervision.h"

#define LEASE_SOCKET "%t/phoenix/lease.sock"

/* systemd's own DefaultTimeoutStartSec=, and time for what is not waiting for health. */
#define START_TIMEOUT_LEAST_USEC (90 * USEC_PER_SEC)
#define START_SLACK_USEC         (30 * USEC_PER_SEC)

/* The lease beats more often than that anyway. */
#define LEASE_WATCHDOG_MAX_USEC USEC_PER_DAY

/* What a hung container still gets when the lease, which ends the payload itself, is gone, too. */
#define CONTAINER_ABORT_TIMEOUT "2s"

void emit_add_span(UnitFile *unit, const char *key, uint64_t usec)
{
    _cleanup_free_ char *span = timespan_format(usec);

    if (span)
        unit_add(unit, "Service", key, span);
    else
        unit_fail_memory(unit);
}

/* Not for what connections start: a boot starts only its socket, and somebody waits for each of the
 * milliseconds that one more process takes. What delays its restarts is systemd. */
static bool has_gate(const Spec *spec)
{
    return spec->type == SPEC_TYPE_CONTAINER && spec->duration == SPEC_DURATION_DAEMON &&
           !spec_is_listened_for(spec);
}

/* Without a lease nothing would start phoenixd for these: the retry of what is held, and the news
 * of a failure. */
static bool needs_phoenixd(const Spec *spec)
{
    return spec->restart.burst > 0 || spec->onfailure.url || spec->onfailure.exec;
}

void emit_supervision_order(const Spec *spec, UnitFile *unit)
{
    if (spec_is_supervised(spec) || has_gate(spec)) {
        unit_add(unit, "Unit", "Wants", "phoenixd.socket");
        unit_add(unit, "Unit", "After", "phoenixd.socket");
    }
    if (needs_phoenixd(spec))
        unit_add(unit, "Unit", "Wants", "phoenixd.service");
}

/* phoenix-lease OPTION --socket=... NAME. The path has a specifier, so it is no user's text that
 * unit_add_command() would escape; a name is always a plain word. */
static void add_lease(const EmitContext *context, const Spec *spec, const char *key,
                      const char *prefix, const char *option, UnitFile *unit)
{
    _cleanup_free_ char *path = text_printf("%s/phoenix-lease", context->platform->libexec);
    _cleanup_text_ Text program = {0};

    if (!path || escape_word(&program, path, ESCAPE_COMMAND) < 0)
        unit_fail_memory(unit);
    else
        unit_addf(unit, "Service", key, "%s%s %s--socket=%s %s", prefix, program.data, option,
                  LEASE_SOCKET, spec->name);
}

/* So that a boot's containers do not all fight for Podman's lock at once. A gate that fails must
 * not keep the service from starting. */
void emit_gate(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    if (has_gate(spec))
        add_lease(context, spec, "ExecStartPre", "-", "--gate ", unit);
}

/* How often the lease has to beat: as the unit will say in the end, with the user's own settings.
 * 0: not at all, since the application does, or there is no watchdog. */
static uint64_t lease_watchdog_usec(const Spec *spec)
{
    const char *own = emit_last_setting(spec, "WatchdogSec");
    uint64_t usec = spec_watchdog_usec(spec);

    if (spec->watchdog_usec != USEC_INFINITY)
        return 0;
    if (own && timespan_parse(own, &usec) < 0) /* systemd will ignore it, too */
        usec = spec_watchdog_usec(spec);
    return usec == USEC_INFINITY ? 0 : MIN(usec, LEASE_WATCHDOG_MAX_USEC);
}

/* Outside of the sandbox, but not of a mount that puts one thing in the place of another: a user's
 * manager (systemd 257) has no way to leave those out for one command. */
static bool is_outside(const EmitContext *context, const Spec *spec)
{
    return context->scope == SPEC_SCOPE_USER && spec->type == SPEC_TYPE_BINARY &&
           !emit_has_mounts(spec);
}

/* The unit stays "activating" until this has ended, so what is ordered after it, or runs after it,
 * finds a healthy service. */
void emit_lease(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    char option[sizeof("--watchdog=us ") + 20] = "";

    if (!spec_is_supervised(spec))
        return;
    /* systemd tells $WATCHDOG_USEC to the main process only. */
    uint64_t watchdog_usec = lease_watchdog_usec(spec);
    if (watchdog_usec > 0 && watchdog_usec % USEC_PER_SEC == 0)
        snprintf(option, sizeof(option), "--watchdog=%jus ",
                 (uintmax_t)(watchdog_usec / USEC_PER_SEC));
    else if (watchdog_usec > 0)
        snprintf(option, sizeof(option), "--watchdog=%juus ", (uintmax_t)watchdog_usec);
    add_lease(context, spec, "ExecStartPost", is_outside(context, spec) ? "+" : "", option, unit);
}

/* Each command of a start has this much time for itself, so it need not be the sum. */
uint64_t emit_start_timeout_usec(const Spec *spec, uint64_t start_usec)
{
    start_usec = MAX(start_usec, START_TIMEOUT_LEAST_USEC);
    return spec_is_supervised(spec)
               ? MAX(start_usec, spec_health_wait_usec(spec) + START_SLACK_USEC)
               : start_usec;
}

void emit_supervision_times(const Spec *spec, uint64_t start_usec, UnitFile *unit)
{
    uint64_t watchdog_usec = spec_watchdog_usec(spec);

    if (watchdog_usec != USEC_INFINITY)
        emit_add_span(unit, "WatchdogSec", watchdog_usec);
    if (spec_is_supervised(spec))
        start_usec = emit_start_timeout_usec(spec, start_usec);
    if (start_usec > 0)
        emit_add_span(unit, "TimeoutStartSec", start_usec);
    if (spec_is_supervised(spec) && spec->type == SPEC_TYPE_CONTAINER &&
        spec->watchdog_usec == USEC_INFINITY) {
        unit_comment(unit, "Service",
                     "The lease ends the payload; a signal that killed its monitor first would "
                     "cost its last words.");
        unit_add(unit, "Service", "WatchdogSignal", "SIGCONT");
        unit_add(unit, "Service", "TimeoutAbortSec", CONTAINER_ABORT_TIMEOUT);
    }
}

void emit_lease_access(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    if (!spec_is_supervised(spec) || is_outside(context, spec))
        return;
    if (emit_covers_run(spec))
        unit_add(unit, "Service", "BindReadOnlyPaths", "-%t/phoenix -%t/systemd/notify");
    /* A user's own list of address families would shut the lease out. An empty value ends all
     * restrictions, so there is nothing to add then. */
    const char *families = emit_last_setting(spec, "RestrictAddressFamilies");
    if (families && *families)
        unit_add(unit, "Service", "RestrictAddressFamilies", "AF_UNIX");
}
