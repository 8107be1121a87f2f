/* SPDX-License-Identifier: MIT */

/* Their part about a service that is started by its connections: what starts and what ends it, who
 * waits while it cannot start, and how its socket is. */

#include <inttypes.h>

#include "base/timespan.h"
#include "base/unit-result.h"
#include "cli/facts/facts.h"
#include "cli/print/json.h"
#include "spec/demand.h"

static void add_span(Text *t, uint64_t usec)
{
    _cleanup_free_ char *span = timespan_format(usec);

    text_add(t, span ? span : "?");
}

static void add_addresses(Text *t, const Spec *spec)
{
    for (size_t i = 0; i < spec->listen.n; i++) {
        if (i > 0)
            text_add(t, i + 1 == spec->listen.n ? " and " : ", ");
        screen_add_clean(t, spec->listen.items[i].stream);
    }
}

static void say_start(Text *t, const Facts *facts)
{
    const Spec *spec = facts->entry->spec;

    text_add(t, " systemd listens on ");
    add_addresses(t, spec);
    text_addf(t, " (%s): the first connection starts it", facts->socket);
    if (spec_has_proxy(spec))
        text_addf(t,
                  " and is held until it is healthy; connections go through "
                  "phoenix-proxy@%s.service, at most %" PRId64 " at a time.",
                  facts->entry->unit, spec->listen.items[0].maxconnections);
    else
        text_add(t, ", which accepts it by itself (LISTEN_FDS).");
}

static void say_end(Text *t, const Spec *spec)
{
    const SpecIdle *idle = &spec->idle;

    if (!spec_has_idle(spec)) {
        text_add(t, " Once started it stays.");
        return;
    }
    text_add(t, " When nobody has been connected for ");
    add_span(t, idle->after_usec);
    if (idle->min_usec > 0) {
        text_add(t, ", and not before ");
        add_span(t, idle->min_usec);
        text_add(t, " after its start,");
    }
    if (idle->action == SPEC_IDLE_STOP) {
        text_add(t, " it is stopped.");
        return;
    }
    text_add(t, " it is frozen: its processes keep their memory and use no CPU until the next "
                "connection wakes them.");
    if (idle->stop_usec != USEC_INFINITY) {
        text_add(t, " Frozen for ");
        add_span(t, idle->stop_usec);
        text_add(t, " it is stopped.");
    }
}

static bool is_state(const UnitState *state, const char *active)
{
    return state->active_state && streq(state->active_state, active);
}

static void say_socket(Text *t, const Facts *facts)
{
    const UnitState *socket = &facts->socket_state;
    const char *user = facts->scope == SPEC_SCOPE_USER ? "--user " : "";

    if (!socket->active_state || is_state(socket, "active"))
        return;
    if (!is_state(socket, "failed")) {
        text_addf(t, " Nobody listens for it now: run \"systemctl %sstart %s\".", user,
                  facts->socket);
        return;
    }
    text_add(t, " Its socket is closed (");
    screen_add_clean(t, socket->result ? socket->result : "failed");
    text_addf(t,
              "): its service could not be started too often in a row, or an address is not to be "
              "had. It is opened again after a while; when the cause is gone, at once with "
              "\"systemctl %srestart %s\".",
              user, facts->socket);
}

/* A native service has its connections wait for ever: nobody but itself could take them. */
static void add_patience(Text *t, const Facts *facts)
{
    uint64_t limit_usec = facts->state.job_limit_usec;

    if (!spec_has_proxy(facts->entry->spec) || limit_usec == 0 || limit_usec == UINT64_MAX)
        return;
    text_add(t, ", and closed when it is not after ");
    add_span(t, limit_usec);
}

/* systemd's own state says that it does not run, phoenixd's last word says why. */
static void say_waiting(Text *t, const Facts *facts)
{
    const Health *health = &facts->health;
    uint64_t n = health->demand.waiting;
    const UnitState *state = &facts->state;

    if (n == 0 || is_state(&facts->state, "active"))
        return;
    text_addf(t, " %" PRIu64 " connection%s wait%s while it %s", n, n == 1 ? "" : "s",
              n == 1 ? "s" : "", is_state(&facts->state, "activating") ? "starts" : "cannot start");
    if (health->reason && *health->reason) {
        text_add(t, ": ");
        screen_add_clean(t, health->reason);
    } else if (state->result && !streq(state->result, "success")) {
        text_add(t, ": ");
        unit_result_add(t, state->result, state->exit_code, state->exit_status);
    }
    text_add(t, ". They are served as soon as it is up");
    add_patience(t, facts);
    text_add_char(t, '.');
}

static void say_now(Text *t, const Facts *facts)
{
    if (is_state(&facts->state, "inactive") && is_state(&facts->socket_state, "active"))
        text_add(t, " Nobody uses it now, so it does not run, and its socket listens.");
    else if (facts->health.state && streq(facts->health.state, "frozen"))
        text_add(t, " It is frozen now.");
}

void facts_add_demand_prose(Text *t, const Facts *facts)
{
    const Spec *spec = facts->entry->spec;

    if (facts->stub || !spec_is_listened_for(spec))
        return;
    say_start(t, facts);
    say_end(t, spec);
    say_socket(t, facts);
    say_waiting(t, facts);
    say_now(t, facts);
}

void facts_add_demand_json(Text *t, const Facts *facts)
{
    const Spec *spec = facts->entry->spec;

    if (!spec_is_listened_for(spec))
        return;
    json_add_name(t, "on_demand");
    text_add_char(t, '{');
    demand_add_spec_json(t, spec);
    json_add_string(t, "unit", facts->socket);
    json_add_string(t, "active", facts->socket_state.active_state);
    json_add_string(t, "result", facts->socket_state.result);
    if (facts->health.demand.known)
        demand_add_json(t, &facts->health.demand);
    text_add_char(t, '}');
}
