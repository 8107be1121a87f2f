/* SPDX-License-Identifier: MIT */

/* phoenix status: how services are, in the eyes of phoenixd. Where it cannot be asked, in those of
 * systemd, and that is said. */

#include <errno.h>
#include <inttypes.h>

#include "base/log.h"
#include "cli.h"
#include "json.h"
#include "services.h"
#include "specs.h"
#include "status-detail.h"
#include "table.h"
#include "when.h"

static void say_unreachable(const Services *services)
{
    _cleanup_text_ Text clean = {0};

    if (!services->has_states)
        log_warning("states are not known: the service manager does not answer (%s)",
                    services->no_states);
    if (services->has_healths)
        return;
    screen_add_clean(&clean, services->no_healths);
    log_warning("phoenixd is not reachable (%s): states are those of systemd, without health",
                clean.error < 0 ? "no memory" : clean.data);
}

/* Never an empty colour: a dot is read before the word is. */
static int add_state(Table *table, const Services *services, const ServiceRow *row)
{
    const char *health = services_row_health(row);
    _cleanup_free_ char *state = health ? strdup(health) : services_row_state(services, row);
    _cleanup_free_ char *dotted = state ? text_printf("%s %s", STATUS_DOT, state) : NULL;

    if (!dotted)
        return -ENOMEM;
    table_add(table, services_row_color(row), dotted);
    return 0;
}

static void add_since(Table *table, const ServiceRow *row, uint64_t now_usec)
{
    _cleanup_text_ Text t = {0};
    uint64_t since_usec = status_since(row);

    if (since_usec > 0)
        when_add_relative(&t, now_usec, since_usec);
    table_add(table, COLOR_NONE, t.data);
}

static void add_restarts(Table *table, const ServiceRow *row)
{
    _cleanup_free_ char *s = NULL;
    uint64_t restarts = status_restarts(row);

    if (row->health || row->state)
        s = text_printf("%" PRIu64, restarts);
    table_add(table, restarts > 0 ? COLOR_YELLOW : COLOR_NONE, s);
}

static void add_last_check(Table *table, const ServiceRow *row)
{
    const Probe *probe = NULL;
    const Sample *sample = row->health ? health_last_sample(row->health, &probe) : NULL;
    _cleanup_text_ Text t = {0};

    if (sample) {
        text_addf(&t, "%s %s ", probe->label ? probe->label : "", sample->outcome);
        when_add_span(&t, sample->latency_usec);
    }
    table_add(table, sample && streq(sample->outcome, "fail") ? COLOR_RED : COLOR_NONE, t.data);
}

static int add_row(Table *table, const Services *services, const ServiceRow *row, uint64_t now_usec)
{
    int r;

    table_add(table, COLOR_NONE, row->name);
    r = add_state(table, services, row);
    if (r < 0)
        return r;
    add_since(table, row, now_usec);
    table_add(table, COLOR_NONE, row->health ? row->health->ready : NULL);
    add_restarts(table, row);
    add_last_check(table, row);
    table_add(table, COLOR_FAINT, row->health ? row->health->reason : row->reason);
    return 0;
}

static int print_table(const Cli *cli, const Services *services)
{
    static const TableColumn columns[] = {
        {"NAME", false},    {"STATE", false},      {"SINCE", false},  {"READY", false},
        {"RESTARTS", true}, {"LAST CHECK", false}, {"REASON", false},
    };
    _cleanup_table_ Table table = {.columns = columns, .n_columns = ELEMENTSOF(columns)};
    _cleanup_text_ Text t = {0};
    uint64_t now_usec = when_now();
    int r;

    for (size_t i = 0; i < services->n; i++)
        if (services_row_is_ordinary(&services->rows[i])) {
            r = add_row(&table, services, &services->rows[i], now_usec);
            if (r < 0)
                return r;
        }
    r = table_write(&table, &cli->screen, &t);
    return r < 0 ? r : cli_print(&t);
}

static int print_json(const Services *services)
{
    _cleanup_text_ Text t = {0};
    bool any = false;

    text_add_char(&t, '[');
    for (size_t i = 0; i < services->n; i++)
        if (services_row_is_ordinary(&services->rows[i])) {
            text_add(&t, any ? ",\n  " : "\n  ");
            status_add_json(&t, &services->rows[i], NULL);
            any = true;
        }
    text_add(&t, any ? "\n]\n" : "]\n");
    return cli_print(&t);
}

/* What the list leaves out: everything else the manager knows of the one unit. */
static void load_unit(const Cli *cli, const ServiceRow *row, UnitState *ret)
{
    _cleanup_manager_ Manager *manager = NULL;
    _cleanup_free_ char *unit = text_printf("phoenix@%s.service", row->name);

    if (unit && manager_open(cli->scope, &manager) >= 0)
        (void)manager_describe(manager, unit, ret);
}

static int print_one(const Cli *cli, const Services *services, const ServiceRow *row)
{
    _cleanup_unit_state_ UnitState unit = {0};
    _cleanup_text_ Text t = {0};
    int r;

    load_unit(cli, row, &unit);
    if (cli->options & CLI_JSON) {
        status_add_json(&t, row, &unit);
        text_add_char(&t, '\n');
    } else {
        r = status_add_detail(&t, cli, services, row, &unit);
        if (r < 0)
            return r;
    }
    r = cli_print(&t);
    if (r != CLI_EXIT_OK)
        return r;
    return status_is_good(row) ? CLI_EXIT_OK : CLI_EXIT_NO;
}

/* Specs are found by their file's name too, units without a spec by their own. */
static const ServiceRow *find_row(const Cli *cli, const Services *services, const char *arg)
{
    _cleanup_free_ char *name = specs_name_of_arg(arg);
    const ServiceRow *row = name ? services_find(services, name) : NULL;
    const SpecEntry *entry;

    if (row)
        return row;
    entry = specs_find(cli, services->set, arg);
    return entry ? services_find(services, entry->unit) : NULL;
}

int verb_status(const Cli *cli, char *const *args)
{
    _cleanup_services_ Services services = {0};
    const ServiceRow *row;
    int r;

    r = services_load(cli, SERVICES_HEALTH_PROBES, &services);
    if (r < 0)
        return r;
    if (!args[0]) {
        say_unreachable(&services);
        return cli->options & CLI_JSON ? print_json(&services) : print_table(cli, &services);
    }
    row = find_row(cli, &services, args[0]);
    if (!row)
        return CLI_EXIT_MISSING;
    say_unreachable(&services);
    return print_one(cli, &services, row);
}
