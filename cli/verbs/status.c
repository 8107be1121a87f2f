/* SPDX-License-Identifier: MIT */

/* phoenix status: how services are, in the eyes of phoenixd. Where it cannot be asked, in those of
 * systemd, and that is said. */

#include <errno.h>
#include <inttypes.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/print/json.h"
#include "cli/print/table.h"
#include "cli/print/when.h"
#include "cli/specs/services.h"
#include "cli/specs/specs.h"
#include "cli/status/status-demand.h"
#include "cli/status/status-detail.h"
#include "cli/status/status-json.h"
#include "cli/status/status-row.h"
#include "cli/supervisor/supervisor.h"

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

/* For people it stands above what it is about; for programs it may not be in the way of the JSON.
 */
static void add_supervision(const Cli *cli, const Services *services, Text *t)
{
    bool json = cli->options & CLI_JSON;
    _cleanup_text_ Text aside = {0};

    supervision_add(json ? &aside : t, json ? &(Screen){0} : &cli->screen, &services->supervision);
    if (aside.size > 0 && aside.error >= 0)
        (void)fwrite(aside.data, 1, aside.size, stderr);
}

/* Never an empty colour: a dot is read before the word is. */
static int add_state(Table *table, const Services *services, const ServiceRow *row)
{
    _cleanup_free_ char *state = services_row_word(services, row);
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
    bool shown =
        row->health && health_was_checked(row->health) && !streq(row->health->state, "stopped");
    const Health *health = shown ? row->health : NULL;
    _cleanup_text_ Text t = {0};

    if (health) {
        text_addf(&t, "%s ", health->last_outcome);
        when_add_span(&t, health->last_latency_usec);
    }
    table_add(table, health && streq(health->last_outcome, "fail") ? COLOR_RED : COLOR_NONE,
              t.data);
}

static void add_ready(Table *table, const ServiceRow *row)
{
    const char *ready = status_ready(row);

    table_add(table, ready && streq(ready, "no") ? COLOR_YELLOW : COLOR_NONE, ready);
}

/* A check that fails explains the column beside it; one that does well has nothing to tell. */
static const char *reason_of(const ServiceRow *row)
{
    const Health *health = row->health;

    if (!health)
        return row->reason;
    if (health_was_checked(health) && streq(health->last_outcome, "fail") && status_is_up(row))
        return health->last_reason;
    return health->reason;
}

/* Why it does not run is no riddle; where it is to be reached is of use. */
static void add_listening(Table *table, const ServiceRow *row)
{
    _cleanup_text_ Text t = {0};

    text_add(&t, "listening on ");
    status_add_addresses(&t, row);
    table_add(table, COLOR_FAINT, t.data);
}

static int add_row(Table *table, const Services *services, const ServiceRow *row, uint64_t now_usec)
{
    int r;

    table_add(table, COLOR_NONE, row->name);
    r = add_state(table, services, row);
    if (r < 0)
        return r;
    add_since(table, row, now_usec);
    add_ready(table, row);
    add_restarts(table, row);
    add_last_check(table, row);
    if (services_row_is_idle(row))
        add_listening(table, row);
    else
        table_add(table, COLOR_FAINT, reason_of(row));
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
    add_supervision(cli, services, &t);
    r = table_write(&table, &cli->screen, &t);
    return r < 0 ? r : cli_print(&t);
}

static int print_json(const Cli *cli, const Services *services)
{
    _cleanup_text_ Text t = {0};
    bool any = false;

    add_supervision(cli, services, &t);
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

/* And its checks, which phoenixd is asked for one service at a time. One that has gone in between
 * keeps what the list said of it. */
static void load_probes(const Cli *cli, ServiceRow *row, Health *ret)
{
    _cleanup_supervisor_ Supervisor *supervisor = NULL;

    if (row->health && supervisor_open(cli->scope, &supervisor) >= 0 &&
        supervisor_get(supervisor, row->name, ret) >= 0)
        row->health = ret;
}

static int add_collector(const Cli *cli, const Services *services, const ServiceRow *row, Text *t)
{
    const Posting *posting = postings_find(&services->supervision.postings, row->name);

    if (cli->options & CLI_JSON)
        posting_add_json(t, row->name, posting);
    else
        posting_add_detail(t, &cli->screen, row->name, posting);
    return posting && !posting->away ? CLI_EXIT_OK : CLI_EXIT_NO;
}

/* Returns CLI_EXIT_OK, CLI_EXIT_NO when it is not well, or a negative errno. */
static int add_one(const Cli *cli, const Services *services, const ServiceRow *found, Text *t)
{
    _cleanup_unit_state_ UnitState unit = {0};
    _cleanup_health_ Health health = {0};
    ServiceRow row = *found;
    int r;

    if (row.entry && row.entry->fate == SPEC_FATE_COLLECTOR)
        return add_collector(cli, services, &row, t);
    load_unit(cli, &row, &unit);
    load_probes(cli, &row, &health);
    if (cli->options & CLI_JSON) {
        status_add_json(t, &row, &unit);
    } else {
        r = status_add_detail(t, cli, services, &row, &unit);
        if (r < 0)
            return r;
    }
    return status_is_good(&row) ? CLI_EXIT_OK : CLI_EXIT_NO;
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

/* One object for one name, as a program that asks for one expects; an array for more. */
static int print_named(const Cli *cli, const Services *services, char *const *args)
{
    bool json = cli->options & CLI_JSON, many = args[1];
    _cleanup_text_ Text t = {0};
    int status = CLI_EXIT_OK, r;

    add_supervision(cli, services, &t);
    text_add(&t, json && many ? "[\n  " : "");
    for (size_t i = 0; args[i]; i++) {
        if (i > 0)
            text_add(&t, json ? ",\n  " : "\n");
        r = add_one(cli, services, find_row(cli, services, args[i]), &t);
        if (r < 0)
            return r;
        status = status == CLI_EXIT_OK ? r : status;
    }
    if (json)
        text_add(&t, many ? "\n]\n" : "\n");
    r = cli_print(&t);
    return r == CLI_EXIT_OK ? status : r;
}

int verb_status(const Cli *cli, char *const *args)
{
    _cleanup_services_ Services services = {0};
    int r;

    r = services_load(cli, &services);
    if (r < 0)
        return r;
    for (size_t i = 0; args[i]; i++)
        if (!find_row(cli, &services, args[i]))
            return CLI_EXIT_MISSING;
    say_unreachable(&services);
    if (args[0])
        return print_named(cli, &services, args);
    return cli->options & CLI_JSON ? print_json(cli, &services) : print_table(cli, &services);
}
