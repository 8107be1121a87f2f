/* SPDX-License-Identifier: MIT */
/*
 * The connection of the API: opened in the background, with a name on the bus, and opened again
 * when the bus goes away. Events become signals here. A bus that does not read loses signals, not
 * the supervisor its memory.
 */
#include "supervisor/daemon/api/api.h"

#include <assert.h>
#include <errno.h>

#include "base/log.h"
#include "base/macros.h"
#include "supervisor/daemon/api/api-internal.h"

#define RETRY_FIRST_USEC USEC_PER_SEC
#define RETRY_MAX_USEC   (30 * USEC_PER_SEC)
/* Asking the bus who calls waits for the bus, and our own watchdog is 5 seconds. */
#define CALL_USEC    (2 * USEC_PER_SEC)
#define SIGNALS_MAX  4096U /* unsent messages */
#define API_PRIORITY (SD_EVENT_PRIORITY_NORMAL + 10)

struct Api {
    sd_event *event;
    bool user;
    Manager *manager;
    api_connected_t connected;
    void *userdata;
    sd_bus *bus; /* NULL between two tries */
    sd_event_source *retry;
    uint64_t retry_usec;
    bool named, told;   /* has the name; `connected` was told of the last change */
    char *brake_reason; /* NULL while the brake is open */
};

static void api_tell(Api *api, bool yes, int error)
{
    if (api->told && api->named == yes)
        return;
    api->told = true;
    api->named = yes;
    if (api->connected)
        api->connected(yes, error, api->userdata);
}

/* Also called more than once for the same loss: by the answer that does not come, and by the
 * connection itself. The connection is closed by the timer, not from inside its own callback. */
static void api_lost(Api *api, int error)
{
    int enabled;

    if (sd_event_source_get_enabled(api->retry, &enabled) >= 0 && enabled != SD_EVENT_OFF)
        return;
    log_debug("D-Bus: %s; trying again in %u s", strerror(-error),
              (unsigned)(api->retry_usec / USEC_PER_SEC));
    (void)sd_event_source_set_time_relative(api->retry, api->retry_usec);
    (void)sd_event_source_set_enabled(api->retry, SD_EVENT_ONESHOT);
    api->retry_usec = MIN(api->retry_usec * 2, RETRY_MAX_USEC);
    api_tell(api, false, error);
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
    api_lost(userdata, -ECONNRESET);
    return 0;
}

static int on_name(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
    Api *api = userdata;
    uint32_t result = 0;

    if (sd_bus_message_is_method_error(m, NULL)) {
        api_lost(api, -sd_bus_message_get_errno(m));
    } else if (sd_bus_message_read(m, "u", &result) < 0 || result != 1) {
        api_lost(api, -EEXIST); /* another phoenixd has it, perhaps one that is about to end */
    } else {
        api->retry_usec = RETRY_FIRST_USEC;
        api_tell(api, true, 0);
    }
    return 0;
}

static int get_brake_reason(sd_bus *bus, const char *path, const char *interface, const char *name,
                            sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
    const Api *api = userdata;

    return api_append_string(reply, api->brake_reason ?: "");
}

/* What only the event has told: part of the interface like the members of api_vtable. */
static const sd_bus_vtable brake_vtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_PROPERTY("BrakeReason", "s", get_brake_reason, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_VTABLE_END,
};

