/* SPDX-License-Identifier: MIT */
/*
 * The metrics of services that are started by their connections.
 */
#include <inttypes.h>
#include <stddef.h>

#include "base/macros.h"
#include "supervisor/daemon/metrics/metrics-internal.h"

/* Of services that are started by their connections. */
typedef struct DemandMetric {
    const char *name, *help;
    size_t offset; /* of a uint64_t in DemandView */
} DemandMetric;

static const DemandMetric demand_counters[] = {
    {"phoenix_ondemand_starts", "Starts by a connection.", offsetof(DemandView, starts)},
    {"phoenix_ondemand_held_connections", "Connections that waited until such a start was done.",
     offsetof(DemandView, held)},
    {"phoenix_ondemand_idle_stops", "Stops because nobody used the service.",
     offsetof(DemandView, idle_stops)},
    {"phoenix_ondemand_other_stops", "Stops for any other reason.", offsetof(DemandView, stops)},
    {"phoenix_ondemand_freezes", "How often the service was put to sleep.",
     offsetof(DemandView, freezes)},
    {"phoenix_ondemand_thaws", "How often it was woken.", offsetof(DemandView, thaws)},
};

/* What is written of each service that is started by its connections. */
typedef void (*write_demand_t)(const ServiceView *view, const DemandMetric *metric, Text *text);

static void write_demand_counter(const ServiceView *view, const DemandMetric *metric, Text *text)
{
    const void *field = (const char *)&view->demand + metric->offset;

    metrics_add_service_sample(text, metric->name, "_total", view->name, *(const uint64_t *)field);
}

static void write_demand_listening(const ServiceView *view, const DemandMetric *metric, Text *text)
{
    metrics_add_service_sample(text, metric->name, "", view->name, view->demand.listening);
}

static void write_demand_frozen(const ServiceView *view, const DemandMetric *metric, Text *text)
{
    text_add(text, metric->name);
    text_add(text, "_total");
    metrics_add_label(text, '{', "service", view->name);
    text_add_char(text, '}');
    metrics_add_seconds(text, view->demand.frozen_usec);
}

static void write_demand_cold_starts(const ServiceView *view, const DemandMetric *metric,
                                     Text *text)
{
    _cleanup_text_ Text labels = {0};
    const ColdStarts *cold = view->demand.cold;

    metrics_add_label(&labels, '{', "service", view->name);
    if (labels.error < 0)
        text->error = labels.error;
    else
        metrics_add_buckets(text, metric->name, labels.data, cold_start_bounds_usec, cold->counts,
                            COLD_START_BUCKETS, cold->sum_usec);
}

static void write_demand_family(Manager *manager, size_t n, const DemandMetric *metric,
                                MetricType type, const char *unit, write_demand_t write, Text *text)
{
    metrics_add_family(text, metric->name, type, unit, metric->help);
    for (size_t i = 0; i < n; i++) {
        ServiceView view;

        manager_view_service(manager, i, &view);
        if (view.on_demand)
            write(&view, metric, text);
    }
}

static bool any_on_demand(Manager *manager, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ServiceView view;

        manager_view_service(manager, i, &view);
        if (view.on_demand)
            return true;
    }
    return false;
}

void metrics_write_demand(Manager *manager, size_t n, Text *text)
{
    static const DemandMetric listening = {"phoenix_ondemand_listening",
                                           "Whether systemd listens for the service.", 0};
    static const DemandMetric frozen = {"phoenix_ondemand_frozen_seconds",
                                        "How long the service has slept, in all.", 0};
    static const DemandMetric cold = {"phoenix_ondemand_cold_start_seconds",
                                      "How long starts by a connection took until it was served.",
                                      0};

    if (!any_on_demand(manager, n))
        return;
    write_demand_family(manager, n, &listening, METRIC_GAUGE, NULL, write_demand_listening, text);
    for (size_t i = 0; i < ELEMENTSOF(demand_counters); i++)
        write_demand_family(manager, n, &demand_counters[i], METRIC_COUNTER, NULL,
                            write_demand_counter, text);
    write_demand_family(manager, n, &frozen, METRIC_COUNTER, "seconds", write_demand_frozen, text);
    write_demand_family(manager, n, &cold, METRIC_HISTOGRAM, "seconds", write_demand_cold_starts,
                        text);
}
