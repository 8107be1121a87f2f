/* SPDX-License-Identifier: MIT */

/* Facts as one paragraph: a sentence or two per question a person has, in the order they ask. Each
 * function is one question and adds nothing when there is nothing to say. */

#include <inttypes.h>

#include "base/strv.h"
#include "base/timespan.h"
#include "base/unit-result.h"
#include "cli/facts/facts.h"
#include "cli/print/findings.h"
#include "cli/print/when.h"
#include "spec/supervision.h"

static void add_span(Text *t, uint64_t usec)
{
    _cleanup_free_ char *span = timespan_format(usec);

    text_add(t, span ? span : "?");
}

static void say_where(Text *t, const Facts *facts)
{
    const SpecFile *file = &facts->entry->file;
    bool first = true;

    screen_add_clean(t, facts->entry->unit);
    text_add(t, " is defined by ");
    screen_add_clean(t, file->path);
    STRV_FOREACH (shadow, file->shadows) {
        text_add(t, first ? ", which hides " : " and ");
        screen_add_clean(t, *shadow);
        first = false;
    }
    text_add(t, ".");
}

static void add_counts(Text *t, const DiagList *diags)
{
    size_t warnings = findings_count(diags, DIAG_WARNING);

    if (diags->errors > 0)
        text_addf(t, "%zu error%s", diags->errors, diags->errors == 1 ? "" : "s");
    if (diags->errors > 0 && warnings > 0)
        text_add(t, " and ");
    if (warnings > 0)
        text_addf(t, "%zu warning%s", warnings, warnings == 1 ? "" : "s");
}

/* Also an entry whose neighbour is at fault is broken; its findings say so. */
static void say_broken(Text *t, const Facts *facts)
{
    text_add(t, " It has ");
    add_counts(t, &facts->entry->diags);
    text_addf(t, " (below), so %s is only a stub: starting it fails with the same message.",
              facts->unit);
}

static void say_good(Text *t, const Facts *facts)
{
    if (facts->stub) {
        text_addf(t, " The spec is good, but %s is only a stub here: ", facts->unit);
        screen_add_clean(t, facts->stub);
        text_add(t, ".");
    } else if (findings_count(&facts->entry->diags, DIAG_WARNING) > 0) {
        text_add(t, " It is used, with ");
        add_counts(t, &facts->entry->diags);
        text_add(t, " (below).");
    }
    STRV_FOREACH (lack, facts->lacks) {
        text_add(t, " On this machine: ");
        screen_add_clean(t, *lack);
        text_add_char(t, '.');
    }
}

/* A spec that is not for this manager may be unreadable, or broken: then there is none to quote. */
static void say_elsewhere(Text *t, const Facts *facts)
{
    const Spec *spec = facts->entry->spec;

    text_add(t, " It is for the machine ");
    screen_add_clean(t, spec ? spec->machine : "it names");
    text_add(t, ", which is not this one, so nothing is generated.");
}

static void say_other_scope(Text *t, const Facts *facts)
{
    const char *other = facts->scope == SPEC_SCOPE_USER ? "system" : "user";

    text_addf(t, " It is for the %s manager, so this one generates nothing; see \"phoenix --%s\".",
              other, other);
}

static void say_fate(Text *t, const Facts *facts)
{
    switch (facts->entry->fate) {
    case SPEC_FATE_GENERATED:
        say_good(t, facts);
        break;
    case SPEC_FATE_POLICY:
        facts_add_policy_prose(t, &facts->entry->spec->policy);
        break;
    case SPEC_FATE_COLLECTOR:
        facts_add_collector_prose(t, &facts->entry->spec->collector);
        break;
    case SPEC_FATE_BROKEN:
        say_broken(t, facts);
        break;
    case SPEC_FATE_MASKED:
        text_add(t, " That file is empty or a link to /dev/null and masks the name, so nothing is "
                    "generated.");
        break;
    case SPEC_FATE_ELSEWHERE:
        say_elsewhere(t, facts);
        break;
    case SPEC_FATE_OTHER_SCOPE:
        say_other_scope(t, facts);
        break;
    case _SPEC_FATE_MAX:
        break;
    }
}

