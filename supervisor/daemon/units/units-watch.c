/* SPDX-License-Identifier: MIT */
/*
 * The watched units, and the signals that tell how they change.
 */
#include "supervisor/daemon/units/units-internal.h"

#include <assert.h>
#include <errno.h>

#include "base/hash.h"

static UnitWatch **bucket_of(Units *units, const char *name)
{
    return &units->buckets[hash32(HASH32_START, name, strlen(name)) % WATCH_BUCKETS];
}

UnitWatch *units_find(Units *units, const char *name)
{
    UnitWatch *watch = *bucket_of(units, name);

    while (watch && !streq(watch->name, name))
        watch = watch->next_in_bucket;
    return watch;
}

const UnitClass unit_classes[UNIT_CLASSES] = {
    {"phoenix@", ".service", SYSTEMD_SERVICE, UNIT_READ_REST},
    {"phoenix@", ".socket", SYSTEMD_SOCKET, UNIT_READ_RESULT | UNIT_READ_CHANGED},
    {"phoenix-proxy@", ".service", SYSTEMD_SERVICE,
     UNIT_READ_RESULT | UNIT_READ_TIMES | UNIT_READ_EXIT},
    {"phoenix-idle@", ".service", SYSTEMD_SERVICE, UNIT_READ_STATUS},
};

/* Most of what is told of units is of others: those need no search. */
static UnitWatch *find_path(Units *units, const char *path)
{
    static const char ours[] = SYSTEMD_UNIT_PATH "/phoenix_";
    _cleanup_free_ char *name = NULL;

    if (!path || strncmp(path, ours, strlen(ours)) != 0 ||
        sd_bus_path_decode(path, SYSTEMD_UNIT_PATH, &name) <= 0)
        return NULL;
    return units_find(units, name);
}

void unit_watch_settle(UnitWatch *watch, const UnitState *now)
{
    Units *units = watch->units;
    UnitState before = watch->state, after = *now;

    if (unit_state_equal(&before, &after))
        return;
    watch->state = after;
    if (!before.known && !after.known)
        return;
    units->callbacks.changed(watch, &before, &watch->state, units->userdata);
}

UnitState *unit_watch_next(UnitWatch *watch)
{
    if (!watch->next) {
        watch->next = malloc(sizeof(UnitState));
        if (watch->next)
            *watch->next = watch->state;
    }
    return watch->next;
}

void unit_watch_drop_next(UnitWatch *watch)
{
    free(watch->next);
    watch->next = NULL;
    watch->filling = false;
}

/* What no signal tells, and what a signal lets suspect to have changed. */
static unsigned suspect(const UnitState *before, const UnitState *now)
{
    if (before->active == now->active && streq(before->sub, now->sub) &&
        sd_id128_equal(before->invocation, now->invocation))
        return 0;
    if (now->active == UNIT_ACTIVATING && strncmp(now->sub, "auto-restart", 12) == 0)
        return UNIT_READ_DELAY;
    return now->active == UNIT_ACTIVATING || now->active == UNIT_ACTIVE ? UNIT_READ_WATCHDOG : 0;
}

/* Takes a signal into the next state. */
static int take_signal(UnitWatch *watch, sd_bus_message *message)
{
    UnitState *next = unit_watch_next(watch);

    if (!next) {
        unit_watch_want_list(watch);
        units_retry_later(watch->units);
        return -ENOMEM;
    }
    UnitState before = *next;
    int r = unit_state_take_all(next, &watch->units->words, message);
    if (!(watch->reads & UNIT_READ_STATUS))
        next->word = UNIT_WORD_NONE;
    if (r < 0)
        *next = before;
    else
        unit_watch_want(watch, suspect(&before, next));
    return r;
}

static void on_unit_changed(UnitWatch *watch, sd_bus_message *message)
{
    int r = take_signal(watch, message);

    units_send_reads(watch->units);
    if (watch->filling || r < 0)
        return;
    UnitState now = *watch->next;
    unit_watch_drop_next(watch);
    unit_watch_settle(watch, &now);
}

