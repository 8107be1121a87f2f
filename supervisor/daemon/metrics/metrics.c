/* SPDX-License-Identifier: MIT */
/*
 * The exposition that Prometheus and others read: OpenMetrics 1.0, one metric family after the
 * other, each over all services, because the format wants the samples of a family together.
 *
 * Families without a sample are left out. The state of a service is a gauge per state and not a
 * "stateset", whose label would have to be called like the family itself.
 */
#include "supervisor/daemon/metrics/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>

#include "base/macros.h"
#include "supervisor/daemon/metrics/metrics-internal.h"

/* Of collectors that are posted to. */
typedef struct CollectorMetric {
    const char *name, *help;
    MetricType type;
    size_t offset; /* of a uint64_t in CollectorView */
} CollectorMetric;

static const CollectorMetric collector_metrics[] = {
    {"phoenix_collector_posted_batches", "Batches that the collector has stored.", METRIC_COUNTER,
     offsetof(CollectorView, posted)},
    {"phoenix_collector_duplicate_batches", "Of these, those that it had stored before.",
     METRIC_COUNTER, offsetof(CollectorView, duplicates)},
    {"phoenix_collector_dropped_batches", "Batches that were lost: no room, too old, damaged.",
     METRIC_COUNTER, offsetof(CollectorView, dropped)},
    {"phoenix_collector_refused_batches", "Batches put aside, as the collector never takes them.",
     METRIC_COUNTER, offsetof(CollectorView, refused)},
    {"phoenix_collector_dropped_events", "Events that were lost before they were in a batch.",
     METRIC_COUNTER, offsetof(CollectorView, events_dropped)},
    {"phoenix_collector_waiting_batches", "Batches in the spool.", METRIC_GAUGE,
     offsetof(CollectorView, waiting)},
    {"phoenix_collector_waiting_bytes", "Their size on disk.", METRIC_GAUGE,
     offsetof(CollectorView, waiting_bytes)},
};

static void write_counts(const SupervisorView *view, Text *text)
{
    metrics_add_family(text, "phoenix_services", METRIC_GAUGE, NULL, "Services by state.");
    for (HealthState state = 0; state < _HEALTH_STATE_MAX; state++)
        text_addf(text, "phoenix_services{state=\"%s\"} %zu\n", health_state_word(state),
                  view->n_states[state]);
    metrics_add_number(text, "phoenix_leases", METRIC_GAUGE, "Leases that are connected.",
                       view->n_leases);
    metrics_add_number(text, "phoenix_probes", METRIC_GAUGE, "Checks of all services.",
                       view->n_probes);
}

static void write_events(Manager *manager, const SupervisorView *view, Text *text)
{
    metrics_add_family(text, "phoenix_supervisor_events", METRIC_COUNTER, NULL, "Events by kind.");
    for (EventKind kind = 0; kind < _EVENT_KIND_MAX; kind++)
        text_addf(text, "phoenix_supervisor_events_total{kind=\"%s\"} %" PRIu64 "\n",
                  event_kind_word(kind), manager_event_count(manager, kind));
    metrics_add_number(text, "phoenix_supervisor_events_lost", METRIC_COUNTER,
                       "Events that the journal did not take.", view->events_lost);
}

static void write_supervisor(Manager *manager, Text *text)
{
    SupervisorView view;

    manager_view(manager, &view);
    metrics_add_family(text, "phoenix_supervisor", METRIC_INFO, NULL,
                       "The version of the supervisor.");
    text_add(text, "phoenix_supervisor_info{version=\"" PHOENIX_VERSION "\"} 1\n");
    metrics_add_family(text, "phoenix_supervisor_start_time_seconds", METRIC_GAUGE, "seconds",
                       "When the supervisor started, in seconds since 1970.");
    text_add(text, "phoenix_supervisor_start_time_seconds");
    metrics_add_seconds(text, view.started_usec);
    write_counts(&view, text);
    metrics_add_number(text, "phoenix_supervisor_gate_slots", METRIC_GAUGE,
                       "How many services may start at once.", view.gate_slots);
    metrics_add_number(text, "phoenix_supervisor_gate_running", METRIC_GAUGE,
                       "Services that the start gate has let through and that are still starting.",
                       view.gate_running);
    metrics_add_number(text, "phoenix_supervisor_gate_waiting", METRIC_GAUGE,
                       "Services that wait at the start gate.", view.gate_waiting);
    metrics_add_number(
        text, "phoenix_supervisor_brake", METRIC_GAUGE,
        "Whether verdicts are held back because too many checks began to fail at once.",
        view.brake);
    metrics_add_number(text, "phoenix_supervisor_degraded", METRIC_GAUGE,
                       "Whether the supervisor lacks something; phoenix status says what.",
                       view.degraded[0] != '\0');
    metrics_add_number(text, "phoenix_supervisor_plans_bad", METRIC_GAUGE,
                       "Plans of the generator that could not be used.", view.plans_bad);
    write_events(manager, &view, text);
}

