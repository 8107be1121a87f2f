/* SPDX-License-Identifier: MIT */
/*
 * What is said of a value: where it stands, that it is not what is accepted, that its key is not
 * known.
 */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/nearest.h"
#include "spec/value-internal.h"

void reader_cut(Reader *reader, size_t size)
{
    reader->path.size = size;
    if (reader->path.data)
        reader->path.data[size] = '\0';
}

const char *reader_path(const Reader *reader)
{
    return reader->path.data ? reader->path.data : "";
}

char *value_quote(const char *s)
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
        return value_quote(json_string_value(value));
    return json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
}

int reader_add_wrong(Reader *reader, const char *code, const json_t *value, const char *what,
                     const char *hint)
{
    _cleanup_free_ char *found = describe(value);

    if (!found)
        return -ENOMEM;
    return diag_add(reader->diags, DIAG_ERROR, reader->source, reader_path(reader), code, hint,
                    "%s is not %s", found, what);
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
        return diag_add(reader->diags, DIAG_WARNING, reader->source, reader_path(reader),
                        DIAG_CODE_UNKNOWN_KEY, NULL, "is a key of %s, and this is a %s",
                        other->many, kind->one);
    return diag_add(reader->diags, DIAG_WARNING, reader->source, reader_path(reader),
                    DIAG_CODE_UNKNOWN_KEY, NULL,
                    "is a key of %s (\"type\": \"%s\"), and this is a %s", other->many,
                    spec_type_word(other->type), kind->one);
}

int reader_add_unknown(Reader *reader, const KeyTable *table, const char *name)
{
    const char *near = nearest_key(table, name);
    _cleanup_free_ char *hint = near ? text_printf("did you mean \"%s\"?", near) : NULL;
    const SpecKind *other = whose_key(table, name);

    if (other)
        return add_elsewhere(reader, spec_kind_with(table), other);
    if (near && !hint)
        return -ENOMEM;
    return diag_add(reader->diags, DIAG_WARNING, reader->source, reader_path(reader),
                    DIAG_CODE_UNKNOWN_KEY, near ? hint : NULL, "unknown key");
}
