/* SPDX-License-Identifier: MIT */
/*
 * The connection to systemd behind unit-stop.h. It hears of the end of jobs before it asks for one:
 * messages of one connection arrive in the order in which they were sent.
 */
#include "supervisor/daemon/reaper/unit-stop-internal.h"

#include <signal.h>

#include "supervisor/daemon/source.h"

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
    unit_stops_lost(userdata);
    return 0;
}

static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
    const char *job, *unit, *result;
    uint32_t id;

    if (sd_bus_message_read(message, "uoss", &id, &job, &unit, &result) >= 0)
        unit_stops_job_removed(userdata, job, unit, result);
    return 0;
}

static int new_call(UnitStops *stops, const char *member, sd_bus_message **ret)
{
    int r = sd_bus_message_new_method_call(stops->bus, ret, SYSTEMD_NAME, SYSTEMD_PATH,
                                           SYSTEMD_MANAGER, member);

    return r < 0 ? r : sd_bus_message_set_auto_start(*ret, false);
}

/* Without subscribers systemd sends no signals at all. That it says we are one already is fine. */
static int subscribe(UnitStops *stops)
{
    _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

    int r = new_call(stops, "Subscribe", &message);
    if (r >= 0)
        r = sd_bus_message_set_expect_reply(message, false);
    return r < 0 ? r : sd_bus_send(stops->bus, message, NULL);
}

static int set_up(UnitStops *stops)
{
    int r = sd_bus_set_exit_on_disconnect(stops->bus, false);

    if (r >= 0)
        r = sd_bus_attach_event(stops->bus, stops->event, PRIORITY_SERVICE);
    if (r >= 0)
        r = sd_bus_match_signal_async(stops->bus, NULL, NULL, "/org/freedesktop/DBus/Local",
                                      "org.freedesktop.DBus.Local", "Disconnected", on_disconnected,
                                      NULL, stops);
    if (r >= 0)
        r = sd_bus_match_signal_async(stops->bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                      "JobRemoved", on_job_removed, NULL, stops);
    return r < 0 ? r : subscribe(stops);
}

int unit_stops_connect(UnitStops *stops)
{
    if (stops->bus)
        return 0;
    int r = stops->user ? sd_bus_open_user_with_description(&stops->bus, "phoenix-reaper")
                        : sd_bus_open_system_with_description(&stops->bus, "phoenix-reaper");
    if (r >= 0)
        r = set_up(stops);
    if (r < 0)
        unit_stops_disconnect(stops);
    return r;
}

void unit_stops_disconnect(UnitStops *stops)
{
    if (stops->bus)
        (void)sd_bus_detach_event(stops->bus);
    stops->bus = sd_bus_close_unref(stops->bus);
}

static int on_asked(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
    const sd_bus_error *error = sd_bus_message_get_error(reply);
    int r = -sd_bus_message_get_errno(reply);
    const char *job = NULL;

    if (r == 0)
        r = MIN(sd_bus_message_read(reply, "o", &job), 0);
    unit_stop_asked(userdata, r < 0 ? NULL : job, r, error ? error->message : NULL);
    return 0;
}

int unit_stop_ask(UnitStop *stop)
{
    _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

    int r = new_call(stop->stops, "StopUnit", &message);
    if (r >= 0)
        r = sd_bus_message_append(message, "ss", stop->unit, "replace");
    return r < 0 ? r : sd_bus_call_async(stop->stops->bus, &stop->call, message, on_asked, stop, 0);
}

/* What comes of it shows in the job. */
static int on_killed(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
    return 0;
}

int unit_stop_kill(UnitStop *stop)
{
    _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

    int r = new_call(stop->stops, "KillUnit", &message);
    if (r >= 0)
        r = sd_bus_message_append(message, "ssi", stop->unit, "all", SIGKILL);
    return r < 0 ? r
                 : sd_bus_call_async(stop->stops->bus, &stop->kill, message, on_killed, stop, 0);
}
