/* SPDX-License-Identifier: MIT */

/* The part of `phoenix status NAME` about a service that is started by its connections. What its
 * spec says and how its socket is needs no phoenixd; the counts do. */

#include "cli/status/status-demand.h"

#include <inttypes.h>

#include "cli/print/json.h"
#include "cli/print/when.h"
#include "cli/status/status-line.h"
#include "spec/demand.h"

static const Spec *spec_of(const ServiceRow *row)
{
    const Spec *spec = row->entry ? row->entry->spec : NULL;

    return spec && row->entry->fate == SPEC_FATE_GENERATED && spec_is_listened_for(spec) ? spec
                                                                                         : NULL;
}

void status_add_addresses(Text *t, const ServiceRow *row)
{
    const Spec *spec = spec_of(row);

    for (size_t i = 0; spec && i < spec->listen.n; i++) {
        text_add(t, i > 0 ? ", " : "");
        screen_add_clean(t, spec->listen.items[i].stream);
    }
}

void status_add_idle(Text *t, const ServiceRow *row)
{
    text_add(t, "idle (listening on ");
    status_add_addresses(t, row);
    text_add_char(t, ')');
    if (row->health)
        demand_add_summary(t, &row->health->demand);
}

static void add_end(Text *t, const Spec *spec)
{
    if (!spec_has_idle(spec)) {
        text_add(t, "; it stays once it was started");
        return;
    }
    text_add(t, spec->idle.action == SPEC_IDLE_FREEZE ? "; frozen after " : "; stopped after ");
    when_add_span(t, spec->idle.after_usec);
    text_add(t, " without use");
}

static void add_socket(Text *t, const Cli *cli, const ServiceRow *row)
{
    const Demand *demand = row->health ? &row->health->demand : NULL;

    if (services_row_is_listened_for(row)) {
        text_add(t, "listening on ");
        status_add_addresses(t, row);
        return;
    }
    text_add(t, "not listening");
    if (row->socket && streq(row->socket->active_state, "failed")) {
        text_add(t, ": the socket has failed");
        if (demand && demand->socket_result && *demand->socket_result) {
            text_add(t, " (");
            screen_add_clean(t, demand->socket_result);
            text_add_char(t, ')');
        }
    }
    text_addf(t, "; systemctl %sstart phoenix@", cli->scope == SPEC_SCOPE_USER ? "--user " : "");
    screen_add_clean(t, row->name);
    text_add(t, ".socket");
}

static void add_counts(Text *t, const Demand *demand, bool freezes)
{
    status_add_key(t, "Starts");
    text_addf(t, "%" PRIu64 " today, %" PRIu64 " in all, %" PRIu64 " connection%s held",
              demand->starts_today, demand->starts, demand->held, demand->held == 1 ? "" : "s");
    if (demand->cold_p50_usec > 0) {
        text_add(t, "; cold start p50 ");
        demand_add_cold_start(t, demand->cold_p50_usec);
        text_add(t, ", p99 ");
        demand_add_cold_start(t, demand->cold_p99_usec);
    }
    text_add_char(t, '\n');
    status_add_key(t, "Stops");
    text_addf(t, "%" PRIu64 " as nobody used it, %" PRIu64 " other%s\n", demand->idle_stops,
              demand->stops, demand->stops == 1 ? "" : "s");
    if (!freezes && demand->freezes == 0)
        return;
    status_add_key(t, "Freezes");
    text_addf(t, "%" PRIu64 ", woken %" PRIu64 " time%s, asleep for ", demand->freezes,
              demand->thaws, demand->thaws == 1 ? "" : "s");
    when_add_span(t, demand->frozen_usec);
    text_add(t, " in all\n");
}

void status_add_demand(Text *t, const Cli *cli, const ServiceRow *row)
{
    const Spec *spec = spec_of(row);
    const Demand *demand = row->health ? &row->health->demand : NULL;

    if (!spec)
        return;
    status_add_key(t, "On demand");
    add_socket(t, cli, row);
    add_end(t, spec);
    text_add_char(t, '\n');
    if (!demand || !demand->known)
        return;
    if (demand->waiting > 0) {
        status_add_key(t, "Waiting");
        text_addf(t, "%" PRIu64 " connection%s, until it is up; why it is not: phoenix explain ",
                  demand->waiting, demand->waiting == 1 ? "" : "s");
        screen_add_clean(t, row->name);
        text_add_char(t, '\n');
    }
    add_counts(t, demand, spec->idle.action == SPEC_IDLE_FREEZE);
}

void status_add_demand_json(Text *t, const ServiceRow *row)
{
    const Spec *spec = spec_of(row);
    const Demand *demand = row->health ? &row->health->demand : NULL;

    json_add_bool(t, "idle", services_row_is_idle(row));
    if (!spec)
        return;
    json_add_name(t, "on_demand");
    text_add(t, "{");
    demand_add_spec_json(t, spec);
    json_add_bool(t, "listening", services_row_is_listened_for(row));
    if (demand && demand->known)
        demand_add_json(t, demand);
    text_add_char(t, '}');
}
