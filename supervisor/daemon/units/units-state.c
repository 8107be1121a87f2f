/* SPDX-License-Identifier: MIT */
/*
 * Properties of a unit, as they come over D-Bus, into a UnitState.
 */
#include "supervisor/daemon/units/units-internal.h"

#include <errno.h>

/* Reads the inside of a variant, which has the type of the table. */
typedef int (*take_t)(sd_bus_message *message, UnitWords *words, void *field);

static int take_u64(sd_bus_message *message, UnitWords *words, void *field)
{
    return sd_bus_message_read_basic(message, 't', field);
}

static int take_u32(sd_bus_message *message, UnitWords *words, void *field)
{
    return sd_bus_message_read_basic(message, 'u', field);
}

/* A negative code there is none. */
static int take_i32(sd_bus_message *message, UnitWords *words, void *field)
{
    int32_t value;

    int r = sd_bus_message_read_basic(message, 'i', &value);
    if (r >= 0)
        *(uint32_t *)field = (uint32_t)MAX(value, 0);
    return r;
}

/* A word that we do not know leaves it as it was. */
static void set_active(UnitActive *active, const char *word)
{
    if (streq(word, "refreshing")) /* systemd >= 257: a kind of reload */
        word = "reloading";
    for (UnitActive i = 0; i < _UNIT_ACTIVE_MAX; i++)
        if (streq(unit_active_word(i), word))
            *active = i;
}

static int take_active(sd_bus_message *message, UnitWords *words, void *field)
{
    const char *word;

    int r = sd_bus_message_read_basic(message, 's', &word);
    if (r >= 0)
        set_active(field, word);
    return r;
}

/* SubState and Result are words of systemd; anything else is none. */
static int take_word(sd_bus_message *message, UnitWords *words, void *field)
{
    const char *word;

    int r = sd_bus_message_read_basic(message, 's', &word);
    if (r >= 0)
        *(const char **)field = unit_word(words, word);
    return r;
}

static bool is_loaded(const char *word)
{
    return streq(word, "loaded");
}

static int take_loaded(sd_bus_message *message, UnitWords *words, void *field)
{
    const char *word;

    int r = sd_bus_message_read_basic(message, 's', &word);
    if (r >= 0)
        *(bool *)field = is_loaded(word);
    return r;
}

static int take_id(sd_bus_message *message, UnitWords *words, void *field)
{
    const void *bytes;
    size_t n;

    int r = sd_bus_message_read_array(message, 'y', &bytes, &n);
    if (r < 0)
        return r;
    if (n == sizeof(sd_id128_t))
        memcpy(field, bytes, n);
    else
        *(sd_id128_t *)field = SD_ID128_NULL;
    return 0;
}

/* Of phoenix-idle(8); nobody else's is of interest. */
static int take_status(sd_bus_message *message, UnitWords *words, void *field)
{
    const char *text;

    int r = sd_bus_message_read_basic(message, 's', &text);
    if (r < 0)
        return r;
    if (!text[0])
        *(UnitWord *)field = UNIT_WORD_NONE;
    else if (strncmp(text, "frozen", strlen("frozen")) == 0)
        *(UnitWord *)field = UNIT_WORD_FROZEN;
    else
        *(UnitWord *)field = streq(text, "idle") ? UNIT_WORD_IDLE : UNIT_WORD_AWAKE;
    return r;
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
    {"MainPID", "u", take_u32, offsetof(UnitState, main_pid)},
    {"RestartUSecNext", "t", take_u64, offsetof(UnitState, restart_usec_next)},
    {"StateChangeTimestamp", "t", take_u64, offsetof(UnitState, entered_usec)},
    {"InvocationID", "ay", take_id, offsetof(UnitState, invocation)},
    {"StateChangeTimestampMonotonic", "t", take_u64, offsetof(UnitState, changed_usec)},
    {"InactiveExitTimestampMonotonic", "t", take_u64, offsetof(UnitState, left_usec)},
    {"ActiveEnterTimestampMonotonic", "t", take_u64, offsetof(UnitState, active_usec)},
    {"ActiveExitTimestampMonotonic", "t", take_u64, offsetof(UnitState, ended_usec)},
    {"ExecMainCode", "i", take_i32, offsetof(UnitState, exit_code)},
    {"ExecMainStatus", "i", take_i32, offsetof(UnitState, exit_status)},
    {"StatusText", "s", take_status, offsetof(UnitState, word)},
};

int unit_state_take(UnitState *state, UnitWords *words, const char *property,
                    sd_bus_message *message)
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
            r = properties[i].take(message, words, (char *)state + properties[i].offset);
        return r < 0 ? r : sd_bus_message_exit_container(message);
    }
    return sd_bus_message_skip(message, "v");
}

void unit_state_set(UnitState *state, UnitWords *words, const char *load, const char *active,
                    const char *sub)
{
    state->known = is_loaded(load);
    set_active(&state->active, active);
    state->sub = unit_word(words, sub);
}

int unit_state_take_all(UnitState *state, UnitWords *words, sd_bus_message *message)
{
    const char *name;
    int r;

    r = sd_bus_message_enter_container(message, 'a', "{sv}");
    if (r < 0)
        return r;
    while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
        r = sd_bus_message_read_basic(message, 's', &name);
        if (r >= 0)
            r = unit_state_take(state, words, name, message);
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
           a->changed_usec == b->changed_usec && a->left_usec == b->left_usec &&
           a->active_usec == b->active_usec && a->ended_usec == b->ended_usec &&
           a->exit_code == b->exit_code && a->exit_status == b->exit_status && a->word == b->word &&
           sd_id128_equal(a->invocation, b->invocation);
}
