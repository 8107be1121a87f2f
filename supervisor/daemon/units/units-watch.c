/* SPDX-License-Identifier: MIT */
/*
 * The watched units: the signals that tell of them, and reading what no signal tells. Reads are
 * queued, so that ten thousand units do not make ten thousand calls at once.
 */
#include "supervisor/daemon/units/units-internal.h"

#include <assert.h>
#include <errno.h>

#include "base/hash.h"

static UnitWatch **bucket_of(Units *units, const char *path)
{
    return &units->buckets[hash32(HASH32_START, path, strlen(path)) % WATCH_BUCKETS];
}

static UnitWatch *find_watch(Units *units, const char *path)
{
    UnitWatch *watch = *bucket_of(units, path);

    while (watch && !streq(watch->path, path))
        watch = watch->next_in_bucket;
    return watch;
}

/* The last thing done with a watch: the callback may free it. */
static void settle(UnitWatch *watch, const UnitState *now)
{
    Units *units = watch->units;
    UnitState before = watch->state;

    if (unit_state_equal(&before, now))
        return;
    watch->state = *now;
    if (!before.known && !now->known)
        return;
    units->callbacks.changed(watch, &before, now, units->userdata);
}

static void send_reads(Units *units);

static void want(UnitWatch *watch, unsigned what)
{
    Units *units = watch->units;

    watch->wanted |= what;
    if (watch->to_read || watch->read || !watch->wanted)
        return;
    watch->to_read = true;
    watch->next_to_read = NULL;
    if (units->last_to_read)
        units->last_to_read->next_to_read = watch;
    else
        units->first_to_read = watch;
    units->last_to_read = watch;
}

static int take_reply(UnitState *state, UnitRead read, sd_bus_message *reply)
{
    switch (read) {
    case UNIT_READ_ALL:
        return unit_state_take_all(state, reply);
    case UNIT_READ_WATCHDOG:
        return unit_state_take(state, "WatchdogUSec", reply);
    case UNIT_READ_DELAY:
        return unit_state_take(state, "RestartUSecNext", reply);
    }
    return -EINVAL;
}

/* A property that this systemd does not have yet is no failure. */
static bool is_retried(const sd_bus_error *error)
{
    return !sd_bus_error_has_names(error, SD_BUS_ERROR_UNKNOWN_PROPERTY,
                                   SD_BUS_ERROR_UNKNOWN_OBJECT, SD_BUS_ERROR_UNKNOWN_INTERFACE,
                                   SD_BUS_ERROR_UNKNOWN_METHOD);
}

static int on_read(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
    UnitWatch *watch = userdata;
    Units *units = watch->units;
    UnitState now = watch->state;
    const sd_bus_error *error = sd_bus_message_get_error(reply);

    watch->read = sd_bus_slot_unref(watch->read);
    units->n_reading--;
    if (error && is_retried(error)) {
        /* Not at once, or an answer that comes at once would keep us both busy. */
        watch->wanted |= watch->reading;
        units_retry_later(units);
    } else if (!error) {
        if (watch->reading == UNIT_READ_ALL)
            now.known = false; /* unless it says that it is loaded */
        if (take_reply(&now, watch->reading, reply) < 0)
            now = watch->state;
        watch->half = false;
        want(watch, 0);
    }
    send_reads(units);
    settle(watch, &now);
    return 0;
}

static int send_read(UnitWatch *watch)
{
    sd_bus *bus = watch->units->bus;

    /* The empty name stands for all interfaces, which saves a call. */
    if (watch->wanted & UNIT_READ_ALL) {
        watch->reading = UNIT_READ_ALL;
        watch->wanted = 0;
        return sd_bus_call_method_async(bus, &watch->read, SYSTEMD_NAME, watch->path,
                                        DBUS_PROPERTIES, "GetAll", on_read, watch, "s", "");
    }
    watch->reading = watch->wanted & UNIT_READ_WATCHDOG ? UNIT_READ_WATCHDOG : UNIT_READ_DELAY;
    watch->wanted &= ~(unsigned)watch->reading;
    return sd_bus_call_method_async(
        bus, &watch->read, SYSTEMD_NAME, watch->path, DBUS_PROPERTIES, "Get", on_read, watch, "ss",
        SYSTEMD_SERVICE, watch->reading == UNIT_READ_DELAY ? "RestartUSecNext" : "WatchdogUSec");
}