static int api_set_up(Api *api)
{
    int r;

    r = sd_bus_set_method_call_timeout(api->bus, CALL_USEC);
    if (r >= 0)
        r = sd_bus_attach_event(api->bus, api->event, API_PRIORITY);
    if (r >= 0)
        r = sd_bus_match_signal(api->bus, NULL, NULL, "/org/freedesktop/DBus/Local",
                                "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, api);
    if (r >= 0)
        r = sd_bus_add_object_vtable(api->bus, NULL, API_PATH, API_INTERFACE, api_vtable,
                                     api->manager);
    if (r >= 0)
        r = sd_bus_add_object_vtable(api->bus, NULL, API_PATH, API_INTERFACE, brake_vtable, api);
    /* The name comes last: who starts us by it finds the object. */
    return r < 0 ? r : sd_bus_request_name_async(api->bus, NULL, API_NAME, 0, on_name, api);
}

static void api_disconnect(Api *api)
{
    if (api->bus)
        (void)sd_bus_detach_event(api->bus);
    api->bus = sd_bus_close_unref(api->bus);
}

static void api_connect(Api *api)
{
    int r;

    api_disconnect(api);
    r = api->user ? sd_bus_open_user_with_description(&api->bus, "phoenix-api")
                  : sd_bus_open_system_with_description(&api->bus, "phoenix-api");
    if (r >= 0)
        r = api_set_up(api);
    if (r < 0) {
        api_disconnect(api);
        api_lost(api, r);
    }
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
    api_connect(userdata);
    return 0;
}

/* The properties that change with an event. */
static void emit_properties(Api *api, EventKind kind)
{
    if (kind == EVENT_BRAKE_ON || kind == EVENT_BRAKE_OFF)
        (void)sd_bus_emit_properties_changed(api->bus, API_PATH, API_INTERFACE, "Brake",
                                             "BrakeUntil", "BrakeReason", NULL);
    else if (kind == EVENT_DEGRADED || kind == EVENT_RESTORED)
        (void)sd_bus_emit_properties_changed(api->bus, API_PATH, API_INTERFACE, "Degraded", NULL);
}

static void keep_brake_reason(Api *api, const Event *event)
{
    if (event->kind != EVENT_BRAKE_ON && event->kind != EVENT_BRAKE_OFF)
        return;
    free(api->brake_reason);
    api->brake_reason = event->kind == EVENT_BRAKE_ON ? strdup(event->reason) : NULL;
}

static void on_event(const Event *event, void *userdata)
{
    sd_bus_message *signal = NULL;
    Api *api = userdata;
    uint64_t waiting = 0;
    int r;

    keep_brake_reason(api, event);
    if (!api->bus || !api->named)
        return;
    if (sd_bus_get_n_queued_write(api->bus, &waiting) >= 0 && waiting > SIGNALS_MAX)
        return;
    r = sd_bus_message_new_signal(api->bus, &signal, API_PATH, API_INTERFACE, "Event");
    if (r >= 0)
        r = api_append_event(signal, event);
    if (r >= 0)
        r = sd_bus_send(api->bus, signal, NULL);
    if (r < 0)
        log_debug("D-Bus: event not signalled: %s", strerror(-r));
    sd_bus_message_unref(signal);
    emit_properties(api, event->kind);
}

static int api_start(Api *api)
{
    int r;

    r = sd_event_add_time(api->event, &api->retry, CLOCK_MONOTONIC, 0, 0, on_retry, api);
    if (r < 0)
        return r;
    (void)sd_event_source_set_description(api->retry, "api-connect");
    r = sd_event_source_set_priority(api->retry, API_PRIORITY);
    return r < 0 ? r : events_listen(manager_events(api->manager), on_event, api);
}

int api_new(sd_event *event, bool user, Manager *manager, api_connected_t connected, void *userdata,
            Api **ret)
{
    Api *api;
    int r;

    assert(event);
    assert(manager);
    assert(ret);

    api = calloc(1, sizeof(Api));
    if (!api)
        return -ENOMEM;
    api->event = sd_event_ref(event);
    api->user = user;
    api->manager = manager;
    api->connected = connected;
    api->userdata = userdata;
    api->retry_usec = RETRY_FIRST_USEC;
    r = api_start(api);
    if (r < 0) {
        api_free(api);
        return r;
    }
    *ret = api;
    return 0;
}

Api *api_free(Api *api)
{
    if (!api)
        return NULL;
    api_disconnect(api);
    sd_event_source_disable_unref(api->retry);
    sd_event_unref(api->event);
    free(api->brake_reason);
    free(api);
    return NULL;
}
