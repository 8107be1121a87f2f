/* SPDX-License-Identifier: MIT */

/* One service for people: "Key: value" lines, then its checks and their last results. */

#include "cli/status/status-detail.h"

#include <errno.h>
#include <inttypes.h>

#include "cli/print/table.h"
#include "cli/print/when.h"
#include "cli/status/status-demand.h"
#include "cli/status/status-line.h"
#include "cli/status/status-row.h"

#define HISTORY_MAX 8U

static int add_head(Text *t, const Cli *cli, const Services *services, const ServiceRow *row)
{
    _cleanup_free_ char *unit_state = services_row_state(services, row);
    _cleanup_free_ char *word = services_row_word(services, row);

    if (!unit_state || !word)
        return -ENOMEM;
    screen_add_colored(t, &cli->screen, services_row_color(row), STATUS_DOT);
    text_add_char(t, ' ');
    screen_add_clean(t, row->name);
    text_add(t, ": ");
    text_add(t, screen_on(&cli->screen, services_row_color(row)));
    if (services_row_is_idle(row))
        status_add_idle(t, row);
    else
        screen_add_clean(t, word);
    text_add(t, screen_off(&cli->screen, services_row_color(row)));
    text_add_char(t, '\n');
    status_add_line(t, "Unit", unit_state);
    return 0;
}

static void add_unit(Text *t, const ServiceRow *row, const UnitState *unit)
{
    _cleanup_free_ char *pid = NULL;

    if (unit->main_pid > 0)
        pid = text_printf("%" PRIu32, unit->main_pid);
    status_add_line(t, "Main PID", pid);
    if (unit->result && !streq(unit->result, "success"))
        status_add_line(t, "Result", unit->result);
    status_add_line(t, "Status", unit->status_text);
    status_add_line(t, "Spec", row->entry ? row->entry->file.path : NULL);
    status_add_line(t, "Note", row->reason);
}

static void add_restarts(Text *t, const ServiceRow *row)
{
    const Health *health = row->health;

    status_add_key(t, "Restarts");
    text_addf(t, "%" PRIu64, status_restarts(row));
    if (health && !streq(health->state, "held") && health->next_delay_usec > 0 &&
        health->next_delay_usec != USEC_INFINITY) {
        text_add(t, "; the next one would come after ");
        when_add_span(t, health->next_delay_usec);
    }
    text_add_char(t, '\n');
}

static void add_beats(Text *t, const Health *health)
{
    if (health->beats_per_minute < 0)
        return;
    status_add_key(t, "Beats");
    /* It takes two beats to have a rate. */
    if (health->beats_per_minute > 0)
        text_addf(t, "%.1f per minute", health->beats_per_minute);
    else
        text_add_char(t, '-');
    if (health->watchdog_usec > 0 && health->watchdog_usec != USEC_INFINITY) {
        text_add(t, ", allowed silence ");
        when_add_span(t, health->watchdog_usec);
    }
    text_add_char(t, '\n');
}

static void add_maintenance(Text *t, const Health *health, uint64_t now_usec)
{
    if (!health->maintenance)
        return;
    status_add_key(t, "Maintenance");
    if (health->maintenance_until_usec == USEC_INFINITY || health->maintenance_until_usec == 0) {
        text_add(t, "on, until it is turned off: phoenix maintenance ");
        screen_add_clean(t, health->name);
        text_add(t, " off\n");
        return;
    }
    text_add(t, "on, until ");
    when_add_local(t, health->maintenance_until_usec);
    text_add(t, " (");
    when_add_relative(t, now_usec, health->maintenance_until_usec);
    text_add(t, ")\n");
}

/* The one state in which the reader has to do something. */
static void add_held(Text *t, const Health *health, uint64_t now_usec)
{
    if (!streq(health->state, "held"))
        return;
    status_add_key(t, "Held");
    text_add(t, "restarted too often");
    if (health->held_until_usec > 0 && health->held_until_usec != USEC_INFINITY) {
        text_add(t, "; tried again ");
        when_add_relative(t, now_usec, health->held_until_usec);
    }
    text_add(t, ". When the cause is gone: phoenix start ");
    screen_add_clean(t, health->name);
    text_add_char(t, '\n');
}

static void add_health(Text *t, const ServiceRow *row, uint64_t now_usec)
{
    const Health *health = row->health;
    const char *ready = status_ready(row);

    status_add_line(t, "Ready", ready ? ready : "-");
    status_add_line(t, "Reason", health->reason);
    add_held(t, health, now_usec);
    add_maintenance(t, health, now_usec);
    status_add_time_line(t, "Last healthy", now_usec, health->last_healthy_usec);
    status_add_time_line(t, "Last failure", now_usec, health->last_failure_usec);
    add_beats(t, health);
    if (health->supervised)
        status_add_line(t, "Lease", health->lease ? "connected" : "not connected");
}

