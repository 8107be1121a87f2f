/* SPDX-License-Identifier: MIT */
/*
 * The methods and properties of io.phoenix.Supervisor1. Everyone may read; commands are for root
 * and for the user that the supervisor runs as. On the system bus the policy says so, too, but the
 * policy is a file that can be missing or changed.
 */
#include "supervisor/daemon/api/api-internal.h"

#include <errno.h>
#include <time.h>

#include "base/macros.h"
#include "base/text.h"
#include "spec/name.h"
#include "supervisor/daemon/metrics/metrics.h"

static inline void cleanup_message(sd_bus_message **m)
{
    sd_bus_message_unref(*m);
}

static inline void cleanup_creds(sd_bus_creds **creds)
{
    sd_bus_creds_unref(*creds);
}

#define _cleanup_message_ _cleanup_(cleanup_message)
#define _cleanup_creds_   _cleanup_(cleanup_creds)

/* Who calls is asked of the bus, never of the message. */
static int check_command(sd_bus_message *call, sd_bus_error *error)
{
    _cleanup_creds_ sd_bus_creds *creds = NULL;
    uid_t uid;
    int r;

    r = sd_bus_query_sender_creds(call, SD_BUS_CREDS_EUID, &creds);
    if (r >= 0)
        r = sd_bus_creds_get_euid(creds, &uid);
    if (r >= 0 && (uid == 0 || uid == geteuid()))
        return 0;
    return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED,
                            "Only root and the user of the supervisor may do this");
}

