/* SPDX-License-Identifier: MIT */
/* What a sample is made of; see sample.h. */
#include "supervisor/daemon/poster/sample.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <time.h>

#include "base/macros.h"

#define REASON_MAX 1024U

/* ---- on the event loop ---- */

static size_t keep(SampleServices *services, const char *s)
{
    size_t at = services->texts.size;

    text_add_n(&services->texts, s, strlen(s) + 1);
    return at;
}

/* Of the first check, which is one of liveness where there is one. */
static uint64_t newest_latency(Manager *manager, size_t i, const ServiceView *view)
{
    ProbeSample newest;
    ProbeView probe;

    if (view->n_probes == 0)
        return UINT64_MAX;
    manager_view_probe(manager, i, 0, &probe);
    if (!probe.history || history_count(probe.history) == 0)
        return UINT64_MAX;
    history_get(probe.history, 0, &newest);
    return newest.latency_usec;
}

static void take_service(Manager *manager, size_t i, SampleServices *services)
{
    ServiceView view;

    manager_view_service(manager, i, &view);
    services->items[services->n++] = (SampleService){
        .name = keep(services, view.name),
        .unit = keep(services, view.unit),
        .reason = keep(services, view.reason),
        .state = view.state,
        .ready = streq(view.ready, "yes")  ? 1
                 : streq(view.ready, "no") ? 0
                                           : -1,
        .restarts = view.restarts,
        .beats = view.beats,
        .latency_usec = newest_latency(manager, i, &view),
        .beats_per_minute = view.beats_per_minute,
    };
}

int sample_services(Manager *manager, SampleServices *ret)
{
    size_t n = manager_n_services(manager);

    *ret = (SampleServices){.items = calloc(n + 1, sizeof(SampleService))};
    if (!ret->items)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        take_service(manager, i, ret);
    int r = ret->texts.error;
    if (r < 0)
        sample_services_done(ret);
    return r;
}

void sample_services_done(SampleServices *services)
{
    text_done(&services->texts);
    free(services->items);
    *services = (SampleServices){0};
}

/* ---- in the thread ---- */

void sample_add_time(Text *t, uint64_t realtime_usec)
{
    time_t seconds = (time_t)(realtime_usec / USEC_PER_SEC);
    char s[sizeof("2026-11-23T18:20:00")] = "1970-01-01T00:00:00";
    struct tm tm;

    /* The contract ends with 2199; no clock that is so wrong is worth more than this. */
    if (realtime_usec < UINT64_C(7258118400) * USEC_PER_SEC && gmtime_r(&seconds, &tm))
        (void)strftime(s, sizeof(s), "%Y-%m-%dT%H:%M:%S", &tm);
    text_addf(t, "\"%s.%06uZ\"", s, (unsigned)(realtime_usec % USEC_PER_SEC));
}

/* What the containers of a unit use together; of other programs nothing is known here. */
typedef struct Usage {
    bool known;
    double cpu_percent;
    uint64_t memory_bytes;
} Usage;

static int by_unit(const void *a, const void *b)
{
    const SysinfoContainer *x = *(const SysinfoContainer *const *)a,
                           *y = *(const SysinfoContainer *const *)b;

    return strcmp(x->unit, y->unit);
}

typedef struct ByUnit {
    const SysinfoContainer **items; /* those that have a unit */
    size_t n;
} ByUnit;

/* Without memory for it the numbers of services are left out. */
static ByUnit sort_by_unit(const Sysinfo *sysinfo)
{
    ByUnit by = {0};

    if (sysinfo && sysinfo->n_containers > 0)
        by.items = calloc(sysinfo->n_containers, sizeof(*by.items));
    for (size_t i = 0; by.items && i < sysinfo->n_containers; i++)
        if (sysinfo->containers[i].unit)
            by.items[by.n++] = &sysinfo->containers[i];
    if (by.n > 1)
        qsort(by.items, by.n, sizeof(*by.items), by_unit);
    return by;
}

/* Index of the first one that is not less than the unit. */
static size_t lower_bound(const ByUnit *by, const char *unit)
{
    size_t low = 0, high = by->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(by->items[middle]->unit, unit) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static Usage usage_of(const ByUnit *by, const char *unit)
{
    Usage usage = {0};

    for (size_t i = lower_bound(by, unit); i < by->n && streq(by->items[i]->unit, unit); i++) {
        const SysinfoContainer *container = by->items[i];
        if (container->missing & (SYSINFO_MISSING_CPU | SYSINFO_MISSING_MEMORY))
            continue;
        usage.known = true;
        usage.cpu_percent += container->cpu_percent;
        usage.memory_bytes += container->memory_bytes;
    }
    return usage;
}

static void add_string(Text *t, const char *name, const char *s)
{
    text_addf(t, "\"%s\": ", name);
    text_add_json_string(t, s, strnlen(s, REASON_MAX));
}

/* A number as JSON has it, whatever it is. */
static void add_real(Text *t, const char *name, bool known, double value)
{
    if (known && isfinite(value) && value >= 0)
        text_addf(t, ", \"%s\": %.2f", name, value);
    else
        text_addf(t, ", \"%s\": null", name);
}

static void add_count(Text *t, const char *name, bool known, uint64_t value)
{
    if (known)
        text_addf(t, ", \"%s\": %" PRIu64, name, value);
    else
        text_addf(t, ", \"%s\": null", name);
}

static void add_service(Text *t, const SampleServices *services, const SampleService *service,
                        const ByUnit *by)
{
    const char *texts = services->texts.data;
    Usage usage = usage_of(by, texts + service->unit);

    text_add_char(t, '{');
    add_string(t, "name", texts + service->name);
    text_addf(t, ", \"state\": \"%s\", \"ready\": %s", health_state_word(service->state),
              service->ready < 0 ? "null"
              : service->ready   ? "true"
                                 : "false");
    add_count(t, "restarts", true, service->restarts);
    add_count(t, "beats", true, service->beats);
    add_real(t, "beats_per_minute", true, service->beats_per_minute);
    add_count(t, "latency_usec", service->latency_usec != UINT64_MAX, service->latency_usec);
    add_real(t, "cpu_percent", usage.known, usage.cpu_percent);
    add_count(t, "memory_bytes", usage.known, usage.memory_bytes);
    text_add(t, ", ");
    add_string(t, "reason", texts + service->reason);
    text_add_char(t, '}');
}

void sample_to_json(uint64_t realtime_usec, const Sysinfo *sysinfo, const SampleServices *services,
                    Text *t)
{
    ByUnit by = sort_by_unit(sysinfo);

    text_add(t, "{\"timestamp\": ");
    sample_add_time(t, realtime_usec);
    if (sysinfo) {
        text_add(t, ", \"sysinfo\": ");
        sysinfo_to_json(sysinfo, t);
    }
    text_add(t, ", \"services\": [");
    for (size_t i = 0; i < services->n; i++) {
        text_add(t, i > 0 ? ",\n" : "\n");
        add_service(t, services, &services->items[i], &by);
    }
    text_add(t, "]}");
    free(by.items);
}
