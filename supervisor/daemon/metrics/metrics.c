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
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

#include "base/macros.h"

typedef enum MetricType {
    METRIC_GAUGE,
    METRIC_COUNTER,
    METRIC_HISTOGRAM,
    METRIC_INFO,
} MetricType;

static const char *const metric_type_words[] = {
    [METRIC_GAUGE] = "gauge",
    [METRIC_COUNTER] = "counter",
    [METRIC_HISTOGRAM] = "histogram",
    [METRIC_INFO] = "info",
};

/* A family with one sample per service. */
typedef struct ServiceMetric {
    const char *name, *help;
    size_t offset; /* in ServiceView: uint64_t of a counter, bool of a gauge */
} ServiceMetric;

static const ServiceMetric service_counters[] = {
    {"phoenix_service_starts", "Starts of the service.", offsetof(ServiceView, starts)},
    {"phoenix_service_restarts", "Restarts by systemd, whatever the reason.",
     offsetof(ServiceView, restarts)},
    {"phoenix_service_checks", "Liveness checks that were made.", offsetof(ServiceView, checks)},
    {"phoenix_service_failures", "Liveness checks that failed.", offsetof(ServiceView, failures)},
    {"phoenix_service_unhealthy", "Verdicts: retries ran out, or the watchdog did.",
     offsetof(ServiceView, unhealthy)},
};

static const ServiceMetric service_switches[] = {
    {"phoenix_service_supervised", "Whether the service has checks.",
     offsetof(ServiceView, supervised)},
    {"phoenix_service_lease", "Whether the lease of the service is connected.",
     offsetof(ServiceView, lease)},
    {"phoenix_service_maintenance", "Whether verdicts are only shown.",
     offsetof(ServiceView, maintenance)},
};

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

static const char *const outcome_words[] = {
    [PROBE_PASS] = "pass",
    [PROBE_FAIL] = "fail",
    [PROBE_VOID] = "void",
};

/* How many bytes at s must not go out as they are: 1 for control characters (the format has an
 * escape for the newline only, and the others do things to terminals) and for what is no UTF-8, 2
 * for the control characters above ASCII, 0 for the rest. */
static size_t unfit(const char *s, size_t character)
{
    unsigned char c = (unsigned char)s[0];

    if (character == 0 || (character == 1 && (c < 0x20 || c == 0x7f)))
        return 1;
    return character == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0 ? 2 : 0;
}

static void add_label_value(Text *text, const char *value)
{
    for (size_t left = strlen(value), n; left > 0; value += n, left -= n) {
        n = utf8_char(value, left);
        if (*value == '\n') {
            text_add(text, "\\n");
        } else if (unfit(value, n) > 0) {
            n = unfit(value, n);
            text_add(text, "\xef\xbf\xbd");
        } else {
            if (*value == '"' || *value == '\\')
                text_add_char(text, '\\');
            text_add_n(text, value, n);
        }
    }
}

/* {name="value", or ,name="value" after the first one */
static void add_label(Text *text, char before, const char *name, const char *value)
{
    text_add_char(text, before);
    text_add(text, name);
    text_add(text, "=\"");
    add_label_value(text, value);
    text_add_char(text, '"');
}

/* `unit` may be NULL. */
static void add_family(Text *text, const char *name, MetricType type, const char *unit,
                       const char *help)
{
    text_addf(text, "# TYPE %s %s\n", name, metric_type_words[type]);
    if (unit)
        text_addf(text, "# UNIT %s %s\n", name, unit);
    text_addf(text, "# HELP %s %s\n", name, help);
}

static void add_number(Text *text, const char *name, MetricType type, const char *help,
                       uint64_t value)
{
    add_family(text, name, type, NULL, help);
    text_addf(text, "%s%s %" PRIu64 "\n", name, type == METRIC_COUNTER ? "_total" : "", value);
}

static void add_seconds(Text *text, uint64_t usec)
{
    text_addf(text, " %" PRIu64 ".%06" PRIu64 "\n", usec / USEC_PER_SEC, usec % USEC_PER_SEC);
}

static void add_service_sample(Text *text, const char *name, const char *suffix,
                               const char *service, uint64_t value)
{
    text_add(text, name);
    text_add(text, suffix);
    add_label(text, '{', "service", service);
    text_addf(text, "} %" PRIu64 "\n", value);
}

static void write_service_info(Manager *manager, size_t n, Text *text)
{
    add_family(text, "phoenix_service", METRIC_INFO, NULL, "The unit and the type of the service.");
    for (size_t i = 0; i < n; i++) {
        ServiceView view;

        manager_view_service(manager, i, &view);
        text_add(text, "phoenix_service_info");
        add_label(text, '{', "service", view.name);
        add_label(text, ',', "unit", view.unit);
        add_label(text, ',', "type", view.type);
        text_add(text, "} 1\n");
    }
}

