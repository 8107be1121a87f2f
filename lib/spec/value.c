/* SPDX-License-Identifier: MIT */
/*
 * Tables, and what has values inside. There is one function per kind of key, here and in
 * value-*.c: each either sets its field or adds a finding that says what was found and what is
 * accepted, and leaves the field as it was.
 */
#include "spec/value.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/strv.h"
#include "base/text.h"
#include "spec/position.h"
#include "spec/settings.h"
#include "spec/value-internal.h"

static int read_value(Reader *reader, const Key *key, const json_t *value, void *field);
static int read_table(Reader *reader, const KeyTable *table, const json_t *value, void *object);

static int read_element(Reader *reader, const Key *key, const json_t *value, char ***field)
{
    char *text = NULL;

    int r = value_read_text(reader, key->rule, value, &text);
    if (r < 0 || !text)
        return r;
    return strv_consume(field, text);
}

static int read_strv(Reader *reader, const Key *key, const json_t *value, char ***field)
{
    size_t i, saved = reader->path.size;
    json_t *element;

    if ((key->flags & KEY_SINGLE) && !json_is_array(value))
        return read_element(reader, key, value, field);
    if (!json_is_array(value))
        return reader_add_wrong(reader, DIAG_CODE_WRONG_TYPE, value, "an array of strings", NULL);
    if ((key->flags & KEY_NONEMPTY) && json_array_size(value) == 0)
        return diag_add(reader->diags, DIAG_ERROR, reader->source, reader_path(reader),
                        DIAG_CODE_BAD_VALUE, NULL, "is empty; at least one string is needed");
    if (!*field) {
        *field = calloc(1, sizeof(char *)); /* [] is not the same as no key */
        if (!*field)
            return -ENOMEM;
    }
    json_array_foreach((json_t *)value, i, element)
    {
        int r = path_add_index(&reader->path, i);
        if (r >= 0)
            r = read_element(reader, key, element, field);
        reader_cut(reader, saved);
        if (r < 0)
            return r;
    }
    return 0;
}

static int add_object(Reader *reader, const KeyTable *table, const json_t *value, KeyObjects *field)
{
    char *items = realloc(field->items, (field->n + 1) * table->size);

    if (!items)
        return -ENOMEM;
    field->items = items;
    void *object = items + field->n * table->size;
    key_table_init(table, object);
    field->n++;
    return read_table(reader, table, value, object);
}

static int read_objects(Reader *reader, const Key *key, const json_t *value, KeyObjects *field)
{
    size_t i, saved = reader->path.size;
    json_t *element;

    if ((key->flags & KEY_SINGLE) && !json_is_array(value))
        return add_object(reader, key->table, value, field);
    if (!json_is_array(value))
        return reader_add_wrong(reader, DIAG_CODE_WRONG_TYPE, value, "an array", NULL);
    json_array_foreach((json_t *)value, i, element)
    {
        int r = path_add_index(&reader->path, i);
        if (r >= 0)
            r = add_object(reader, key->table, element, field);
        reader_cut(reader, saved);
        if (r < 0)
            return r;
    }
    return 0;
}

static void cleanup_json(json_t **json)
{
    json_decref(*json);
}

static int read_member_named(Reader *reader, const KeyTable *table, const char *name,
                             const json_t *value, KeyObjects *field)
{
    _cleanup_(cleanup_json) json_t *text = json_string(name);
    const Key *key = key_of_name(table);
    char *checked = NULL;

    if (strncmp(name, "x-", 2) == 0)
        return 0;
    if (!text)
        return -ENOMEM;
    int r = value_read_text(reader, key->rule, text, &checked);
    if (r < 0 || !checked)
        return r;
    r = add_object(reader, table, value, field);
    if (r < 0) {
        free(checked);
        return r;
    }
    *(char **)key_field(key, (char *)field->items + (field->n - 1) * table->size) = checked;
    return 0;
}

