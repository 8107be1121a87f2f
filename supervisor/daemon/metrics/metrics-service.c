/* SPDX-License-Identifier: MIT */
/*
 * The metrics of services: one family after the other, each over all services and their checks.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

#include "base/macros.h"
#include "supervisor/daemon/metrics/metrics-internal.h"

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

static const char *const outcome_words[] = {
    [PROBE_PASS] = "pass",
    [PROBE_FAIL] = "fail",
    [PROBE_VOID] = "void",
};

static void write_service_info(Manager *manager, size_t n, Text *text)
{
    metrics_add_family(text, "phoenix_service", METRIC_INFO, NULL,
                       "The unit and the type of the service.");
    for (size_t i = 0; i < n; i++) {
        ServiceView view;

        manager_view_service(manager, i, &view);
        text_add(text, "phoenix_service_info");
        metrics_add_label(text, '{', "service", view.name);
        metrics_add_label(text, ',', "unit", view.unit);
        metrics_add_label(text, ',', "type", view.type);
        text_add(text, "} 1\n");
    }
}

static void write_service_states(Manager *manager, size_t n, Text *text)
{
    metrics_add_family(text, "phoenix_service_state", METRIC_GAUGE, NULL,
                       "1 for the state that the service is in, 0 for the others.");
    for (size_t i = 0; i < n; i++) {
        ServiceView view;

        manager_view_service(manager, i, &view);
        for (HealthState state = 0; state < _HEALTH_STATE_MAX; state++) {
            text_add(text, "phoenix_service_state");
            metrics_add_label(text, '{', "service", view.name);
            metrics_add_label(text, ',', "state", health_state_word(state));
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
            metrics_add_family(text, "phoenix_service_ready", METRIC_GAUGE, NULL,
                               "Whether the readiness checks of the service pass.");
        begun = true;
        metrics_add_service_sample(text, "phoenix_service_ready", "", view.name,
                                   streq(view.ready, "yes"));
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
            metrics_add_family(text, "phoenix_service_beats", METRIC_COUNTER, NULL,
                               "Heartbeats (WATCHDOG=1) that were seen.");
        begun = true;
        metrics_add_service_sample(text, "phoenix_service_beats", "_total", view.name, view.beats);
    }
}

static void write_service_metric(Manager *manager, size_t n, const ServiceMetric *metric,
                                 MetricType type, Text *text)
{
    metrics_add_family(text, metric->name, type, NULL, metric->help);
    for (size_t i = 0; i < n; i++) {
        ServiceView view;

        manager_view_service(manager, i, &view);
        const void *field = (const char *)&view + metric->offset;
        if (type == METRIC_COUNTER)
            metrics_add_service_sample(text, metric->name, "_total", view.name,
                                       *(const uint64_t *)field);
        else
            metrics_add_service_sample(text, metric->name, "", view.name, *(const bool *)field);
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
    metrics_add_label(ret_labels, '{', "service", service->name);
    metrics_add_label(ret_labels, ',', "probe", name ? name : view->label);
    metrics_add_label(ret_labels, ',', "type", view->type);
    metrics_add_label(ret_labels, ',', "check", view->readiness ? "readiness" : "liveness");
    return ret_labels->error;
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
        metrics_add_buckets(text, "phoenix_service_probe_latency_seconds", labels.data,
                            histogram_bounds_usec, view.latency->counts, HISTOGRAM_BUCKETS,
                            view.latency->sum_usec);
    else
        add_results(text, labels.data, &view);
    return text->error;
}

static int write_probes(Manager *manager, size_t n, ProbeFamily family, Text *text)
{
    if (family == PROBE_FAMILY_LATENCY)
        metrics_add_family(text, "phoenix_service_probe_latency_seconds", METRIC_HISTOGRAM,
                           "seconds", "How long checks took.");
    else
        metrics_add_family(text, "phoenix_service_probe_results", METRIC_COUNTER, NULL,
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

int metrics_write_services(Manager *manager, size_t n, Text *text)
{
    write_service_info(manager, n, text);
    write_service_states(manager, n, text);
    write_service_ready(manager, n, text);
    write_service_beats(manager, n, text);
    for (size_t i = 0; i < ELEMENTSOF(service_counters); i++)
        write_service_metric(manager, n, &service_counters[i], METRIC_COUNTER, text);
    for (size_t i = 0; i < ELEMENTSOF(service_switches); i++)
        write_service_metric(manager, n, &service_switches[i], METRIC_GAUGE, text);
    metrics_write_demand(manager, n, text);
    int r = write_probes(manager, n, PROBE_FAMILY_LATENCY, text);
    return r < 0 ? r : write_probes(manager, n, PROBE_FAMILY_RESULTS, text);
}
