/* SPDX-License-Identifier: MIT */

/* Rows of containers and what policies make of them. */

#include "cli/supervisor/reap-rows.h"

#include <errno.h>

#include "cli/print/json.h"
#include "cli/print/table.h"
#include "cli/systemd/properties.h"

static void row_done(ReapRow *row)
{
    free(row->policy);
    free(row->class);
    free(row->id);
    free(row->name);
    free(row->unit);
    free(row->verdict);
    free(row->cause);
    free(row->result);
    free(row->reason);
}

void reap_rows_done(ReapRows *rows)
{
    for (size_t i = 0; i < rows->n; i++)
        row_done(&rows->items[i]);
    free(rows->items);
    *rows = (ReapRows){0};
}

/* A new last row, empty. */
static ReapRow *append(ReapRows *rows)
{
    ReapRow *grown = reallocarray(rows->items, rows->n + 1, sizeof(*grown));

    if (!grown)
        return NULL;
    rows->items = grown;
    grown[rows->n] = (ReapRow){0};
    return &grown[rows->n++];
}

#define P(name, type, field) PROPERTY(name, type, ReapRow, field)
static const Property row_properties[] = {
    P("Policy", "s", policy),   P("Class", "s", class),   P("Container", "s", id),
    P("Name", "s", name),       P("Unit", "s", unit),     P("Verdict", "s", verdict),
    P("Cause", "s", cause),     P("Result", "s", result), P("Reason", "s", reason),
    P("Rank", "u", rank),       P("Pid", "u", pid),       P("Memory", "t", memory_bytes),
    P("CPU", "d", cpu_percent),
};
#undef P

/* What has to be there for the rest to work with it. */
static int check_row(const ReapRow *row)
{
    return row->class && row->id && row->verdict && row->result ? 0 : -EBADMSG;
}

int reap_rows_read(sd_bus_message *m, ReapRows *ret)
{
    _cleanup_reap_rows_ ReapRows rows = {0};
    int r;

    r = sd_bus_message_enter_container(m, 'a', "a{sv}");
    while (r >= 0 && (r = sd_bus_message_at_end(m, false)) == 0) {
        ReapRow *row = append(&rows);

        r = row ? properties_read(m, row_properties, ELEMENTSOF(row_properties), row) : -ENOMEM;
        if (r >= 0)
            r = check_row(row);
    }
    if (r >= 0)
        r = sd_bus_message_exit_container(m);
    if (r < 0)
        return r;
    *ret = rows;
    rows = (ReapRows){0};
    return 0;
}

static int add_row(ReapRows *rows, const ReapInput *input, const ReapDecision *decision)
{
    const ReapContainer *container = &input->containers[decision->container];
    const SysinfoContainer *info = container->info;
    _cleanup_text_ Text reason = {0};
    ReapRow *row = append(rows);

    reap_explain(input, decision, &reason);
    if (!row || reason.error < 0)
        return -ENOMEM;
    *row = (ReapRow){
        .policy = strdup(input->policy_name),
        .class = strdup(input->policy->classes.items[decision->class].name),
        .id = strdup(info->id),
        .name = strdup(container->name),
        .unit = strdup(info->unit ? info->unit : ""),
        .verdict = strdup(reap_verdict_word(decision->verdict)),
        .cause = strdup(reap_reason_word(decision->reason)),
        .result = strdup(""),
        .reason = strdup(reason.data),
        .rank = (uint32_t)decision->rank,
        .pid = (uint32_t)info->pid,
        .memory_bytes = info->memory_bytes,
        .cpu_percent = info->cpu_percent,
    };
    return row->policy && row->class && row->id && row->name && row->unit && row->verdict &&
                   row->cause && row->result && row->reason
               ? 0
               : -ENOMEM;
}

int reap_rows_add(ReapRows *rows, const ReapInput *input, const ReapDecisions *decisions)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < decisions->n; i++)
        r = add_row(rows, input, &decisions->items[i]);
    return r;
}

bool reap_row_goes(const ReapRow *row)
{
    return streq(row->verdict, "stop");
}

static void add_percent(Table *table, double value)
{
    _cleanup_free_ char *text = text_printf("%.2f", value);

    table_add(table, COLOR_NONE, text);
}

static void add_number(Table *table, uint32_t n)
{
    _cleanup_free_ char *text = text_printf("%u", n);

    table_add(table, COLOR_NONE, n > 0 ? text : "");
}

