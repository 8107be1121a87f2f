/* SPDX-License-Identifier: MIT */

/* Numbers of services side by side. */

#include "cli/containers/top.h"

#include <errno.h>
#include <inttypes.h>

#include "cli/print/json.h"
#include "cli/print/table.h"
#include "cli/print/when.h"

void top_rows_done(TopRows *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        free(rows->items[i].name);
        free(rows->items[i].container);
        free(rows->items[i].state);
    }
    free(rows->items);
    *rows = (TopRows){0};
}

TopRow *top_rows_add(TopRows *rows)
{
    if (rows->n == rows->allocated) {
        size_t allocated = MAX(rows->allocated * 2, (size_t)16);
        TopRow *items = reallocarray(rows->items, allocated, sizeof(*items));

        if (!items)
            return NULL;
        rows->items = items;
        rows->allocated = allocated;
    }
    rows->items[rows->n] = (TopRow){
        .latency_usec = USAGE_UNKNOWN,
        .beats_per_minute = -1,
        .usage = USAGE_NONE,
        .cpu_percent = -1,
    };
    return &rows->items[rows->n++];
}

static const TopRow *find(const TopRows *rows, const char *name)
{
    for (size_t i = 0; i < rows->n; i++)
        if (streq(rows->items[i].name, name))
            return &rows->items[i];
    return NULL;
}

static double percent(uint64_t used_usec, uint64_t span_usec)
{
    return span_usec > 0 ? 100.0 * (double)used_usec / (double)span_usec : -1;
}

/* A group that was made anew counts from zero: then the round before says nothing. */
static double compare_cpu(const TopRow *row, const TopRow *before, uint64_t now_usec,
                          uint64_t before_usec)
{
    uint64_t cpu_usec = row->usage.cpu_usec;

    if (cpu_usec == USAGE_UNKNOWN)
        return -1;
    if (before && before->usage.cpu_usec <= cpu_usec && now_usec > before_usec)
        return percent(cpu_usec - before->usage.cpu_usec, now_usec - before_usec);
    if (row->active_usec > 0 && now_usec > row->active_usec)
        return percent(cpu_usec, now_usec - row->active_usec);
    return -1;
}

void top_compare(TopRows *rows, const TopRows *before)
{
    for (size_t i = 0; i < rows->n; i++) {
        TopRow *row = &rows->items[i];

        if (row->container)
            continue;
        row->cpu_percent =
            compare_cpu(row, find(before, row->name), rows->taken_usec, before->taken_usec);
    }
}

static int compare_names(const void *a, const void *b)
{
    const TopRow *x = a, *y = b;

    return strcmp(x->name, y->name);
}

/* The largest first; those that say nothing last. */
static int compare_numbers(double x, double y, const void *a, const void *b)
{
    if (x > y)
        return -1;
    return x < y ? 1 : compare_names(a, b);
}

static int compare_cpus(const void *a, const void *b)
{
    const TopRow *x = a, *y = b;

    return compare_numbers(x->cpu_percent, y->cpu_percent, a, b);
}

static double known(uint64_t value)
{
    return value == USAGE_UNKNOWN ? -1 : (double)value;
}

static int compare_memories(const void *a, const void *b)
{
    const TopRow *x = a, *y = b;

    return compare_numbers(known(x->usage.memory_bytes), known(y->usage.memory_bytes), a, b);
}

static int compare_disks(const void *a, const void *b)
{
    const TopRow *x = a, *y = b;

    return compare_numbers(known(x->usage.disk_bytes), known(y->usage.disk_bytes), a, b);
}

static int compare_ios(const void *a, const void *b)
{
    const TopRow *x = a, *y = b;

    return compare_numbers(known(x->usage.io_ops), known(y->usage.io_ops), a, b);
}

static int compare_restarts(const void *a, const void *b)
{
    const TopRow *x = a, *y = b;

    return compare_numbers((double)x->restarts, (double)y->restarts, a, b);
}

/* Each order: how it is asked for, how it is had, and the column that it marks. Columns without the
 * mark have a blank where it may come, so that they stay where they are. */
enum {
    COLUMN_NAME,
    COLUMN_STATE,
    COLUMN_CPU,
    COLUMN_MEMORY,
    COLUMN_DISK,
    COLUMN_IO,
    COLUMN_TASKS,
    COLUMN_RESTARTS,
    COLUMN_LATENCY,
    COLUMN_BEATS,
    _COLUMN_MAX,
};

static const TableColumn top_columns[] = {
    [COLUMN_NAME] = {"NAME", false},      [COLUMN_STATE] = {"STATE", false},
    [COLUMN_CPU] = {"CPU% ", true},       [COLUMN_MEMORY] = {"MEMORY ", true},
    [COLUMN_DISK] = {"DISK ", true},      [COLUMN_IO] = {"IO ", true},
    [COLUMN_TASKS] = {"TASKS", true},     [COLUMN_RESTARTS] = {"RESTARTS ", true},
    [COLUMN_LATENCY] = {"LATENCY", true}, [COLUMN_BEATS] = {"BEATS/MIN", true},
};
_Static_assert(ELEMENTSOF(top_columns) == _COLUMN_MAX, "a column has no title");