static void write_service_states(Manager *manager, size_t n, Text *text)
{
    add_family(text, "phoenix_service_state", METRIC_GAUGE, NULL,
               "1 for the state that the service is in, 0 for the others.");
    for (size_t i = 0; i < n; i++) {
        ServiceView view;

        manager_view_service(manager, i, &view);
        for (HealthState state = 0; state < _HEALTH_STATE_MAX; state++) {
            text_add(text, "phoenix_service_state");
            add_label(text, '{', "service", view.name);
            add_label(text, ',', "state", health_state_word(state));
            text_add(text, state == view.state ? "} 1\n" : "} 0\n");
        }
    }
}

/* A service without readiness checks is neither ready nor not. */
static void write_service_ready(Manager *manager, size_t n, Text *text)
{
    bool begun = false;

    for (size_t i = 0; i < n; i++) {
        ServiceView view;

        manager_view_service(manager, i, &view);
        if (streq(view.ready, "unknown"))
            continue;
        if (!begun)
            add_family(text, "phoenix_service_ready", METRIC_GAUGE, NULL,
                       "Whether the readiness checks of the service pass.");
        begun = true;
        add_service_sample(text, "phoenix_service_ready", "", view.name, streq(view.ready, "yes"));
    }
}

/* Beats are counted for services that beat by themselves. */
static void write_service_beats(Manager *manager, size_t n, Text *text)
{
    bool begun = false;

    for (size_t i = 0; i < n; i++) {
        ServiceView view;

        manager_view_service(manager, i, &view);
        if (view.beats_per_minute < 0 && view.beats == 0)
            continue;
        if (!begun)
            add_family(text, "phoenix_service_beats", METRIC_COUNTER, NULL,
                       "Heartbeats (WATCHDOG=1) that were seen.");
        begun = true;
        add_service_sample(text, "phoenix_service_beats", "_total", view.name, view.beats);
    }
}

static void write_service_metric(Manager *manager, size_t n, const ServiceMetric *metric,
                                 MetricType type, Text *text)
{
    add_family(text, metric->name, type, NULL, metric->help);
    for (size_t i = 0; i < n; i++) {
        ServiceView view;

        manager_view_service(manager, i, &view);
        const void *field = (const char *)&view + metric->offset;
        if (type == METRIC_COUNTER)
            add_service_sample(text, metric->name, "_total", view.name, *(const uint64_t *)field);
        else
            add_service_sample(text, metric->name, "", view.name, *(const bool *)field);
    }
}

/* Two checks of a service may look alike, two samples may not: the second one is "tcp 5432 #2". */
static size_t twin_number(Manager *manager, size_t service, size_t probe, const ProbeView *view)
{
    size_t number = 1;

    for (size_t i = 0; i < probe; i++) {
        ProbeView other;

        manager_view_probe(manager, service, i, &other);
        number += other.readiness == view->readiness && streq(other.label, view->label);
    }
    return number;
}

/* The labels of a check, without the closing brace: {service="..",probe="..",type="..",check=".."
 */
static int probe_labels(Manager *manager, const ServiceView *service, size_t i, size_t probe,
                        const ProbeView *view, Text *ret_labels)
{
    size_t number = twin_number(manager, i, probe, view);
    _cleanup_free_ char *name = number > 1 ? text_printf("%s #%zu", view->label, number) : NULL;

    if (number > 1 && !name)
        return -ENOMEM;
    add_label(ret_labels, '{', "service", service->name);
    add_label(ret_labels, ',', "probe", name ? name : view->label);
    add_label(ret_labels, ',', "type", view->type);
    add_label(ret_labels, ',', "check", view->readiness ? "readiness" : "liveness");
    return ret_labels->error;
}

/* `labels`: all but "le", without the closing brace. */
static void add_buckets(Text *text, const char *name, const char *labels, const uint64_t *bounds,
                        const uint32_t *counts, size_t n, uint64_t sum_usec)
{
    uint64_t count = 0;

    for (size_t i = 0; i < n; i++) {
        count += counts[i];
        text_addf(text, "%s_bucket%s,le=\"", name, labels);
        if (bounds[i] == UINT64_MAX)
            text_add(text, "+Inf");
        else /* "1.0" and "0.0025": the shortest form that still has a point */
            text_addf(text, bounds[i] % USEC_PER_SEC == 0 ? "%.1f" : "%g",
                      (double)bounds[i] / (double)USEC_PER_SEC);
        text_addf(text, "\"} %" PRIu64 "\n", count);
    }
    text_addf(text, "%s_count%s} %" PRIu64 "\n", name, labels, count);
    text_addf(text, "%s_sum%s}", name, labels);
    add_seconds(text, sum_usec);
}

