/* SPDX-License-Identifier: MIT */

/* Reading needs off resolved specs. */

#include "cli/doctor/needs.h"

#include <ctype.h>

#include "cli/specs/boot.h"
#include "spec/supervision.h"

#define PORT_MAX 65535U

typedef struct ControllerSetting {
    const char *controller;
    const char *prefix; /* of the settings of systemd.resource-control(5) */
} ControllerSetting;

static const ControllerSetting controller_settings[] = {
    {"cpu", "CPUQuota"}, {"cpu", "CPUWeight"}, {"cpu", "StartupCPUWeight"}, {"io", "IO"},
    {"io", "StartupIO"}, {"memory", "Memory"}, {"memory", "StartupMem"},    {"pids", "TasksMax"},
};

static bool has_setting(const Spec *spec, const char *controller)
{
    for (size_t i = 0; i < spec->unit.n; i++)
        for (size_t k = 0; k < ELEMENTSOF(controller_settings); k++) {
            const ControllerSetting *known = &controller_settings[k];
            const SpecSetting *setting = &spec->unit.items[i];

            if (streq(known->controller, controller) && streq(setting->section, "Service") &&
                strncmp(setting->key, known->prefix, strlen(known->prefix)) == 0 &&
                !streq(setting->key, "MemoryDenyWriteExecute") &&
                strncmp(setting->key, "IOScheduling", strlen("IOScheduling")) != 0)
                return true;
        }
    return false;
}

bool needs_controller(const Spec *spec, const char *controller)
{
    const SpecLimits *limits = &spec->limits;
    bool limit = (streq(controller, "memory") && limits->memory) ||
                 (streq(controller, "cpu") && limits->cpu) ||
                 (streq(controller, "pids") && limits->tasks != SPEC_INT_UNSET) ||
                 (streq(controller, "io") && limits->io != SPEC_INT_UNSET);

    return limit || has_setting(spec, controller);
}

/* The first port of "80", "80-90", "0.0.0.0:80", "[::]:80"; 0 when it is none, as in a path. */
static unsigned port_at_end(const char *s, size_t n)
{
    unsigned port = 0;
    size_t start = n;

    while (start > 0 && (isdigit((unsigned char)s[start - 1]) || s[start - 1] == '-'))
        start--;
    if (start > 0 && s[start - 1] != ':')
        return 0;
    for (; start < n && isdigit((unsigned char)s[start]) && port <= PORT_MAX; start++)
        port = port * 10 + (unsigned)(s[start] - '0');
    return port <= PORT_MAX ? port : 0;
}

/* [[ip:][hostPort]:]containerPort[/protocol], podman-run(1); without a hostPort it is any that is
 * free, and those are high. */
static unsigned published_port(const char *s)
{
    size_t n = strcspn(s, "/");

    while (n > 0 && s[n - 1] != ':')
        n--;
    return n > 0 ? port_at_end(s, n - 1) : 0;
}

static unsigned lower_port(unsigned a, unsigned b)
{
    if (a == 0 || b == 0)
        return a + b;
    return MIN(a, b);
}

unsigned needs_lowest_port(const Spec *spec)
{
    unsigned lowest = 0;

    for (size_t i = 0; i < spec->listen.n; i++) {
        const char *stream = spec->listen.items[i].stream;

        if (stream && *stream != '/' && *stream != '@')
            lowest = lower_port(lowest, port_at_end(stream, strlen(stream)));
    }
    for (char *const *port = spec->ports; port && *port; port++)
        lowest = lower_port(lowest, published_port(*port));
    return lowest;
}

/* Of the checks, what goes beyond making them. */
static unsigned needs_of_probes(const SpecProbes *probes)
{
    unsigned needs = 0;

    for (size_t i = 0; i < probes->n; i++) {
        if (probes->items[i].type == SPEC_PROBE_LOG)
            needs |= NEED_LOG;
        if (probes->items[i].type == SPEC_PROBE_HTTPS)
            needs |= NEED_CLOCK;
        if (probes->items[i].type == SPEC_PROBE_HTTPS || probes->items[i].type == SPEC_PROBE_GRPC)
            needs |= NEED_CURL;
    }
    return needs;
}

static unsigned needs_of_limits(const Spec *spec)
{
    static const char *const controllers[] = {"cpu", "io", "memory", "pids"};
    unsigned needs = spec->limits.files != SPEC_INT_UNSET ? NEED_FILES : 0;

    for (size_t i = 0; i < ELEMENTSOF(controllers); i++)
        if (needs_controller(spec, controllers[i]))
            needs |= NEED_LIMIT;
    return needs;
}

static bool needs_phoenixd(const Spec *spec)
{
    return spec_is_supervised(spec) || spec->restart.burst > 0 || spec->onfailure.url ||
           spec->onfailure.exec;
}

static unsigned needs_of_idle(const Spec *spec)
{
    bool freeze = spec->idle.action == SPEC_IDLE_FREEZE;

    if (spec->idle.after_usec == USEC_INFINITY)
        return 0;
    return (freeze ? NEED_FREEZE : 0) |
           (freeze || spec->activation == SPEC_ACTIVATION_NATIVE ? NEED_IDLE : 0);
}

unsigned needs_of_entry(SpecScope scope, const SpecEntry *entry)
{
    const Spec *spec = entry->spec;
    unsigned needs = NEED_ANY;

    if (entry->fate == SPEC_FATE_COLLECTOR)
        return NEED_SUPERVISION | NEED_CURL | NEED_COLLECTOR;
    if (entry->fate == SPEC_FATE_POLICY)
        return spec->policy.match.labels ? NEED_LABELS : 0;
    if (entry->fate != SPEC_FATE_GENERATED)
        return 0;
    needs |= needs_of_limits(spec) | needs_of_idle(spec);
    needs |= needs_of_probes(&spec->healthcheck) | needs_of_probes(&spec->readiness);
    if (spec->type == SPEC_TYPE_CONTAINER)
        needs |= NEED_CONTAINER;
    if (needs_phoenixd(spec))
        needs |= NEED_SUPERVISION;
    if (spec->onfailure.url)
        needs |= NEED_CURL;
    if (boot_of_entry(scope, entry).yes)
        needs |= NEED_BOOT;
    if (needs_lowest_port(spec) > 0)
        needs |= NEED_PORT;
    if (spec->schedule)
        needs |= NEED_CLOCK;
    if (spec->listen.n > 0)
        needs |= NEED_LISTEN;
    if (spec->restart.policy != SPEC_RESTART_NO &&
        spec->restart.max_usec > spec->restart.delay_usec)
        needs |= NEED_GROWTH;
    return needs;
}
