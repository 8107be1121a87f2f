/* SPDX-License-Identifier: MIT */

/* A stand-in for systemd and phoenixd on a private bus, for tests/unit/test-cli-bus.py: as much of
 * their interfaces as the command calls, with services that never change but by being started and
 * stopped. Each call that changes something is written to standard output, one per line. The names
 * to own are the arguments. Some of what it says would wreck a terminal, on purpose. */

#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "base/macros.h"

#define SYSTEMD      "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define HOSTILE      "503 \x1b[31mService Unavailable\x1b]0;x\x07"

#define T0 UINT64_C(1790000000000000)

typedef struct Unit {
    const char *name, *active, *sub, *result, *status;
    bool broken; /* cannot be started */
} Unit;

static Unit units[] = {
    {"phoenix@web.service", "active", "running", "success", "healthy \x1b[2J", false},
    {"phoenix@bad.service", "failed", "failed", "exit-code", "GET /: 500", true},
    {"phoenix@held.service", "failed", "failed", "start-limit-hit", "", false},
    {"phoenix@idle.service", "inactive", "dead", "success", "", false},
    /* These two are started by their connections, and are there when PHOENIX_TEST_ON_DEMAND is. */
    {"phoenix@shop.service", "inactive", "dead", "success", "", false},
    {"phoenix@shop.socket", "active", "listening", "success", "", false},
    {"phoenix@flood.service", "failed", "failed", "exit-code", "", false},
    {"phoenix@flood.socket", "active", "running", "success", "", false},
};

typedef struct Fake {
    const char *name, *state, *reason;
    bool maintenance;
    uint64_t held_until, maintenance_until;
    bool fails;
    bool on_demand;
    uint64_t waiting;
} Fake;

static Fake services[] = {
    {"web", "healthy", "", false, 0, 0, false},
    {"bad", "failing", HOSTILE, false, 0, 0, true},
    {"held", "held", "restarted 5 times", false, T0 * 2, 0, true},
    {.name = "shop", .state = "stopped", .reason = "", .on_demand = true},
    {.name = "flood", .state = "stopped", .reason = HOSTILE, .on_demand = true, .waiting = 7},
};

static void say(const char *what, const char *name)
{
    printf("%s %s\n", what, name);
    fflush(stdout);
}

static Unit *find_unit(const char *name)
{
    for (size_t i = 0; i < ELEMENTSOF(units); i++)
        if (streq(units[i].name, name))
            return &units[i];
    return NULL;
}

static Fake *find_service(const char *name)
{
    for (size_t i = 0; i < ELEMENTSOF(services); i++)
        if (streq(services[i].name, name))
            return &services[i];
    return NULL;
}

static void add(sd_bus_message *m, const char *key, const char *type, ...)
{
    va_list ap;

    va_start(ap, type);
    sd_bus_message_open_container(m, 'e', "sv");
    sd_bus_message_append(m, "s", key);
    sd_bus_message_open_container(m, 'v', type);
    sd_bus_message_appendv(m, type, ap);
    sd_bus_message_close_container(m);
    sd_bus_message_close_container(m);
    va_end(ap);
}

static void add_history(sd_bus_message *m, const Fake *service)
{
    sd_bus_message_open_container(m, 'e', "sv");
    sd_bus_message_append(m, "s", "History");
    sd_bus_message_open_container(m, 'v', "a(ttss)");
    sd_bus_message_append(m, "a(ttss)", 2, T0, UINT64_C(1500), "pass", "200 OK", T0 + 10000000,
                          UINT64_C(2500), service->fails ? "fail" : "pass",
                          service->fails ? HOSTILE : "200 OK");
    sd_bus_message_close_container(m);
    sd_bus_message_close_container(m);
}

