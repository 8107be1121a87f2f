/* SPDX-License-Identifier: MIT */
/*
 * Structures that are described by a key table: how they begin, what they own, what is unset.
 * Nothing here knows a single key.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/strv.h"
#include "spec/keys.h"
#include "spec/spec.h"

static_assert(sizeof(KeyObjects) == sizeof(SpecProbes) &&
                  sizeof(KeyObjects) == sizeof(SpecListens) &&
                  sizeof(KeyObjects) == sizeof(SpecHookList) &&
                  sizeof(KeyObjects) == sizeof(SpecSecrets) &&
                  sizeof(KeyObjects) == sizeof(PolicyClasses),
              "KEY_OBJECTS fields are pairs of items and n");

const Key *key_find(const KeyTable *table, const char *name)
{
    for (size_t i = 0; i < table->n; i++)
        if (streq(table->keys[i].name, name))
            return &table->keys[i];
    return NULL;
}

const Key *key_of_name(const KeyTable *table)
{
    for (size_t i = 0; i < table->n; i++)
        if (table->keys[i].flags & KEY_NAME)
            return &table->keys[i];
    assert(false && "members of KEY_NAMED have a name");
    return NULL;
}

static void field_init(const Key *key, void *field)
{
    switch (key->kind) {
    case KEY_BOOL:
    case KEY_ENUM:
        *(int *)field = SPEC_UNSET;
        return;
    case KEY_INTEGER:
        *(int64_t *)field = SPEC_INT_UNSET;
        return;
    case KEY_SPAN:
        *(uint64_t *)field = USEC_INFINITY;
        return;
    case KEY_OBJECT:
        key_table_init(key->table, field);
        return;
    case KEY_STRING:
    case KEY_STRV:
    case KEY_ENV:
    case KEY_HEADERS:
    case KEY_OBJECTS:
    case KEY_NAMED:
    case KEY_SETTINGS:
    case _KEY_KIND_MAX:
        return; /* zero is unset */
    }
}

void key_table_init(const KeyTable *table, void *object)
{
    memset(object, 0, table->size);
    for (size_t i = 0; i < table->n; i++)
        field_init(&table->keys[i], key_field(&table->keys[i], object));
}

static void objects_done(const KeyTable *table, KeyObjects *objects)
{
    for (size_t i = 0; i < objects->n; i++)
        key_table_done(table, (char *)objects->items + i * table->size);
    free(objects->items);
}

static void settings_done(SpecSettings *settings)
{
    for (size_t i = 0; i < settings->n; i++) {
        free(settings->items[i].section);
        free(settings->items[i].key);
        free(settings->items[i].value);
    }
    free(settings->items);
}

static void field_done(const Key *key, void *field)
{
    switch (key->kind) {
    case KEY_STRING:
        free(*(char **)field);
        return;
    case KEY_STRV:
    case KEY_ENV:
    case KEY_HEADERS:
        strv_free(*(char ***)field);
        return;
    case KEY_OBJECT:
        key_table_done(key->table, field);
        return;
    case KEY_OBJECTS:
    case KEY_NAMED:
        objects_done(key->table, field);
        return;
    case KEY_SETTINGS:
        settings_done(field);
        return;
    case KEY_BOOL:
    case KEY_INTEGER:
    case KEY_ENUM:
    case KEY_SPAN:
    case _KEY_KIND_MAX:
        return;
    }
}

void key_table_done(const KeyTable *table, void *object)
{
    for (size_t i = 0; i < table->n; i++)
        field_done(&table->keys[i], key_field(&table->keys[i], object));
    key_table_init(table, object);
}

static bool object_is_unset(const KeyTable *table, const void *object)
{
    for (size_t i = 0; i < table->n; i++)
        if (!key_is_unset(&table->keys[i], object))
            return false;
    return true;
}

bool key_is_unset(const Key *key, const void *object)
{
    const void *field = key_field_const(key, object);

    switch (key->kind) {
    case KEY_BOOL:
    case KEY_ENUM:
        return *(const int *)field == SPEC_UNSET;
    case KEY_INTEGER:
        return *(const int64_t *)field == SPEC_INT_UNSET;
    case KEY_SPAN:
        return *(const uint64_t *)field == USEC_INFINITY;
    case KEY_STRING:
    case KEY_STRV:
    case KEY_ENV:
    case KEY_HEADERS:
        return *(void *const *)field == NULL;
    case KEY_OBJECTS:
    case KEY_NAMED:
    case KEY_SETTINGS:
        return ((const KeyObjects *)field)->n == 0;
    case KEY_OBJECT:
        return object_is_unset(key->table, field);
    case _KEY_KIND_MAX:
        break;
    }
    return true;
}

const char *key_kind_word(KeyKind kind)
{
    static const char *const words[] = {
        [KEY_STRING] = "string",       [KEY_BOOL] = "boolean",
        [KEY_INTEGER] = "integer",     [KEY_ENUM] = "word",
        [KEY_SPAN] = "time span",      [KEY_STRV] = "array of strings",
        [KEY_ENV] = "environment",     [KEY_HEADERS] = "headers",
        [KEY_OBJECT] = "object",       [KEY_OBJECTS] = "array of objects",
        [KEY_NAMED] = "named objects", [KEY_SETTINGS] = "sections",
    };
    static_assert(ELEMENTSOF(words) == _KEY_KIND_MAX, "a word for every kind");

    return words[kind];
}

Spec *spec_new(void)
{
    Spec *spec = calloc(1, sizeof(Spec));

    if (!spec)
        return NULL;
    for (size_t i = 0; i < SPEC_KINDS; i++)
        for (size_t j = 0; j < spec_kinds[i].table->n; j++)
            field_init(&spec_kinds[i].table->keys[j],
                       key_field(&spec_kinds[i].table->keys[j], spec));
    return spec;
}

Spec *spec_free(Spec *spec)
{
    if (!spec)
        return NULL;
    for (size_t i = 0; i < SPEC_KINDS; i++) {
        const SpecKind *kind = &spec_kinds[i];

        for (size_t j = 0; j < kind->table->n; j++)
            if (spec_kind_adds(kind, &kind->table->keys[j])) /* what they share is freed once */
                field_done(&kind->table->keys[j], key_field(&kind->table->keys[j], spec));
    }
    free(spec);
    return NULL;
}
