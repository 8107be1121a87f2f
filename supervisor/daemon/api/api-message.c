/* SPDX-License-Identifier: MIT */
/*
 * Views and events as D-Bus messages.
 */
#include "supervisor/daemon/api/api-internal.h"

#include <assert.h>
#include <errno.h>

#include "base/macros.h"
#include "base/text.h"

static const char *const outcome_words[] = {
    [PROBE_PASS] = "pass",
    [PROBE_FAIL] = "fail",
    [PROBE_VOID] = "void",
};

const char *api_outcome_word(ProbeOutcome outcome)
{
    return outcome_words[outcome];
}

int api_append_string(sd_bus_message *m, const char *s)
{
    _cleanup_text_ Text text = {0};
    size_t left = strlen(s);

    if (utf8_valid(s, left))
        return sd_bus_message_append_basic(m, 's', s);

    for (size_t n; left > 0; s += n, left -= n) {
        n = utf8_char(s, left);
        if (n > 0)
            text_add_n(&text, s, n);
        else
            text_add(&text, "\xef\xbf\xbd");
        n = MAX(n, (size_t)1);
    }
    return text.error < 0 ? text.error : sd_bus_message_append_basic(m, 's', text.data);
}

/* Opens {sv} and its variant. */
static int entry_open(sd_bus_message *m, const char *key, const char *type)
{
    int r = sd_bus_message_open_container(m, 'e', "sv");

    if (r >= 0)
        r = sd_bus_message_append_basic(m, 's', key);
    return r < 0 ? r : sd_bus_message_open_container(m, 'v', type);
}

static int entry_close(sd_bus_message *m)
{
    int r = sd_bus_message_close_container(m);

    return r < 0 ? r : sd_bus_message_close_container(m);
}

int api_append_entry(sd_bus_message *m, const char *key, char type, const void *value)
{
    int r = entry_open(m, key, (const char[]){type, '\0'});

    if (r >= 0)
        r = type == 's' ? api_append_string(m, value) : sd_bus_message_append_basic(m, type, value);
    return r < 0 ? r : entry_close(m);
}

int api_append_string_entry(sd_bus_message *m, const char *key, const char *value)
{
    return api_append_entry(m, key, 's', value);
}

int api_append_u64(sd_bus_message *m, const char *key, uint64_t value)
{
    return api_append_entry(m, key, 't', &value);
}

int api_append_u32(sd_bus_message *m, const char *key, size_t value)
{
    uint32_t u = (uint32_t)MIN(value, (size_t)UINT32_MAX);

    return api_append_entry(m, key, 'u', &u);
}

int api_append_bool(sd_bus_message *m, const char *key, bool value)
{
    return api_append_entry(m, key, 'b', &(int){value});
}

/* What is appended to a dictionary, as tables: the names are those of io.phoenix.Supervisor1(5).
 * A type of "s" is a const char *, "t" a uint64_t, "u" a uint32_t, "b" a bool, "d" a double. */
typedef struct Field {
    const char *key;
    char type;
    size_t offset;
} Field;

static const Field service_fields[] = {
    {"Name", 's', offsetof(ServiceView, name)},
    {"Unit", 's', offsetof(ServiceView, unit)},
    {"Type", 's', offsetof(ServiceView, type)},
    {"Since", 't', offsetof(ServiceView, since_usec)},
    {"Reason", 's', offsetof(ServiceView, reason)},
    {"Ready", 's', offsetof(ServiceView, ready)},
    {"Supervised", 'b', offsetof(ServiceView, supervised)},
    {"Lease", 'b', offsetof(ServiceView, lease)},
    {"Maintenance", 'b', offsetof(ServiceView, maintenance)},
    {"MaintenanceUntil", 't', offsetof(ServiceView, maintenance_until_usec)},
    {"HeldUntil", 't', offsetof(ServiceView, held_until_usec)},
    {"Starts", 't', offsetof(ServiceView, starts)},
    {"Restarts", 't', offsetof(ServiceView, restarts)},
    {"Checks", 't', offsetof(ServiceView, checks)},
    {"Failures", 't', offsetof(ServiceView, failures)},
    {"Unhealthy", 't', offsetof(ServiceView, unhealthy)},
    {"Beats", 't', offsetof(ServiceView, beats)},
    {"BeatsPerMinute", 'd', offsetof(ServiceView, beats_per_minute)},
    {"NextDelay", 't', offsetof(ServiceView, next_delay_usec)},
    {"LastHealthy", 't', offsetof(ServiceView, last_healthy_usec)},
    {"LastFailure", 't', offsetof(ServiceView, last_failure_usec)},
};

