/* SPDX-License-Identifier: MIT */

/* The report of sysinfo. A class has the heading and the table that the document gives it, in
 * English. What is missing reads 0 there; why is said below. */

#include "cli/containers/sysinfo-report.h"

#include <errno.h>
#include <inttypes.h>

#include "cli/print/table.h"

static uint64_t mib(uint64_t bytes)
{
    return bytes >> 20;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static void add_host(Text *t, const Screen *screen, const Sysinfo *sysinfo)
{
    static const char *const sources[] = {
        [SYSINFO_MODULE] = "the kernel module",
        [SYSINFO_CGROUP] = "cgroups",
    };
    _cleanup_text_ Text line = {0};

    text_addf(&line,
              "Memory: %" PRIu64 " MB, free %" PRIu64 " MB, used %" PRIu64
              " MB  CPU: %.2f %%  Containers: %zu",
              mib(sysinfo->memory_total_bytes), mib(sysinfo->memory_free_bytes),
              mib(sysinfo->memory_used_bytes), sysinfo->cpu_percent, sysinfo->n_containers);
    screen_add_colored(t, screen, COLOR_BOLD, line.error < 0 ? "" : line.data);
    text_addf(t, "  (from %s)\n", sources[sysinfo->source]);
}

static void add_number(Table *table, uint64_t value)
{
    _cleanup_text_ Text t = {0};

    text_addf(&t, "%" PRIu64, value);
    table_add(table, COLOR_NONE, t.data);
}

static void add_percent(Table *table, double value)
{
    _cleanup_text_ Text t = {0};

    text_addf(&t, "%.2f", value);
    table_add(table, COLOR_NONE, t.data);
}

static void add_row(Table *table, const SysinfoContainer *c)
{
    char id[SYSINFO_SHORT_ID_LENGTH + 1] = "";

    memcpy(id, c->id, SYSINFO_SHORT_ID_LENGTH);
    add_number(table, (uint64_t)c->pid);
    table_add(table, COLOR_NONE, c->name);
    table_add(table, COLOR_NONE, id);
    add_percent(table, c->cpu_percent);
    add_percent(table, c->memory_percent);
    add_number(table, mib(c->memory_bytes));
    add_number(table, mib(sum(c->rbytes, c->wbytes)));
    add_number(table, c->rios);
    add_number(table, c->wios);
}

static void add_heading(Text *t, const Screen *screen, const char *class)
{
    _cleanup_text_ Text heading = {0};

    screen_add_clean(&heading, class);
    text_add_char(&heading, ':');
    if (heading.error < 0)
        return;
    for (char *c = heading.data; *c; c++)
        *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    text_add_char(t, '\n');
    screen_add_colored(t, screen, COLOR_BOLD, heading.data);
    text_add_char(t, '\n');
}

/* class: NULL for those that have none. */
static int add_class(Text *t, const Screen *screen, const Sysinfo *sysinfo,
                     const char *const *classes, const char *class)
{
    static const TableColumn columns[] = {
        {"PID", false},     {"Name", false},        {"Container ID", false},
        {"CPU %", false},   {"RAM %", false},       {"RAM MB", false},
        {"Disk MB", false}, {"IO Read Ops", false}, {"IO Write Ops", false},
    };
    _cleanup_table_ Table table = {.columns = columns, .n_columns = ELEMENTSOF(columns)};

    for (size_t i = 0; i < sysinfo->n_containers; i++)
        if (class ? classes[i] && streq(classes[i], class) : !classes[i])
            add_row(&table, &sysinfo->containers[i]);
    if (table.n == 0 && table.error >= 0)
        return 0;
    add_heading(t, screen, class ? class : "other");
    return table_write_bordered(&table, screen, t);
}

/* Several rules may be of one class. */
static bool is_new(const SysinfoRule *rules, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (streq(rules[k].name, rules[i].name))
            return false;
    return true;
}

static int add_classes(Text *t, const Screen *screen, const Sysinfo *sysinfo,
                       const SysinfoRule *rules, size_t n_rules)
{
    _cleanup_free_ const char **classes = calloc(sysinfo->n_containers + 1, sizeof(*classes));
    int r = 0;

    if (!classes)
        return -ENOMEM;
    for (size_t i = 0; i < sysinfo->n_containers; i++)
        classes[i] = sysinfo_classify(rules, n_rules, &sysinfo->containers[i]);
    for (size_t i = 0; i < n_rules && r >= 0; i++)
        if (is_new(rules, i))
            r = add_class(t, screen, sysinfo, classes, rules[i].name);
    return r < 0 ? r : add_class(t, screen, sysinfo, classes, NULL);
}

static size_t count_missing(const Sysinfo *sysinfo, unsigned missing)
{
    size_t n = 0;

    for (size_t i = 0; i < sysinfo->n_containers; i++)
        n += (sysinfo->containers[i].missing & missing) != 0;
    return n;
}

/* systemd gives users cpu, memory and pids, but not io, unless told to. */
static bool users_lack_io(const Sysinfo *sysinfo)
{
    for (size_t i = 0; i < sysinfo->n_containers; i++) {
        const SysinfoContainer *c = &sysinfo->containers[i];

        if (c->manager != SYSINFO_SYSTEM_MANAGER && c->missing & SYSINFO_MISSING_IO &&
            !(c->missing & SYSINFO_MISSING_MEMORY))
            return true;
    }
    return false;
}

static void add_note(Text *t, const Screen *screen, size_t n, const char *what)
{
    _cleanup_text_ Text line = {0};

    if (n == 0)
        return;
    text_addf(&line, "%zu container%s: ", n, n == 1 ? "" : "s");
    text_add(&line, what);
    if (line.error >= 0)
        screen_add_wrapped(t, screen, 0, line.data);
}

static void add_notes(Text *t, const Screen *screen, const Sysinfo *sysinfo)
{
    size_t before = t->size;

    text_add_char(t, '\n');
    add_note(t, screen, count_missing(sysinfo, SYSINFO_MISSING_CPU),
             "CPU time could not be read, and shows as 0.");
    add_note(t, screen, count_missing(sysinfo, SYSINFO_MISSING_MEMORY),
             "memory is not counted, and shows as 0: the memory controller is not enabled for "
             "their cgroups.");
    add_note(t, screen, count_missing(sysinfo, SYSINFO_MISSING_IO),
             users_lack_io(sysinfo)
                 ? "disk and I/O are not counted, and show as 0: the io controller is not enabled "
                   "for their cgroups. Users get it with Delegate=cpu io memory pids in "
                   "user@.service."
                 : "disk and I/O are not counted, and show as 0: the io controller is not enabled "
                   "for their cgroups.");
    add_note(t, screen, count_missing(sysinfo, SYSINFO_MISSING_PROCESS),
             "their processes may not be seen by this user, so they have no name and no class.");
    add_note(t, screen, sysinfo->left_out, "left out, there are too many.");
    if (sysinfo->n_refused > 0)
        text_addf(t, "%zu cgroups may not be looked into.\n", sysinfo->n_refused);
    if (t->size == before + 1)
        text_truncate(t, before);
}

int sysinfo_report_add(Text *t, const Screen *screen, const Sysinfo *sysinfo,
                       const SysinfoRule *rules, size_t n_rules)
{
    int r;

    add_host(t, screen, sysinfo);
    r = add_classes(t, screen, sysinfo, rules, n_rules);
    if (r < 0)
        return r;
    add_notes(t, screen, sysinfo);
    return t->error;
}
