/* SPDX-License-Identifier: MIT */
/*
 * The key table written as a JSON Schema and as a list. A schema can say less than the reader
 * checks (no time spans, no rules between keys); it never refuses what the reader takes.
 */
#include "spec/schema.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/macros.h"
#include "spec/keys.h"
#include "spec/spec.h"

static json_t *key_schema(const Key *key);

static json_t *string_schema(const KeyRule *rule)
{
    const char *types = rule && rule->numbers ? "[\"string\", \"number\"]" : "\"string\"";
    json_t *schema = json_object();

    json_object_set_new(schema, "type", json_loads(types, JSON_DECODE_ANY, NULL));
    if (rule && rule->pattern)
        json_object_set_new(schema, "pattern", json_string(rule->pattern));
    return schema;
}

static json_t *words_schema(const Key *key)
{
    json_t *words = json_array();

    for (size_t i = 0; key->words[i]; i++)
        json_array_append_new(words, json_string(key->words[i]));
    for (const KeyAlias *alias = key->aliases; alias && alias->word; alias++)
        json_array_append_new(words, json_string(alias->word));
    return json_pack("{s:o}", "enum", words);
}

static json_t *integer_schema(const Key *key)
{
    json_t *schema = json_pack("{s:s, s:I}", "type", "integer", "minimum", (json_int_t)key->min);

    if (key->max > 0)
        json_object_set_new(schema, "maximum", json_integer((json_int_t)key->max));
    return schema;
}

static json_t *either(json_t *a, json_t *b)
{
    return json_pack("{s:[o, o]}", "anyOf", a, b);
}

static json_t *array_of(json_t *items)
{
    return json_pack("{s:s, s:o}", "type", "array", "items", items);
}

static json_t *table_schema(const KeyTable *table)
{
    json_t *properties = json_object(), *required = json_array();

    for (size_t i = 0; i < table->n; i++) {
        const Key *key = &table->keys[i];
        if (key->flags & (KEY_PLAN | KEY_NAME))
            continue;
        json_object_set_new(properties, key->name, key_schema(key));
        if (key->flags & KEY_REQUIRED)
            json_array_append_new(required, json_string(key->name));
    }
    json_t *schema = json_pack("{s:s, s:o, s:{s:{}}, s:b}", "type", "object", "properties",
                               properties, "patternProperties", "^x-", "additionalProperties", 0);
    if (json_array_size(required) > 0)
        json_object_set(schema, "required", required);
    json_decref(required);
    if (!table->shorthand)
        return schema;
    return either(schema, key_schema(key_find(table, table->shorthand)));
}

static json_t *pairs_schema(void)
{
    json_t *scalar = json_pack("{s:[s, s, s]}", "type", "string", "number", "boolean");

    return either(array_of(string_schema(NULL)),
                  json_pack("{s:s, s:o}", "type", "object", "additionalProperties", scalar));
}

static json_t *settings_schema(void)
{
    const char *scalar = "[\"string\", \"number\", \"boolean\"]";
    json_t *values = either(json_pack("{s:o}", "type", json_loads(scalar, 0, NULL)),
                            array_of(json_pack("{s:o}", "type", json_loads(scalar, 0, NULL))));

    return json_pack("{s:s, s:{s:s, s:o}}", "type", "object", "additionalProperties", "type",
                     "object", "additionalProperties", values);
}

static json_t *list_schema(const Key *key, json_t *items, json_t *single)
{
    json_t *schema = array_of(items);

    if (key->flags & KEY_NONEMPTY)
        json_object_set_new(schema, "minItems", json_integer(1));
    if (key->flags & KEY_SINGLE)
        return either(schema, single);
    json_decref(single);
    return schema;
}

static json_t *named_schema(const KeyTable *table)
{
    return json_pack("{s:s, s:o, s:o}", "type", "object", "propertyNames",
                     string_schema(key_of_name(table)->rule), "additionalProperties",
                     table_schema(table));
}