static void on_changed(Units *units, UnitWatch *watch, sd_bus_message *message)
{
    const char *interface;

    if (!units_is_from_manager(units, message) ||
        sd_bus_message_read_basic(message, 's', &interface) < 0)
        return;
    if (!watch->state.known && !watch->filling) {
        /* A part of its state would not be its state. A list that is under way is newer. */
        if (!watch->listing)
            unit_watch_want_list(watch);
        units_send_reads(units);
    } else if (streq(interface, watch->class->interface)) {
        (void)take_signal(watch, message);
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
    UnitWatch *watch = find_path(units, sd_bus_message_get_path(message));

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
    _cleanup_free_ char *path = NULL;
    int r = sd_bus_path_encode(SYSTEMD_UNIT_PATH, watch->name, &path);
    if (r < 0)
        return r;
    return sd_bus_match_signal_async(units->bus, &watch->match, SYSTEMD_NAME, path, DBUS_PROPERTIES,
                                     "PropertiesChanged", on_watch_signal, on_match, watch);
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

static const UnitClass *class_of(const char *unit)
{
    for (size_t i = 0; i < UNIT_CLASSES; i++) {
        const UnitClass *class = &unit_classes[i];
        size_t n = strlen(unit), prefix = strlen(class->prefix), suffix = strlen(class->suffix);
        if (n > prefix + suffix && strncmp(unit, class->prefix, prefix) == 0 &&
            streq(unit + n - suffix, class->suffix))
            return class;
    }
    return NULL;
}

static bool is_on_demand(const UnitWatch *watch)
{
    return watch->class != &unit_classes[0];
}

int units_watch(Units *units, const char *unit, void *tag, UnitWatch **ret)
{
    assert(units && unit && ret);

    const UnitClass *class = class_of(unit);
    if (!class)
        return -EINVAL;
    if (units_find(units, unit))
        return -EEXIST;
    UnitWatch *watch = calloc(1, sizeof(UnitWatch));
    if (!watch)
        return -ENOMEM;
    watch->units = units;
    watch->tag = tag;
    watch->name = unit;
    watch->class = class;
    watch->reads = (uint16_t) class->reads;
    watch->state = UNIT_STATE_NONE;

    UnitWatch **bucket = bucket_of(units, unit);
    watch->next_in_bucket = *bucket;
    *bucket = watch;
    units->n_watches++;
    units->n_on_demand += is_on_demand(watch);
    /* What cannot be sent now is sent later. */
    if (units->bus && match(watch) < 0)
        units_retry_later(units);
    unit_watch_want_list(watch);
    units_send_reads(units);
    *ret = watch;
    return 0;
}

void unit_watch_with_times(UnitWatch *watch)
{
    watch->reads |= UNIT_READ_TIMES;
}

static void watch_free(UnitWatch *watch)
{
    watch->units->n_watches--;
    watch->units->n_on_demand -= is_on_demand(watch);
    unit_watch_forget_reads(watch);
    sd_bus_slot_unref(watch->match);
    free(watch);
}

UnitWatch *unit_watch_free(UnitWatch *watch)
{
    if (!watch)
        return NULL;
    Units *units = watch->units;
    UnitWatch **link = bucket_of(units, watch->name);
    while (*link != watch)
        link = &(*link)->next_in_bucket;
    *link = watch->next_in_bucket;
    watch_free(watch);
    units_send_reads(units);
    return NULL;
}

/* Their names may be gone. */
void units_free_watches(Units *units)
{
    for (size_t i = 0; i < WATCH_BUCKETS; i++)
        while (units->buckets[i]) {
            UnitWatch *watch = units->buckets[i];
            units->buckets[i] = watch->next_in_bucket;
            watch_free(watch);
        }
}

bool unit_watch_is_read(const UnitWatch *watch)
{
    return watch->was_read;
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
