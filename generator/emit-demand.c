/* SPDX-License-Identifier: MIT */
/*
 * What a service that is started by its connections has in its own unit: the ties to its socket, to
 * what keeps it up for a while, and to its proxy. The other ends are in emit-socket.c, emit-proxy.c
 * and emit-idle.c.
 *
 *   phoenix@web.socket --> phoenix-proxy@web.service --needs--> phoenix@web.service
 *                                                                  ^ needs, for a while
 *                          phoenix-up@web.timer, or phoenix-idle@web.service
 *
 * StopWhenUnneeded= does the stopping: the proxy ends when nobody has been connected for the idle
 * time, the timer when that time has passed since the start, and then nothing needs the service. A
 * proxy that is frozen with its service stays until phoenix-idle ends it.
 */
#include "generator/emit.h"

#include <errno.h>

#include "base/strv.h"
#include "base/timespan.h"
#include "spec/demand.h"

/* systemd can run a payload in a sub-group of the service's cgroup, which is what is frozen. */
#define SUBGROUP_SINCE 254U

/* A start goes on through restarts: the connection that has caused it waits until one of them
 * works. Else it would cause a new one at once, which systemd does not delay. */
#define DIRECT_SINCE 254U

/* How much longer than TimeoutStartSec= such a start may take. */
#define START_SPARE_USEC (5 * USEC_PER_SEC)

/* The next connection may wait for it. */
#define ON_DEMAND_STOP_TIMEOUT "2s"
#define STOP_TIMEOUT           "30s"

bool emit_can_freeze(const EmitContext *context, const Spec *spec)
{
    return spec->type == SPEC_TYPE_CONTAINER || context->platform->systemd >= SUBGROUP_SINCE;
}

bool emit_freezes(const EmitContext *context, const Spec *spec)
{
    return spec_has_idle(spec) && spec->idle.action == SPEC_IDLE_FREEZE &&
           emit_can_freeze(context, spec);
}

bool emit_stops_when_idle(const EmitContext *context, const Spec *spec)
{
    return spec_stops_when_idle(spec) || (spec_has_idle(spec) && !emit_freezes(context, spec));
}

bool emit_has_idle_watch(const EmitContext *context, const Spec *spec)
{
    return spec_has_idle(spec) && (spec_is_native(spec) || emit_freezes(context, spec));
}

bool emit_freezes_proxy(const EmitContext *context, const Spec *spec)
{
    return spec_has_proxy(spec) && emit_freezes(context, spec) &&
           context->platform->systemd >= SUBGROUP_SINCE;
}

void emit_frozen_group(UnitFile *unit)
{
    unit_add(unit, "Service", "Delegate", "yes");
    unit_add(unit, "Service", "DelegateSubgroup", "payload");
}

void emit_demand_order(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    if (!spec_is_listened_for(spec))
        return;
    unit_addf(unit, "Unit", "Wants", "phoenix@%s.socket", spec->name);
    unit_addf(unit, "Unit", "After", "phoenix@%s.socket", spec->name);
    unit_addf(unit, "Unit", "PartOf", "phoenix@%s.socket", spec->name);
    if (emit_has_idle_watch(context, spec))
        unit_addf(unit, "Unit", "Wants", "phoenix-idle@%s.service", spec->name);
    else if (spec_has_idle(spec))
        unit_addf(unit, "Unit", "Wants", "phoenix-up@%s.timer", spec->name);
    /* After a start by hand, too, there is something to freeze and to be woken by. */
    if (emit_freezes_proxy(context, spec))
        unit_addf(unit, "Unit", "Wants", "phoenix-proxy@%s.service", spec->name);
    if (emit_stops_when_idle(context, spec))
        unit_add(unit, "Unit", "StopWhenUnneeded", "yes");
}

bool emit_is_patient(const EmitContext *context, const Spec *spec)
{
    return spec_is_listened_for(spec) && spec->restart.policy != SPEC_RESTART_NO &&
           context->platform->systemd >= DIRECT_SINCE;
}

static bool has_socket_folder(const EmitContext *context, const Spec *spec)
{
    _cleanup_free_ char *place = NULL;
    const char *reason;

    return spec_has_proxy(spec) && spec->proxysocket &&
           spec_proxysocket_on_host(spec, context->scope, &place, &reason) >= 0 && !place;
}

/* The sandbox of a program has no way to the manager but "+"; which a user's manager cannot do when
 * there is a mount to leave out. That one can be reached from inside. */
static const char *outside_prefix(const EmitContext *context, const Spec *spec)
{
    return context->scope == SPEC_SCOPE_USER && emit_has_mounts(spec) ? "-" : "-+";
}

/* However the service ends, its proxy has to end, too: it would refuse whom it cannot serve.
 * Connections that come wait in the socket instead, and the first of them starts a new one. systemd
 * does so by itself when it is told to stop the service (PartOf=), but not when that crashes. A
 * signal, as a job would replace that of a proxy that is about to start and waits for the next
 * start of the service. One that is frozen hears it when phoenix-idle ends, which thaws it; both
 * come back with the service. */
