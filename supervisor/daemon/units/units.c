/* SPDX-License-Identifier: MIT */
/*
 * The connection to the bus and to systemd behind it, and coming back when either goes away. On a
 * new connection, and with a new systemd on the old one, everything is asked for anew.
 */
#include "supervisor/daemon/units/units.h"

#include <assert.h>
#include <errno.h>

#include "supervisor/daemon/units/units-internal.h"

static void set_retry(Units *units, uint64_t delay_usec)
{
    if (sd_event_source_set_time_relative(units->retry, delay_usec) >= 0)
        sd_event_source_set_enabled(units->retry, SD_EVENT_ONESHOT);
}

void units_retry_later(Units *units)
{
    if (sd_event_source_get_enabled(units->retry, NULL) > 0)
        return;
    set_retry(units, units->retry_usec);
    units->retry_usec = MIN(2 * units->retry_usec, RETRY_MAX_USEC);
}

static void tell(Units *units, bool up, int error)
{
    if (units->told && units->up == up)
        return;
    units->told = true;
    units->up = up;
    units->callbacks.connected(up, error, units->userdata);
}

static void drop_bus(Units *units)
{
    units->subscribed = false;
    units_forget_reads(units);
    units_unmatch_watches(units);
    units->subscribe = sd_bus_slot_unref(units->subscribe);
    units->match_disconnected = sd_bus_slot_unref(units->match_disconnected);
    units->match_owner = sd_bus_slot_unref(units->match_owner);
    units->match_reloading = sd_bus_slot_unref(units->match_reloading);
    units->bus = sd_bus_close_unref(units->bus);
}

void units_lost(Units *units, int error)
{
    tell(units, false, error);
    units_forget_calls(units, error);
    drop_bus(units);
    units_retry_later(units);
}

/* Anybody may send us a signal that looks like one of systemd's. */
bool units_is_from_manager(Units *units, sd_bus_message *message)
{
    const char *sender = sd_bus_message_get_sender(message);

    return units->subscribed && sender && streq(sender, units->manager);
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
    units_lost(userdata, -ECONNRESET);
    return 0;
}

static int on_reloading(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
    Units *units = userdata;
    int begins;

    if (!units_is_from_manager(units, message) ||
        sd_bus_message_read_basic(message, 'b', &begins) < 0 || begins)
        return 0;
    /* Signals that waited to be sent are lost in a reload. */
    units_read_all(units);
    units->callbacks.reloaded(units->userdata);
    return 0;
}

static void set_manager(Units *units, const char *name)
{
    free(units->manager);
    units->manager = name ? strdup(name) : NULL;
    units->subscribed = !!units->manager;
    if (!units->subscribed) {
        units_retry_later(units);
        return;
    }
    units->retry_usec = RETRY_FIRST_USEC;
    units_read_all(units);
    /* There may have been a reload while we could not hear of it. */
    units->callbacks.reloaded(units->userdata);
}

static int on_subscribed(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
    Units *units = userdata;
    const sd_bus_error *error = sd_bus_message_get_error(reply);

    units->subscribe = sd_bus_slot_unref(units->subscribe);
    if (sd_bus_is_ready(units->bus) <= 0)
        return 0; /* on_disconnected() comes next */
    tell(units, true, 0);
    if (!error || sd_bus_error_has_name(error, "org.freedesktop.systemd1.AlreadySubscribed"))
        set_manager(units, sd_bus_message_get_sender(reply));
    else
        units_retry_later(units);
    return 0;
}

/* The first call on a connection, too: any answer to it says that the bus is there. */
static int subscribe(Units *units)
{
    _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

    units->subscribe = sd_bus_slot_unref(units->subscribe);
    int r = sd_bus_message_new_method_call(units->bus, &message, SYSTEMD_NAME, SYSTEMD_PATH,
                                           SYSTEMD_MANAGER, "Subscribe");
    if (r < 0)
        return r;
    r = sd_bus_message_set_auto_start(message, false);
    if (r < 0)
        return r;
    return sd_bus_call_async(units->bus, &units->subscribe, message, on_subscribed, units, 0);
}

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
    Units *units = userdata;
    const char *name, *before, *now, *sender = sd_bus_message_get_sender(message);

    if (!sender || !streq(sender, DBUS_NAME) ||
        sd_bus_message_read(message, "sss", &name, &before, &now) < 0 || !streq(name, SYSTEMD_NAME))
        return 0;
    units->subscribed = false;
    if (now[0] && subscribe(units) < 0)
        units_retry_later(units);
    return 0;
}