static void add_probes(sd_bus_message *m, const Fake *service)
{
    sd_bus_message_open_container(m, 'e', "sv");
    sd_bus_message_append(m, "s", "Probes");
    sd_bus_message_open_container(m, 'v', "aa{sv}");
    sd_bus_message_open_container(m, 'a', "a{sv}");
    sd_bus_message_open_container(m, 'a', "{sv}");
    add(m, "Label", "s", "GET /health");
    add(m, "Type", "s", "http");
    add(m, "Readiness", "b", 0);
    add(m, "Verdict", "s", service->fails ? "failing" : "passing");
    add(m, "Failures", "u", service->fails ? 2U : 0U);
    add(m, "Retries", "u", 3U);
    add(m, "Interval", "t", UINT64_C(10000000));
    add(m, "P50", "t", UINT64_C(1500));
    add(m, "Surprise", "as", 1, "from a newer phoenixd");
    add_history(m, service);
    sd_bus_message_close_container(m);
    sd_bus_message_close_container(m);
    sd_bus_message_close_container(m);
    sd_bus_message_close_container(m);
}

static void add_on_demand(sd_bus_message *m, const Fake *service)
{
    sd_bus_message_open_container(m, 'e', "sv");
    sd_bus_message_append(m, "s", "OnDemand");
    sd_bus_message_open_container(m, 'v', "a{sv}");
    sd_bus_message_open_container(m, 'a', "{sv}");
    add(m, "Listen", "as", 1, "8080");
    add(m, "SocketState", "s", "active");
    add(m, "SocketResult", "s", "success");
    add(m, "Waiting", "t", service->waiting);
    add(m, "Starts", "t", UINT64_C(95));
    add(m, "StartsToday", "t", UINT64_C(14));
    add(m, "Held", "t", UINT64_C(120));
    add(m, "IdleStops", "t", UINT64_C(80));
    add(m, "Stops", "t", UINT64_C(1));
    add(m, "ColdStartP50", "t", UINT64_C(180000));
    add(m, "ColdStartP99", "t", UINT64_C(60000000));
    sd_bus_message_close_container(m);
    sd_bus_message_close_container(m);
    sd_bus_message_close_container(m);
}

static void add_service(sd_bus_message *m, const Fake *service, bool probes)
{
    sd_bus_message_open_container(m, 'a', "{sv}");
    add(m, "Name", "s", service->name);
    add(m, "State", "s", service->state);
    add(m, "Since", "t", T0);
    add(m, "Reason", "s", service->reason);
    add(m, "Ready", "s", service->fails ? "no" : "yes");
    add(m, "Supervised", "b", 1);
    add(m, "Lease", "b", 1);
    add(m, "Maintenance", "b", (int)service->maintenance);
    add(m, "MaintenanceUntil", "t", service->maintenance_until);
    add(m, "HeldUntil", "t", service->held_until);
    add(m, "Restarts", "t", UINT64_C(4));
    add(m, "BeatsPerMinute", "d", 12.5);
    add(m, "NextDelay", "t", UINT64_C(250000));
    add(m, "LastProbe", "s", "GET /health");
    add(m, "LastOutcome", "s", service->fails ? "fail" : "pass");
    add(m, "LastLatency", "t", UINT64_C(2500));
    add(m, "LastReason", "s", service->fails ? HOSTILE : "200 OK");
    if (service->on_demand)
        add_on_demand(m, service);
    if (probes)
        add_probes(m, service);
    sd_bus_message_close_container(m);
}

static int answer_probe(sd_bus_message *call, const Fake *service)
{
    sd_bus_message *m = NULL;

    sd_bus_message_new_method_return(call, &m);
    sd_bus_message_open_container(m, 'a', "a{sv}");
    sd_bus_message_open_container(m, 'a', "{sv}");
    add(m, "Label", "s", "GET /health");
    add(m, "Readiness", "b", 0);
    add(m, "Outcome", "s", service->fails ? "fail" : "pass");
    add(m, "Latency", "t", UINT64_C(2500));
    add(m, "Reason", "s", service->fails ? HOSTILE : "200 OK");
    sd_bus_message_close_container(m);
    sd_bus_message_close_container(m);
    sd_bus_send(NULL, m, NULL);
    sd_bus_message_unref(m);
    return 1;
}

static int answer_list(sd_bus_message *call)
{
    sd_bus_message *m = NULL;

    sd_bus_message_new_method_return(call, &m);
    sd_bus_message_open_container(m, 'a', "a{sv}");
    for (size_t i = 0; i < ELEMENTSOF(services); i++)
        add_service(m, &services[i], false);
    sd_bus_message_close_container(m);
    sd_bus_send(NULL, m, NULL);
    sd_bus_message_unref(m);
    return 1;
}

