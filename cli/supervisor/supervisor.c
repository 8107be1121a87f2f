/* SPDX-License-Identifier: MIT */

/* Calls of io.phoenix.Supervisor1. */

#include "cli/supervisor/supervisor.h"

#include <errno.h>

#include "base/text.h"
#include "cli/systemd/properties.h"

#define SERVICE   "io.phoenix.Supervisor1"
#define OBJECT    "/io/phoenix/Supervisor1"
#define INTERFACE "io.phoenix.Supervisor1"

#define CALL_TIMEOUT_USEC (5 * USEC_PER_SEC)
/* The largest "grace", and some time for systemd. */
#define REAP_TIMEOUT_USEC (USEC_PER_HOUR + USEC_PER_MINUTE)

struct Supervisor {
    sd_bus *bus;
    char *why;
};

typedef struct ErrorName {
    const char *name;
    int error;
} ErrorName;

/* What is not listed has the errno that sd-bus gives it. */
static const ErrorName error_names[] = {
    {"io.phoenix.Error.NoSuchService", -ENOENT},
    {"io.phoenix.Error.NoSuchPolicy", -ENOENT},
    {"io.phoenix.Error.NotRunning", -ENOTCONN},
    {"io.phoenix.Error.Busy", -EBUSY},
    {SD_BUS_ERROR_ACCESS_DENIED, -EACCES},
    {SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, -EACCES},
    {SD_BUS_ERROR_SERVICE_UNKNOWN, -EHOSTUNREACH},
    {SD_BUS_ERROR_NAME_HAS_NO_OWNER, -EHOSTUNREACH},
    {SD_BUS_ERROR_NO_REPLY, -EHOSTUNREACH},
    {SD_BUS_ERROR_TIMEOUT, -EHOSTUNREACH},
};

int supervisor_open(SpecScope scope, Supervisor **ret)
{
    Supervisor *supervisor = calloc(1, sizeof(*supervisor));
    int r;

    if (!supervisor)
        return -ENOMEM;
    if (scope == SPEC_SCOPE_USER)
        r = sd_bus_open_user(&supervisor->bus);
    else
        r = sd_bus_open_system(&supervisor->bus);
    if (r < 0) {
        free(supervisor);
        return r;
    }
    *ret = supervisor;
    return 0;
}

Supervisor *supervisor_free(Supervisor *supervisor)
{
    if (!supervisor)
        return NULL;
    sd_bus_flush_close_unref(supervisor->bus);
    free(supervisor->why);
    free(supervisor);
    return NULL;
}

/* Keeps the words of the error, and turns it into a number. */
static int take_error(Supervisor *supervisor, const sd_bus_error *error, int r)
{
    const char *words = error->message && *error->message ? error->message : strerror(-r);

    (void)properties_set_string(&supervisor->why, words);
    for (size_t i = 0; i < ELEMENTSOF(error_names); i++)
        if (sd_bus_error_has_name(error, error_names[i].name))
            return error_names[i].error;
    return r;
}

/* Sends a call that the caller has filled; the message is gone afterwards. */
static int send_call(Supervisor *supervisor, sd_bus_message *call, uint64_t timeout_usec,
                     sd_bus_message **ret_reply)
{
    sd_bus_error error = SD_BUS_ERROR_NULL;
    int r;

    r = sd_bus_call(supervisor->bus, call, timeout_usec, &error, ret_reply);
    if (r < 0)
        r = take_error(supervisor, &error, r);
    sd_bus_error_free(&error);
    sd_bus_message_unref(call);
    return r < 0 ? r : 0;
}

static int new_call(Supervisor *supervisor, const char *method, sd_bus_message **ret)
{
    return sd_bus_message_new_method_call(supervisor->bus, ret, SERVICE, OBJECT, INTERFACE, method);
}

/* A call whose only argument is a name, or that has none. */
static int call_with_name(Supervisor *supervisor, const char *method, const char *name,
                          uint64_t timeout_usec, sd_bus_message **ret_reply)
{
    sd_bus_message *call = NULL;
    int r;

    r = new_call(supervisor, method, &call);
    if (r < 0)
        return r;
    if (name) {
        r = sd_bus_message_append(call, "s", name);
        if (r < 0) {
            sd_bus_message_unref(call);
            return r;
        }
    }
    return send_call(supervisor, call, timeout_usec, ret_reply);
}

/* An answer that is not what the interface says is a failure like any other. */
static int after_reading(Supervisor *supervisor, sd_bus_message *reply, int r)
{
    sd_bus_message_unref(reply);
    if (r < 0)
        (void)properties_set_string(&supervisor->why, "its answer makes no sense");
    return r < 0 ? r : 0;
}

int supervisor_list(Supervisor *supervisor, Healths *ret)
{
    sd_bus_message *reply = NULL;
    int r;

    r = call_with_name(supervisor, "ListServices", NULL, CALL_TIMEOUT_USEC, &reply);
    return r < 0 ? r : after_reading(supervisor, reply, healths_read(reply, ret));
}

int supervisor_get(Supervisor *supervisor, const char *name, Health *ret)
{
    sd_bus_message *reply = NULL;
    int r;

    r = call_with_name(supervisor, "GetService", name, CALL_TIMEOUT_USEC, &reply);
    return r < 0 ? r : after_reading(supervisor, reply, health_read(reply, ret));
}

int supervisor_probe_now(Supervisor *supervisor, const char *name, Probes *ret)
{
    sd_bus_message *reply = NULL;
    int r;

    r = call_with_name(supervisor, "ProbeNow", name, SUPERVISOR_PROBE_TIMEOUT_USEC, &reply);
    return r < 0 ? r : after_reading(supervisor, reply, probes_read(reply, ret));
}

int supervisor_set_maintenance(Supervisor *supervisor, const char *name, bool on,
                               uint64_t until_usec)
{
    sd_bus_message *call = NULL;
    int r;

    r = new_call(supervisor, "SetMaintenance", &call);
    if (r < 0)
        return r;
    r = sd_bus_message_append(call, "sbt", name, (int)on, until_usec);
    if (r < 0) {
        sd_bus_message_unref(call);
        return r;
    }
    return send_call(supervisor, call, CALL_TIMEOUT_USEC, NULL);
}

int supervisor_release(Supervisor *supervisor, const char *name)
{
    return call_with_name(supervisor, "Release", name, CALL_TIMEOUT_USEC, NULL);
}

int supervisor_reap(Supervisor *supervisor, const char *policy, ReapRows *ret)
{
    sd_bus_message *reply = NULL;
    int r;

    r = call_with_name(supervisor, "Reap", policy, REAP_TIMEOUT_USEC, &reply);
    return r < 0 ? r : after_reading(supervisor, reply, reap_rows_read(reply, ret));
}

int supervisor_state(Supervisor *supervisor, Supervision *ret)
{
    sd_bus_message *call = NULL, *reply = NULL;
    int r;

    r = sd_bus_message_new_method_call(supervisor->bus, &call, SERVICE, OBJECT,
                                       "org.freedesktop.DBus.Properties", "GetAll");
    if (r < 0)
        return r;
    r = sd_bus_message_append(call, "s", INTERFACE);
    if (r < 0) {
        sd_bus_message_unref(call);
        return r;
    }
    r = send_call(supervisor, call, CALL_TIMEOUT_USEC, &reply);
    return r < 0 ? r : after_reading(supervisor, reply, supervision_read(reply, ret));
}

const char *supervisor_why(const Supervisor *supervisor)
{
    return supervisor->why ? supervisor->why : "no answer";
}