static const struct {
    const char *name;
    int (*compare)(const void *, const void *);
    unsigned column;
    const char *title;
} top_orders[] = {
    [TOP_BY_CPU] = {"cpu", compare_cpus, COLUMN_CPU, "CPU%▾"},
    [TOP_BY_MEMORY] = {"memory", compare_memories, COLUMN_MEMORY, "MEMORY▾"},
    [TOP_BY_DISK] = {"disk", compare_disks, COLUMN_DISK, "DISK▾"},
    [TOP_BY_IO] = {"io", compare_ios, COLUMN_IO, "IO▾"},
    [TOP_BY_RESTARTS] = {"restarts", compare_restarts, COLUMN_RESTARTS, "RESTARTS▾"},
    [TOP_BY_NAME] = {"name", compare_names, COLUMN_NAME, "NAME▾"},
};
_Static_assert(ELEMENTSOF(top_orders) == _TOP_ORDER_MAX, "an order is not known");

int top_order_parse(const char *s, TopOrder *ret)
{
    for (size_t i = 0; i < ELEMENTSOF(top_orders); i++)
        if (streq(s, top_orders[i].name)) {
            *ret = (TopOrder)i;
            return 0;
        }
    return -EINVAL;
}

void top_sort(TopRows *rows, TopOrder order)
{
    if (rows->n > 0)
        qsort(rows->items, rows->n, sizeof(*rows->items), top_orders[order].compare);
}

static void add_bytes(Text *t, uint64_t bytes)
{
    static const char units[] = "KMGTPE";
    double value = (double)bytes;
    size_t i = 0;

    if (bytes < 1024) {
        text_addf(t, "%" PRIu64 "B", bytes);
        return;
    }
    for (value /= 1024; value >= 1024 && units[i + 1]; i++)
        value /= 1024;
    text_addf(t, "%.1f%c", value, units[i]);
}

static void add_cells(Table *table, const TopRow *row)
{
    _cleanup_text_ Text cpu = {0}, memory = {0}, disk = {0}, io = {0}, tasks = {0}, restarts = {0},
                        latency = {0}, beats = {0};

    if (row->cpu_percent >= 0)
        text_addf(&cpu, "%.1f", row->cpu_percent);
    if (row->usage.memory_bytes != USAGE_UNKNOWN)
        add_bytes(&memory, row->usage.memory_bytes);
    if (row->usage.disk_bytes != USAGE_UNKNOWN)
        add_bytes(&disk, row->usage.disk_bytes);
    if (row->usage.io_ops != USAGE_UNKNOWN)
        text_addf(&io, "%" PRIu64, row->usage.io_ops);
    if (row->usage.tasks != USAGE_UNKNOWN)
        text_addf(&tasks, "%" PRIu64, row->usage.tasks);
    if (!row->container)
        text_addf(&restarts, "%" PRIu64, row->restarts);
    if (row->latency_usec != USAGE_UNKNOWN)
        when_add_span(&latency, row->latency_usec);
    if (row->beats_per_minute > 0)
        text_addf(&beats, "%.0f", row->beats_per_minute);

    table_add(table, COLOR_NONE, cpu.data);
    table_add(table, COLOR_NONE, memory.data);
    table_add(table, COLOR_NONE, disk.data);
    table_add(table, COLOR_NONE, io.data);
    table_add(table, COLOR_NONE, tasks.data);
    table_add(table, row->restarts > 0 ? COLOR_YELLOW : COLOR_NONE, restarts.data);
    table_add(table, COLOR_NONE, latency.data);
    table_add(table, COLOR_NONE, beats.data);
}

int top_add_table(Text *t, const Screen *screen, const TopRows *rows, TopOrder order,
                  size_t max_rows)
{
    TableColumn columns[_COLUMN_MAX];
    _cleanup_table_ Table table = {.columns = columns, .n_columns = ELEMENTSOF(columns)};
    size_t n = max_rows > 0 ? MIN(max_rows, rows->n) : rows->n;

    memcpy(columns, top_columns, sizeof(columns));
    columns[top_orders[order].column].title = top_orders[order].title;
    for (size_t i = 0; i < n; i++) {
        table_add(&table, COLOR_NONE, rows->items[i].name);
        table_add(&table, rows->items[i].color, rows->items[i].state);
        add_cells(&table, &rows->items[i]);
    }
    return table_write(&table, screen, t);
}

static void add_known(Text *t, const char *name, uint64_t value)
{
    if (value != USAGE_UNKNOWN) {
        json_add_number(t, name, value);
        return;
    }
    json_add_name(t, name);
    text_add(t, "null");
}

static void add_double(Text *t, const char *name, double value)
{
    json_add_name(t, name);
    if (value >= 0)
        text_addf(t, "%.2f", value);
    else
        text_add(t, "null");
}

void top_add_json(Text *t, const TopRows *rows)
{
    text_add_char(t, '[');
    for (size_t i = 0; i < rows->n; i++) {
        const TopRow *row = &rows->items[i];

        text_add(t, i > 0 ? ", {" : "{");
        json_add_string(t, "name", row->name);
        json_add_string(t, "container", row->container);
        json_add_string(t, "state", row->state);
        add_double(t, "cpu_percent", row->cpu_percent);
        add_known(t, "cpu_usec", row->usage.cpu_usec);
        add_known(t, "memory_bytes", row->usage.memory_bytes);
        add_known(t, "disk_bytes", row->usage.disk_bytes);
        add_known(t, "io_ops", row->usage.io_ops);
        add_known(t, "tasks", row->usage.tasks);
        json_add_number(t, "restarts", row->restarts);
        add_known(t, "latency_usec", row->latency_usec);
        add_double(t, "beats_per_minute", row->beats_per_minute);
        text_add_char(t, '}');
    }
    text_add(t, "]\n");
}