static int read_named(Reader *reader, const Key *key, const json_t *value, KeyObjects *field)
{
    size_t saved = reader->path.size;
    const char *name;
    json_t *member;

    if (!json_is_object(value))
        return reader_add_wrong(reader, DIAG_CODE_WRONG_TYPE, value, "an object", NULL);
    json_object_foreach((json_t *)value, name, member)
    {
        int r = path_add_key(&reader->path, name);
        if (r >= 0)
            r = read_member_named(reader, key->table, name, member, field);
        reader_cut(reader, saved);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Settings are checked by settings.c; here they only get their path. */
static int read_settings(Reader *reader, const json_t *value, SpecSettings *field)
{
    return settings_read(value, reader->source, reader_path(reader), reader->diags, field);
}

static int read_value(Reader *reader, const Key *key, const json_t *value, void *field)
{
    switch (key->kind) {
    case KEY_STRING:
        return value_read_string(reader, key, value, field);
    case KEY_BOOL:
        return value_read_bool(reader, value, field);
    case KEY_INTEGER:
        return value_read_integer(reader, key, value, field);
    case KEY_ENUM:
        return value_read_enum(reader, key, value, field);
    case KEY_SPAN:
        return value_read_span(reader, key, value, field);
    case KEY_STRV:
        return read_strv(reader, key, value, field);
    case KEY_ENV:
        return value_read_env(reader, value, field);
    case KEY_HEADERS:
        return value_read_headers(reader, value, field);
    case KEY_OBJECT:
        return read_table(reader, key->table, value, field);
    case KEY_OBJECTS:
        return read_objects(reader, key, value, field);
    case KEY_NAMED:
        return read_named(reader, key, value, field);
    case KEY_SETTINGS:
        return read_settings(reader, value, field);
    case _KEY_KIND_MAX:
        break;
    }
    assert(false && "a kind of key that read_value() does not know");
    return -EINVAL;
}

static int read_member(Reader *reader, const KeyTable *table, const char *name, const json_t *value,
                       void *object)
{
    const Key *key = key_find(table, name);

    if (strncmp(name, "x-", 2) == 0)
        return 0;
    if (!key || ((key->flags & KEY_PLAN) && !reader->plan) || (key->flags & KEY_NAME))
        return reader_add_unknown(reader, table, name);
    if ((key->flags & KEY_NOT_YET) && !reader->plan) {
        int r =
            diag_add(reader->diags, DIAG_NOTE, reader->source, reader_path(reader),
                     DIAG_CODE_NOT_YET, NULL, "is checked, but this version does not act on it");
        if (r < 0)
            return r;
    }
    return read_value(reader, key, value, key_field(key, object));
}

static int check_required(Reader *reader, const KeyTable *table, const json_t *value)
{
    size_t saved = reader->path.size;

    for (size_t i = 0; i < table->n; i++) {
        const Key *key = &table->keys[i];
        if (!(key->flags & KEY_REQUIRED) || json_object_get(value, key->name))
            continue;
        int r = path_add_key(&reader->path, key->name);
        if (r >= 0)
            r = diag_add(reader->diags, DIAG_ERROR, reader->source, reader_path(reader),
                         DIAG_CODE_MISSING_KEY, NULL, "is missing: %s", key->about);
        reader_cut(reader, saved);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_table(Reader *reader, const KeyTable *table, const json_t *value, void *object)
{
    size_t saved = reader->path.size;
    const char *name;
    json_t *member;

    if (!json_is_object(value) && table->shorthand) {
        const Key *key = key_find(table, table->shorthand);
        return read_value(reader, key, value, key_field(key, object));
    }
    if (!json_is_object(value))
        return reader_add_wrong(reader, DIAG_CODE_WRONG_TYPE, value, "an object", NULL);
    json_object_foreach((json_t *)value, name, member)
    {
        int r = path_add_key(&reader->path, name);
        if (r >= 0)
            r = read_member(reader, table, name, member, object);
        reader_cut(reader, saved);
        if (r < 0)
            return r;
    }
    return check_required(reader, table, value);
}

int value_read_spec(const json_t *json, const char *source, bool plan, DiagList *diags, Spec *spec)
{
    Reader reader = {.source = source, .plan = plan, .diags = diags};

    const char *type = json_string_value(json_object_get(json, "type"));
    const Key *key = key_find(&spec_keys, "type");

    int r = read_table(&reader, spec_table(type ? value_enum_index(key, type) : SPEC_UNSET), json,
                       spec);
    text_done(&reader.path);
    return r;
}
