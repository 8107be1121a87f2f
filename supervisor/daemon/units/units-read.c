/* SPDX-License-Identifier: MIT */
/*
 * Asking systemd how units are. First which of ours it has in memory, one call for all of them; the
 * others are inactive, and it is not made to load them by being asked. Then of those the properties
 * that are of interest. Reads are queued, so that ten thousand units do not make ten thousand calls
 * at once.
 */
#include "supervisor/daemon/units/units-internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

static const struct {
    UnitRead read;
    const char *interface; /* NULL: that of the kind of unit */
    const char *property;
} reads[] = {
    {UNIT_READ_RESULT, NULL, "Result"},
    {UNIT_READ_RESTARTS, NULL, "NRestarts"},
    {UNIT_READ_PID, NULL, "MainPID"},
    {UNIT_READ_WATCHDOG, NULL, "WatchdogUSec"},
    {UNIT_READ_DELAY, NULL, "RestartUSecNext"},
    {UNIT_READ_ENTERED, SYSTEMD_UNIT, "StateChangeTimestamp"},
    {UNIT_READ_INVOCATION, SYSTEMD_UNIT, "InvocationID"},
    {UNIT_READ_CHANGED, SYSTEMD_UNIT, "StateChangeTimestampMonotonic"},
    {UNIT_READ_LEFT, SYSTEMD_UNIT, "InactiveExitTimestampMonotonic"},
    {UNIT_READ_ACTIVE, SYSTEMD_UNIT, "ActiveEnterTimestampMonotonic"},
    {UNIT_READ_ENDED, SYSTEMD_UNIT, "ActiveExitTimestampMonotonic"},
    {UNIT_READ_EXIT, NULL, "ExecMainCode"},
    {UNIT_READ_STATUS, NULL, "StatusText"},
};

_Static_assert(UNIT_READ_STATUS == 1 << (ELEMENTSOF(reads) - 1), "each has its property");

/* ---- one property of one unit ---- */

void unit_watch_want(UnitWatch *watch, unsigned what)
{
    Units *units = watch->units;

    watch->wanted |= (uint16_t)(what & watch->reads);
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

/* A property that this systemd does not have yet is no failure. */
static bool is_retried(const sd_bus_error *error)
{
    return !sd_bus_error_has_names(error, SD_BUS_ERROR_UNKNOWN_PROPERTY,
                                   SD_BUS_ERROR_UNKNOWN_OBJECT, SD_BUS_ERROR_UNKNOWN_INTERFACE,
                                   SD_BUS_ERROR_UNKNOWN_METHOD);
}

static const char *property_of(UnitRead read)
{
    for (size_t i = 0; i < ELEMENTSOF(reads); i++)
        if (reads[i].read == read)
            return reads[i].property;
    return "";
}

/* Takes what was read into the next state, or, with none that is being filled, into *now. */
static void take_read(UnitWatch *watch, sd_bus_message *reply, UnitState *now)
{
    const char *property = property_of(watch->reading);
    UnitWords *words = &watch->units->words;

    if (watch->next)
        (void)unit_state_take(watch->next, words, property, reply);
    if (!watch->filling && sd_bus_message_rewind(reply, true) >= 0)
        (void)unit_state_take(now, words, property, reply);
}

static void send_read(UnitWatch *watch);

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
        units_send_reads(units);
        return 0;
    }
    if (!error)
        take_read(watch, reply, &now);
    if (watch->wanted)
        send_read(watch);
    units_send_reads(units);
    if (watch->filling && !watch->wanted && !watch->read) {
        now = *watch->next;
        unit_watch_drop_next(watch);
        watch->was_read = true;
    }
    unit_watch_settle(watch, &now);
    return 0;
}