static void say_what(Text *t, const Facts *facts)
{
    static const char *const kinds[_SPEC_TYPE_MAX] = {
        [SPEC_TYPE_CONTAINER] = "a container of",
        [SPEC_TYPE_BINARY] = "the program",
        [SPEC_TYPE_VM] = "a virtual machine of",
    };
    const Spec *spec = facts->entry->spec;

    if (facts->stub)
        return;
    text_addf(t, " %s runs %s ", facts->unit, kinds[spec->type]);
    screen_add_clean(t, spec->image);
    text_add(t, spec->duration == SPEC_DURATION_ONESHOT ? " until it ends by itself." : ".");
}

static void say_watchdog(Text *t, const Facts *facts)
{
    uint64_t usec = facts->entry->spec->watchdog_usec;

    if (usec == USEC_INFINITY)
        return;
    text_add(t, " It must send a heartbeat (WATCHDOG=1) every ");
    add_span(t, usec);
    text_add(t, ", or it is killed and counts as failed.");
}

/* phoenixd does this, so only where there is one for sure. */
static void say_reset(Text *t, const Spec *spec)
{
    const SpecRestart *restart = &spec->restart;

    if (restart->max_usec <= restart->delay_usec ||
        (restart->burst == 0 && !spec_is_supervised(spec)))
        return;
    text_add(t, " After ");
    add_span(t, restart->reset_usec);
    text_add(t, " of health the delays begin anew.");
}

static void say_held(Text *t, const SpecRestart *restart)
{
    if (restart->burst == 0)
        return;
    text_addf(t, " After %" PRId64 " restart%s within ", restart->burst,
              restart->burst == 1 ? "" : "s");
    add_span(t, restart->reset_usec);
    text_add(t, " it is held, and tried again every ");
    add_span(t, spec_held_retry_usec(restart));
    text_add(t, ".");
}

static void say_restart(Text *t, const Facts *facts)
{
    static const char *const cases[_SPEC_RESTART_MAX] = {
        [SPEC_RESTART_ALWAYS] = "However it ends",
        [SPEC_RESTART_ON_FAILURE] = "When it fails",
        [SPEC_RESTART_ON_ABNORMAL] = "When a signal, a timeout or the watchdog ends it",
        [SPEC_RESTART_ON_ABORT] = "When a signal ends it",
        [SPEC_RESTART_ON_WATCHDOG] = "When the watchdog ends it",
        [SPEC_RESTART_ON_SUCCESS] = "When it ends without an error",
    };
    const SpecRestart *restart = &facts->entry->spec->restart;

    if (facts->stub)
        return;
    if (restart->policy == SPEC_RESTART_NO) {
        text_add(t, " It is not restarted.");
        return;
    }
    text_addf(t, " %s, it is started again", cases[restart->policy]);
    if (facts->delays_known) {
        text_add(t, " after ");
        delays_add(t, &facts->delays);
    }
    text_add(t, ".");
    say_reset(t, facts->entry->spec);
    say_held(t, restart);
}

static void add_names(Text *t, char *const *names)
{
    size_t n = strv_length(names), i = 0;

    STRV_FOREACH (name, names) {
        if (i > 0)
            text_add(t, i + 1 == n ? " and " : ", ");
        screen_add_clean(t, *name);
        i++;
    }
}

/* Units that are active only when their services are healthy, so that is what is waited for. */
static void say_order(Text *t, const Facts *facts)
{
    const Spec *spec = facts->entry->spec;

    if (spec->needs && *spec->needs) {
        text_add(t, " It needs ");
        add_names(t, spec->needs);
        text_add(t,
                 ": a start of it starts them, too, waits until they are healthy, and fails when "
                 "they cannot be started; when one of them is stopped, so is it.");
    }
    if (spec->after && *spec->after) {
        text_add(t, " It starts after ");
        add_names(t, spec->after);
        text_add(t, ", if they start at the same time.");
    }
}

static void say_boot(Text *t, const Facts *facts)
{
    const char *what = facts->timer ? "Its timer" : "It";

    text_addf(t, " %s %s", what, facts->boot.yes ? "starts" : "does not start");
    text_add(t, facts->scope == SPEC_SCOPE_USER ? " with the user's manager" : " at boot");
    if (facts->boot.why)
        text_addf(t, ": %s", facts->boot.why);
    text_add(t, ".");
    if (facts->boot.yes && facts->scope == SPEC_SCOPE_USER)
        text_add(t, boot_user_lingers()
                        ? " That one starts at boot, as lingering is on."
                        : " That one starts at the first login; for a start at boot, run "
                          "\"loginctl enable-linger\".");
}

