/* SPDX-License-Identifier: MIT */
/*
 * One function per kind of key. Each either sets its field or adds a finding that says what was
 * found and what is accepted, and leaves the field as it was.
 */
#include "spec/value.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/nearest.h"
#include "base/strv.h"
#include "base/text.h"
#include "base/timespan.h"
#include "spec/position.h"
#include "spec/settings.h"

typedef struct Reader {
    const char *source;
    bool plan;
    DiagList *diags;
    Text path; /* of the value at hand */
} Reader;

static int read_value(Reader *reader, const Key *key, const json_t *value, void *field);
static int read_table(Reader *reader, const KeyTable *table, const json_t *value, void *object);

static void path_cut(Reader *reader, size_t size)
{
    reader->path.size = size;
    if (reader->path.data)
        reader->path.data[size] = '\0';
}

static const char *path_text(const Reader *reader)
{
    return reader->path.data ? reader->path.data : "";
}

/* Text in quotes, short enough for a message. */
static char *quote(const char *s)
{
    _cleanup_text_ Text text = {0};

    text_add(&text, s);
    text_shorten(&text, 60);
    if (text.error < 0)
        return NULL;
    return text_printf("\"%s\"", text.data ? text.data : "");
}

/* The value as it stands in the file. */
static char *describe(const json_t *value)
{
    if (json_is_object(value))
        return strdup("an object");
    if (json_is_array(value))
        return strdup("an array");
    if (json_is_string(value))
        return quote(json_string_value(value));
    return json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
}

static int add_wrong(Reader *reader, const char *code, const json_t *value, const char *what,
                     const char *hint)
{
    _cleanup_free_ char *found = describe(value);

    if (!found)
        return -ENOMEM;
    return diag_add(reader->diags, DIAG_ERROR, reader->source, path_text(reader), code, hint,
                    "%s is not %s", found, what);
}

static int read_bool(Reader *reader, const json_t *value, int *field)
{
    if (!json_is_boolean(value))
        return add_wrong(reader, DIAG_CODE_WRONG_TYPE, value, "true or false", NULL);
    *field = json_is_true(value);
    return 0;
}

static int read_integer(Reader *reader, const Key *key, const json_t *value, int64_t *field)
{
    if (json_is_integer(value)) {
        json_int_t i = json_integer_value(value);
        if (i >= (json_int_t)key->min && (key->max == 0 || i <= (json_int_t)key->max)) {
            *field = i;
            return 0;
        }
    }
    _cleanup_free_ char *what =
        text_printf("a whole number from %" PRIu64 " to %" PRIu64, key->min, key->max);
    if (!what)
        return -ENOMEM;
    return add_wrong(reader, json_is_integer(value) ? DIAG_CODE_BAD_VALUE : DIAG_CODE_WRONG_TYPE,
                     value, what, NULL);
}

int value_enum_index(const Key *key, const char *word)
{
    for (int i = 0; key->words[i]; i++)
        if (streq(key->words[i], word))
            return i;
    for (const KeyAlias *alias = key->aliases; alias && alias->word; alias++)
        if (streq(alias->word, word))
            return alias->value;
    return -1;
}

static int read_enum(Reader *reader, const Key *key, const json_t *value, int *field)
{
    _cleanup_(text_done) Text what = {0}, hint = {0};
    const char *word = json_string_value(value);
    int index = word ? value_enum_index(key, word) : -1;

    if (index >= 0) {
        *field = index;
        return 0;
    }
    text_add(&what, "one of ");
    for (size_t i = 0; key->words[i]; i++)
        text_addf(&what, "%s\"%s\"", i > 0 ? ", " : "", key->words[i]);
    const char *near = word ? nearest(word, key->words) : NULL;
    if (near)
        text_addf(&hint, "did you mean \"%s\"?", near);
    if (what.error || hint.error)
        return -ENOMEM;
    return add_wrong(reader, word ? DIAG_CODE_BAD_VALUE : DIAG_CODE_WRONG_TYPE, value, what.data,
                     near ? hint.data : NULL);
}

#define SPAN_WHAT "a time span (like \"500ms\", \"10s\", \"1min 30s\")"

