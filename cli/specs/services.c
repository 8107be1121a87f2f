/* SPDX-License-Identifier: MIT */

/* Brings specs and units together. The manager is asked for all units at once, and for times and
 * restarts only of those that are or were up. */

#include "cli/specs/services.h"

#include <errno.h>

#include "cli/specs/specs.h"
#include "cli/supervisor/supervisor.h"

#define PATTERN       "phoenix@*.service"
#define SOCKETS       "phoenix@*.socket"
#define PREFIX_LENGTH (sizeof("phoenix@") - 1)
#define SUFFIX_LENGTH (sizeof(".service") - 1)

void services_done(Services *services)
{
    for (size_t i = 0; i < services->n; i++)
        free(services->rows[i].reason);
    free(services->rows);
    free(services->no_states);
    free(services->no_healths);
    healths_done(&services->healths);
    supervision_done(&services->supervision);
    unit_states_done(&services->states);
    unit_states_done(&services->sockets);
    spec_set_free(services->set);
    *services = (Services){0};
}

static bool is_inactive(const UnitState *state)
{
    return streq(state->active_state, "inactive");
}

/* A unit that never ran has nothing to tell, so it is not asked. */
static int load_states(const Cli *cli, Services *services)
{
    _cleanup_manager_ Manager *manager = NULL;
    UnitStates *states = &services->states;
    int r;

    r = manager_open(cli->scope, &manager);
    if (r >= 0)
        r = manager_list(manager, PATTERN, states);
    if (r >= 0)
        r = manager_list(manager, SOCKETS, &services->sockets);
    for (size_t i = 0; r >= 0 && i < states->n; i++)
        if (streq(states->items[i].load_state, "loaded") && !is_inactive(&states->items[i]))
            r = manager_add_details(manager, &states->items[i]);
    return r;
}

/* Two calls, however many services there are. */
static int ask_phoenixd(Supervisor *supervisor, Services *services)
{
    _cleanup_healths_ Healths healths = {0};
    int r;

    r = supervisor_list(supervisor, &healths);
    if (r >= 0)
        r = supervisor_state(supervisor, &services->supervision);
    if (r < 0)
        return r;
    services->healths = healths;
    healths = (Healths){0};
    return 0;
}

/* A phoenixd that does not answer is no failure, so only -ENOMEM is one. */
static int load_healths(const Cli *cli, Services *services)
{
    _cleanup_supervisor_ Supervisor *supervisor = NULL;
    int r;

    r = supervisor_open(cli->scope, &supervisor);
    if (r >= 0)
        r = ask_phoenixd(supervisor, services);
    services->has_healths = r >= 0;
    if (services->has_healths)
        return 0;
    services->no_healths = strdup(supervisor ? supervisor_why(supervisor) : strerror(-r));
    return services->no_healths ? 0 : -ENOMEM;
}

char *services_entry_reason(const SpecEntry *entry)
{
    switch (entry->fate) {
    case SPEC_FATE_BROKEN:
        for (size_t i = 0; i < entry->diags.n; i++)
            if (entry->diags.items[i].severity == DIAG_ERROR) {
                const Diag *diag = &entry->diags.items[i];

                return text_printf("%s%s%s", diag->key, *diag->key ? ": " : "", diag->message);
            }
        return strdup("its spec has errors");
    case SPEC_FATE_POLICY:
        return text_printf("a policy, not a service; see \"phoenix reap --dry-run %s\"",
                           entry->unit);
    case SPEC_FATE_COLLECTOR:
        return text_printf("a collector, not a service: %s", entry->spec->collector.url);
    case SPEC_FATE_MASKED:
        return text_printf("masked by %s", entry->file.path);
    case SPEC_FATE_ELSEWHERE:
        return entry->spec ? text_printf("for machine %s", entry->spec->machine)
                           : strdup("for another machine");
    case SPEC_FATE_OTHER_SCOPE:
        return entry->spec ? text_printf("for the %s manager", spec_scope_word(entry->spec->scope))
                           : strdup("for another manager");
    case SPEC_FATE_GENERATED:
    case _SPEC_FATE_MAX:
        break;
    }
    return NULL;
}

static int row_of_entry(const Cli *cli, const Services *services, const SpecEntry *entry,
                        ServiceRow *ret)
{
    _cleanup_free_ char *unit = text_printf("phoenix@%s.service", entry->unit);
    _cleanup_free_ char *socket = text_printf("phoenix@%s.socket", entry->unit);
    ServiceRow row = {
        .name = entry->unit,
        .entry = entry,
        .boot = boot_of_entry(cli->scope, entry),
        .loaded = loaded_of_entry(cli->scope, entry),
        .reason = services_entry_reason(entry),
    };

    if (!unit || !socket || (entry->fate != SPEC_FATE_GENERATED && !row.reason)) {
        free(row.reason);
        return -ENOMEM;
    }
    row.state = unit_states_find(&services->states, unit);
    row.socket = unit_states_find(&services->sockets, socket);
    row.health = healths_find(&services->healths, entry->unit);
    *ret = row;
    return 0;
}

/* The instance part of a unit's name, in a new string. */
static char *instance_of(const UnitState *state)
{
    size_t n = strlen(state->id);

    if (n <= PREFIX_LENGTH + SUFFIX_LENGTH)
        return NULL;
    return strndup(state->id + PREFIX_LENGTH, n - PREFIX_LENGTH - SUFFIX_LENGTH);
}

