/* SPDX-License-Identifier: MIT */
/*
 * What others ask of systemd through us: start, stop, reset, run, read one property. Each call is
 * kept until its answer has come, so that none is left over when the connection or we go away.
 */
#include "supervisor/daemon/units/units-internal.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>

#define RUN_MAX_USEC (30 * USEC_PER_SEC)

static void call_free(UnitCall *call)
{
    if (call->previous)
        call->previous->next = call->next;
    else
        call->units->calls = call->next;
    if (call->next)
        call->next->previous = call->previous;
    sd_bus_slot_unref(call->slot);
    free(call);
}

static void call_end(UnitCall *call, int error, const char *message, uint64_t value)
{
    units_done_t done = call->done;
    units_time_t beat = call->beat;
    void *userdata = call->userdata;

    call_free(call);
    if (done)
        done(error, message, userdata);
    if (beat)
        beat(error, value, userdata);
}

void units_forget_calls(Units *units, int error)
{
    while (units->calls) {
        if (error < 0)
            call_end(units->calls, error, NULL, 0);
        else
            call_free(units->calls);
    }
}

void units_cancel(Units *units, const void *userdata)
{
    UnitCall *call = units->calls;

    while (call) {
        UnitCall *next = call->next;
        if (call->userdata == userdata)
            call_free(call);
        call = next;
    }
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
    UnitCall *call = userdata;
    const sd_bus_error *error = sd_bus_message_get_error(reply);
    uint64_t value = 0;
    int r = -sd_bus_message_get_errno(reply);

    if (r == 0 && call->beat)
        r = MIN(sd_bus_message_read(reply, "v", "t", &value), 0);
    call_end(call, r, error ? error->message : NULL, value);
    return 0;
}

/* Sends the message on behalf of a caller who has set `done` or `beat`. */
static int call_send(Units *units, sd_bus_message *message, const UnitCall *template)
{
    UnitCall *call = malloc(sizeof(UnitCall));

    if (!call)
        return -ENOMEM;
    *call = *template;
    call->units = units;
    call->next = units->calls;
    if (call->next)
        call->next->previous = call;
    units->calls = call;
    int r = sd_bus_call_async(units->bus, &call->slot, message, on_answer, call, 0);
    if (r < 0)
        call_free(call);
    return MIN(r, 0);
}

static int new_manager_call(Units *units, const char *member, sd_bus_message **ret)
{
    if (!units->up || !units->bus)
        return -ENOTCONN;
    return sd_bus_message_new_method_call(units->bus, ret, SYSTEMD_NAME, SYSTEMD_PATH,
                                          SYSTEMD_MANAGER, member);
}

int units_reset_failed(Units *units, const char *unit, units_done_t done, void *userdata)
{
    _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

    assert(units && unit);

    int r = new_manager_call(units, "ResetFailedUnit", &message);
    if (r >= 0)
        r = sd_bus_message_append(message, "s", unit);
    return r < 0 ? r : call_send(units, message, &(UnitCall){.done = done, .userdata = userdata});
}

static int job(Units *units, const char *member, const char *unit, units_done_t done,
               void *userdata)
{
    _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

    assert(units && unit);

    int r = new_manager_call(units, member, &message);
    if (r >= 0)
        r = sd_bus_message_append(message, "ss", unit, "replace");
    return r < 0 ? r : call_send(units, message, &(UnitCall){.done = done, .userdata = userdata});
}

int units_start(Units *units, const char *unit, units_done_t done, void *userdata)
{
    return job(units, "StartUnit", unit, done, userdata);
}

int units_stop(Units *units, const char *unit, units_done_t done, void *userdata)
{
    return job(units, "StopUnit", unit, done, userdata);
}

int units_abort(Units *units, const char *unit, units_done_t done, void *userdata)
{
    _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

    assert(units && unit);

    int r = new_manager_call(units, "KillUnit", &message);
    if (r >= 0)
        r = sd_bus_message_append(message, "ssi", unit, "main", SIGABRT);
    return r < 0 ? r : call_send(units, message, &(UnitCall){.done = done, .userdata = userdata});
}

