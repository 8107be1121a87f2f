/* SPDX-License-Identifier: MIT */
/*
 * The values that have no others inside: from JSON, or from a default in the table.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/nearest.h"
#include "base/timespan.h"
#include "spec/value-internal.h"

int value_read_bool(Reader *reader, const json_t *value, int *field)
{
    if (!json_is_boolean(value))
        return reader_add_wrong(reader, DIAG_CODE_WRONG_TYPE, value, "true or false", NULL);
    *field = json_is_true(value);
    return 0;
}

int value_read_integer(Reader *reader, const Key *key, const json_t *value, int64_t *field)
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
    return reader_add_wrong(reader,
                            json_is_integer(value) ? DIAG_CODE_BAD_VALUE : DIAG_CODE_WRONG_TYPE,
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

int value_read_enum(Reader *reader, const Key *key, const json_t *value, int *field)
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
    return reader_add_wrong(reader, word ? DIAG_CODE_BAD_VALUE : DIAG_CODE_WRONG_TYPE, value,
                            what.data, near ? hint.data : NULL);
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
    return reader_add_wrong(reader, DIAG_CODE_BAD_VALUE, value, what, NULL);
}

/* A number is seconds, as in unit files. */
int value_read_span(Reader *reader, const Key *key, const json_t *value, uint64_t *field)
{
    _cleanup_free_ char *text = NULL;
    uint64_t usec;

    if (json_is_string(value))
        text = strdup(json_string_value(value));
    else if (json_is_number(value))
        text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
    else
        return reader_add_wrong(reader, DIAG_CODE_WRONG_TYPE, value, SPAN_WHAT, NULL);
    if (!text)
        return -ENOMEM;
    if (timespan_parse(text, &usec) < 0)
        return reader_add_wrong(reader, DIAG_CODE_BAD_VALUE, value, SPAN_WHAT, NULL);
    if (usec == USEC_INFINITY || usec < key->min || (key->max && usec > key->max))
        return add_span_range(reader, key, value);
    *field = usec;
    return 0;
}

int value_read_text(Reader *reader, const KeyRule *rule, const json_t *value, char **ret)
{
    _cleanup_free_ char *text = NULL, *canonical = NULL, *reason = NULL;
    const char *what = rule ? rule->what : "text";

    if (json_is_string(value))
        text = strdup(json_string_value(value));
    else if (rule && rule->numbers && json_is_number(value))
        text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
    else
        return reader_add_wrong(reader, DIAG_CODE_WRONG_TYPE, value, what, NULL);
    if (!text)
        return -ENOMEM;
    if (rule && rule->check) {
        int r = rule->check(text, &canonical, &reason);
        if (r == -ENOMEM)
            return r;
        if (r < 0)
            return reader_add_wrong(reader, DIAG_CODE_BAD_VALUE, value, what, reason);
    }
    *ret = canonical ? TAKE_PTR(canonical) : TAKE_PTR(text);
    return 0;
}

int value_read_string(Reader *reader, const Key *key, const json_t *value, char **field)
{
    char *text = NULL;

    int r = value_read_text(reader, key->rule, value, &text);
    if (r >= 0 && text) {
        free(*field);
        *field = text;
    }
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
