/* SPDX-License-Identifier: MIT */

/* One service for programs. Times are RFC 3339, spans end in _usec; null: not known or none. */

#include "cli/status/status-json.h"

#include <inttypes.h>

#include "cli/print/json.h"
#include "cli/status/status-demand.h"
#include "cli/status/status-row.h"

static void add_sample(Text *t, const Sample *sample)
{
    text_add_char(t, '{');
    json_add_time(t, "time", sample->when_usec);
    json_add_string(t, "outcome", sample->outcome);
    json_add_number(t, "latency_usec", sample->latency_usec);
    json_add_string(t, "reason", sample->reason);
    text_add_char(t, '}');
}

static void add_probe(Text *t, const Probe *probe)
{
    text_add_char(t, '{');
    json_add_string(t, "label", probe->label);
    json_add_string(t, "type", probe->type);
    json_add_bool(t, "readiness", probe->readiness);
    json_add_string(t, "verdict", probe->verdict);
    json_add_number(t, "failures", probe->failures);
    json_add_number(t, "retries", probe->retries);
    json_add_number(t, "interval_usec", probe->interval_usec);
    json_add_number(t, "timeout_usec", probe->timeout_usec);
    json_add_time(t, "next", probe->next_usec);
    json_add_number(t, "passed", probe->n_pass);
    json_add_number(t, "failed", probe->n_fail);
    json_add_number(t, "void", probe->n_void);
    json_add_number(t, "p50_usec", probe->p50_usec);
    json_add_number(t, "p99_usec", probe->p99_usec);
    json_add_name(t, "history");
    text_add_char(t, '[');
    for (size_t i = 0; i < probe->history.n; i++) {
        text_add(t, i > 0 ? ", " : "");
        add_sample(t, &probe->history.items[i]);
    }
    text_add(t, "]}");
}

static void add_probes(Text *t, const Probes *probes)
{
    json_add_name(t, "probes");
    text_add_char(t, '[');
    for (size_t i = 0; i < probes->n; i++) {
        text_add(t, i > 0 ? ", " : "");
        add_probe(t, &probes->items[i]);
    }
    text_add_char(t, ']');
}

static void add_last_check(Text *t, const Health *health)
{
    json_add_name(t, "last_check");
    if (!health_was_checked(health)) {
        text_add(t, "null");
        return;
    }
    text_add_char(t, '{');
    json_add_string(t, "label", health->last_probe);
    json_add_string(t, "outcome", health->last_outcome);
    json_add_number(t, "latency_usec", health->last_latency_usec);
    json_add_string(t, "reason", health->last_reason);
    text_add_char(t, '}');
}

static void add_health(Text *t, const Health *health)
{
    json_add_string(t, "ready", health->ready);
    json_add_bool(t, "supervised", health->supervised);
    json_add_bool(t, "lease", health->lease);
    json_add_bool(t, "maintenance", health->maintenance);
    json_add_time(t, "maintenance_until", health->maintenance_until_usec);
    json_add_time(t, "held_until", health->held_until_usec);
    json_add_number(t, "checks", health->checks);
    json_add_number(t, "failures", health->failures);
    json_add_number(t, "unhealthy", health->unhealthy);
    json_add_number(t, "beats", health->beats);
    json_add_name(t, "beats_per_minute");
    if (health->beats_per_minute >= 0)
        text_addf(t, "%.2f", health->beats_per_minute);
    else
        text_add(t, "null");
    json_add_number(t, "next_delay_usec", health->next_delay_usec);
    json_add_time(t, "last_healthy", health->last_healthy_usec);
    json_add_time(t, "last_failure", health->last_failure_usec);
    json_add_number(t, "watchdog_usec", health->watchdog_usec);
    add_last_check(t, health);
}

static const char *reason_of(const ServiceRow *row)
{
    return row->health && row->health->reason && *row->health->reason ? row->health->reason
                                                                      : row->reason;
}

void status_add_json(Text *t, const ServiceRow *row, const UnitState *unit)
{
    _cleanup_free_ char *unit_name = text_printf("phoenix@%s.service", row->name);

    text_add_char(t, '{');
    json_add_string(t, "name", row->name);
    json_add_string(t, "unit", unit_name);
    json_add_string(t, "file", row->entry ? row->entry->file.path : NULL);
    json_add_string(t, "health", services_row_health(row));
    json_add_string(t, "active", row->state ? row->state->active_state : NULL);
    json_add_string(t, "sub", row->state ? row->state->sub_state : NULL);
    json_add_time(t, "since", status_since(row));
    json_add_number(t, "restarts", status_restarts(row));
    json_add_string(t, "reason", reason_of(row));
    status_add_demand_json(t, row);
    if (unit) {
        json_add_string(t, "result", unit->result);
        json_add_string(t, "status", unit->status_text);
        json_add_number(t, "main_pid", unit->main_pid);
    }
    if (row->health)
        add_health(t, row->health);
    if (row->health && unit)
        add_probes(t, &row->health->probes);
    text_add_char(t, '}');
}
