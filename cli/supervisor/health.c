/* SPDX-License-Identifier: MIT */

/* Reading what phoenixd says. */

#include "cli/supervisor/health.h"

#include <errno.h>

#include "cli/systemd/properties.h"

static void samples_done(Samples *samples)
{
    for (size_t i = 0; i < samples->n; i++) {
        free(samples->items[i].outcome);
        free(samples->items[i].reason);
    }
    free(samples->items);
    *samples = (Samples){0};
}

static void probe_done(Probe *probe)
{
    free(probe->label);
    free(probe->type);
    free(probe->verdict);
    free(probe->outcome);
    free(probe->reason);
    samples_done(&probe->history);
}

void probes_done(Probes *probes)
{
    for (size_t i = 0; i < probes->n; i++)
        probe_done(&probes->items[i]);
    free(probes->items);
    *probes = (Probes){0};
}

void health_done(Health *health)
{
    free(health->name);
    free(health->unit);
    free(health->type);
    free(health->state);
    free(health->reason);
    free(health->ready);
    free(health->active_state);
    free(health->sub_state);
    free(health->result);
    free(health->last_probe);
    free(health->last_outcome);
    free(health->last_reason);
    demand_done(&health->demand);
    probes_done(&health->probes);
    *health = (Health){0};
}

void healths_done(Healths *healths)
{
    for (size_t i = 0; i < healths->n; i++)
        health_done(&healths->items[i]);
    free(healths->items);
    *healths = (Healths){0};
}

/* One "(ttss)". 0 at the end of the array. */
static int read_sample(sd_bus_message *m, Samples *samples)
{
    const char *outcome, *reason;
    Sample sample = {0}, *items;
    int r;

    r = sd_bus_message_read(m, "(ttss)", &sample.when_usec, &sample.latency_usec, &outcome,
                            &reason);
    if (r <= 0)
        return r;
    items = reallocarray(samples->items, samples->n + 1, sizeof(*items));
    if (!items)
        return -ENOMEM;
    samples->items = items;
    sample.outcome = strdup(outcome);
    sample.reason = strdup(reason);
    items[samples->n++] = sample;
    return sample.outcome && sample.reason ? 1 : -ENOMEM;
}

static int read_history(sd_bus_message *m, void *field)
{
    int r;

    samples_done(field);
    r = sd_bus_message_enter_container(m, 'a', "(ttss)");
    while (r > 0 && (r = read_sample(m, field)) > 0)
        ;
    return r < 0 ? r : sd_bus_message_exit_container(m);
}

#define P(name, type, field) PROPERTY(name, type, Probe, field)
static const Property probe_properties[] = {
    P("Label", "s", label),
    P("Type", "s", type),
    P("Readiness", "b", readiness),
    P("Verdict", "s", verdict),
    P("Failures", "u", failures),
    P("Retries", "u", retries),
    P("Interval", "t", interval_usec),
    P("Timeout", "t", timeout_usec),
    P("Next", "t", next_usec),
    P("Passed", "t", n_pass),
    P("Failed", "t", n_fail),
    P("Void", "t", n_void),
    P("P50", "t", p50_usec),
    P("P99", "t", p99_usec),
    P("Outcome", "s", outcome),
    P("Latency", "t", latency_usec),
    P("Reason", "s", reason),
    {"History", "a(ttss)", offsetof(Probe, history), read_history},
};
#undef P

/* One "a{sv}" of an array. 0 at its end. */
static int read_probe(sd_bus_message *m, Probes *probes)
{
    Probe *items;
    int r;

    r = sd_bus_message_at_end(m, false);
    if (r != 0)
        return r < 0 ? r : 0;
    items = reallocarray(probes->items, probes->n + 1, sizeof(*items));
    if (!items)
        return -ENOMEM;
    probes->items = items;
    items[probes->n] = (Probe){0};
    r = properties_read(m, probe_properties, ELEMENTSOF(probe_properties), &items[probes->n++]);
    return r < 0 ? r : 1;
}

static int read_probes(sd_bus_message *m, void *field)
{
    int r;

    probes_done(field);
    r = sd_bus_message_enter_container(m, 'a', "a{sv}");
    while (r > 0 && (r = read_probe(m, field)) > 0)
        ;
    return r < 0 ? r : sd_bus_message_exit_container(m);
}

