/* SPDX-License-Identifier: MIT */
/*
 * One service's record as JSON. Times without end stand as "infinity": JSON numbers of 64 bits are
 * signed for most readers.
 */
#include "supervisor/daemon/persist-internal.h"

#include <inttypes.h>
#include <stddef.h>

#include "base/macros.h"
#include "supervisor/policy/state.h"

#define INFINITY_WORD "infinity"

static const struct {
    const char *key;
    size_t offset;
} numbers[] = {
    {"starts", offsetof(ServiceRecord, starts)},
    {"restarts", offsetof(ServiceRecord, restarts)},
    {"checks", offsetof(ServiceRecord, checks)},
    {"failures", offsetof(ServiceRecord, failures)},
    {"unhealthy", offsetof(ServiceRecord, unhealthy)},
    {"beats", offsetof(ServiceRecord, beats)},
    {"last_healthy_usec", offsetof(ServiceRecord, last_healthy_usec)},
    {"last_failure_usec", offsetof(ServiceRecord, last_failure_usec)},
    {"state_since_usec", offsetof(ServiceRecord, state_since_usec)},
    {"maintenance_until_usec", offsetof(ServiceRecord, maintenance_until_usec)},
    {"held_usec", offsetof(ServiceRecord, held_usec)},
};

void service_record_init(ServiceRecord *record)
{
    *record = (ServiceRecord){.state = -1};
}

static void add_key(Text *text, const char *key)
{
    text_addf(text, "%s\"%s\": ", text->size > 0 && text->data[text->size - 1] == '{' ? "" : ", ",
              key);
}

static void add_number(Text *text, const char *key, uint64_t value)
{
    if (value == 0)
        return;
    add_key(text, key);
    if (value > INT64_MAX)
        text_add(text, "\"" INFINITY_WORD "\"");
    else
        text_addf(text, "%" PRIu64, value);
}

static void add_string(Text *text, const char *key, const char *value)
{
    if (!value || !value[0])
        return;
    add_key(text, key);
    text_add_json_string(text, value, strlen(value));
}

void service_record_write(const ServiceRecord *record, Text *text)
{
    text_add(text, "{");
    for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
        add_number(text, numbers[i].key,
                   *(const uint64_t *)((const char *)record + numbers[i].offset));
    add_number(text, "n_restarts_seen", record->n_restarts_seen);
    if (record->state >= 0 && record->state < _HEALTH_STATE_MAX)
        add_string(text, "state", health_state_word((HealthState)record->state));
    add_string(text, "last_reason", record->last_reason);
    add_string(text, "invocation", record->invocation);
    if (record->maintenance) {
        add_key(text, "maintenance");
        text_add(text, "true");
    }
    text_add(text, "}");
}

/* 0 when there is no such number. */
static uint64_t get_number(const json_t *json, const char *key)
{
    const json_t *value = json_object_get(json, key);
    const char *word = json_string_value(value);

    if (word)
        return streq(word, INFINITY_WORD) ? UINT64_MAX : 0;
    return json_is_integer(value) && json_integer_value(value) > 0
               ? (uint64_t)json_integer_value(value)
               : 0;
}

/* As much of it as fits, in whole characters. */
static void get_string(const json_t *json, const char *key, char *into, size_t size)
{
    const char *value = json_string_value(json_object_get(json, key));
    size_t n = 0, length = value ? strlen(value) : 0, c;

    while (n < length && (c = utf8_char(value + n, length - n)) > 0 && n + c < size)
        n += c;
    if (n > 0)
        memcpy(into, value, n);
    into[n] = '\0';
}

void service_record_read(const json_t *json, ServiceRecord *record)
{
    const char *state = json_string_value(json_object_get(json, "state"));

    for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
        *(uint64_t *)((char *)record + numbers[i].offset) = get_number(json, numbers[i].key);
    record->n_restarts_seen =
        (uint32_t)MIN(get_number(json, "n_restarts_seen"), (uint64_t)UINT32_MAX);
    record->state = state ? health_state_from_word(state) : -1;
    record->maintenance = json_is_true(json_object_get(json, "maintenance"));
    get_string(json, "last_reason", record->last_reason, sizeof(record->last_reason));
    get_string(json, "invocation", record->invocation, sizeof(record->invocation));
}