static int add_span_range(Reader *reader, const Key *key, const json_t *value)
{
    _cleanup_free_ char *min = timespan_format(key->min);
    _cleanup_free_ char *max = timespan_format(key->max ? key->max : USEC_INFINITY - 1);
    _cleanup_free_ char *what = NULL;

    if (!min || !max)
        return -ENOMEM;
    what = key->max ? text_printf("a time span from %s to %s", min, max)
                    : text_printf("a time span of at least %s", min);
    if (!what)
        return -ENOMEM;
    return add_wrong(reader, DIAG_CODE_BAD_VALUE, value, what, NULL);
}

/* A number is seconds, as in unit files. */
static int read_span(Reader *reader, const Key *key, const json_t *value, uint64_t *field)
{
    _cleanup_free_ char *text = NULL;
    uint64_t usec;

    if (json_is_string(value))
        text = strdup(json_string_value(value));
    else if (json_is_number(value))
        text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
    else
        return add_wrong(reader, DIAG_CODE_WRONG_TYPE, value, SPAN_WHAT, NULL);
    if (!text)
        return -ENOMEM;
    if (timespan_parse(text, &usec) < 0)
        return add_wrong(reader, DIAG_CODE_BAD_VALUE, value, SPAN_WHAT, NULL);
    if (usec == USEC_INFINITY || usec < key->min || (key->max && usec > key->max))
        return add_span_range(reader, key, value);
    *field = usec;
    return 0;
}

/* The text of a string that satisfies the rule, or 0 with *ret left NULL and a finding. */
static int read_text_value(Reader *reader, const KeyRule *rule, const json_t *value, char **ret)
{
    _cleanup_free_ char *text = NULL, *canonical = NULL, *reason = NULL;
    const char *what = rule ? rule->what : "text";

    if (json_is_string(value))
        text = strdup(json_string_value(value));
    else if (rule && rule->numbers && json_is_number(value))
        text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
    else
        return add_wrong(reader, DIAG_CODE_WRONG_TYPE, value, what, NULL);
    if (!text)
        return -ENOMEM;
    if (rule && rule->check) {
        int r = rule->check(text, &canonical, &reason);
        if (r == -ENOMEM)
            return r;
        if (r < 0)
            return add_wrong(reader, DIAG_CODE_BAD_VALUE, value, what, reason);
    }
    *ret = canonical ? TAKE_PTR(canonical) : TAKE_PTR(text);
    return 0;
}

static int read_string(Reader *reader, const Key *key, const json_t *value, char **field)
{
    char *text = NULL;

    int r = read_text_value(reader, key->rule, value, &text);
    if (r >= 0 && text) {
        free(*field);
        *field = text;
    }
    return r;
}

static int read_element(Reader *reader, const Key *key, const json_t *value, char ***field)
{
    char *text = NULL;

    int r = read_text_value(reader, key->rule, value, &text);
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
        return add_wrong(reader, DIAG_CODE_WRONG_TYPE, value, "an array of strings", NULL);
    if ((key->flags & KEY_NONEMPTY) && json_array_size(value) == 0)
        return diag_add(reader->diags, DIAG_ERROR, reader->source, path_text(reader),
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
        path_cut(reader, saved);
        if (r < 0)
            return r;
    }
    return 0;
}

static bool env_name_valid(const char *s, size_t n)
{
    if (n == 0 || isdigit((unsigned char)s[0]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)s[i]) && s[i] != '_')
            return false;
    return true;
}

static bool header_valid(const char *s)
{
    size_t n =
        strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~");

    return n > 0 && s[n] == ':' && !strpbrk(s, "\r\n");
}

/* What differs between an environment and headers: both are pairs in an array or an object. */
typedef struct PairForm {
    const char *what;
    const char *separator;
} PairForm;

static const PairForm env_form = {
    .what = "a variable (like \"TERM=xterm\"; a name has letters, digits and \"_\")",
    .separator = "=",
};

static const PairForm header_form = {
    .what = "a header (like \"Host: example.com\")",
    .separator = ": ",
};

static bool pair_valid(const PairForm *form, const char *s)
{
    if (form == &header_form)
        return header_valid(s);
    return strchr(s, '=') && env_name_valid(s, strcspn(s, "="));
}