static int on_match_added(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
    /* Without these we would be deaf. A connection that ends anyway says so by itself. */
    if (sd_bus_message_get_errno(reply) != 0)
        units_lost(userdata, -sd_bus_message_get_errno(reply));
    return 0;
}

static int add_matches(Units *units)
{
    int r = sd_bus_match_signal_async(units->bus, &units->match_disconnected, NULL,
                                      "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                                      "Disconnected", on_disconnected, NULL, units);
    if (r < 0)
        return r;
    r = sd_bus_add_match_async(units->bus, &units->match_owner,
                               "type='signal',sender='" DBUS_NAME "',path='/org/freedesktop/DBus'"
                               ",interface='" DBUS_NAME "',member='NameOwnerChanged'"
                               ",arg0='" SYSTEMD_NAME "'",
                               on_owner_changed, on_match_added, units);
    if (r < 0)
        return r;
    r = sd_bus_match_signal_async(units->bus, &units->match_reloading, SYSTEMD_NAME, SYSTEMD_PATH,
                                  SYSTEMD_MANAGER, "Reloading", on_reloading, on_match_added,
                                  units);
    return r < 0 ? r : units_match_watches(units);
}

static int open_bus(Units *units)
{
    int r = units->user ? sd_bus_open_user_with_description(&units->bus, "phoenixd")
                        : sd_bus_open_system_with_description(&units->bus, "phoenixd");
    if (r < 0)
        return r;
    r = sd_bus_set_exit_on_disconnect(units->bus, false);
    if (r < 0)
        return r;
    r = sd_bus_attach_event(units->bus, units->event, SD_EVENT_PRIORITY_NORMAL);
    if (r < 0)
        return r;
    /* Before Subscribe(), so that nothing falls between. */
    r = add_matches(units);
    return r < 0 ? r : subscribe(units);
}

static void try_again(Units *units)
{
    if (!units->subscribed && !units->subscribe && subscribe(units) < 0)
        units_retry_later(units);
    if (units_match_watches(units) < 0)
        units_retry_later(units);
    units_read_missed(units);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
    Units *units = userdata;

    if (units->bus)
        try_again(units);
    else {
        int r = open_bus(units);
        if (r < 0)
            units_lost(units, r);
    }
    return 0;
}

static void units_freep(Units **units)
{
    units_free(*units);
}

int units_new(sd_event *event, bool user, const UnitsCallbacks *callbacks, void *userdata,
              Units **ret)
{
    _cleanup_(units_freep) Units *units = calloc(1, sizeof(Units));

    assert(event && callbacks && ret);
    assert(callbacks->changed && callbacks->reloaded && callbacks->connected);

    if (!units)
        return -ENOMEM;
    units->event = sd_event_ref(event);
    units->user = user;
    units->callbacks = *callbacks;
    units->userdata = userdata;
    units->retry_usec = RETRY_FIRST_USEC;

    int r =
        sd_event_add_time_relative(event, &units->retry, CLOCK_MONOTONIC, 0, 0, on_retry, units);
    if (r < 0)
        return r;
    r = sd_event_source_set_description(units->retry, "units-retry");
    if (r >= 0)
        r = sd_event_source_set_priority(units->retry, SD_EVENT_PRIORITY_NORMAL);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(units);
    return 0;
}

Units *units_free(Units *units)
{
    if (!units)
        return NULL;
    units_forget_calls(units, 0);
    drop_bus(units);
    units_free_watches(units);
    sd_event_source_disable_unref(units->retry);
    sd_event_unref(units->event);
    free(units->manager);
    unit_words_done(&units->words);
    free(units);
    return NULL;
}

sd_bus *units_bus(Units *units)
{
    return units->up ? units->bus : NULL;
}