static int append_strings(sd_bus_message *message, char *const *strings)
{
    char *none[] = {NULL};

    return sd_bus_message_append_strv(message, strings ? (char **)strings : none);
}

/* Opens (sv) for a property; close_property() ends it. */
static int open_property(sd_bus_message *message, const char *name, const char *type)
{
    int r = sd_bus_message_open_container(message, 'r', "sv");
    if (r >= 0)
        r = sd_bus_message_append_basic(message, 's', name);
    return r < 0 ? r : sd_bus_message_open_container(message, 'v', type);
}

static int close_property(sd_bus_message *message)
{
    int r = sd_bus_message_close_container(message);
    return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_environment(sd_bus_message *message, char *const *environment)
{
    int r = open_property(message, "Environment", "as");
    if (r >= 0)
        r = append_strings(message, environment);
    return r < 0 ? r : close_property(message);
}

/* ExecStart is a(sasb): program, arguments, whether its failure is ignored. */
static int append_command(sd_bus_message *message, char *const *argv)
{
    int r = open_property(message, "ExecStart", "a(sasb)");
    if (r >= 0)
        r = sd_bus_message_open_container(message, 'a', "(sasb)");
    if (r >= 0)
        r = sd_bus_message_open_container(message, 'r', "sasb");
    if (r >= 0)
        r = sd_bus_message_append_basic(message, 's', argv[0]);
    if (r >= 0)
        r = append_strings(message, argv);
    if (r >= 0)
        r = sd_bus_message_append(message, "b", false);
    if (r >= 0)
        r = sd_bus_message_close_container(message);
    if (r >= 0)
        r = sd_bus_message_close_container(message);
    return r < 0 ? r : close_property(message);
}

static int append_properties(sd_bus_message *message, const char *description, char *const *argv,
                             char *const *environment)
{
    int r = sd_bus_message_open_container(message, 'a', "(sv)");
    if (r >= 0)
        r = sd_bus_message_append(message, "(sv)(sv)(sv)(sv)(sv)", "Description", "s", description,
                                  "Type", "s", "exec", "CollectMode", "s", "inactive-or-failed",
                                  "RuntimeMaxUSec", "t", RUN_MAX_USEC, "NoNewPrivileges", "b",
                                  true);
    if (r >= 0)
        r = append_command(message, argv);
    if (r >= 0)
        r = append_environment(message, environment);
    return r < 0 ? r : sd_bus_message_close_container(message);
}

int units_run(Units *units, const char *name, const char *description, char *const *argv,
              char *const *environment, units_done_t done, void *userdata)
{
    _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

    assert(units && name && description && argv && argv[0]);

    int r = new_manager_call(units, "StartTransientUnit", &message);
    if (r >= 0)
        r = sd_bus_message_append(message, "ss", name, "fail");
    if (r >= 0)
        r = append_properties(message, description, argv, environment);
    if (r >= 0)
        r = sd_bus_message_append(message, "a(sa(sv))", 0);
    return r < 0 ? r : call_send(units, message, &(UnitCall){.done = done, .userdata = userdata});
}

static int get_time(Units *units, const char *unit, const char *interface, const char *property,
                    units_time_t done, void *userdata)
{
    _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
    _cleanup_free_ char *path = NULL;

    assert(units && unit && done);

    if (!units->up || !units->bus)
        return -ENOTCONN;
    int r = sd_bus_path_encode(SYSTEMD_UNIT_PATH, unit, &path);
    if (r >= 0)
        r = sd_bus_message_new_method_call(units->bus, &message, SYSTEMD_NAME, path,
                                           DBUS_PROPERTIES, "Get");
    if (r >= 0)
        r = sd_bus_message_append(message, "ss", interface, property);
    return r < 0 ? r : call_send(units, message, &(UnitCall){.beat = done, .userdata = userdata});
}

int units_get_beat(Units *units, const char *unit, units_time_t done, void *userdata)
{
    return get_time(units, unit, SYSTEMD_SERVICE, "WatchdogTimestamp", done, userdata);
}

int units_get_changed(Units *units, const char *unit, units_time_t done, void *userdata)
{
    return get_time(units, unit, SYSTEMD_UNIT, "StateChangeTimestampMonotonic", done, userdata);
}
