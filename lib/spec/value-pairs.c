/* SPDX-License-Identifier: MIT */
/*
 * Environments and headers: pairs of name and value, in an array of text or in an object.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/strv.h"
#include "spec/position.h"
#include "spec/value-internal.h"

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
        return reader_add_wrong(reader, DIAG_CODE_WRONG_TYPE, value, name ? "text" : form->what,
                                NULL);
    pair = !scalar ? NULL
           : name  ? text_printf("%s%s%s", name, form->separator, scalar)
                   : TAKE_PTR(scalar);
    if (!pair)
        return -ENOMEM;
    if (pair_valid(form, pair) && !(name && strpbrk(name, "=:")))
        return strv_consume(field, pair);

    _cleanup_free_ char *quoted = value_quote(pair);
    free(pair);
    if (!quoted)
        return -ENOMEM;
    return diag_add(reader->diags, DIAG_ERROR, reader->source, reader_path(reader),
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
            reader_cut(reader, saved);
            if (r < 0)
                break;
        }
        return r;
    }
    if (!json_is_object(value))
        return reader_add_wrong(reader, DIAG_CODE_WRONG_TYPE, value,
                                "an array of strings or an object", NULL);
    json_object_foreach((json_t *)value, name, element)
    {
        r = path_add_key(&reader->path, name);
        if (r >= 0)
            r = read_pair(reader, form, name, element, field);
        reader_cut(reader, saved);
        if (r < 0)
            break;
    }
    return r;
}

int value_read_env(Reader *reader, const json_t *value, char ***field)
{
    return read_pairs(reader, &env_form, value, field);
}

int value_read_headers(Reader *reader, const json_t *value, char ***field)
{
    return read_pairs(reader, &header_form, value, field);
}