static const Field probe_fields[] = {
    {"Label", 's', offsetof(ProbeView, label)},
    {"Type", 's', offsetof(ProbeView, type)},
    {"Readiness", 'b', offsetof(ProbeView, readiness)},
    {"Verdict", 's', offsetof(ProbeView, verdict)},
    {"Failures", 'u', offsetof(ProbeView, failures)},
    {"Retries", 'u', offsetof(ProbeView, retries)},
    {"Interval", 't', offsetof(ProbeView, interval_usec)},
    {"Timeout", 't', offsetof(ProbeView, timeout_usec)},
    {"Next", 't', offsetof(ProbeView, next_usec)},
    {"Passed", 't', offsetof(ProbeView, n_pass)},
    {"Failed", 't', offsetof(ProbeView, n_fail)},
    {"Void", 't', offsetof(ProbeView, n_void)},
};

static const Field demand_fields[] = {
    {"IdleAction", 's', offsetof(DemandView, idle_action)},
    {"IdleAfter", 't', offsetof(DemandView, idle_after_usec)},
    {"Listening", 'b', offsetof(DemandView, listening)},
    {"Idle", 'b', offsetof(DemandView, idle)},
    {"SocketState", 's', offsetof(DemandView, socket_state)},
    {"SocketResult", 's', offsetof(DemandView, socket_result)},
    {"Starts", 't', offsetof(DemandView, starts)},
    {"StartsToday", 't', offsetof(DemandView, starts_today)},
    {"Held", 't', offsetof(DemandView, held)},
    {"IdleStops", 't', offsetof(DemandView, idle_stops)},
    {"Stops", 't', offsetof(DemandView, stops)},
    {"Freezes", 't', offsetof(DemandView, freezes)},
    {"Thaws", 't', offsetof(DemandView, thaws)},
    {"FrozenTime", 't', offsetof(DemandView, frozen_usec)},
};

static int append_fields(sd_bus_message *m, const Field *fields, size_t n, const void *view)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < n; i++) {
        const void *value = (const char *)view + fields[i].offset;

        if (fields[i].type == 's')
            r = api_append_string_entry(m, fields[i].key, *(const char *const *)value);
        else if (fields[i].type == 'b')
            r = api_append_bool(m, fields[i].key, *(const bool *)value);
        else
            r = api_append_entry(m, fields[i].key, fields[i].type, value);
    }
    return r;
}

/* While systemd has not told the state, the strings are "". */
static int append_unit(sd_bus_message *m, const UnitState *unit)
{
    static const UnitState nothing = {.sub = "", .result = ""};
    bool known = unit && unit->known;
    int r;

    if (!known)
        unit = &nothing;
    r = api_append_string_entry(m, "ActiveState", known ? unit_active_word(unit->active) : "");
    if (r >= 0)
        r = api_append_string_entry(m, "SubState", unit->sub);
    if (r >= 0)
        r = api_append_string_entry(m, "Result", unit->result);
    if (r >= 0)
        r = api_append_u64(m, "MainPID", unit->main_pid);
    if (r >= 0)
        r = api_append_u32(m, "NRestarts", unit->n_restarts);
    return r < 0 ? r : api_append_u64(m, "WatchdogUSec", unit->watchdog_usec);
}

