/* SPDX-License-Identifier: MIT */
/*
 * The writer of plans: the key table walked in its own order, so that equal specs give equal bytes.
 */
#include "spec/plan.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/macros.h"
#include "base/strv.h"
#include "base/timespan.h"
#include "spec/keys.h"
#include "spec/settings.h"

static json_t *table_to_json(const KeyTable *table, const void *object);

static json_t *strv_to_json(char *const *strings)
{
    json_t *array = json_array();

    STRV_FOREACH (s, strings) {
        if (!array || json_array_append_new(array, json_string(*s)) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *span_to_json(uint64_t usec)
{
    _cleanup_free_ char *text = timespan_format(usec);

    return text ? json_string(text) : NULL;
}

static json_t *objects_to_json(const KeyTable *table, const void *field)
{
    const KeyObjects *pair = field;
    const char *items = pair->items;
    json_t *array = json_array();

    for (size_t i = 0; i < pair->n; i++)
        if (!array ||
            json_array_append_new(array, table_to_json(table, items + i * table->size)) < 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *named_to_json(const KeyTable *table, const void *field)
{
    const Key *name = key_of_name(table);
    const KeyObjects *pair = field;
    json_t *object = json_object();

    for (size_t i = 0; i < pair->n; i++) {
        const void *item = (const char *)pair->items + i * table->size;
        const char *key = *(char *const *)key_field_const(name, item);
        if (!object || json_object_set_new_nocheck(object, key, table_to_json(table, item)) < 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *field_to_json(const Key *key, const void *field)
{
    switch (key->kind) {
    case KEY_STRING:
        return json_string(*(char *const *)field);
    case KEY_BOOL:
        return json_boolean(*(const int *)field);
    case KEY_INTEGER:
        return json_integer(*(const int64_t *)field);
    case KEY_ENUM:
        return json_string(key->words[*(const int *)field]);
    case KEY_SPAN:
        return span_to_json(*(const uint64_t *)field);
    case KEY_STRV:
    case KEY_ENV:
    case KEY_HEADERS:
        return strv_to_json(*(char **const *)field);
    case KEY_OBJECT:
        return table_to_json(key->table, field);
    case KEY_OBJECTS:
        return objects_to_json(key->table, field);
    case KEY_NAMED:
        return named_to_json(key->table, field);
    case KEY_SETTINGS:
        return settings_to_json(field);
    case _KEY_KIND_MAX:
        break;
    }
    assert(false && "a kind of key that field_to_json() does not know");
    return NULL;
}

static json_t *table_to_json(const KeyTable *table, const void *object)
{
    json_t *json = json_object();

    for (size_t i = 0; json && i < table->n; i++) {
        const Key *key = &table->keys[i];
        if (key->flags & KEY_NAME || key_is_unset(key, object))
            continue;
        json_t *value = field_to_json(key, key_field_const(key, object));
        if (!value || json_object_set_new_nocheck(json, key->name, value) < 0) {
            json_decref(json);
            return NULL;
        }
    }
    return json;
}

int plan_write(const Spec *spec, Text *text)
{
    json_t *json = table_to_json(spec_table(spec->type), spec);
    _cleanup_free_ char *dumped = NULL;

    /* "plan" stands first in the table, but a spec that came from a file has none yet. */
    json_t *plan = json_object();
    if (json && plan && json_object_set_new(plan, "plan", json_integer(PLAN_VERSION)) >= 0 &&
        json_object_update_missing(plan, json) >= 0)
        dumped = json_dumps(plan, JSON_INDENT(2));
    json_decref(json);
    json_decref(plan);
    if (!dumped)
        return -ENOMEM;
    text_add(text, dumped);
    text_add_char(text, '\n');
    return text->error;
}