static int method_list_services(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
    _cleanup_message_ sd_bus_message *reply = NULL;
    Manager *manager = userdata;
    size_t n = manager_n_services(manager);
    int r;

    r = sd_bus_message_new_method_return(call, &reply);
    if (r >= 0)
        r = sd_bus_message_open_container(reply, 'a', "a{sv}");
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = api_append_service(reply, manager, i, false);
    if (r >= 0)
        r = sd_bus_message_close_container(reply);
    return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int method_get_service(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
    _cleanup_message_ sd_bus_message *reply = NULL;
    Manager *manager = userdata;
    const char *name;
    int r, i;

    r = sd_bus_message_read(call, "s", &name);
    if (r < 0)
        return r;
    i = manager_find_service(manager, name);
    if (i < 0)
        return api_set_error(error, i, name);
    r = sd_bus_message_new_method_return(call, &reply);
    if (r >= 0)
        r = api_append_service(reply, manager, (size_t)i, true);
    return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int method_read_metrics(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
    _cleanup_text_ Text text = {0};
    int r = metrics_write(userdata, &text);

    return r < 0 ? r : sd_bus_reply_method_return(call, "s", text.data);
}

static int method_probe_now(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
    const char *name;
    int r = check_command(call, error);

    if (r >= 0)
        r = sd_bus_message_read(call, "s", &name);
    return r < 0 ? r : api_probe_now(userdata, call, name, error);
}

static int method_reap(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
    const char *name;
    int r = check_command(call, error);

    if (r >= 0)
        r = sd_bus_message_read(call, "s", &name);
    return r < 0 ? r : api_reap(userdata, call, name, error);
}

static uint64_t realtime_usec(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / NSEC_PER_USEC;
}

static int method_set_maintenance(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
    uint64_t until_usec;
    const char *name;
    int r, on;

    r = check_command(call, error);
    if (r >= 0)
        r = sd_bus_message_read(call, "sbt", &name, &on, &until_usec);
    if (r < 0)
        return r;
    if (on && until_usec <= realtime_usec())
        return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS,
                                "The end of the maintenance is in the past");
    r = manager_set_maintenance(userdata, name, on, on ? until_usec : 0);
    if (r < 0 && r != -EALREADY)
        return api_set_error(error, r, name);
    return sd_bus_reply_method_return(call, NULL);
}

static int method_release(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
    const char *name;
    int r = check_command(call, error);

    if (r >= 0)
        r = sd_bus_message_read(call, "s", &name);
    if (r < 0)
        return r;
    r = manager_release(userdata, name);
    if (r == -ENOTCONN)
        return sd_bus_error_set(error, SD_BUS_ERROR_DISCONNECTED,
                                "The supervisor has no connection to the service manager");
    if (r < 0)
        return api_set_error(error, r, name);
    return sd_bus_reply_method_return(call, NULL);
}

/* The properties that are fields of the view: "u" is a size_t there, "b" a bool. */
static const struct Property {
    const char *name;
    char type;
    size_t offset;
} properties[] = {
    {"Started", 't', offsetof(SupervisorView, started_usec)},
    {"Services", 'u', offsetof(SupervisorView, n_services)},
    {"Supervised", 'u', offsetof(SupervisorView, n_supervised)},
    {"Leases", 'u', offsetof(SupervisorView, n_leases)},
    {"Probes", 'u', offsetof(SupervisorView, n_probes)},
    {"Brake", 'b', offsetof(SupervisorView, brake)},
    {"BrakeUntil", 't', offsetof(SupervisorView, brake_until_usec)},
    {"Degraded", 's', offsetof(SupervisorView, degraded)},
    {"GateSlots", 'u', offsetof(SupervisorView, gate_slots)},
    {"GateRunning", 'u', offsetof(SupervisorView, gate_running)},
    {"GateWaiting", 'u', offsetof(SupervisorView, gate_waiting)},
    {"EventsLost", 't', offsetof(SupervisorView, events_lost)},
};

static int append_property(sd_bus_message *m, const struct Property *property,
                           const SupervisorView *view)
{
    const void *value = (const char *)view + property->offset;

    switch (property->type) {
    case 's':
        return api_append_string(m, *(const char *const *)value);
    case 'b':
        return sd_bus_message_append_basic(m, 'b', &(int){*(const bool *)value});
    case 'u':
        return sd_bus_message_append_basic(
            m, 'u', &(uint32_t){(uint32_t)MIN(*(const size_t *)value, (size_t)UINT32_MAX)});
    default:
        return sd_bus_message_append_basic(m, property->type, value);
    }
}

static int get_property(sd_bus *bus, const char *path, const char *interface, const char *name,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
    SupervisorView view;

    manager_view(userdata, &view);
    for (size_t i = 0; i < ELEMENTSOF(properties); i++)
        if (streq(properties[i].name, name))
            return append_property(reply, &properties[i], &view);
    return -ENOENT; /* not reached: the table below names the same ones */
}

static int append_collector(sd_bus_message *m, const CollectorView *view)
{
    int r = sd_bus_message_open_container(m, 'a', "{sv}");

    if (r >= 0)
        r = api_append_string_entry(m, "Name", view->name);
    if (r >= 0)
        r = api_append_string_entry(m, "Url", view->url);
    if (r >= 0)
        r = api_append_string_entry(m, "Host", view->host);
    if (r >= 0)
        r = api_append_bool(m, "Away", view->away);
    if (r >= 0)
        r = api_append_string_entry(m, "Error", view->error);
    if (r >= 0)
        r = api_append_u64(m, "Posted", view->posted);
    if (r >= 0)
        r = api_append_u64(m, "Dropped", view->dropped);
    if (r >= 0)
        r = api_append_u64(m, "Refused", view->refused);
    if (r >= 0)
        r = api_append_u64(m, "Waiting", view->waiting);
    if (r >= 0)
        r = api_append_u64(m, "WaitingBytes", view->waiting_bytes);
    if (r >= 0)
        r = api_append_u64(m, "LastStored", view->stored_usec);
    return r < 0 ? r : sd_bus_message_close_container(m);
}

static int get_collectors(sd_bus *bus, const char *path, const char *interface, const char *name,
                          sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
    size_t n = manager_n_collectors(userdata);
    CollectorView view;

    int r = sd_bus_message_open_container(reply, 'a', "a{sv}");
    for (size_t i = 0; r >= 0 && i < n; i++) {
        manager_view_collector(userdata, i, &view);
        r = append_collector(reply, &view);
    }
    return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int get_version(sd_bus *bus, const char *path, const char *interface, const char *name,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
    return sd_bus_message_append_basic(reply, 's', PHOENIX_VERSION);
}

/* Unprivileged means: sd-bus does not ask for CAP_SYS_ADMIN; check_command() does the asking. */
#define OPEN    SD_BUS_VTABLE_UNPRIVILEGED
#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

/* clang-format off */
const sd_bus_vtable api_vtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("ListServices", SD_BUS_NO_ARGS,
                            SD_BUS_RESULT("aa{sv}", services), method_list_services, OPEN),
    SD_BUS_METHOD_WITH_ARGS("GetService", SD_BUS_ARGS("s", name),
                            SD_BUS_RESULT("a{sv}", service), method_get_service, OPEN),
    SD_BUS_METHOD_WITH_ARGS("ProbeNow", SD_BUS_ARGS("s", name),
                            SD_BUS_RESULT("aa{sv}", results), method_probe_now, OPEN),
    SD_BUS_METHOD_WITH_ARGS("SetMaintenance",
                            SD_BUS_ARGS("s", name, "b", on, "t", until_realtime_usec),
                            SD_BUS_NO_RESULT, method_set_maintenance, OPEN),
    SD_BUS_METHOD_WITH_ARGS("Release", SD_BUS_ARGS("s", name),
                            SD_BUS_NO_RESULT, method_release, OPEN),
    SD_BUS_METHOD_WITH_ARGS("Reap", SD_BUS_ARGS("s", policy),
                            SD_BUS_RESULT("aa{sv}", decisions), method_reap, OPEN),
    SD_BUS_METHOD_WITH_ARGS("ReadMetrics", SD_BUS_NO_ARGS,
                            SD_BUS_RESULT("s", openmetrics), method_read_metrics, OPEN),
    SD_BUS_SIGNAL_WITH_ARGS("Event",
                            SD_BUS_ARGS("s", kind, "s", service, "s", unit, "s", before, "s", after,
                                        "s", reason, "t", realtime_usec, "a{sv}", details), 0),
    SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("Started", "t", get_property, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("Services", "u", get_property, 0, 0),
    SD_BUS_PROPERTY("Supervised", "u", get_property, 0, 0),
    SD_BUS_PROPERTY("Leases", "u", get_property, 0, 0),
    SD_BUS_PROPERTY("Probes", "u", get_property, 0, 0),
    SD_BUS_PROPERTY("Brake", "b", get_property, 0, CHANGES),
    SD_BUS_PROPERTY("BrakeUntil", "t", get_property, 0, CHANGES),
    SD_BUS_PROPERTY("Degraded", "s", get_property, 0, CHANGES),
    SD_BUS_PROPERTY("GateSlots", "u", get_property, 0, 0),
    SD_BUS_PROPERTY("GateRunning", "u", get_property, 0, 0),
    SD_BUS_PROPERTY("GateWaiting", "u", get_property, 0, 0),
    SD_BUS_PROPERTY("EventsLost", "t", get_property, 0, 0),
    SD_BUS_PROPERTY("Collectors", "aa{sv}", get_collectors, 0, 0),
    SD_BUS_VTABLE_END,
};
/* clang-format on */