static int append_sample(sd_bus_message *m, const ProbeSample *sample)
{
    int r = sd_bus_message_open_container(m, 'r', "ttss");

    if (r >= 0)
        r = sd_bus_message_append(m, "tts", sample->realtime_usec, sample->latency_usec,
                                  api_outcome_word(sample->outcome));
    if (r >= 0)
        r = api_append_string(m, sample->reason);
    return r < 0 ? r : sd_bus_message_close_container(m);
}

/* The ring, oldest first. */
static int append_history(sd_bus_message *m, const ProbeView *view)
{
    int r = entry_open(m, "History", "a(ttss)");

    if (r >= 0)
        r = sd_bus_message_open_container(m, 'a', "(ttss)");
    for (size_t back = history_count(view->history); r >= 0 && back-- > 0;) {
        ProbeSample sample;

        history_get(view->history, back, &sample);
        r = append_sample(m, &sample);
    }
    if (r >= 0)
        r = sd_bus_message_close_container(m);
    return r < 0 ? r : entry_close(m);
}

static int append_probe(sd_bus_message *m, const ProbeView *view)
{
    int r = sd_bus_message_open_container(m, 'a', "{sv}");

    if (r >= 0)
        r = append_fields(m, probe_fields, ELEMENTSOF(probe_fields), view);
    if (r >= 0)
        r = api_append_u64(m, "P50", histogram_quantile(view->latency, 500));
    if (r >= 0)
        r = api_append_u64(m, "P99", histogram_quantile(view->latency, 990));
    if (r >= 0)
        r = append_history(m, view);
    return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_probes(sd_bus_message *m, Manager *manager, size_t i, size_t n)
{
    int r = entry_open(m, "Probes", "aa{sv}");

    if (r >= 0)
        r = sd_bus_message_open_container(m, 'a', "a{sv}");
    for (size_t probe = 0; r >= 0 && probe < n; probe++) {
        ProbeView view;

        manager_view_probe(manager, i, probe, &view);
        r = append_probe(m, &view);
    }
    if (r >= 0)
        r = sd_bus_message_close_container(m);
    return r < 0 ? r : entry_close(m);
}

/* The check that was made last, so that a table of services needs no call for each of them. */
static int append_last(sd_bus_message *m, Manager *manager, size_t i, size_t n)
{
    ProbeSample sample, last = {.reason = ""};
    const char *label = NULL;
    ProbeView view;
    int r;

    for (size_t probe = 0; probe < n; probe++) {
        manager_view_probe(manager, i, probe, &view);
        if (history_count(view.history) == 0)
            continue;
        history_get(view.history, 0, &sample);
        if (label && sample.realtime_usec <= last.realtime_usec)
            continue;
        last = sample;
        label = view.label;
    }
    r = api_append_string_entry(m, "LastProbe", label ? label : "");
    if (r >= 0)
        r = api_append_string_entry(m, "LastOutcome", label ? api_outcome_word(last.outcome) : "");
    if (r >= 0)
        r = api_append_u64(m, "LastLatency", last.latency_usec);
    return r < 0 ? r : api_append_string_entry(m, "LastReason", last.reason);
}

static int append_listen(sd_bus_message *m, const DemandView *view)
{
    int r = entry_open(m, "Listen", "as");

    if (r >= 0)
        r = sd_bus_message_open_container(m, 'a', "s");
    for (size_t i = 0; r >= 0 && view->listen[i]; i++)
        r = api_append_string(m, view->listen[i]);
    if (r >= 0)
        r = sd_bus_message_close_container(m);
    return r < 0 ? r : entry_close(m);
}

static int append_demand(sd_bus_message *m, const DemandView *view, uint64_t waiting)
{
    int r = entry_open(m, "OnDemand", "a{sv}");

    if (r >= 0)
        r = sd_bus_message_open_container(m, 'a', "{sv}");
    if (r >= 0)
        r = append_listen(m, view);
    if (r >= 0)
        r = api_append_string_entry(m, "Activation", view->native ? "native" : "proxy");
    if (r >= 0)
        r = append_fields(m, demand_fields, ELEMENTSOF(demand_fields), view);
    if (r >= 0)
        r = api_append_u64(m, "Waiting", waiting);
    if (r >= 0)
        r = api_append_u64(m, "ColdStartP50", cold_starts_quantile(view->cold, 500));
    if (r >= 0)
        r = api_append_u64(m, "ColdStartP99", cold_starts_quantile(view->cold, 990));
    if (r >= 0)
        r = sd_bus_message_close_container(m);
    return r < 0 ? r : entry_close(m);
}

int api_append_service(sd_bus_message *m, Manager *manager, size_t i, bool with_probes)
{
    ServiceView view;
    int r;

    manager_view_service(manager, i, &view);
    r = sd_bus_message_open_container(m, 'a', "{sv}");
    if (r >= 0)
        r = append_fields(m, service_fields, ELEMENTSOF(service_fields), &view);
    if (r >= 0)
        r = api_append_string_entry(m, "State", health_state_word(view.state));
    if (r >= 0)
        r = append_unit(m, view.unit_state);
    if (r >= 0)
        r = append_last(m, manager, i, view.n_probes);
    if (r >= 0 && view.on_demand)
        r = append_demand(m, &view.demand, manager_count_waiting(manager, i));
    if (r >= 0 && with_probes)
        r = append_probes(m, manager, i, view.n_probes);
    return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_reap(sd_bus_message *m, const EventReap *reap)
{
    int r = api_append_string_entry(m, "Class", reap->class);

    if (r >= 0)
        r = api_append_u32(m, "Rank", reap->rank);
    if (r >= 0)
        r = api_append_string_entry(m, "Cause", reap->cause);
    if (r >= 0)
        r = api_append_string_entry(m, "Result", reap->result);
    if (r >= 0)
        r = api_append_string_entry(m, "Container", reap->id);
    if (r >= 0)
        r = api_append_string_entry(m, "ContainerName", reap->name);
    if (r >= 0)
        r = api_append_u32(m, "Pid", (size_t)reap->pid);
    return r < 0 ? r : api_append_u64(m, "Memory", reap->memory_bytes);
}

/* Only those that apply. */
static int append_event_details(sd_bus_message *m, const Event *event)
{
    int r = sd_bus_message_open_container(m, 'a', "{sv}");

    if (r >= 0 && event->probe)
        r = api_append_string_entry(m, "Probe", event->probe);
    if (r >= 0 && event->retries > 0)
        r = api_append_u32(m, "Failures", event->failures);
    if (r >= 0 && event->retries > 0)
        r = api_append_u32(m, "Retries", event->retries);
    if (r >= 0 && event->latency_usec != UINT64_MAX)
        r = api_append_u64(m, "Latency", event->latency_usec);
    if (r >= 0 && event->delay_usec != UINT64_MAX)
        r = api_append_u64(m, "Delay", event->delay_usec);
    if (r >= 0 && event->service && !event->reap)
        r = api_append_u32(m, "Restarts", event->restarts);
    if (r >= 0 && event->reap)
        r = append_reap(m, event->reap);
    return r < 0 ? r : sd_bus_message_close_container(m);
}

int api_append_event(sd_bus_message *m, const Event *event)
{
    const char *strings[] = {
        event_kind_word(event->kind),
        event->service ?: "",
        event->unit ?: "",
        event->service && !event->reap ? health_state_word(event->before) : "",
        event->service && !event->reap ? health_state_word(event->after) : "",
        event->reason ?: "",
    };
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ELEMENTSOF(strings); i++)
        r = api_append_string(m, strings[i]);
    if (r >= 0)
        r = sd_bus_message_append_basic(m, 't', &event->realtime_usec);
    return r < 0 ? r : append_event_details(m, event);
}
