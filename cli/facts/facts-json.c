/* SPDX-License-Identifier: MIT */

/* Facts as one JSON object, with the same contents as the paragraph. What is not known is null or
 * left out. */

#include <inttypes.h>

#include "cli/facts/facts.h"
#include "cli/print/findings.h"
#include "cli/print/json.h"

#define SERIES_MAX 32U

static void add_spec(Text *t, const Spec *spec)
{
    json_add_string(t, "type", spec->type >= 0 ? spec_type_word(spec->type) : NULL);
    json_add_string(t, "scope", spec->scope >= 0 ? spec_scope_word(spec->scope) : NULL);
    json_add_string(t, "duration", spec->duration >= 0 ? spec_duration_word(spec->duration) : NULL);
    json_add_string(t, "image", spec->image);
    json_add_string(t, "machine", spec->machine);
    json_add_string(t, "schedule", spec->schedule);
    json_add_string(t, "restart",
                    spec->restart.policy >= 0 ? spec_restart_word(spec->restart.policy) : NULL);
}

/* All delays until they stay the same. */
static void add_delays(Text *t, const Delays *delays)
{
    unsigned n = MIN(delays->steps + 1, SERIES_MAX);

    json_add_name(t, "restart_delays_usec");
    text_add_char(t, '[');
    for (unsigned i = 1; i <= n; i++)
        text_addf(t, "%s%" PRIu64, i > 1 ? ", " : "", delays_nth(delays, i));
    text_add_char(t, ']');
}

static void add_state(Text *t, const UnitState *state)
{
    json_add_name(t, "state");
    text_add_char(t, '{');
    json_add_string(t, "load", state->load_state);
    json_add_string(t, "active", state->active_state);
    json_add_string(t, "sub", state->sub_state);
    json_add_time(t, "since", state->changed_usec);
    json_add_number(t, "restarts", state->restarts);
    json_add_string(t, "result", state->result);
    json_add_number(t, "main_pid", state->main_pid);
    json_add_string(t, "status", state->status_text);
    json_add_number(t, "watchdog_usec", state->watchdog_usec);
    json_add_bool(t, "need_daemon_reload", state->need_daemon_reload);
    text_add_char(t, '}');
}

static void add_findings(Text *t, const DiagList *diags)
{
    bool any = false;

    json_add_name(t, "findings");
    text_add_char(t, '[');
    findings_add_json(t, diags, &any);
    text_add_char(t, ']');
}

void facts_add_json(Text *t, const Facts *facts)
{
    const SpecEntry *entry = facts->entry;

    text_add_char(t, '{');
    json_add_string(t, "name", entry->unit);
    json_add_string(t, "unit", facts->unit);
    json_add_string(t, "file", entry->file.path);
    json_add_strv(t, "hides", entry->file.shadows);
    json_add_string(t, "fate", spec_fate_word(entry->fate));
    json_add_string(t, "stub", facts->stub);
    json_add_strv(t, "lacks", facts->lacks);
    if (entry->spec)
        add_spec(t, entry->spec);
    if (entry->spec && entry->fate == SPEC_FATE_POLICY)
        facts_add_policy_json(t, &entry->spec->policy);
    if (entry->spec && entry->fate == SPEC_FATE_COLLECTOR)
        facts_add_collector_json(t, &entry->spec->collector);
    if (entry->spec && entry->fate == SPEC_FATE_GENERATED)
        facts_add_checks_json(t, facts);
    if (entry->spec && entry->fate == SPEC_FATE_GENERATED)
        facts_add_demand_json(t, facts);
    if (facts->delays_known)
        add_delays(t, &facts->delays);
    json_add_bool(t, "boot", facts->boot.yes);
    json_add_string(t, "boot_why", facts->boot.why);
    json_add_string(t, "timer", facts->timer);
    json_add_time(t, "next", facts->timer_state.next_elapse_usec);
    json_add_string(t, "loaded", loaded_word(facts->loaded));
    if (facts->has_state)
        add_state(t, &facts->state);
    else
        json_add_string(t, "state", NULL);
    json_add_string(t, "state_unknown_because", facts->no_state);
    add_findings(t, &entry->diags);
    text_add(t, "}\n");
}