static void emit_end_of_proxy(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    _cleanup_free_ char *idle = NULL;

    if (!spec_has_proxy(spec))
        return;
    idle = emit_freezes_proxy(context, spec) ? text_printf(" phoenix-idle@%s.service", spec->name)
                                             : strdup("");
    if (!idle) {
        unit_fail_memory(unit);
        return;
    }
    unit_addf(unit, "Service", "ExecStopPost",
              "%ssystemctl%s --quiet kill phoenix-proxy@%s.service%s",
              outside_prefix(context, spec), context->scope == SPEC_SCOPE_USER ? " --user" : "",
              spec->name, idle);
}

/* The user of a user's manager is not the one inside a container that does not run as root there,
 * so the proxy could not connect to a socket that has the usual mode. The folder keeps others out.
 */
void emit_socket_access(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    _cleanup_text_ Text name = {0};

    if (context->scope != SPEC_SCOPE_USER || spec->type != SPEC_TYPE_CONTAINER ||
        !has_socket_folder(context, spec))
        return;
    escape_word(&name, strrchr(spec->proxysocket, '/'), ESCAPE_COMMAND);
    if (name.error < 0)
        unit_fail_memory(unit);
    else
        unit_addf(unit, "Service", "ExecStartPost",
                  "-nsenter --user --target=${MAINPID} chmod 0666 %%t/phoenix-%s%s", spec->name,
                  name.data);
}

/* A container may run as any user inside. In a user's manager the folder lies where only that user
 * gets, so all may write there; in the system's, Podman gives it to the container's user. */
static void emit_socket_folder(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    /* A program of a user's manager is not given another one in its place, but may use it. */
    bool offered = context->scope == SPEC_SCOPE_USER && spec->type == SPEC_TYPE_BINARY &&
                   spec_has_proxy(spec) && spec->proxysocket;

    if (!offered && !has_socket_folder(context, spec))
        return;
    unit_addf(unit, "Service", "RuntimeDirectory", "phoenix-%s", spec->name);
    if (spec->type == SPEC_TYPE_CONTAINER && context->scope == SPEC_SCOPE_USER)
        unit_add(unit, "Service", "RuntimeDirectoryMode", "0777");
}

/* A start that lasts until it works would keep who asked for it waiting for ever: as long as one
 * try may take is enough for all of them. It is tried again when somebody comes then. Not at the
 * very moment in which the first try runs out: its end would end the proxy, which is to say so. */
static void emit_job_limit(const EmitContext *context, const Spec *spec, uint64_t start_usec,
                           UnitFile *unit)
{
    const char *own = emit_last_setting(spec, "TimeoutStartSec");
    uint64_t usec = emit_start_timeout_usec(spec, start_usec);
    _cleanup_free_ char *span = NULL;

    if (!emit_is_patient(context, spec))
        return;
    if (own && timespan_parse(own, &usec) < 0) /* systemd will ignore it, too */
        usec = emit_start_timeout_usec(spec, start_usec);
    if (usec == 0 || usec == USEC_INFINITY) /* no limit, by the user's own wish */
        return;
    span = timespan_format(usec + MIN(usec / 2, START_SPARE_USEC));
    if (span)
        unit_add(unit, "Unit", "JobRunningTimeoutSec", span);
    else
        unit_fail_memory(unit);
}

void emit_demand_service(const EmitContext *context, const Spec *spec, uint64_t start_usec,
                         UnitFile *unit)
{
    emit_job_limit(context, spec, start_usec, unit);
    emit_end_of_proxy(context, spec, unit);
    emit_socket_folder(context, spec, unit);
    if (spec->type == SPEC_TYPE_BINARY && emit_freezes(context, spec))
        emit_frozen_group(unit);
}

void emit_socket_mount(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    _cleanup_free_ char *folder = NULL, *own = NULL;
    _cleanup_text_ Text destination = {0};

    if (!has_socket_folder(context, spec))
        return;
    folder = spec_proxysocket_folder(spec);
    own = text_printf("/run/phoenix-%s", spec->name);
    if (!folder || !own) {
        unit_fail_memory(unit);
        return;
    }
    if (spec->type == SPEC_TYPE_CONTAINER) {
        escape_plain_command(&destination, folder);
        unit_addf(unit, "Container", "Volume", "%%t/phoenix-%s:%s:z%s", spec->name,
                  destination.data ? destination.data : "",
                  context->scope == SPEC_SCOPE_SYSTEM ? ",U" : "");
    } else if (!streq(folder, own)) {
        escape_word(&destination, folder, ESCAPE_SPECIFIERS);
        unit_addf(unit, "Service", "BindPaths", "%%t/phoenix-%s:%s", spec->name,
                  destination.data ? destination.data : "");
    }
    if (destination.error < 0)
        unit_fail_memory(unit);
}

