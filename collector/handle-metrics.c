/* SPDX-License-Identifier: MIT */

/* How the collector itself is: /health for a check, /metrics as OpenMetrics 1.0. */

#include <errno.h>
#include <inttypes.h>

#include "collector/describe.h"
#include "collector/server-internal.h"

#define STUCK_USEC (10 * USEC_PER_SEC)

bool server_is_healthy(Server *server, const char **ret_why)
{
    WriterStats stats;

    writer_stats(server->writer, &stats);
    *ret_why = stats.error < 0                ? strerror(-stats.error)
               : stats.busy_usec > STUCK_USEC ? "the disk does not answer"
                                              : NULL;
    return !*ret_why;
}

enum MHD_Result get_health(Request *request)
{
    const char *why;
    Text t = {0};

    if (!server_is_healthy(request->server, &why))
        return request_fail(request, 503, "posts cannot be stored: %s", why);
    text_add(&t, "{\"status\": \"ok\"}\n");
    return request_answer(request, 200, NULL, &t);
}

typedef struct Metric {
    const char *name, *kind, *unit, *help;
    double value;
} Metric;

static void add_metric(Text *t, const Metric *m)
{
    bool counter = streq(m->kind, "counter");

    text_addf(t, "# TYPE phoenix_collector_%s %s\n", m->name, m->kind);
    if (m->unit)
        text_addf(t, "# UNIT phoenix_collector_%s %s\n", m->name, m->unit);
    text_addf(t, "# HELP phoenix_collector_%s %s\nphoenix_collector_%s%s ", m->name, m->help,
              m->name, counter ? "_total" : "");
    describe_add_number(t, m->value);
    text_add_char(t, '\n');
}

static void add_all(Text *t, const Metric *metrics, size_t n)
{
    for (size_t i = 0; i < n; i++)
        add_metric(t, &metrics[i]);
}

static double seconds(uint64_t usec)
{
    return (double)usec / (double)USEC_PER_SEC;
}

static void add_writer(Text *t, const WriterStats *s)
{
    const Metric metrics[] = {
        {"posts", "counter", NULL, "Posts that were stored.", (double)s->posts},
        {"samples", "counter", NULL, "Samples that were stored.", (double)s->samples},
        {"entry_bytes", "counter", "bytes", "Size of the entries as they came.",
         (double)s->entry_bytes},
        {"kept_bytes", "counter", "bytes", "What they took when they were packed.",
         (double)s->kept_bytes},
        {"events", "counter", NULL, "Events that were stored.", (double)s->events},
        {"duplicates", "counter", NULL, "Posts that had been stored before.",
         (double)s->duplicates},
        {"refused", "counter", NULL, "Posts that were not what they should be.",
         (double)s->refused},
        {"failed", "counter", NULL, "Posts that could not be stored.", (double)s->failed},
        {"commits", "counter", NULL, "Transactions.", (double)s->commits},
        {"commit_seconds", "counter", "seconds", "Time in transactions.", seconds(s->commit_usec)},
        {"commit_longest_seconds", "gauge", "seconds", "The longest transaction.",
         seconds(s->commit_usec_max)},
        {"waiting", "gauge", NULL, "Posts that wait to be stored.", (double)s->waiting},
        {"waiting_bytes", "gauge", "bytes", "Their size.", (double)s->waiting_bytes},
        {"aged", "counter", NULL, "Rows that were deleted or made coarser for their age.",
         (double)s->aged},
        {"squeezed", "counter", NULL, "Entries that were deleted for want of space.",
         (double)s->squeezed},
        {"set_aside", "counter", NULL, "Damaged databases that were put aside.",
         (double)s->set_aside},
        {"storing", "gauge", NULL, "Whether the last transaction was stored.", s->error == 0},
    };

    add_all(t, metrics, ELEMENTSOF(metrics));
}

static void add_server(Text *t, const ServerStats *s)
{
    const Metric metrics[] = {
        {"requests", "counter", NULL, "Requests.", (double)s->requests},
        {"connections", "counter", NULL, "Connections.", (double)s->connections},
        {"clients", "gauge", NULL, "Connections that are open.", (double)s->clients},
        {"streams", "gauge", NULL, "Readers of the stream.", (double)s->streams},
        {"turned_away", "counter", NULL, "Connections beyond the limit.", (double)s->turned_away},
        {"overdue", "counter", NULL, "Connections whose request did not come.", (double)s->overdue},
        {"rate_limited", "counter", NULL, "Posts beyond the rate.", (double)s->rate_limited},
        {"too_large", "counter", NULL, "Posts that were too large.", (double)s->too_large},
        {"overloaded", "counter", NULL, "Posts that came when too much waited.",
         (double)s->overloaded},
    };

    add_all(t, metrics, ELEMENTSOF(metrics));
    text_add(t, "# TYPE phoenix_collector_answers counter\n"
                "# HELP phoenix_collector_answers Answers by the class of their status.\n");
    for (size_t i = 1; i < ELEMENTSOF(s->answers); i++)
        text_addf(t, "phoenix_collector_answers_total{status=\"%zuxx\"} %" PRIu64 "\n", i,
                  s->answers[i]);
}

static void add_database(Text *t, const Totals *s)
{
    const Metric metrics[] = {
        {"hosts", "gauge", NULL, "Hosts that are known.", (double)s->hosts},
        {"services", "gauge", NULL, "Services that are known.", (double)s->services},
        {"entries", "gauge", NULL, "Entries that are kept, about.", (double)s->entries},
        {"database_bytes", "gauge", "bytes", "Size of the database.", (double)s->database_bytes},
        {"database_free_bytes", "gauge", "bytes", "Of that, what is free.", (double)s->free_bytes},
    };

    add_all(t, metrics, ELEMENTSOF(metrics));
}

enum MHD_Result get_metrics(Request *request)
{
    Server *server = request->server;
    WriterStats writer;
    Totals totals;
    Text t = {0};

    writer_stats(server->writer, &writer);
    add_writer(&t, &writer);
    add_server(&t, &server->stats);
    /* What is known is told, also when the database cannot be read. */
    if (reader_totals(server->reader, &totals) == 0)
        add_database(&t, &totals);
    text_add(&t, "# TYPE phoenix_collector_build info\n"
                 "# HELP phoenix_collector_build The version.\n"
                 "phoenix_collector_build_info{version=\"" PHOENIX_VERSION "\"} 1\n# EOF\n");
    return request_answer(request, 200,
                          "application/openmetrics-text; version=1.0.0; charset=utf-8", &t);
}