/* Units that belong to no spec: still running after the spec went, or started by a wrong name. */
static int add_orphans(const Cli *cli, Services *services, size_t n_entries)
{
    for (size_t i = 0; i < services->states.n; i++) {
        UnitState *state = &services->states.items[i];
        _cleanup_free_ char *name = instance_of(state);
        bool known = false;

        for (size_t k = 0; name && k < n_entries; k++)
            known = known || services->rows[k].state == state;
        if (known || !name)
            continue;

        free(state->id);
        state->id = TAKE_PTR(name);
        services->rows[services->n] = (ServiceRow){
            .name = state->id,
            .state = state,
            .health = healths_find(&services->healths, state->id),
            .loaded = loaded_of_orphan(cli->scope, state->id),
            .reason = strdup("there is no spec of that name"),
        };
        if (!services->rows[services->n++].reason)
            return -ENOMEM;
    }
    return 0;
}

static int compare_rows(const void *a, const void *b)
{
    const ServiceRow *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static int make_rows(const Cli *cli, Services *services)
{
    size_t n = services->set->n;
    int r;

    services->rows = calloc(n + services->states.n + 1, sizeof(*services->rows));
    if (!services->rows)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        r = row_of_entry(cli, services, &services->set->items[i], &services->rows[i]);
        if (r < 0)
            return r;
        services->n++;
    }
    r = add_orphans(cli, services, n);
    if (r < 0)
        return r;
    qsort(services->rows, services->n, sizeof(*services->rows), compare_rows);
    return 0;
}

int services_load(const Cli *cli, Services *ret)
{
    _cleanup_services_ Services services = {0};
    int r;

    r = specs_load(cli, &services.set);
    if (r < 0)
        return r;

    r = load_states(cli, &services);
    services.has_states = r >= 0;
    if (r < 0) {
        unit_states_done(&services.states);
        unit_states_done(&services.sockets);
        services.no_states = strdup(strerror(-r));
        if (!services.no_states)
            return -ENOMEM;
    }
    r = load_healths(cli, &services);
    if (r < 0)
        return r;
    r = make_rows(cli, &services);
    if (r < 0)
        return r;

    *ret = services;
    services = (Services){0};
    return 0;
}

bool services_row_is_ordinary(const ServiceRow *row)
{
    if (row->entry &&
        (row->entry->fate == SPEC_FATE_GENERATED || row->entry->fate == SPEC_FATE_BROKEN))
        return true;
    return row->state && !is_inactive(row->state) && !streq(row->state->active_state, "failed");
}

char *services_row_state(const Services *services, const ServiceRow *row)
{
    bool broken = row->entry && row->entry->fate == SPEC_FATE_BROKEN;

    if (broken && (!row->state || is_inactive(row->state)))
        return strdup("broken");
    if (row->entry && row->entry->fate != SPEC_FATE_GENERATED && !row->state)
        return strdup(spec_fate_word(row->entry->fate));
    if (!services->has_states)
        return strdup("unknown");
    if (!row->state)
        return strdup(row->loaded == LOADED_MISSING ? "not loaded" : "inactive");
    if (is_inactive(row->state) || streq(row->state->active_state, "failed"))
        return strdup(row->state->active_state);
    return text_printf("%s (%s)", row->state->active_state, row->state->sub_state);
}

const ServiceRow *services_find(const Services *services, const char *name)
{
    for (size_t i = 0; i < services->n; i++)
        if (streq(services->rows[i].name, name))
            return &services->rows[i];
    return NULL;
}

bool services_row_is_listened_for(const ServiceRow *row)
{
    return row->entry && row->entry->fate == SPEC_FATE_GENERATED && row->socket &&
           streq(row->socket->active_state, "active");
}

bool services_row_is_idle(const ServiceRow *row)
{
    return services_row_is_listened_for(row) && (!row->state || is_inactive(row->state));
}

const char *services_row_health(const ServiceRow *row)
{
    const Health *health = row->health;

    /* Without checks, only that it is held or sleeps is more than systemd knows. */
    return health && (health->supervised || streq(health->state, "held") ||
                      streq(health->state, "frozen"))
               ? health->state
               : NULL;
}

char *services_row_word(const Services *services, const ServiceRow *row)
{
    const char *health = services_row_health(row);
    const UnitState *state = row->state;

    if (services_row_is_idle(row))
        return strdup("idle");
    /* Whether it was stopped or has failed is systemd's to say. */
    if (health && !streq(health, "stopped"))
        return strdup(health);
    if (state && streq(state->active_state, "active") && streq(state->sub_state, "running"))
        return strdup(state->active_state);
    return services_row_state(services, row);
}

static Color health_color(const char *state)
{
    if (streq(state, "healthy"))
        return COLOR_GREEN;
    if (streq(state, "unhealthy") || streq(state, "held"))
        return COLOR_RED;
    return streq(state, "stopped") || streq(state, "frozen") ? COLOR_NONE : COLOR_YELLOW;
}

Color services_row_color(const ServiceRow *row)
{
    const char *health = services_row_health(row);

    if (row->entry && row->entry->fate == SPEC_FATE_BROKEN)
        return COLOR_RED;
    if (!row->state)
        return COLOR_NONE;
    if (streq(row->state->active_state, "failed"))
        return COLOR_RED;
    if (health)
        return health_color(health);
    if (streq(row->state->active_state, "active"))
        return COLOR_GREEN;
    return is_inactive(row->state) ? COLOR_NONE : COLOR_YELLOW;
}