static int answer_get(sd_bus_message *call, const Fake *service)
{
    sd_bus_message *m = NULL;

    sd_bus_message_new_method_return(call, &m);
    add_service(m, service, true);
    sd_bus_send(NULL, m, NULL);
    sd_bus_message_unref(m);
    return 1;
}

static int answer_maintenance(sd_bus_message *call, Fake *service)
{
    int on;

    sd_bus_message_read(call, "bt", &on, &service->maintenance_until);
    service->maintenance = on;
    say(on ? "MaintenanceOn" : "MaintenanceOff", service->name);
    return sd_bus_reply_method_return(call, "");
}

/* After the first Release phoenixd is not well, as a test for what is said then. */
static bool is_braked;

static void add_supervisor(sd_bus_message *m)
{
    sd_bus_message_open_container(m, 'a', "{sv}");
    add(m, "Version", "s", "1.2.3");
    add(m, "Degraded", "s", is_braked ? "no journal \x1b[31m" : "");
    add(m, "Brake", "b", (int)is_braked);
    add(m, "BrakeUntil", "t", is_braked ? T0 : 0);
    add(m, "BrakeReason", "s", is_braked ? "5 of 6 checks began to fail at once" : "");
    sd_bus_message_close_container(m);
}

static int on_supervisor(sd_bus_message *call, const char *member)
{
    const char *name = NULL;
    Fake *service;

    if (streq(member, "ListServices"))
        return answer_list(call);
    sd_bus_message_read(call, "s", &name);
    service = find_service(name);
    if (!service)
        return sd_bus_reply_method_errorf(call, "io.phoenix.Error.NoSuchService", "none named %s",
                                          name);
    if (streq(member, "GetService")) {
        say(member, name);
        return answer_get(call, service);
    }
    if (streq(member, "ProbeNow") && streq(name, "held"))
        return sd_bus_reply_method_errorf(call, "io.phoenix.Error.NotRunning", "it is held");
    if (streq(member, "ProbeNow"))
        return answer_probe(call, service);
    if (streq(member, "SetMaintenance"))
        return answer_maintenance(call, service);
    say("Release", name);
    is_braked = true;
    return sd_bus_reply_method_return(call, "");
}

/* The pattern is the only one of its array. */
static int answer_units(sd_bus_message *call)
{
    sd_bus_message *m = NULL;
    const char *pattern = NULL;

    sd_bus_message_skip(call, "as");
    sd_bus_message_enter_container(call, 'a', "s");
    sd_bus_message_read(call, "s", &pattern);
    sd_bus_message_new_method_return(call, &m);
    sd_bus_message_open_container(m, 'a', "(ssssssouso)");
    for (size_t i = 0; i < ELEMENTSOF(units) - (getenv("PHOENIX_TEST_ON_DEMAND") ? 0 : 4); i++)
        if (fnmatch(pattern, units[i].name, 0) == 0)
            sd_bus_message_append(m, "(ssssssouso)", units[i].name, "", "loaded", units[i].active,
                                  units[i].sub, "", SYSTEMD_PATH "/unit/x", 0U, "", "/");
    sd_bus_message_close_container(m);
    sd_bus_send(NULL, m, NULL);
    sd_bus_message_unref(m);
    return 1;
}

static int answer_load(sd_bus_message *call, const char *name)
{
    char *path = NULL;

    sd_bus_path_encode(SYSTEMD_PATH "/unit", name, &path);
    sd_bus_reply_method_return(call, "o", path ? path : "/");
    free(path);
    return 1;
}

static int answer_job(sd_bus_message *call, const char *member, const char *name)
{
    static unsigned id;
    Unit *unit = find_unit(name);
    bool good = !unit || !unit->broken || streq(member, "StopUnit");
    char path[64];

    say(member, name);
    if (unit && good) {
        unit->active = streq(member, "StopUnit") ? "inactive" : "active";
        unit->sub = streq(member, "StopUnit") ? "dead" : "running";
    }
    (void)snprintf(path, sizeof(path), SYSTEMD_PATH "/job/%u", ++id);
    /* In the order that is the hardest: the end of the job before its name. */
    sd_bus_emit_signal(sd_bus_message_get_bus(call), SYSTEMD_PATH, SYSTEMD ".Manager", "JobRemoved",
                       "uoss", id, path, name, good ? "done" : "failed");
    return sd_bus_reply_method_return(call, "o", path);
}

