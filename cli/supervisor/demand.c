/* SPDX-License-Identifier: MIT */

/* Starts on demand: read from the bus, summed up in half a line, and as JSON. */

#include "cli/supervisor/demand.h"

#include <inttypes.h>

#include "base/macros.h"
#include "cli/print/json.h"
#include "cli/print/when.h"
#include "cli/systemd/properties.h"
#include "spec/demand.h"

void demand_done(Demand *demand)
{
    free(demand->socket_state);
    free(demand->socket_result);
    *demand = (Demand){0};
}

int demand_read(sd_bus_message *m, void *field)
{
#define P(name, type, field) PROPERTY(name, type, Demand, field)
    static const Property properties[] = {
        P("SocketState", "s", socket_state),
        P("SocketResult", "s", socket_result),
        P("Waiting", "t", waiting),
        P("Starts", "t", starts),
        P("StartsToday", "t", starts_today),
        P("Held", "t", held),
        P("IdleStops", "t", idle_stops),
        P("Stops", "t", stops),
        P("Freezes", "t", freezes),
        P("Thaws", "t", thaws),
        P("FrozenTime", "t", frozen_usec),
        P("ColdStartP50", "t", cold_p50_usec),
        P("ColdStartP99", "t", cold_p99_usec),
    };
#undef P
    Demand *demand = field;

    demand->known = true;
    return properties_read(m, properties, ELEMENTSOF(properties), demand);
}

/* phoenixd's buckets end here: that long, or any time longer. */
#define COUNTED_MAX_USEC (60 * USEC_PER_SEC)

void demand_add_summary(Text *t, const Demand *demand)
{
    if (!demand->known)
        return;
    text_addf(t, ", %" PRIu64 " start%s today", demand->starts_today,
              demand->starts_today == 1 ? "" : "s");
    if (demand->cold_p50_usec == 0)
        return;
    text_add(t, ", cold start p50 ");
    demand_add_cold_start(t, demand->cold_p50_usec);
}

void demand_add_cold_start(Text *t, uint64_t usec)
{
    if (usec < 10 * USEC_PER_SEC) {
        text_addf(t, "%" PRIu64 " ms", usec / USEC_PER_MSEC);
        return;
    }
    if (usec >= COUNTED_MAX_USEC)
        text_add(t, "over ");
    when_add_span(t, usec);
}

void demand_add_spec_json(Text *t, const Spec *spec)
{
    json_add_name(t, "listen");
    text_add_char(t, '[');
    for (size_t i = 0; i < spec->listen.n; i++) {
        text_add(t, i > 0 ? ", " : "");
        text_add_json_string(t, spec->listen.items[i].stream, strlen(spec->listen.items[i].stream));
    }
    text_add_char(t, ']');
    json_add_string(t, "activation", spec_is_native(spec) ? "native" : "proxy");
    if (!spec_has_idle(spec))
        return;
    json_add_string(t, "idle_action", spec->idle.action == SPEC_IDLE_FREEZE ? "freeze" : "stop");
    json_add_number(t, "idle_after_usec", spec->idle.after_usec);
}

void demand_add_json(Text *t, const Demand *demand)
{
    json_add_string(t, "socket", demand->socket_state);
    json_add_string(t, "socket_result", demand->socket_result);
    json_add_number(t, "waiting", demand->waiting);
    json_add_number(t, "starts", demand->starts);
    json_add_number(t, "starts_today", demand->starts_today);
    json_add_number(t, "held", demand->held);
    json_add_number(t, "cold_start_p50_usec", demand->cold_p50_usec);
    json_add_number(t, "cold_start_p99_usec", demand->cold_p99_usec);
    json_add_number(t, "idle_stops", demand->idle_stops);
    json_add_number(t, "other_stops", demand->stops);
    json_add_number(t, "freezes", demand->freezes);
    json_add_number(t, "thaws", demand->thaws);
    json_add_number(t, "frozen_usec", demand->frozen_usec);
}