static void add_span_cell(Table *table, const char *before, uint64_t usec)
{
    _cleanup_text_ Text t = {0};

    if (usec > 0 && usec != USEC_INFINITY) {
        text_add(&t, before);
        when_add_span(&t, usec);
    }
    table_add(table, COLOR_NONE, t.data);
}

static Color verdict_color(const char *verdict)
{
    if (!verdict)
        return COLOR_NONE;
    if (streq(verdict, "passing") || streq(verdict, "pass"))
        return COLOR_GREEN;
    if (streq(verdict, "exhausted") || streq(verdict, "fail"))
        return COLOR_RED;
    return streq(verdict, "failing") ? COLOR_YELLOW : COLOR_NONE;
}

static void add_probe_row(Table *table, const Probe *probe)
{
    _cleanup_free_ char *failures = NULL;

    /* How long it has been too many, the history says. */
    failures = text_printf("%" PRIu32 " of %" PRIu32, MIN(probe->failures, probe->retries),
                           probe->retries);
    table_add(table, COLOR_NONE, probe->label);
    table_add(table, COLOR_NONE, probe->readiness ? "readiness" : "health");
    table_add(table, verdict_color(probe->verdict), probe->verdict);
    table_add(table, probe->failures > 0 ? COLOR_YELLOW : COLOR_NONE, failures);
    add_span_cell(table, "", probe->interval_usec);
    /* Upper bounds: phoenixd keeps a histogram. */
    add_span_cell(table, "≤", probe->p50_usec);
    add_span_cell(table, "≤", probe->p99_usec);
}

static int add_probes(Text *t, const Cli *cli, const Health *health)
{
    static const TableColumn columns[] = {
        {"CHECK", false}, {"FOR", false},   {"VERDICT", false}, {"FAILED", false},
        {"EVERY", true},  {"MEDIAN", true}, {"99%", true},
    };
    _cleanup_table_ Table table = {.columns = columns, .n_columns = ELEMENTSOF(columns)};

    text_add_char(t, '\n');
    for (size_t i = 0; i < health->probes.n; i++)
        add_probe_row(&table, &health->probes.items[i]);
    return table_write(&table, &cli->screen, t);
}

static void add_sample_row(Table *table, const Probe *probe, const Sample *sample,
                           uint64_t now_usec)
{
    _cleanup_text_ Text when = {0}, latency = {0};

    when_add_relative(&when, now_usec, sample->when_usec);
    when_add_span(&latency, sample->latency_usec);
    table_add(table, COLOR_NONE, when.data);
    table_add(table, COLOR_NONE, probe->label);
    table_add(table, verdict_color(sample->outcome), sample->outcome);
    table_add(table, COLOR_NONE, latency.data);
    table_add(table, COLOR_FAINT, health_reason_beside(probe->label, sample->reason));
}

/* The last results of each check, oldest first. */
static int add_history(Text *t, const Cli *cli, const Health *health, uint64_t now_usec)
{
    static const TableColumn columns[] = {
        {"WHEN", false}, {"CHECK", false}, {"RESULT", false}, {"TOOK", true}, {"REASON", false},
    };
    _cleanup_table_ Table table = {.columns = columns, .n_columns = ELEMENTSOF(columns)};

    for (size_t i = 0; i < health->probes.n; i++) {
        const Samples *history = &health->probes.items[i].history;
        size_t first = history->n > HISTORY_MAX ? history->n - HISTORY_MAX : 0;

        for (size_t k = first; k < history->n; k++)
            add_sample_row(&table, &health->probes.items[i], &history->items[k], now_usec);
    }
    if (table.n == 0)
        return table.error;
    text_add_char(t, '\n');
    return table_write(&table, &cli->screen, t);
}

int status_add_detail(Text *t, const Cli *cli, const Services *services, const ServiceRow *row,
                      const UnitState *unit)
{
    uint64_t now_usec = when_now();
    int r;

    r = add_head(t, cli, services, row);
    if (r < 0)
        return r;
    status_add_time_line(t, "Since", now_usec, status_since(row));
    add_unit(t, row, unit);
    status_add_demand(t, cli, row);
    add_restarts(t, row);
    if (!row->health)
        return t->error;
    add_health(t, row, now_usec);
    if (row->health->probes.n == 0)
        return t->error;
    r = add_probes(t, cli, row->health);
    return r < 0 ? r : add_history(t, cli, row->health, now_usec);
}