bool emit_socket_is_in(const EmitContext *context, const Spec *spec, const char *folder)
{
    _cleanup_free_ char *own = NULL;

    if (!has_socket_folder(context, spec))
        return false;
    own = spec_proxysocket_folder(spec);
    return own && streq(own, folder);
}

void emit_stop_timeout(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    bool short_stop = emit_stops_when_idle(context, spec);

    if (spec->type != SPEC_TYPE_CONTAINER || !short_stop) {
        unit_add(unit, "Service", "TimeoutStopSec",
                 short_stop ? ON_DEMAND_STOP_TIMEOUT : STOP_TIMEOUT);
        return;
    }
    unit_add(unit, "Container", "PodmanArgs", "--stop-timeout=2");
    /* Podman ends the container within its own time; this is for a Podman that hangs. */
    unit_add(unit, "Service", "TimeoutStopSec", "10s");
}

static void add_target_port(const EmitContext *context, const Spec *spec, Text *text)
{
    if (spec_target(spec) == SPEC_TARGET_PUBLISHED) {
        const Loopback *loopback = loopbacks_find(context->loopbacks, spec->name);
        text_addf(text, "%u.%u.%u.%u:%u", loopback->address >> 24, loopback->address >> 16 & 255U,
                  loopback->address >> 8 & 255U, loopback->address & 255U,
                  (unsigned)loopback->port);
    } else {
        text_addf(text, "127.0.0.1:%jd", (intmax_t)spec->proxyport);
    }
}

int emit_target(const EmitContext *context, const Spec *spec, Text *text)
{
    _cleanup_free_ char *place = NULL;
    const char *reason;

    if (spec_target(spec) != SPEC_TARGET_SOCKET) {
        add_target_port(context, spec, text);
        return text->error;
    }
    int r = spec_proxysocket_on_host(spec, context->scope, &place, &reason);
    if (r < 0)
        return r;
    if (place)
        return escape_word(text, place, ESCAPE_COMMAND);
    /* The specifier stands outside of what is escaped, so it has to go without quotes. */
    text_addf(text, "%%t/phoenix-%s", spec->name);
    return escape_word(text, strrchr(spec->proxysocket, '/'), ESCAPE_COMMAND);
}

void emit_publish_target(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    _cleanup_text_ Text target = {0};

    if (!spec_has_proxy(spec) || spec_target(spec) != SPEC_TARGET_PUBLISHED)
        return;
    add_target_port(context, spec, &target);
    if (target.error < 0)
        unit_fail_memory(unit);
    else
        unit_addf(unit, "Container", "PublishPort", "%s:%jd", target.data,
                  (intmax_t)spec->proxyport);
}

void emit_target_folder(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    _cleanup_free_ char *place = NULL;
    _cleanup_text_ Text folder = {0};
    const char *reason;

    if (spec_proxysocket_on_host(spec, context->scope, &place, &reason) < 0) {
        unit_fail_memory(unit);
        return;
    }
    if (!place) {
        unit_addf(unit, "Service", "BindReadOnlyPaths", "%%t/phoenix-%s", spec->name);
        return;
    }
    *strrchr(place, '/') = '\0';
    if (!*place) /* in the root folder, where no sandbox hides it */
        return;
    escape_word(&folder, place, ESCAPE_SPECIFIERS);
    if (folder.error < 0)
        unit_fail_memory(unit);
    else
        unit_add(unit, "Service", "BindReadOnlyPaths", folder.data);
}

static const char *slice_of(const EmitContext *context, const Spec *spec)
{
    const char *own = emit_last_setting(spec, "Slice");

    if (own && *own)
        return own;
    return context->scope == SPEC_SCOPE_USER ? "app-phoenix.slice" : "system-phoenix.slice";
}

/* Beside the service, so that all of it is found, limited and counted in one place. */
void emit_slice(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    unit_add(unit, "Service", "Slice", slice_of(context, spec));
}

char *emit_proxy_slice(const EmitContext *context, const Spec *spec)
{
    const char *parent = slice_of(context, spec);
    size_t n = strlen(parent) - MIN(strlen(parent), strlen(".slice"));
    _cleanup_text_ Text slice = {0};
    char *ret = NULL;

    /* "-.slice" is the root, and not part of any name. */
    if (n > 0 && !streq(parent, "-.slice")) {
        text_add_n(&slice, parent, n);
        text_add_char(&slice, '-');
    }
    for (const char *c = spec->name; *c; c++)
        text_add(&slice, *c == '-' ? "\\x2d" : (char[]){*c, '\0'});
    text_add(&slice, ".slice");
    return text_take(&slice, &ret) < 0 ? NULL : ret;
}

char *emit_span_word(uint64_t usec)
{
    if (usec % USEC_PER_SEC == 0)
        return text_printf("%jus", (uintmax_t)(usec / USEC_PER_SEC));
    return text_printf("%juus", (uintmax_t)usec);
}