static UnitWatch *next_to_read(Units *units)
{
    UnitWatch *watch = units->first_to_read;

    if (!watch)
        return NULL;
    units->first_to_read = watch->next_to_read;
    if (!units->first_to_read)
        units->last_to_read = NULL;
    watch->to_read = false;
    return watch;
}

static void send_reads(Units *units)
{
    UnitWatch *watch;

    while (units->subscribed && units->n_reading < READS_AT_ONCE && (watch = next_to_read(units))) {
        if (send_read(watch) < 0) {
            watch->wanted |= watch->reading;
            units_retry_later(units);
        } else
            units->n_reading++;
    }
}

void units_read_all(Units *units)
{
    for (size_t i = 0; i < WATCH_BUCKETS; i++)
        for (UnitWatch *watch = units->buckets[i]; watch; watch = watch->next_in_bucket)
            want(watch, UNIT_READ_ALL);
    send_reads(units);
}

void units_read_missed(Units *units)
{
    for (size_t i = 0; i < WATCH_BUCKETS; i++)
        for (UnitWatch *watch = units->buckets[i]; watch; watch = watch->next_in_bucket)
            want(watch, 0);
    send_reads(units);
}

static void dequeue(UnitWatch *watch)
{
    Units *units = watch->units;
    UnitWatch *previous = NULL;

    if (!watch->to_read)
        return;
    for (UnitWatch *w = units->first_to_read; w != watch; w = w->next_to_read)
        previous = w;
    if (previous)
        previous->next_to_read = watch->next_to_read;
    else
        units->first_to_read = watch->next_to_read;
    if (units->last_to_read == watch)
        units->last_to_read = previous;
    watch->to_read = false;
}

static void cancel_read(UnitWatch *watch)
{
    if (!watch->read)
        return;
    watch->read = sd_bus_slot_unref(watch->read);
    watch->units->n_reading--;
}

void units_forget_reads(Units *units)
{
    while (next_to_read(units))
        ;
    for (size_t i = 0; i < WATCH_BUCKETS; i++)
        for (UnitWatch *watch = units->buckets[i]; watch; watch = watch->next_in_bucket) {
            cancel_read(watch);
            watch->wanted = 0;
            watch->half = false;
        }
}

/* What no signal tells, and what a signal lets suspect to have changed. */
static unsigned suspect(const UnitState *before, const UnitState *now)
{
    if (before->active == now->active && streq(before->sub, now->sub) &&
        streq(before->invocation, now->invocation))
        return 0;
    if (now->active == UNIT_ACTIVATING && strncmp(now->sub, "auto-restart", 12) == 0)
        return UNIT_READ_DELAY;
    return now->active == UNIT_ACTIVATING || now->active == UNIT_ACTIVE ? UNIT_READ_WATCHDOG : 0;
}

static void on_unit_changed(UnitWatch *watch, sd_bus_message *message)
{
    UnitState now = watch->half ? watch->next : watch->state;

    watch->half = false;
    if (unit_state_take_all(&now, message) < 0)
        return;
    want(watch, suspect(&watch->state, &now));
    send_reads(watch->units);
    settle(watch, &now);
}

static void on_service_changed(UnitWatch *watch, sd_bus_message *message)
{
    UnitState next = watch->half ? watch->next : watch->state;

    if (unit_state_take_all(&next, message) < 0)
        return;
    watch->next = next;
    watch->half = true;
}

static void on_changed(Units *units, UnitWatch *watch, sd_bus_message *message)
{
    const char *interface;

    if (!units_is_from_manager(units, message) ||
        sd_bus_message_read_basic(message, 's', &interface) < 0)
        return;
    if (!watch->state.known) {
        /* A part of its state would not be its state. */
        want(watch, UNIT_READ_ALL);
        send_reads(units);
    } else if (streq(interface, SYSTEMD_SERVICE)) {
        on_service_changed(watch, message);
    } else if (streq(interface, SYSTEMD_UNIT)) {
        on_unit_changed(watch, message);
    }
}

static int on_watch_signal(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
    UnitWatch *watch = userdata;

    on_changed(watch->units, watch, message);
    return 0;
}

static int on_any_signal(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
    Units *units = userdata;
    const char *path = sd_bus_message_get_path(message);
    UnitWatch *watch = path ? find_watch(units, path) : NULL;

    if (watch)
        on_changed(units, watch, message);
    return 0;
}

/* Without an answer to this, sd-bus would end the connection. */
static int on_match_all(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
    if (sd_bus_message_get_errno(reply) != 0)
        units_lost(userdata, -sd_bus_message_get_errno(reply));
    return 0;
}

