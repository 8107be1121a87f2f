/* SPDX-License-Identifier: MIT */
/*
 * Properties of a unit, as they come over D-Bus, into a UnitState.
 */
#include "supervisor/daemon/units/units-internal.h"

#include <errno.h>

/* Reads the inside of a variant, which has the type of the table. */
typedef int (*take_t)(sd_bus_message *message, void *field);

static int take_u64(sd_bus_message *message, void *field)
{
    return sd_bus_message_read_basic(message, 't', field);
}

static int take_u32(sd_bus_message *message, void *field)
{
    return sd_bus_message_read_basic(message, 'u', field);
}

static int take_pid(sd_bus_message *message, void *field)
{
    uint32_t pid;

    int r = sd_bus_message_read_basic(message, 'u', &pid);
    if (r >= 0)
        *(uint64_t *)field = pid;
    return r;
}

static int take_active(sd_bus_message *message, void *field)
{
    const char *word;

    int r = sd_bus_message_read_basic(message, 's', &word);
    if (r < 0)
        return r;
    if (streq(word, "refreshing")) /* systemd >= 257: a kind of reload */
        word = "reloading";
    for (UnitActive i = 0; i < _UNIT_ACTIVE_MAX; i++)
        if (streq(unit_active_word(i), word)) {
            *(UnitActive *)field = i;
            return 0;
        }
    return 0;
}

/* SubState and Result are words of systemd; anything else is none. */
static int take_word(sd_bus_message *message, void *field)
{
    const char *word;
    char *into = field;

    int r = sd_bus_message_read_basic(message, 's', &word);
    if (r < 0)
        return r;
    size_t n = strlen(word);
    if (n >= sizeof(((UnitState *)NULL)->sub) ||
        strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-") != n)
        n = 0;
    memcpy(into, word, n);
    into[n] = '\0';
    return 0;
}

static int take_loaded(sd_bus_message *message, void *field)
{
    const char *word;

    int r = sd_bus_message_read_basic(message, 's', &word);
    if (r >= 0)
        *(bool *)field = streq(word, "loaded");
    return r;
}

static int take_id(sd_bus_message *message, void *field)
{
    const void *bytes;
    size_t n;
    sd_id128_t id;

    int r = sd_bus_message_read_array(message, 'y', &bytes, &n);
    if (r < 0)
        return r;
    ((char *)field)[0] = '\0';
    if (n == sizeof(id)) {
        memcpy(&id, bytes, n);
        sd_id128_to_string(id, field);
    }
    return 0;
}

static const struct {
    const char *name, *type;
    take_t take;
    size_t offset;
} properties[] = {
    {"LoadState", "s", take_loaded, offsetof(UnitState, known)},
    {"ActiveState", "s", take_active, offsetof(UnitState, active)},
    {"SubState", "s", take_word, offsetof(UnitState, sub)},
    {"Result", "s", take_word, offsetof(UnitState, result)},
    {"NRestarts", "u", take_u32, offsetof(UnitState, n_restarts)},
    {"WatchdogUSec", "t", take_u64, offsetof(UnitState, watchdog_usec)},
    {"MainPID", "u", take_pid, offsetof(UnitState, main_pid)},
    {"RestartUSecNext", "t", take_u64, offsetof(UnitState, restart_usec_next)},
    {"StateChangeTimestamp", "t", take_u64, offsetof(UnitState, entered_usec)},
    {"ActiveEnterTimestamp", "t", take_u64, offsetof(UnitState, active_enter_usec)},
    {"InvocationID", "ay", take_id, offsetof(UnitState, invocation)},
};

_Static_assert(sizeof(((UnitState *)NULL)->sub) == sizeof(((UnitState *)NULL)->result),
               "take_word() serves both");

int unit_state_take(UnitState *state, const char *property, sd_bus_message *message)
{
    for (size_t i = 0; i < ELEMENTSOF(properties); i++) {
        if (!streq(properties[i].name, property))
            continue;
        int r = sd_bus_message_verify_type(message, 'v', properties[i].type);
        if (r < 0)
            return r;
        if (r == 0)
            break; /* not of the type that systemd gives it */
        r = sd_bus_message_enter_container(message, 'v', properties[i].type);
        if (r >= 0)
            r = properties[i].take(message, (char *)state + properties[i].offset);
        return r < 0 ? r : sd_bus_message_exit_container(message);
    }
    return sd_bus_message_skip(message, "v");
}

int unit_state_take_all(UnitState *state, sd_bus_message *message)
{
    const char *name;
    int r;

    r = sd_bus_message_enter_container(message, 'a', "{sv}");
    if (r < 0)
        return r;
    while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
        r = sd_bus_message_read_basic(message, 's', &name);
        if (r >= 0)
            r = unit_state_take(state, name, message);
        if (r >= 0)
            r = sd_bus_message_exit_container(message);
        if (r < 0)
            return r;
    }
    return r < 0 ? r : sd_bus_message_exit_container(message);
}

/* Field by field: there are holes between them. */
bool unit_state_equal(const UnitState *a, const UnitState *b)
{
    return a->known == b->known && a->active == b->active && streq(a->sub, b->sub) &&
           streq(a->result, b->result) && a->n_restarts == b->n_restarts &&
           a->watchdog_usec == b->watchdog_usec && a->main_pid == b->main_pid &&
           a->restart_usec_next == b->restart_usec_next && a->entered_usec == b->entered_usec &&
           a->active_enter_usec == b->active_enter_usec && streq(a->invocation, b->invocation);
}