static void add_id(Table *table, const char *id)
{
    _cleanup_free_ char *text = strndup(id, SYSINFO_SHORT_ID_LENGTH);

    table_add(table, COLOR_NONE, text);
}

static Color verdict_color(const ReapRow *row)
{
    if (streq(row->verdict, "keep"))
        return COLOR_GREEN;
    return reap_row_goes(row) ? COLOR_RED : COLOR_NONE;
}

static int add_all(Text *t, const Screen *screen, const ReapRows *rows)
{
    static const TableColumn columns[] = {
        {"CLASS", false}, {"RANK", true},   {"CONTAINER ID", false}, {"NAME", false}, {"PID", true},
        {"CPU %", true},  {"RAM MB", true}, {"VERDICT", false},      {"WHY", false},
    };
    _cleanup_table_ Table table = {.columns = columns, .n_columns = ELEMENTSOF(columns)};

    for (size_t i = 0; i < rows->n; i++) {
        const ReapRow *row = &rows->items[i];

        table_add(&table, COLOR_NONE, row->class);
        add_number(&table, row->rank);
        add_id(&table, row->id);
        table_add(&table, COLOR_NONE, row->name);
        add_number(&table, row->pid);
        add_percent(&table, row->cpu_percent);
        add_number(&table, (uint32_t)MIN(row->memory_bytes >> 20, (uint64_t)UINT32_MAX));
        table_add(&table, verdict_color(row), row->verdict);
        table_add(&table, COLOR_NONE, row->reason);
    }
    return table_write(&table, screen, t);
}

static int add_deleted(Text *t, const Screen *screen, const ReapRows *rows)
{
    static const TableColumn columns[] = {
        {"CONTAINER ID", false}, {"CLASS", false},  {"PID", true},
        {"NAME", false},         {"RESULT", false}, {"WHY", false},
    };
    _cleanup_table_ Table table = {.columns = columns, .n_columns = ELEMENTSOF(columns)};

    for (size_t i = 0; i < rows->n; i++) {
        const ReapRow *row = &rows->items[i];

        if (!reap_row_goes(row))
            continue;
        add_id(&table, row->id);
        table_add(&table, COLOR_NONE, row->class);
        add_number(&table, row->pid);
        table_add(&table, COLOR_NONE, row->name);
        table_add(&table, streq(row->result, "failed") ? COLOR_RED : COLOR_NONE, row->result);
        table_add(&table, COLOR_NONE, row->reason);
    }
    return table_write(&table, screen, t);
}

int reap_rows_add_tables(Text *t, const Screen *screen, const ReapRows *rows, bool dry)
{
    size_t n_going = 0;
    int r = 0;

    for (size_t i = 0; i < rows->n; i++)
        n_going += reap_row_goes(&rows->items[i]);
    if (rows->n > 0) {
        text_add(t, "Containers by class:\n");
        r = add_all(t, screen, rows);
        text_add_char(t, '\n');
    }
    if (r < 0)
        return r;
    if (n_going == 0) {
        text_addf(t, "No containers %s.\n", dry ? "would be deleted" : "deleted");
        return t->error;
    }
    text_add(t, dry ? "Containers that would be deleted:\n" : "Deleted containers:\n");
    return add_deleted(t, screen, rows);
}

void reap_rows_add_json(Text *t, const ReapRows *rows)
{
    text_add_char(t, '[');
    for (size_t i = 0; i < rows->n; i++) {
        const ReapRow *row = &rows->items[i];

        text_add(t, i > 0 ? ",\n  {" : "\n  {");
        json_add_string(t, "policy", row->policy);
        json_add_string(t, "class", row->class);
        json_add_number(t, "rank", row->rank);
        json_add_string(t, "container", row->id);
        json_add_string(t, "name", row->name);
        json_add_number(t, "pid", row->pid);
        json_add_string(t, "unit", row->unit);
        json_add_number(t, "memory_bytes", row->memory_bytes);
        json_add_name(t, "cpu_percent");
        text_addf(t, "%.2f", row->cpu_percent);
        json_add_string(t, "verdict", row->verdict);
        json_add_string(t, "cause", row->cause);
        json_add_string(t, "result", row->result);
        json_add_string(t, "reason", row->reason);
        text_add_char(t, '}');
    }
    text_add(t, rows->n > 0 ? "\n]\n" : "]\n");
}