static int on_manager(sd_bus_message *call, const char *member)
{
    const char *name = NULL;

    if (streq(member, "ListUnitsByPatterns"))
        return answer_units(call);
    if (streq(member, "Subscribe") || streq(member, "Reload")) {
        say(member, "-");
        return sd_bus_reply_method_return(call, "");
    }
    sd_bus_message_read(call, "s", &name);
    if (streq(member, "LoadUnit"))
        return answer_load(call, name);
    if (!streq(member, "ResetFailedUnit"))
        return answer_job(call, member, name);
    say(member, name);
    return find_unit(name) ? sd_bus_reply_method_return(call, "")
                           : sd_bus_reply_method_errorf(call, SYSTEMD ".NoSuchUnit", "not loaded");
}

static void add_unit(sd_bus_message *m, const Unit *unit, const char *name, const char *interface)
{
    sd_bus_message_open_container(m, 'a', "{sv}");
    if (streq(interface, SYSTEMD ".Unit")) {
        add(m, "Id", "s", name);
        add(m, "LoadState", "s", "loaded");
        add(m, "ActiveState", "s", unit ? unit->active : "inactive");
        add(m, "SubState", "s", unit ? unit->sub : "dead");
        add(m, "StateChangeTimestamp", "t", T0);
    } else if (unit) {
        add(m, "Result", "s", unit->result);
        add(m, "StatusText", "s", unit->status);
        add(m, "NRestarts", "u", 3U);
    }
    sd_bus_message_close_container(m);
}

static int on_properties(sd_bus_message *call, const char *member)
{
    const char *interface = NULL, *property = NULL;
    sd_bus_message *m = NULL;
    char *name = NULL;

    sd_bus_message_read(call, "s", &interface);
    sd_bus_path_decode(sd_bus_message_get_path(call), SYSTEMD_PATH "/unit", &name);
    sd_bus_message_new_method_return(call, &m);
    if (streq(interface, "io.phoenix.Supervisor1")) {
        add_supervisor(m);
    } else if (streq(member, "GetAll")) {
        add_unit(m, find_unit(name ? name : ""), name ? name : "", interface);
    } else {
        sd_bus_message_read(call, "s", &property);
        if (streq(property, "NRestarts"))
            sd_bus_message_append(m, "v", "u", 3U);
        else
            sd_bus_message_append(m, "v", "t", T0);
    }
    sd_bus_send(NULL, m, NULL);
    sd_bus_message_unref(m);
    free(name);
    return 1;
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
    const char *interface = sd_bus_message_get_interface(m);
    const char *member = sd_bus_message_get_member(m);

    if (!sd_bus_message_is_method_call(m, NULL, NULL) || !interface || !member)
        return 0;
    if (streq(interface, "io.phoenix.Supervisor1"))
        return on_supervisor(m, member);
    if (streq(interface, SYSTEMD ".Manager"))
        return on_manager(m, member);
    if (streq(interface, "org.freedesktop.DBus.Properties"))
        return on_properties(m, member);
    return 0;
}

int main(int argc, char *argv[])
{
    sd_bus *bus = NULL;
    int r;

    r = sd_bus_open_user(&bus);
    if (r >= 0)
        r = sd_bus_add_filter(bus, NULL, on_message, NULL);
    for (int i = 1; i < argc && r >= 0; i++)
        r = sd_bus_request_name(bus, argv[i], 0);
    if (r < 0) {
        fprintf(stderr, "test-cli-bus: %s\n", strerror(-r));
        return 1;
    }
    say("ready", "-");
    while (r >= 0) {
        r = sd_bus_process(bus, NULL);
        if (r == 0)
            r = sd_bus_wait(bus, UINT64_MAX);
    }
    sd_bus_flush_close_unref(bus);
    return 0;
}
