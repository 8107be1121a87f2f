/* SPDX-License-Identifier: MIT */

/* phoenix probe: every check of a service, made now. */

#include "cli/cli.h"
#include "cli/print/json.h"
#include "cli/print/table.h"
#include "cli/print/when.h"
#include "cli/status/phoenixd.h"
#include "cli/supervisor/supervisor.h"

static bool passed(const Probe *probe)
{
    return probe->outcome && streq(probe->outcome, "pass");
}

static void add_row(Table *table, const Probe *probe)
{
    _cleanup_text_ Text latency = {0};

    when_add_span(&latency, probe->latency_usec);
    table_add(table, COLOR_NONE, probe->label);
    table_add(table, COLOR_NONE, probe->readiness ? "readiness" : "health");
    table_add(table, passed(probe) ? COLOR_GREEN : COLOR_RED, probe->outcome);
    table_add(table, COLOR_NONE, latency.data);
    table_add(table, COLOR_NONE, health_reason_beside(probe->label, probe->reason));
}

static int add_table(Text *t, const Cli *cli, const Probes *probes)
{
    static const TableColumn columns[] = {
        {"CHECK", false}, {"FOR", false}, {"RESULT", false}, {"TOOK", true}, {"REASON", false},
    };
    _cleanup_table_ Table table = {.columns = columns, .n_columns = ELEMENTSOF(columns)};

    for (size_t i = 0; i < probes->n; i++)
        add_row(&table, &probes->items[i]);
    return table_write(&table, &cli->screen, t);
}

static void add_json(Text *t, const Probes *probes)
{
    text_add_char(t, '[');
    for (size_t i = 0; i < probes->n; i++) {
        const Probe *probe = &probes->items[i];

        text_add(t, i > 0 ? ",\n  {" : "\n  {");
        json_add_string(t, "label", probe->label);
        json_add_bool(t, "readiness", probe->readiness);
        json_add_string(t, "outcome", probe->outcome);
        json_add_number(t, "latency_usec", probe->latency_usec);
        json_add_string(t, "reason", probe->reason);
        text_add_char(t, '}');
    }
    text_add(t, probes->n > 0 ? "\n]\n" : "]\n");
}

int verb_probe(const Cli *cli, char *const *args)
{
    _cleanup_supervisor_ Supervisor *supervisor = NULL;
    _cleanup_free_ char *name = NULL;
    _cleanup_probes_ Probes probes = {0};
    _cleanup_text_ Text t = {0};
    bool good = true;
    int r;

    r = phoenixd_open(cli, args[0], &supervisor, &name);
    if (r != CLI_EXIT_OK)
        return r;
    r = supervisor_probe_now(supervisor, name, &probes);
    if (r < 0)
        return phoenixd_failed(cli, supervisor, name, r);

    if (cli->options & CLI_JSON)
        add_json(&t, &probes);
    else
        r = add_table(&t, cli, &probes);
    for (size_t i = 0; i < probes.n; i++)
        good = good && passed(&probes.items[i]);
    if (r >= 0)
        r = cli_print(&t);
    if (r != CLI_EXIT_OK)
        return r;
    return good ? CLI_EXIT_OK : CLI_EXIT_NO;
}