static void add_results(Text *text, const char *labels, const ProbeView *view)
{
    const uint64_t counts[] = {
        [PROBE_PASS] = view->n_pass,
        [PROBE_FAIL] = view->n_fail,
        [PROBE_VOID] = view->n_void,
    };

    for (size_t i = 0; i < ELEMENTSOF(counts); i++)
        text_addf(text, "phoenix_service_probe_results_total%s,outcome=\"%s\"} %" PRIu64 "\n",
                  labels, outcome_words[i], counts[i]);
}

typedef enum ProbeFamily {
    PROBE_FAMILY_LATENCY,
    PROBE_FAMILY_RESULTS,
} ProbeFamily;

static int write_probe(Manager *manager, const ServiceView *service, size_t i, size_t probe,
                       ProbeFamily family, Text *text)
{
    _cleanup_text_ Text labels = {0};
    ProbeView view;

    manager_view_probe(manager, i, probe, &view);
    int r = probe_labels(manager, service, i, probe, &view, &labels);
    if (r < 0)
        return r;
    if (family == PROBE_FAMILY_LATENCY)
        add_buckets(text, "phoenix_service_probe_latency_seconds", labels.data,
                    histogram_bounds_usec, view.latency->counts, HISTOGRAM_BUCKETS,
                    view.latency->sum_usec);
    else
        add_results(text, labels.data, &view);
    return text->error;
}

