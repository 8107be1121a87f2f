/* SPDX-License-Identifier: MIT */
/*
 * One service's record as JSON. Times without end stand as "infinity": JSON numbers of 64 bits are
 * signed for most readers.
 */
#include "supervisor/daemon/persist-internal.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/macros.h"
#include "supervisor/policy/state.h"

#define INFINITY_WORD "infinity"

#define DEMAND_KEY "demand"
#define COLD_KEY   "cold_starts"

typedef struct Number {
    const char *key;
    size_t offset; /* of a uint64_t */
} Number;

static const Number demand_numbers[] = {
    {"starts", offsetof(DemandRecord, starts)},
    {"day", offsetof(DemandRecord, day)},
    {"starts_that_day", offsetof(DemandRecord, starts_that_day)},
    {"held", offsetof(DemandRecord, held)},
    {"idle_stops", offsetof(DemandRecord, idle_stops)},
    {"stops", offsetof(DemandRecord, stops)},
    {"freezes", offsetof(DemandRecord, freezes)},
    {"thaws", offsetof(DemandRecord, thaws)},
    {"frozen_usec", offsetof(DemandRecord, frozen_usec)},
    {"cold_usec", offsetof(DemandRecord, cold.sum_usec)},
};

static const Number numbers[] = {
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

static void add_id(Text *text, const char *key, sd_id128_t id)
{
    char word[SD_ID128_STRING_MAX];

    if (!sd_id128_is_null(id))
        add_string(text, key, sd_id128_to_string(id, word));
}

static void add_numbers(Text *text, const Number *of, size_t n, const void *record)
{
    for (size_t i = 0; i < n; i++)
        add_number(text, of[i].key, *(const uint64_t *)((const char *)record + of[i].offset));
}

/* Counts by the upper bound of their bucket in milliseconds ("0": the last one), so that they are
 * found again when the buckets are others. */
static void add_cold_starts(Text *text, const ColdStarts *cold)
{
    char key[24];

    add_key(text, COLD_KEY);
    text_add(text, "{");
    for (size_t i = 0; i < COLD_START_BUCKETS; i++) {
        uint64_t bound = i < COLD_START_BUCKETS - 1 ? cold_start_bounds_usec[i] / 1000 : 0;
        snprintf(key, sizeof(key), "%" PRIu64, bound);
        add_number(text, key, cold->counts[i]);
    }
    text_add(text, "}");
}

static void add_demand(Text *text, const DemandRecord *demand)
{
    add_key(text, DEMAND_KEY);
    text_add(text, "{");
    add_numbers(text, demand_numbers, ELEMENTSOF(demand_numbers), demand);
    if (cold_starts_count(&demand->cold) > 0)
        add_cold_starts(text, &demand->cold);
    text_add(text, "}");
}

void service_record_write(const ServiceRecord *record, const DemandRecord *demand,
                          const char *last_reason, Text *text)
{
    text_add(text, "{");
    add_numbers(text, numbers, ELEMENTSOF(numbers), record);
    add_number(text, "n_restarts_seen", record->n_restarts_seen);
    if (record->state >= 0 && record->state < _HEALTH_STATE_MAX)
        add_string(text, "state", health_state_word((HealthState)record->state));
    add_string(text, "last_reason", last_reason);
    add_id(text, "invocation", record->invocation);
    if (record->maintenance) {
        add_key(text, "maintenance");
        text_add(text, "true");
    }
    if (demand)
        add_demand(text, demand);
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

static sd_id128_t get_id(const json_t *json, const char *key)
{
    const char *word = json_string_value(json_object_get(json, key));
    sd_id128_t id;

    return word && sd_id128_from_string(word, &id) >= 0 ? id : SD_ID128_NULL;
}

static void get_numbers(const json_t *json, const Number *of, size_t n, void *record)
{
    for (size_t i = 0; i < n; i++)
        *(uint64_t *)((char *)record + of[i].offset) = get_number(json, of[i].key);
}

/* Of a bucket that there is no more, into the one that its bound lies in. */
static void get_cold_starts(const json_t *json, ColdStarts *cold)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)json, key, value)
    {
        char *end;
        uint64_t bound = strtoull(key, &end, 10) * 1000;
        uint64_t n = MIN(get_number(json, key), (uint64_t)UINT32_MAX);
        size_t i = bound == 0 ? COLD_START_BUCKETS - 1 : 0;
        if (end == key || *end)
            continue;
        while (bound > cold_start_bounds_usec[i])
            i++;
        cold->counts[i] = (uint32_t)MIN(cold->counts[i] + n, (uint64_t)UINT32_MAX);
    }
}

bool demand_record_read(const json_t *json, DemandRecord *record)
{
    const json_t *demand = json_object_get(json, DEMAND_KEY);

    if (!json_is_object(demand))
        return false;
    *record = (DemandRecord){0};
    get_numbers(demand, demand_numbers, ELEMENTSOF(demand_numbers), record);
    get_cold_starts(json_object_get(demand, COLD_KEY), &record->cold);
    return true;
}

void service_record_read(const json_t *json, ServiceRecord *record, const char **ret_last_reason)
{
    const char *state = json_string_value(json_object_get(json, "state"));

    get_numbers(json, numbers, ELEMENTSOF(numbers), record);
    record->n_restarts_seen =
        (uint32_t)MIN(get_number(json, "n_restarts_seen"), (uint64_t)UINT32_MAX);
    record->state = state ? health_state_from_word(state) : -1;
    record->maintenance = json_is_true(json_object_get(json, "maintenance"));
    record->invocation = get_id(json, "invocation");
    *ret_last_reason = json_string_value(json_object_get(json, "last_reason"));
}
