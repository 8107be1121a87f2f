/* SPDX-License-Identifier: MIT */

/* Mistakes in bodies, in words. Whoever reads them has the body in front of them, so a long or a
 * compound value is named by its kind only. */

#include "collector/fault.h"

#include <stdarg.h>

#define QUOTED_MAX 64

static void copy_cut(char *ret, size_t size, const char *s)
{
    size_t n = 0;

    /* Whole characters only: the text goes into JSON. */
    while (s[n] != '\0') {
        size_t step = utf8_char(s + n, strlen(s + n));
        if (step == 0)
            step = 1;
        if (n + step >= size)
            break;
        n += step;
    }
    memcpy(ret, s, n);
    ret[n] = '\0';
}

static void say_string(char *ret, size_t size, const char *s)
{
    char quoted[QUOTED_MAX + 1];

    copy_cut(quoted, sizeof(quoted), s);
    snprintf(ret, size, "the string \"%s\"%s", quoted, strlen(s) > strlen(quoted) ? "..." : "");
}

static void say_value(char *ret, size_t size, const json_t *value)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_OBJECT:
        snprintf(ret, size, "an object");
        break;
    case JSON_ARRAY:
        snprintf(ret, size, "an array");
        break;
    case JSON_STRING:
        say_string(ret, size, json_string_value(value));
        break;
    case JSON_INTEGER:
        snprintf(ret, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        snprintf(ret, size, "%.15g", json_real_value(value));
        break;
    case JSON_TRUE:
        snprintf(ret, size, "true");
        break;
    case JSON_FALSE:
        snprintf(ret, size, "false");
        break;
    case JSON_NULL:
        snprintf(ret, size, value ? "null" : "nothing");
        break;
    }
}

int fault_text(Fault *fault, const char *path, const char *found, const char *accepted)
{
    copy_cut(fault->path, sizeof(fault->path), path);
    copy_cut(fault->found, sizeof(fault->found), found);
    copy_cut(fault->accepted, sizeof(fault->accepted), accepted);
    return POST_INVALID;
}

int fault_value(Fault *fault, const char *path, const json_t *found, const char *accepted)
{
    char words[sizeof(fault->found)];

    say_value(words, sizeof(words), found);
    return fault_text(fault, path, words, accepted);
}

void fault_join(char *ret, size_t size, const char *path, const char *name)
{
    size_t n = (size_t)snprintf(ret, size, "%s/", path);

    for (; *name && n + 3 < size; name++) {
        if (*name == '~' || *name == '/') {
            ret[n++] = '~';
            ret[n++] = *name == '~' ? '0' : '1';
        } else {
            ret[n++] = *name;
        }
        ret[n] = '\0';
    }
}

void fault_join_index(char *ret, size_t size, const char *path, size_t index)
{
    (void)snprintf(ret, size, "%s/%zu", path, index);
}

static void add_member(Text *t, const char *name, const char *value)
{
    text_addf(t, ", \"%s\": ", name);
    text_add_json_string(t, value, strlen(value));
}

void fault_add_json(Text *t, const Fault *fault)
{
    _cleanup_free_ char *error =
        text_printf("%s: found %s, accepted is %s", *fault->path ? fault->path : "the body",
                    fault->found, fault->accepted);

    text_add(t, "{\"error\": ");
    text_add_json_string(t, error ? error : "", error ? strlen(error) : 0);
    add_member(t, "path", fault->path);
    add_member(t, "found", fault->found);
    add_member(t, "accepted", fault->accepted);
    text_add(t, "}\n");
}