static int write_probes(Manager *manager, size_t n, ProbeFamily family, Text *text)
{
    if (family == PROBE_FAMILY_LATENCY)
        add_family(text, "phoenix_service_probe_latency_seconds", METRIC_HISTOGRAM, "seconds",
                   "How long checks took.");
    else
        add_family(text, "phoenix_service_probe_results", METRIC_COUNTER, NULL,
                   "Checks by outcome; void ones could not be made and count neither way.");
    for (size_t i = 0; i < n; i++) {
        ServiceView view;

        manager_view_service(manager, i, &view);
        for (size_t probe = 0; probe < view.n_probes; probe++) {
            int r = write_probe(manager, &view, i, probe, family, text);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

/* What is written of each service that is started by its connections. */
typedef void (*write_demand_t)(const ServiceView *view, const DemandMetric *metric, Text *text);

static void write_demand_counter(const ServiceView *view, const DemandMetric *metric, Text *text)
{
    const void *field = (const char *)&view->demand + metric->offset;

    add_service_sample(text, metric->name, "_total", view->name, *(const uint64_t *)field);
}

static void write_demand_listening(const ServiceView *view, const DemandMetric *metric, Text *text)
{
    add_service_sample(text, metric->name, "", view->name, view->demand.listening);
}

static void write_demand_frozen(const ServiceView *view, const DemandMetric *metric, Text *text)
{
    text_add(text, metric->name);
    text_add(text, "_total");
    add_label(text, '{', "service", view->name);
    text_add_char(text, '}');
    add_seconds(text, view->demand.frozen_usec);
}

static void write_demand_cold_starts(const ServiceView *view, const DemandMetric *metric,
                                     Text *text)
{
    _cleanup_text_ Text labels = {0};
    const ColdStarts *cold = view->demand.cold;

    add_label(&labels, '{', "service", view->name);
    if (labels.error < 0)
        text->error = labels.error;
    else
        add_buckets(text, metric->name, labels.data, cold_start_bounds_usec, cold->counts,
                    COLD_START_BUCKETS, cold->sum_usec);
}

static void write_demand_family(Manager *manager, size_t n, const DemandMetric *metric,
                                MetricType type, const char *unit, write_demand_t write, Text *text)
{
    add_family(text, metric->name, type, unit, metric->help);
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

static void write_demand(Manager *manager, size_t n, Text *text)
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

static int write_services(Manager *manager, size_t n, Text *text)
{
    write_service_info(manager, n, text);
    write_service_states(manager, n, text);
    write_service_ready(manager, n, text);
    write_service_beats(manager, n, text);
    for (size_t i = 0; i < ELEMENTSOF(service_counters); i++)
        write_service_metric(manager, n, &service_counters[i], METRIC_COUNTER, text);
    for (size_t i = 0; i < ELEMENTSOF(service_switches); i++)
        write_service_metric(manager, n, &service_switches[i], METRIC_GAUGE, text);
    write_demand(manager, n, text);
    int r = write_probes(manager, n, PROBE_FAMILY_LATENCY, text);
    return r < 0 ? r : write_probes(manager, n, PROBE_FAMILY_RESULTS, text);
}

static void write_counts(const SupervisorView *view, Text *text)
{
    add_family(text, "phoenix_services", METRIC_GAUGE, NULL, "Services by state.");
    for (HealthState state = 0; state < _HEALTH_STATE_MAX; state++)
        text_addf(text, "phoenix_services{state=\"%s\"} %zu\n", health_state_word(state),
                  view->n_states[state]);
    add_number(text, "phoenix_leases", METRIC_GAUGE, "Leases that are connected.", view->n_leases);
    add_number(text, "phoenix_probes", METRIC_GAUGE, "Checks of all services.", view->n_probes);
}

static void write_events(Manager *manager, const SupervisorView *view, Text *text)
{
    add_family(text, "phoenix_supervisor_events", METRIC_COUNTER, NULL, "Events by kind.");
    for (EventKind kind = 0; kind < _EVENT_KIND_MAX; kind++)
        text_addf(text, "phoenix_supervisor_events_total{kind=\"%s\"} %" PRIu64 "\n",
                  event_kind_word(kind), manager_event_count(manager, kind));
    add_number(text, "phoenix_supervisor_events_lost", METRIC_COUNTER,
               "Events that the journal did not take.", view->events_lost);
}

static void write_supervisor(Manager *manager, Text *text)
{
    SupervisorView view;

    manager_view(manager, &view);
    add_family(text, "phoenix_supervisor", METRIC_INFO, NULL, "The version of the supervisor.");
    text_add(text, "phoenix_supervisor_info{version=\"" PHOENIX_VERSION "\"} 1\n");
    add_family(text, "phoenix_supervisor_start_time_seconds", METRIC_GAUGE, "seconds",
               "When the supervisor started, in seconds since 1970.");
    text_add(text, "phoenix_supervisor_start_time_seconds");
    add_seconds(text, view.started_usec);
    write_counts(&view, text);
    add_number(text, "phoenix_supervisor_gate_slots", METRIC_GAUGE,
               "How many services may start at once.", view.gate_slots);
    add_number(text, "phoenix_supervisor_gate_running", METRIC_GAUGE,
               "Services that the start gate has let through and that are still starting.",
               view.gate_running);
    add_number(text, "phoenix_supervisor_gate_waiting", METRIC_GAUGE,
               "Services that wait at the start gate.", view.gate_waiting);
    add_number(text, "phoenix_supervisor_brake", METRIC_GAUGE,
               "Whether verdicts are held back because too many checks began to fail at once.",
               view.brake);
    add_number(text, "phoenix_supervisor_degraded", METRIC_GAUGE,
               "Whether the supervisor lacks something; phoenix status says what.",
               view.degraded[0] != '\0');
    add_number(text, "phoenix_supervisor_plans_bad", METRIC_GAUGE,
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
    add_family(text, "phoenix_policy_containers", METRIC_GAUGE, NULL,
               "Containers in a class of a policy at its last look, without those it spares.");
    for (size_t i = 0; i < n; i++) {
        manager_view_policy_class(manager, i, &view);
        text_addf(text, "phoenix_policy_containers{policy=\"%s\",class=\"%s\"} %zu\n", view.policy,
                  view.class, view.n_containers - view.n_spared);
    }
    add_family(text, "phoenix_policy_spared", METRIC_GAUGE, NULL,
               "Containers in a class of a policy that it never stops.");
    for (size_t i = 0; i < n; i++) {
        manager_view_policy_class(manager, i, &view);
        text_addf(text, "phoenix_policy_spared{policy=\"%s\",class=\"%s\"} %zu\n", view.policy,
                  view.class, view.n_spared);
    }
    add_family(text, "phoenix_policy_stops", METRIC_COUNTER, NULL,
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
    add_label(text, '{', "collector", collector);
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
        add_family(text, metric->name, metric->type, NULL, metric->help);
        for (size_t i = 0; i < n; i++) {
            manager_view_collector(manager, i, &view);
            write_collector_sample(metric->name, metric->type, view.name,
                                   *(const uint64_t *)((const char *)&view + metric->offset), text);
        }
    }
    add_family(text, away, METRIC_GAUGE, NULL, "Whether the last post to the collector failed.");
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
    r = n > 0 ? write_services(manager, n, text) : 0;
    if (r < 0)
        return r;
    return text_add(text, "# EOF\n");
}
