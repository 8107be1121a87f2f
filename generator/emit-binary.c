/* SPDX-License-Identifier: MIT */
/*
 * A program of the host as a service.
 */
#include "generator/emit.h"

#include "base/strv.h"
#include "spec/demand.h"
#include "spec/supervision.h"

/* Exit status of systemd when it cannot execute the program (systemd.exec(5), EXIT_EXEC). */
#define EXIT_EXEC "203"

static void emit_type(const Spec *spec, UnitFile *unit)
{
    if (spec->duration == SPEC_DURATION_ONESHOT) {
        unit_add(unit, "Service", "Type", "oneshot");
        return;
    }
    unit_add(unit, "Service", "Type", spec->watchdog_usec == USEC_INFINITY ? "exec" : "notify");
    /* The beats may come from a child, as behind a shell script, or from the lease. */
    if (spec_watchdog_usec(spec) != USEC_INFINITY)
        unit_add(unit, "Service", "NotifyAccess", "all");
    emit_supervision_times(spec, 0, unit);
}

static void emit_command(const Spec *spec, UnitFile *unit)
{
    char *const program[] = {spec->image, NULL};

    unit_add_command(unit, "Service", "ExecStart", NULL, program, spec->args, "image");
    if (spec->restart.policy != SPEC_RESTART_NO && !spec_is_listened_for(spec))
        /* A program that is not there does not come back by trying; but while somebody waits for an
         * answer, trying slowly is better than at once again. */
        unit_add(unit, "Service", "RestartPreventExitStatus", EXIT_EXEC);
}

static void emit_environment(const Spec *spec, UnitFile *unit)
{
    STRV_FOREACH (variable, spec->env) {
        char *const word[] = {*variable, NULL};
        unit_add_words(unit, "Service", "Environment", word, ESCAPE_SPECIFIERS);
    }
    STRV_FOREACH (file, spec->envfile)
        unit_add_plain(unit, "Service", "EnvironmentFile", *file);
    if (spec->workdir)
        unit_add_plain(unit, "Service", "WorkingDirectory", spec->workdir);
}

/* USER or USER:GROUP. A user's manager can only run things as its own user. */
static void emit_user(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    if (!spec->user || context->scope != SPEC_SCOPE_SYSTEM)
        return;
    const char *colon = strchr(spec->user, ':');
    unit_addf(unit, "Service", "User", "%.*s",
              (int)(colon ? colon - spec->user : (ptrdiff_t)strlen(spec->user)), spec->user);
    if (colon)
        unit_add(unit, "Service", "Group", colon + 1);
}

static void emit_ending(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    emit_stop_timeout(context, spec, unit);
    /* After a watchdog timeout the program gets SIGABRT and this long for its core or stack dump.
     */
    unit_add(unit, "Service", "TimeoutAbortSec", "3s");
    if (spec->duration == SPEC_DURATION_DAEMON)
        /* A service out of memory can rarely end in good order: kill all of it, and start anew. */
        unit_add(unit, "Service", "OOMPolicy", "kill");
}

void emit_binary(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    emit_unit_section(context, spec, unit);
    emit_type(spec, unit);
    emit_command(spec, unit);
    emit_demand_service(context, spec, 0, unit);
    emit_hooks(context, spec, unit);
    emit_environment(spec, unit);
    emit_user(context, spec, unit);
    emit_restart(context, spec, unit);
    emit_ending(context, spec, unit);
    emit_limits(spec, unit);
    if (spec->limits.files != SPEC_INT_UNSET)
        unit_addf(unit, "Service", "LimitNOFILE", "%jd", (intmax_t)spec->limits.files);
    unit_addf(unit, "Service", "StateDirectory", "phoenix/%s", spec->name);
    emit_sandbox(context, spec, unit);
    emit_passthrough(spec, NULL, NULL, unit);
    emit_lease_access(context, spec, unit);
    emit_x_phoenix(context, spec, spec->name, "generated", unit);
}