/* Names of policies and classes need no escaping: rules.h. */
static void write_policies(Manager *manager, Text *text)
{
    size_t n = manager_n_policy_classes(manager);
    PolicyView view;

    if (n == 0)
        return;
    metrics_add_family(
        text, "phoenix_policy_containers", METRIC_GAUGE, NULL,
        "Containers in a class of a policy at its last look, without those it spares.");
    for (size_t i = 0; i < n; i++) {
        manager_view_policy_class(manager, i, &view);
        text_addf(text, "phoenix_policy_containers{policy=\"%s\",class=\"%s\"} %zu\n", view.policy,
                  view.class, view.n_containers - view.n_spared);
    }
    metrics_add_family(text, "phoenix_policy_spared", METRIC_GAUGE, NULL,
                       "Containers in a class of a policy that it never stops.");
    for (size_t i = 0; i < n; i++) {
        manager_view_policy_class(manager, i, &view);
        text_addf(text, "phoenix_policy_spared{policy=\"%s\",class=\"%s\"} %zu\n", view.policy,
                  view.class, view.n_spared);
    }
    metrics_add_family(text, "phoenix_policy_stops", METRIC_COUNTER, NULL,
                       "Containers that a policy had stopped, by what came of it.");
    for (size_t i = 0; i < n; i++) {
        manager_view_policy_class(manager, i, &view);
        for (UnitStopResult result = 0; result < _UNIT_STOP_RESULT_MAX; result++)
            text_addf(
                text,
                "phoenix_policy_stops_total{policy=\"%s\",class=\"%s\",result=\"%s\"} %" PRIu64
                "\n",
                view.policy, view.class, unit_stop_result_word(result), view.n_results[result]);
    }
}

static void write_collector_sample(const char *name, MetricType type, const char *collector,
                                   uint64_t value, Text *text)
{
    text_addf(text, "%s%s", name, type == METRIC_COUNTER ? "_total" : "");
    metrics_add_label(text, '{', "collector", collector);
    text_addf(text, "} %" PRIu64 "\n", value);
}

static void write_collectors(Manager *manager, Text *text)
{
    static const char away[] = "phoenix_collector_away";
    size_t n = manager_n_collectors(manager);
    CollectorView view;

    if (n == 0)
        return;
    for (size_t k = 0; k < ELEMENTSOF(collector_metrics); k++) {
        const CollectorMetric *metric = &collector_metrics[k];
        metrics_add_family(text, metric->name, metric->type, NULL, metric->help);
        for (size_t i = 0; i < n; i++) {
            manager_view_collector(manager, i, &view);
            write_collector_sample(metric->name, metric->type, view.name,
                                   *(const uint64_t *)((const char *)&view + metric->offset), text);
        }
    }
    metrics_add_family(text, away, METRIC_GAUGE, NULL,
                       "Whether the last post to the collector failed.");
    for (size_t i = 0; i < n; i++) {
        manager_view_collector(manager, i, &view);
        write_collector_sample(away, METRIC_GAUGE, view.name, view.away, text);
    }
}

int metrics_write(Manager *manager, Text *text)
{
    size_t n;
    int r;

    assert(manager);
    assert(text);

    write_supervisor(manager, text);
    write_policies(manager, text);
    write_collectors(manager, text);
    n = manager_n_services(manager);
    r = n > 0 ? metrics_write_services(manager, n, text) : 0;
    if (r < 0)
        return r;
    return text_add(text, "# EOF\n");
}