/* One match for all units, which takes the place of the many. */
static int match_all(Units *units)
{
    if (units->match_all)
        return 0;
    int r = sd_bus_add_match_async(
        units->bus, &units->match_all,
        "type='signal',sender='" SYSTEMD_NAME "',interface='" DBUS_PROPERTIES
        "',member='PropertiesChanged',path_namespace='" SYSTEMD_UNIT_PATH "'",
        on_any_signal, on_match_all, units);
    if (r < 0)
        return r;
    for (size_t i = 0; i < WATCH_BUCKETS; i++)
        for (UnitWatch *watch = units->buckets[i]; watch; watch = watch->next_in_bucket)
            watch->match = sd_bus_slot_unref(watch->match);
    return 0;
}

/* The bus may allow fewer matches than it does by default. What was missed meanwhile is read. */
static int on_match(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
    UnitWatch *watch = userdata;
    Units *units = watch->units;

    if (sd_bus_message_get_errno(reply) == 0)
        return 0;
    int r = match_all(units);
    if (r < 0)
        units_lost(units, r);
    else
        units_read_all(units);
    return 0;
}

static int match(UnitWatch *watch)
{
    Units *units = watch->units;

    if (units->match_all || watch->match)
        return 0;
    if (units->n_watches > WATCHES_ALONE)
        return match_all(units);
    return sd_bus_match_signal_async(units->bus, &watch->match, SYSTEMD_NAME, watch->path,
                                     DBUS_PROPERTIES, "PropertiesChanged", on_watch_signal,
                                     on_match, watch);
}

int units_match_watches(Units *units)
{
    for (size_t i = 0; i < WATCH_BUCKETS; i++)
        for (UnitWatch *watch = units->buckets[i]; watch; watch = watch->next_in_bucket) {
            int r = match(watch);
            if (r < 0)
                return r;
        }
    return 0;
}

void units_unmatch_watches(Units *units)
{
    units->match_all = sd_bus_slot_unref(units->match_all);
    for (size_t i = 0; i < WATCH_BUCKETS; i++)
        for (UnitWatch *watch = units->buckets[i]; watch; watch = watch->next_in_bucket)
            watch->match = sd_bus_slot_unref(watch->match);
}

static void watch_freep(UnitWatch **watch)
{
    if (*watch) {
        free((*watch)->name);
        free((*watch)->path);
        free(*watch);
    }
}

static int watch_new(Units *units, const char *unit, void *tag, UnitWatch **ret)
{
    _cleanup_(watch_freep) UnitWatch *watch = calloc(1, sizeof(UnitWatch));

    if (!watch)
        return -ENOMEM;
    watch->units = units;
    watch->tag = tag;
    watch->state = (UnitState){.watchdog_usec = USEC_INFINITY, .restart_usec_next = USEC_INFINITY};
    watch->name = strdup(unit);
    if (!watch->name)
        return -ENOMEM;
    int r = sd_bus_path_encode(SYSTEMD_UNIT_PATH, unit, &watch->path);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(watch);
    return 0;
}

int units_watch(Units *units, const char *unit, void *tag, UnitWatch **ret)
{
    _cleanup_(watch_freep) UnitWatch *watch = NULL;

    assert(units && unit && ret);

    int r = watch_new(units, unit, tag, &watch);
    if (r < 0)
        return r;
    if (find_watch(units, watch->path))
        return -EEXIST;

    UnitWatch **bucket = bucket_of(units, watch->path);
    watch->next_in_bucket = *bucket;
    *bucket = watch;
    units->n_watches++;
    /* What cannot be sent now is sent later. */
    if (units->bus && match(watch) < 0)
        units_retry_later(units);
    want(watch, UNIT_READ_ALL);
    send_reads(units);
    *ret = TAKE_PTR(watch);
    return 0;
}

UnitWatch *unit_watch_free(UnitWatch *watch)
{
    if (!watch)
        return NULL;
    UnitWatch **link = bucket_of(watch->units, watch->path);
    while (*link != watch)
        link = &(*link)->next_in_bucket;
    *link = watch->next_in_bucket;
    watch->units->n_watches--;
    dequeue(watch);
    cancel_read(watch);
    sd_bus_slot_unref(watch->match);
    send_reads(watch->units);
    watch_freep(&watch);
    return NULL;
}

void *unit_watch_tag(const UnitWatch *watch)
{
    return watch->tag;
}

const char *unit_watch_name(const UnitWatch *watch)
{
    return watch->name;
}

const UnitState *unit_watch_state(const UnitWatch *watch)
{
    return &watch->state;
}
