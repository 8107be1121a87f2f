/* SPDX-License-Identifier: MIT */

/* phoenix services: the table of what the specs of a manager define, and how it is. */

#include <errno.h>
#include <inttypes.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/print/json.h"
#include "cli/print/table.h"
#include "cli/print/when.h"
#include "cli/specs/services.h"

static bool is_shown(const Cli *cli, const ServiceRow *row)
{
    return (cli->options & CLI_ALL) || services_row_is_ordinary(row);
}

static Color state_color(const ServiceRow *row)
{
    if (row->entry && row->entry->fate == SPEC_FATE_BROKEN)
        return COLOR_RED;
    if (!row->state)
        return COLOR_NONE;
    if (streq(row->state->active_state, "active"))
        return COLOR_GREEN;
    if (streq(row->state->active_state, "failed"))
        return COLOR_RED;
    return streq(row->state->active_state, "inactive") ? COLOR_NONE : COLOR_YELLOW;
}

static const char *row_type(const ServiceRow *row)
{
    const Spec *spec = row->entry ? row->entry->spec : NULL;

    return spec && spec->type >= 0 ? spec_type_word(spec->type) : NULL;
}

static const char *row_scope(const ServiceRow *row)
{
    const Spec *spec = row->entry ? row->entry->spec : NULL;

    return spec && spec->scope >= 0 ? spec_scope_word(spec->scope) : NULL;
}

static void add_since(Table *table, const ServiceRow *row, uint64_t now_usec)
{
    _cleanup_text_ Text t = {0};

    if (row->state && row->state->changed_usec > 0)
        when_add_relative(&t, now_usec, row->state->changed_usec);
    table_add(table, COLOR_NONE, t.data);
}

static void add_restarts(Table *table, const ServiceRow *row)
{
    _cleanup_free_ char *restarts = NULL;

    if (row->state && row->state->changed_usec > 0)
        restarts = text_printf("%" PRIu32, row->state->restarts);
    table_add(table, row->state && row->state->restarts > 0 ? COLOR_YELLOW : COLOR_NONE, restarts);
}

static void add_health(Table *table, const Services *services, const ServiceRow *row)
{
    const char *health = services_row_health(row);

    if (services->has_healths)
        table_add(table, health ? services_row_color(row) : COLOR_NONE, health);
}

static int add_row(Table *table, const Services *services, const ServiceRow *row, uint64_t now_usec,
                   bool reason)
{
    _cleanup_free_ char *state =
        services_row_is_idle(row) ? strdup("idle") : services_row_state(services, row);

    if (!state)
        return -ENOMEM;
    table_add(table, COLOR_NONE, row->name);
    table_add(table, COLOR_NONE, row_type(row));
    table_add(table, COLOR_NONE, row_scope(row));
    table_add(table, state_color(row), state);
    add_health(table, services, row);
    add_since(table, row, now_usec);
    add_restarts(table, row);
    table_add(table, COLOR_NONE, row->boot.yes ? "yes" : "no");
    if (reason)
        table_add(table, COLOR_FAINT, row->reason);
    return 0;
}

/* What the table does not show but the user would want to know. */
static void add_footer(Text *t, const Cli *cli, const Services *services)
{
    size_t hidden = 0, outdated = 0;

    for (size_t i = 0; i < services->n; i++) {
        hidden += !is_shown(cli, &services->rows[i]);
        outdated += loaded_needs_reload(services->rows[i].loaded);
    }
    if (hidden > 0)
        text_addf(t, "\n%zu more that %s not generated here: phoenix services --all\n", hidden,
                  hidden == 1 ? "is" : "are");
    if (outdated > 0)
        text_addf(t,
                  "\n%zu spec%s changed since the service manager read %s: systemctl "
                  "%sdaemon-reload\n",
                  outdated, outdated == 1 ? " has" : "s have", outdated == 1 ? "it" : "them",
                  cli->scope == SPEC_SCOPE_USER ? "--user " : "");
}

/* The reason column is there when a row has one. */
static bool any_reason(const Cli *cli, const Services *services)
{
    for (size_t i = 0; i < services->n; i++)
        if (is_shown(cli, &services->rows[i]) && services->rows[i].reason)
            return true;
    return false;
}

static int print_table(const Cli *cli, const Services *services)
{
    static const TableColumn all[] = {
        {"NAME", false},    {"TYPE", false},   {"SCOPE", false},
        {"STATE", false},   {"HEALTH", false}, {"SINCE", false},
        {"RESTARTS", true}, {"BOOT", false},   {"REASON", false},
    };
    bool reason = any_reason(cli, services);
    TableColumn columns[ELEMENTSOF(all)];
    _cleanup_table_ Table table = {.columns = columns};
    _cleanup_text_ Text t = {0};
    uint64_t now_usec = when_now();
    int r;

    for (size_t i = 0; i < ELEMENTSOF(all) - !reason; i++)
        if (services->has_healths || !streq(all[i].title, "HEALTH"))
            columns[table.n_columns++] = all[i];
    for (size_t i = 0; i < services->n; i++)
        if (is_shown(cli, &services->rows[i])) {
            r = add_row(&table, services, &services->rows[i], now_usec, reason);
            if (r < 0)
                return r;
        }
    r = table_write(&table, &cli->screen, &t);
    if (r < 0)
        return r;
    add_footer(&t, cli, services);
    return cli_print(&t);
}

static void add_json_row(Text *t, const ServiceRow *row)
{
    _cleanup_free_ char *unit = text_printf("phoenix@%s.service", row->name);

    text_add_char(t, '{');
    json_add_string(t, "name", row->name);
    json_add_string(t, "unit", unit);
    json_add_string(t, "type", row_type(row));
    json_add_string(t, "scope", row_scope(row));
    json_add_string(t, "fate", row->entry ? spec_fate_word(row->entry->fate) : NULL);
    json_add_string(t, "reason", row->reason);
    json_add_string(t, "file", row->entry ? row->entry->file.path : NULL);
    json_add_string(t, "active", row->state ? row->state->active_state : NULL);
    json_add_string(t, "sub", row->state ? row->state->sub_state : NULL);
    json_add_string(t, "health", services_row_health(row));
    json_add_bool(t, "idle", services_row_is_idle(row));
    json_add_time(t, "since", row->state ? row->state->changed_usec : 0);
    json_add_number(t, "restarts", row->state ? row->state->restarts : 0);
    json_add_bool(t, "boot", row->boot.yes);
    json_add_string(t, "loaded", loaded_word(row->loaded));
    text_add_char(t, '}');
}

static int print_json(const Cli *cli, const Services *services)
{
    _cleanup_text_ Text t = {0};
    bool any = false;

    text_add_char(&t, '[');
    for (size_t i = 0; i < services->n; i++)
        if (is_shown(cli, &services->rows[i])) {
            text_add(&t, any ? ",\n  " : "\n  ");
            add_json_row(&t, &services->rows[i]);
            any = true;
        }
    text_add(&t, any ? "\n]\n" : "]\n");
    return cli_print(&t);
}

int verb_services(const Cli *cli, char *const *args)
{
    _cleanup_services_ Services services = {0};
    int r;

    r = services_load(cli, &services);
    if (r < 0)
        return r;
    if (!services.has_states)
        log_warning("states are not known: the service manager does not answer (%s)",
                    services.no_states);
    return cli->options & CLI_JSON ? print_json(cli, &services) : print_table(cli, &services);
}
