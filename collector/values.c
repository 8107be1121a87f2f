/* SPDX-License-Identifier: MIT */

/* Members of parsed objects, checked as they are taken. */

#include "collector/values.h"

#include <errno.h>
#include <math.h>

#include "collector/post.h"
#include "collector/rfc3339.h"

static int refuse(const Members *m, const char *name, const json_t *found, const char *accepted)
{
    char path[sizeof(m->fault->path)];

    fault_join(path, sizeof(path), m->path, name);
    return fault_value(m->fault, path, found, accepted);
}

static const json_t *member(const Members *m, const char *name)
{
    const json_t *value = json_object_get(m->object, name);

    return json_is_null(value) ? NULL : value;
}

int members_number(const Members *m, const char *name, double *ret)
{
    const json_t *value = member(m, name);

    if (!value)
        return 0;
    double number = json_is_number(value) ? json_number_value(value) : -1;
    if (!isfinite(number) || number < 0)
        return refuse(m, name, value, "a number from 0");
    *ret = number;
    return 0;
}

int members_text(const Members *m, const char *name, size_t max, const char **ret)
{
    const json_t *value = member(m, name);
    char accepted[64];

    if (!value)
        return 0;
    if (!json_is_string(value) || json_string_length(value) > max) {
        (void)snprintf(accepted, sizeof(accepted), "a string of at most %zu bytes", max);
        return refuse(m, name, value, accepted);
    }
    *ret = json_string_value(value);
    return 0;
}

bool post_name_is_valid(const char *name)
{
    size_t n = strlen(name);

    if (n < 1 || n > NAME_MAX_BYTES || !utf8_valid(name, n))
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)name[i];
        /* 0xC2 0x80..0x9F are the control characters of the second kind. */
        if (c < 0x20 || c == 0x7F || (c == 0xC2 && (unsigned char)name[i + 1] < 0xA0))
            return false;
    }
    return true;
}

static bool word_is_valid(const char *word)
{
    size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return n >= 1 && n <= WORD_MAX_BYTES && word[n] == '\0';
}

static int take_checked(const Members *m, const char *name, bool needed,
                        bool (*is_valid)(const char *), const char *accepted, const char **ret)
{
    const json_t *value = member(m, name);

    if (!value && !needed)
        return 0;
    if (!json_is_string(value) || !is_valid(json_string_value(value)))
        return refuse(m, name, json_object_get(m->object, name), accepted);
    *ret = json_string_value(value);
    return 0;
}

int members_name(const Members *m, const char *name, bool needed, const char **ret)
{
    return take_checked(m, name, needed, post_name_is_valid,
                        "a name of 1 to 253 bytes without control characters", ret);
}

int members_word(const Members *m, const char *name, bool needed, const char **ret)
{
    return take_checked(m, name, needed, word_is_valid, "a word of 1 to 32 of a-z, 0-9, \"-\"",
                        ret);
}

int members_time(const Members *m, uint64_t *ret_usec)
{
    const json_t *value = json_object_get(m->object, "timestamp");

    if (!json_is_string(value) || rfc3339_parse(json_string_value(value), ret_usec) < 0)
        return refuse(m, "timestamp", value,
                      "a time from 1970 to 2199 as in RFC 3339 (\"2026-11-23T18:20:00Z\")");
    return 0;
}

int members_bool(const Members *m, const char *name, int *ret)
{
    const json_t *value = member(m, name);

    if (!value)
        return 0;
    if (!json_is_boolean(value))
        return refuse(m, name, value, "true, false or null");
    *ret = json_is_true(value);
    return 0;
}