static json_t *kind_schema(const Key *key)
{
    switch (key->kind) {
    case KEY_STRING:
        return string_schema(key->rule);
    case KEY_BOOL:
        return json_pack("{s:s}", "type", "boolean");
    case KEY_INTEGER:
        return integer_schema(key);
    case KEY_ENUM:
        return words_schema(key);
    case KEY_SPAN:
        return json_pack("{s:[s, s]}", "type", "string", "number");
    case KEY_STRV:
        return list_schema(key, string_schema(key->rule), string_schema(key->rule));
    case KEY_ENV:
    case KEY_HEADERS:
        return pairs_schema();
    case KEY_OBJECT:
        return table_schema(key->table);
    case KEY_OBJECTS:
        return list_schema(key, table_schema(key->table), table_schema(key->table));
    case KEY_NAMED:
        return named_schema(key->table);
    case KEY_SETTINGS:
        return settings_schema();
    case _KEY_KIND_MAX:
        break;
    }
    assert(false && "a kind of key that kind_schema() does not know");
    return NULL;
}

static json_t *fallback_json(const Key *key)
{
    if (key->kind == KEY_BOOL || key->kind == KEY_INTEGER)
        return json_loads(key->fallback, JSON_DECODE_ANY, NULL);
    return json_string(key->fallback);
}

static json_t *key_schema(const Key *key)
{
    json_t *schema = kind_schema(key);

    json_object_set_new(schema, "description", json_string(key->about));
    if (key->fallback)
        json_object_set_new(schema, "default", fallback_json(key));
    return schema;
}

/* What a spec is that is of this kind or of one behind it: by "type", as in the reader. */
static json_t *spec_kind_schema(const SpecKind *kind)
{
    json_t *schema, *rest;

    if (kind == spec_kinds + SPEC_KINDS)
        return table_schema(spec_kinds[0].table);
    schema = json_pack("{s:{s:{s:{s:s}}, s:[s]}}", "if", "properties", "type", "const",
                       spec_type_word(kind->type), "required", "type");
    rest = spec_kind_schema(kind + 1);
    if (!schema || !rest || json_object_set_new(schema, "then", table_schema(kind->table)) < 0 ||
        json_object_set(schema, "else", rest) < 0) {
        json_decref(schema);
        schema = NULL;
    }
    json_decref(rest);
    return schema;
}

int schema_write(Text *text)
{
    json_t *schema =
        json_pack("{s:s, s:s, s:s}", "$schema", "https://json-schema.org/draft/2020-12/schema",
                  "title", "Phoenix spec", "description",
                  "One service, policy or collector of phoenix-spec(5), in NAME.json.");
    json_t *kinds = spec_kind_schema(&spec_kinds[1]);
    _cleanup_free_ char *dumped = NULL;

    if (schema && kinds && json_object_update(schema, kinds) >= 0)
        dumped = json_dumps(schema, JSON_INDENT(2));
    json_decref(schema);
    json_decref(kinds);
    if (!dumped)
        return -ENOMEM;
    text_add(text, dumped);
    text_add_char(text, '\n');
    return text->error;
}

static void list_table(const KeyTable *table, const char *prefix, Text *text);

static void list_key(const Key *key, const char *prefix, Text *text)
{
    _cleanup_free_ char *path = text_printf("%s%s%s", prefix, *prefix ? "." : "", key->name);
    _cleanup_free_ char *member = path ? text_printf("%s.NAME", path) : NULL;
    const char *fallback = key->fallback ? key->fallback : key->derived ? key->derived : "-";

    if (!member || key->flags & (KEY_PLAN | KEY_NAME))
        return;
    text_addf(text, "%s\t%s\t%s\t%s\n", path, key_kind_word(key->kind), fallback, key->about);
    if (key->table)
        list_table(key->table, key->kind == KEY_NAMED ? member : path, text);
}

static void list_table(const KeyTable *table, const char *prefix, Text *text)
{
    for (size_t i = 0; i < table->n; i++)
        list_key(&table->keys[i], prefix, text);
}

static bool is_new_name(size_t kind, const char *name)
{
    while (kind-- > 0)
        if (key_find(spec_kinds[kind].table, name))
            return false;
    return true;
}

/* Each name once, though kinds may share it. */
int schema_list_keys(Text *text)
{
    for (size_t i = 0; i < SPEC_KINDS; i++)
        for (size_t j = 0; j < spec_kinds[i].table->n; j++)
            if (is_new_name(i, spec_kinds[i].table->keys[j].name))
                list_key(&spec_kinds[i].table->keys[j], "", text);
    return text->error;
}