static void say_next(Text *t, const Facts *facts)
{
    uint64_t next = facts->timer_state.next_elapse_usec;

    if (!facts->timer)
        return;
    text_add(t, " Its schedule is \"");
    screen_add_clean(t, facts->entry->spec->schedule);
    text_add(t, "\"");
    if (next > 0 && next != USEC_INFINITY) {
        text_add(t, "; the next start is ");
        when_add_relative(t, facts->now_usec, next);
        text_add(t, ", ");
        when_add_local(t, next);
    } else if (facts->has_state) {
        text_addf(t, "; the timer is not running, start it with \"systemctl %sstart %s\"",
                  facts->scope == SPEC_SCOPE_USER ? "--user " : "", facts->timer);
    }
    text_add(t, ".");
}

static void add_since(Text *t, const Facts *facts)
{
    if (facts->state.changed_usec == 0)
        return;
    text_add(t, " since ");
    when_add_local(t, facts->state.changed_usec);
    text_add(t, " (");
    when_add_relative(t, facts->now_usec, facts->state.changed_usec);
    text_add(t, ")");
}

static void add_state(Text *t, const Facts *facts)
{
    const UnitState *state = &facts->state;

    text_add(t, " Now it is ");
    screen_add_clean(t, state->active_state ? state->active_state : "in an unknown state");
    if (state->active_state && state->sub_state && !streq(state->active_state, state->sub_state)) {
        text_add(t, " (");
        screen_add_clean(t, state->sub_state);
        text_add(t, ")");
    }
    add_since(t, facts);
    if (state->main_pid > 0)
        text_addf(t, ", main process %" PRIu32, state->main_pid);
    if (state->restarts > 0)
        text_addf(t, ", after %" PRIu32 " restart%s", state->restarts,
                  state->restarts == 1 ? "" : "s");
    if (state->result && !streq(state->result, "success")) {
        text_add(t, "; ");
        unit_result_add(t, state->result, state->exit_code, state->exit_status);
    }
    text_add(t, ".");
}

static void say_state(Text *t, const Facts *facts)
{
    const UnitState *state = &facts->state;

    if (!facts->has_state) {
        text_addf(t, " Its state is not known: the service manager does not answer (%s).",
                  facts->no_state);
        return;
    }
    if (state->load_state && !streq(state->load_state, "loaded")) {
        text_add(t, " systemd has no usable unit for it: ");
        screen_add_clean(t, state->load_state);
        text_add(t, ".");
        return;
    }
    add_state(t, facts);
    /* A stub says what the findings say. */
    if (facts->entry->fate == SPEC_FATE_BROKEN || !state->status_text || !*state->status_text)
        return;
    text_add(t, " It says: \"");
    screen_add_clean(t, state->status_text);
    text_add(t, "\".");
}

static void say_loaded(Text *t, const Facts *facts)
{
    static const char *const words[_LOADED_MAX] = {
        [LOADED_OTHER] = "The spec has changed since the service manager read it",
        [LOADED_MISSING] = "The service manager has not read the spec yet",
        [LOADED_STALE] = "The service manager still has the unit of an earlier version",
    };
    const char *word = words[facts->loaded];

    if (!word && facts->has_state && facts->state.need_daemon_reload)
        word = "The unit has changed since the service manager read it";
    if (word)
        text_addf(t, " %s: run \"systemctl %sdaemon-reload\".", word,
                  facts->scope == SPEC_SCOPE_USER ? "--user " : "");
    else if (facts->loaded == LOADED_CURRENT)
        text_add(t, " The service manager has this version of the spec.");
}

void facts_add_prose(Text *t, const Facts *facts)
{
    bool good = facts->entry->fate == SPEC_FATE_GENERATED;

    say_where(t, facts);
    say_fate(t, facts);
    if (good) {
        say_what(t, facts);
        say_watchdog(t, facts);
        facts_add_demand_prose(t, facts);
        facts_add_checks_prose(t, facts);
        say_order(t, facts);
        say_restart(t, facts);
        say_boot(t, facts);
        say_next(t, facts);
    }
    if (good || (facts->has_state && facts->state.active_state &&
                 !streq(facts->state.active_state, "inactive")))
        say_state(t, facts);
    say_loaded(t, facts);
}