static int read_pair(Reader *reader, const PairForm *form, const char *name, const json_t *value,
                     char ***field)
{
    _cleanup_free_ char *scalar = NULL;
    char *pair;

    if (json_is_string(value))
        scalar = strdup(json_string_value(value));
    else if (name && (json_is_number(value) || json_is_boolean(value)))
        scalar = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
    else
        return add_wrong(reader, DIAG_CODE_WRONG_TYPE, value, name ? "text" : form->what, NULL);
    pair = !scalar ? NULL
           : name  ? text_printf("%s%s%s", name, form->separator, scalar)
                   : TAKE_PTR(scalar);
    if (!pair)
        return -ENOMEM;
    if (pair_valid(form, pair) && !(name && strpbrk(name, "=:")))
        return strv_consume(field, pair);

    _cleanup_free_ char *quoted = quote(pair);
    free(pair);
    if (!quoted)
        return -ENOMEM;
    return diag_add(reader->diags, DIAG_ERROR, reader->source, path_text(reader),
                    DIAG_CODE_BAD_VALUE, NULL, "%s is not %s", quoted, form->what);
}

static int read_pairs(Reader *reader, const PairForm *form, const json_t *value, char ***field)
{
    size_t i, saved = reader->path.size;
    const char *name;
    json_t *element;
    int r = 0;

    if (json_is_array(value)) {
        json_array_foreach((json_t *)value, i, element)
        {
            r = path_add_index(&reader->path, i);
            if (r >= 0)
                r = read_pair(reader, form, NULL, element, field);
            path_cut(reader, saved);
            if (r < 0)
                break;
        }
        return r;
    }
    if (!json_is_object(value))
        return add_wrong(reader, DIAG_CODE_WRONG_TYPE, value, "an array of strings or an object",
                         NULL);
    json_object_foreach((json_t *)value, name, element)
    {
        r = path_add_key(&reader->path, name);
        if (r >= 0)
            r = read_pair(reader, form, name, element, field);
        path_cut(reader, saved);
        if (r < 0)
            break;
    }
    return r;
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
        return add_wrong(reader, DIAG_CODE_WRONG_TYPE, value, "an array", NULL);
    json_array_foreach((json_t *)value, i, element)
    {
        int r = path_add_index(&reader->path, i);
        if (r >= 0)
            r = add_object(reader, key->table, element, field);
        path_cut(reader, saved);
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
    int r = read_text_value(reader, key->rule, text, &checked);
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
        return add_wrong(reader, DIAG_CODE_WRONG_TYPE, value, "an object", NULL);
    json_object_foreach((json_t *)value, name, member)
    {
        int r = path_add_key(&reader->path, name);
        if (r >= 0)
            r = read_member_named(reader, key->table, name, member, field);
        path_cut(reader, saved);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Settings are checked by settings.c; here they only get their path. */
static int read_settings(Reader *reader, const json_t *value, SpecSettings *field)
{
    return settings_read(value, reader->source, path_text(reader), reader->diags, field);
}

static int read_value(Reader *reader, const Key *key, const json_t *value, void *field)
{
    switch (key->kind) {
    case KEY_STRING:
        return read_string(reader, key, value, field);
    case KEY_BOOL:
        return read_bool(reader, value, field);
    case KEY_INTEGER:
        return read_integer(reader, key, value, field);
    case KEY_ENUM:
        return read_enum(reader, key, value, field);
    case KEY_SPAN:
        return read_span(reader, key, value, field);
    case KEY_STRV:
        return read_strv(reader, key, value, field);
    case KEY_ENV:
        return read_pairs(reader, &env_form, value, field);
    case KEY_HEADERS:
        return read_pairs(reader, &header_form, value, field);
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

/* "Helth-Check" is near "healthcheck". */
static const char *nearest_key(const KeyTable *table, const char *word)
{
    const char *names[128];
    char plain[64];
    size_t n = 0, length = 0;

    for (const char *p = word; *p && length < sizeof(plain) - 1; p++)
        if (isalnum((unsigned char)*p) || *p == '$')
            plain[length++] = (char)tolower((unsigned char)*p);
    plain[length] = '\0';
    assert(table->n < ELEMENTSOF(names));
    for (size_t i = 0; i < table->n; i++) {
        if (table->keys[i].flags & (KEY_PLAN | KEY_NAME))
            continue;
        if (streq(table->keys[i].name, plain))
            return table->keys[i].name;
        names[n++] = table->keys[i].name;
    }
    names[n] = NULL;
    return nearest(plain, names);
}

/* The kind of spec that has this key when one of another kind was given it; else NULL. */
static const SpecKind *whose_key(const KeyTable *table, const char *name)
{
    for (size_t i = 0; spec_kind_with(table) && i < SPEC_KINDS; i++)
        if (spec_kinds[i].table != table && key_find(spec_kinds[i].table, name))
            return &spec_kinds[i];
    return NULL;
}

static int add_elsewhere(Reader *reader, const SpecKind *kind, const SpecKind *other)
{
    if (other->type == SPEC_UNSET)
        return diag_add(reader->diags, DIAG_WARNING, reader->source, path_text(reader),
                        DIAG_CODE_UNKNOWN_KEY, NULL, "is a key of %s, and this is a %s",
                        other->many, kind->one);
    return diag_add(reader->diags, DIAG_WARNING, reader->source, path_text(reader),
                    DIAG_CODE_UNKNOWN_KEY, NULL,
                    "is a key of %s (\"type\": \"%s\"), and this is a %s", other->many,
                    spec_type_word(other->type), kind->one);
}

static int add_unknown(Reader *reader, const KeyTable *table, const char *name)
{
    const char *near = nearest_key(table, name);
    _cleanup_free_ char *hint = near ? text_printf("did you mean \"%s\"?", near) : NULL;
    const SpecKind *other = whose_key(table, name);

    if (other)
        return add_elsewhere(reader, spec_kind_with(table), other);
    if (near && !hint)
        return -ENOMEM;
    return diag_add(reader->diags, DIAG_WARNING, reader->source, path_text(reader),
                    DIAG_CODE_UNKNOWN_KEY, near ? hint : NULL, "unknown key");
}

static int read_member(Reader *reader, const KeyTable *table, const char *name, const json_t *value,
                       void *object)
{
    const Key *key = key_find(table, name);

    if (strncmp(name, "x-", 2) == 0)
        return 0;
    if (!key || ((key->flags & KEY_PLAN) && !reader->plan) || (key->flags & KEY_NAME))
        return add_unknown(reader, table, name);
    if ((key->flags & KEY_NOT_YET) && !reader->plan) {
        int r =
            diag_add(reader->diags, DIAG_NOTE, reader->source, path_text(reader), DIAG_CODE_NOT_YET,
                     NULL, "is checked, but this version does not act on it");
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
            r = diag_add(reader->diags, DIAG_ERROR, reader->source, path_text(reader),
                         DIAG_CODE_MISSING_KEY, NULL, "is missing: %s", key->about);
        path_cut(reader, saved);
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
        return add_wrong(reader, DIAG_CODE_WRONG_TYPE, value, "an object", NULL);
    json_object_foreach((json_t *)value, name, member)
    {
        int r = path_add_key(&reader->path, name);
        if (r >= 0)
            r = read_member(reader, table, name, member, object);
        path_cut(reader, saved);
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

int value_set_text(const Key *key, void *field, const char *text)
{
    switch (key->kind) {
    case KEY_STRING: {
        char *copy = strdup(text);
        if (!copy)
            return -ENOMEM;
        free(*(char **)field);
        *(char **)field = copy;
        return 0;
    }
    case KEY_BOOL:
        *(int *)field = streq(text, "true");
        return 0;
    case KEY_INTEGER:
        *(int64_t *)field = strtoll(text, NULL, 10);
        return 0;
    case KEY_ENUM:
        *(int *)field = value_enum_index(key, text);
        assert(*(int *)field >= 0);
        return 0;
    case KEY_SPAN: {
        _unused_ int r = timespan_parse(text, field);
        assert(r >= 0);
        return 0;
    }
    case KEY_STRV:
    case KEY_ENV:
    case KEY_HEADERS:
    case KEY_OBJECT:
    case KEY_OBJECTS:
    case KEY_NAMED:
    case KEY_SETTINGS:
    case _KEY_KIND_MAX:
        break;
    }
    assert(false && "only scalars have a default in the table");
    return -EINVAL;
}