#define P(name, type, field) PROPERTY(name, type, Health, field)
static const Property health_properties[] = {
    P("Name", "s", name),
    P("Unit", "s", unit),
    P("Type", "s", type),
    P("State", "s", state),
    P("Since", "t", since_usec),
    P("Reason", "s", reason),
    P("Ready", "s", ready),
    P("Supervised", "b", supervised),
    P("Lease", "b", lease),
    P("Maintenance", "b", maintenance),
    P("MaintenanceUntil", "t", maintenance_until_usec),
    P("HeldUntil", "t", held_until_usec),
    P("ActiveState", "s", active_state),
    P("SubState", "s", sub_state),
    P("Result", "s", result),
    P("NRestarts", "u", unit_restarts),
    P("Starts", "t", starts),
    P("Restarts", "t", restarts),
    P("Checks", "t", checks),
    P("Failures", "t", failures),
    P("Unhealthy", "t", unhealthy),
    P("Beats", "t", beats),
    P("BeatsPerMinute", "d", beats_per_minute),
    P("NextDelay", "t", next_delay_usec),
    P("LastHealthy", "t", last_healthy_usec),
    P("LastFailure", "t", last_failure_usec),
    P("WatchdogUSec", "t", watchdog_usec),
    P("LastProbe", "s", last_probe),
    P("LastOutcome", "s", last_outcome),
    P("LastReason", "s", last_reason),
    P("LastLatency", "t", last_latency_usec),
    {"OnDemand", "a{sv}", offsetof(Health, demand), demand_read},
    {"Probes", "aa{sv}", offsetof(Health, probes), read_probes},
};
#undef P

/* What has to be there for the rest of the command to work with it. */
static int check_health(const Health *health)
{
    return health->name && health->state ? 0 : -EBADMSG;
}

int health_read(sd_bus_message *m, Health *ret)
{
    _cleanup_health_ Health health = {.beats_per_minute = -1};
    int r;

    r = properties_read(m, health_properties, ELEMENTSOF(health_properties), &health);
    if (r >= 0)
        r = check_health(&health);
    if (r < 0)
        return r;
    *ret = health;
    health = (Health){0};
    return 0;
}

static int healths_reserve(Healths *healths)
{
    size_t allocated = MAX(healths->allocated * 2, (size_t)16);
    Health *items;

    if (healths->n < healths->allocated)
        return 0;
    items = reallocarray(healths->items, allocated, sizeof(*items));
    if (!items)
        return -ENOMEM;
    healths->items = items;
    healths->allocated = allocated;
    return 0;
}

int healths_read(sd_bus_message *m, Healths *ret)
{
    _cleanup_healths_ Healths healths = {0};
    int r;

    r = sd_bus_message_enter_container(m, 'a', "a{sv}");
    while (r >= 0 && (r = sd_bus_message_at_end(m, false)) == 0) {
        r = healths_reserve(&healths);
        if (r >= 0)
            r = health_read(m, &healths.items[healths.n]);
        if (r >= 0)
            healths.n++;
    }
    if (r >= 0)
        r = sd_bus_message_exit_container(m);
    if (r < 0)
        return r;
    *ret = healths;
    healths = (Healths){0};
    return 0;
}

int probes_read(sd_bus_message *m, Probes *ret)
{
    _cleanup_probes_ Probes probes = {0};
    int r;

    r = read_probes(m, &probes);
    if (r < 0)
        return r;
    *ret = probes;
    probes = (Probes){0};
    return 0;
}

const Health *healths_find(const Healths *healths, const char *name)
{
    for (size_t i = 0; i < healths->n; i++)
        if (streq(healths->items[i].name, name))
            return &healths->items[i];
    return NULL;
}

const char *health_reason_beside(const char *label, const char *reason)
{
    size_t n;

    if (!label || !reason)
        return reason;
    /* The label names the type of the check first. */
    label += strcspn(label, " ");
    label += strspn(label, " ");
    n = strlen(label);
    return n > 0 && strncmp(reason, label, n) == 0 && strncmp(reason + n, ": ", 2) == 0
               ? reason + n + 2
               : reason;
}

bool health_was_checked(const Health *health)
{
    return health->last_probe && *health->last_probe && health->last_outcome;
}

bool health_is_good(const Health *health)
{
    static const char *const good[] = {"healthy", "starting", "failing", "maintenance", "frozen"};

    for (size_t i = 0; i < ELEMENTSOF(good); i++)
        if (streq(health->state, good[i]))
            return true;
    return false;
}