/* Asks for the first property of those that are wanted. */
static void send_read(UnitWatch *watch)
{
    _cleanup_free_ char *path = NULL;
    size_t i = 0;

    while (!(watch->wanted & reads[i].read))
        i++;
    int r = sd_bus_path_encode(SYSTEMD_UNIT_PATH, watch->name, &path);
    if (r >= 0)
        r = sd_bus_call_method_async(
            watch->units->bus, &watch->read, SYSTEMD_NAME, path, DBUS_PROPERTIES, "Get", on_read,
            watch, "ss", reads[i].interface ?: watch->class->interface, reads[i].property);
    if (r < 0) {
        units_retry_later(watch->units);
        return;
    }
    watch->reading = (uint16_t)reads[i].read;
    watch->wanted &= (uint16_t)~reads[i].read;
    watch->units->n_reading++;
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

void unit_watch_forget_reads(UnitWatch *watch)
{
    dequeue(watch);
    if (watch->read) {
        watch->read = sd_bus_slot_unref(watch->read);
        watch->units->n_reading--;
    }
    watch->wanted = 0;
    unit_watch_drop_next(watch);
}

/* ---- which units systemd has ---- */

void unit_watch_want_list(UnitWatch *watch)
{
    watch->to_list = true;
    watch->units->to_list = true;
}

/* It has this one. What the list says is the first of the next state, the rest is asked for. */
static void take_listed(UnitWatch *watch, const char *load, const char *active, const char *sub)
{
    UnitState *next = unit_watch_next(watch);

    if (!next) {
        unit_watch_want_list(watch);
        units_retry_later(watch->units);
        return;
    }
    unit_state_set(next, &watch->units->words, load, active, sub);
    watch->filling = true;
    unit_watch_want(watch, watch->reads);
}

/* Those that are not in the list stay marked as `listing`. */
static int take_list(Units *units, sd_bus_message *reply)
{
    const char *name, *load, *active, *sub;

    int r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
    if (r < 0)
        return r;
    while ((r = sd_bus_message_read(reply, "(ssssssouso)", &name, NULL, &load, &active, &sub, NULL,
                                    NULL, NULL, NULL, NULL)) > 0) {
        UnitWatch *watch = units_find(units, name);
        if (!watch || !watch->listing)
            continue;
        watch->unloaded = !streq(load, "loaded");
        if (watch->unloaded)
            continue;
        watch->listing = false;
        take_listed(watch, load, active, sub);
    }
    return r;
}

/* What systemd has not in memory is inactive. It may have been so when we last saw it, and then all
 * that was seen remains. */
static void tell_absent(UnitWatch *watch)
{
    UnitState now = watch->state;

    if (watch->unloaded)
        now.known = false;
    else if (!now.known || now.active != UNIT_INACTIVE) {
        now = UNIT_STATE_NONE;
        now.known = true;
        now.sub = unit_word(&watch->units->words, "dead");
        now.result = unit_word(&watch->units->words, "success");
    }
    unit_watch_forget_reads(watch);
    watch->unloaded = false;
    watch->was_read = true;
    unit_watch_settle(watch, &now);
}

/* A callback may free watches and add others: look at the bucket from its beginning again. */
static void tell_absent_in(Units *units, size_t bucket)
{
    UnitWatch *watch = units->buckets[bucket];

    while (watch) {
        if (watch->listing) {
            watch->listing = false;
            tell_absent(watch);
            watch = units->buckets[bucket];
        } else
            watch = watch->next_in_bucket;
    }
}

static void list_again_later(Units *units)
{
    for (size_t i = 0; i < WATCH_BUCKETS; i++)
        for (UnitWatch *watch = units->buckets[i]; watch; watch = watch->next_in_bucket)
            if (watch->listing) {
                watch->listing = false;
                unit_watch_want_list(watch);
            }
    units_retry_later(units);
}

static int on_list(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
    Units *units = userdata;

    if (sd_bus_message_get_errno(reply) != 0 || take_list(units, reply) < 0) {
        list_again_later(units);
        units->list = sd_bus_slot_unref(units->list);
        return 0;
    }
    units_send_reads(units);
    for (size_t i = 0; i < WATCH_BUCKETS; i++)
        tell_absent_in(units, i);
    /* Only now: what was added meanwhile is not in this list. */
    units->list = sd_bus_slot_unref(units->list);
    units_send_reads(units);
    return 0;
}

static int append_patterns(Units *units, sd_bus_message *message)
{
    size_t n = units->n_on_demand > 0 ? UNIT_CLASSES : 1;
    char pattern[64];
    int r = sd_bus_message_open_container(message, 'a', "s");

    for (size_t i = 0; i < n && r >= 0; i++) {
        snprintf(pattern, sizeof(pattern), "%s*%s", unit_classes[i].prefix, unit_classes[i].suffix);
        r = sd_bus_message_append_basic(message, 's', pattern);
    }
    return r < 0 ? r : sd_bus_message_close_container(message);
}

static int call_list(Units *units)
{
    _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

    int r = sd_bus_message_new_method_call(units->bus, &message, SYSTEMD_NAME, SYSTEMD_PATH,
                                           SYSTEMD_MANAGER, "ListUnitsByPatterns");
    if (r >= 0) /* in whatever state */
        r = sd_bus_message_append(message, "as", 0);
    if (r >= 0)
        r = append_patterns(units, message);
    return r < 0 ? r : sd_bus_call_async(units->bus, &units->list, message, on_list, units, 0);
}

static void send_list(Units *units)
{
    if (!units->to_list || units->list)
        return;
    if (call_list(units) < 0) {
        units_retry_later(units);
        return;
    }
    units->to_list = false;
    for (size_t i = 0; i < WATCH_BUCKETS; i++)
        for (UnitWatch *watch = units->buckets[i]; watch; watch = watch->next_in_bucket)
            if (watch->to_list) {
                watch->to_list = false;
                watch->listing = true;
            }
}

/* ---- all of them ---- */

void units_send_reads(Units *units)
{
    UnitWatch *watch;

    if (!units->subscribed)
        return;
    send_list(units);
    while (units->n_reading < READS_AT_ONCE && (watch = next_to_read(units)))
        if (watch->wanted)
            send_read(watch);
}

void units_read_all(Units *units)
{
    for (size_t i = 0; i < WATCH_BUCKETS; i++)
        for (UnitWatch *watch = units->buckets[i]; watch; watch = watch->next_in_bucket)
            unit_watch_want_list(watch);
    units_send_reads(units);
}

void units_read_missed(Units *units)
{
    for (size_t i = 0; i < WATCH_BUCKETS; i++)
        for (UnitWatch *watch = units->buckets[i]; watch; watch = watch->next_in_bucket)
            unit_watch_want(watch, 0);
    units_send_reads(units);
}

void units_forget_reads(Units *units)
{
    while (next_to_read(units))
        ;
    units->list = sd_bus_slot_unref(units->list);
    units->to_list = false;
    for (size_t i = 0; i < WATCH_BUCKETS; i++)
        for (UnitWatch *watch = units->buckets[i]; watch; watch = watch->next_in_bucket) {
            unit_watch_forget_reads(watch);
            watch->to_list = watch->listing = watch->unloaded = false;
        }
}
