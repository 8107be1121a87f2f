/* SPDX-License-Identifier: MIT */

/* JSON by its quotes and brackets alone. */

#include "collector/json-lex.h"

#include <stdbool.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

char *json_lex_blanks(char *at, const char *end)
{
    while (at < end && is_blank(*at))
        at++;
    return at;
}

static char *skip_string(char *at, const char *end)
{
    for (at++; at < end; at++) {
        if (*at == '"')
            return at + 1;
        if (*at == '\\')
            at++;
    }
    return NULL;
}

static char *skip_brackets(char *at, const char *end)
{
    size_t depth = 0;

    while (at < end) {
        if (*at == '"') {
            at = skip_string(at, end);
            if (!at)
                return NULL;
            continue;
        }
        if (*at == '{' || *at == '[')
            depth++;
        else if ((*at == '}' || *at == ']') && --depth == 0)
            return at + 1;
        at++;
    }
    return NULL;
}

char *json_lex_value(char *at, const char *end)
{
    char *from = at;

    if (at >= end)
        return NULL;
    if (*at == '"')
        return skip_string(at, end);
    if (*at == '{' || *at == '[')
        return skip_brackets(at, end);
    while (at < end && !is_blank(*at) && !strchr(",:]}{[\"", *at))
        at++;
    return at > from ? at : NULL;
}

void json_lex_squeeze(JsonSlice *slice)
{
    char *to = slice->at, *end = slice->at + slice->size;

    for (char *from = slice->at; from < end;) {
        if (is_blank(*from)) {
            from++;
            continue;
        }
        /* A valid text: strings end, and a backslash has something behind it. */
        char *next = *from == '"' ? skip_string(from, end) : from + 1;
        if (!next)
            next = end;
        memmove(to, from, (size_t)(next - from));
        to += next - from;
        from = next;
    }
    slice->size = (size_t)(to - slice->at);
    memset(to, ' ', (size_t)(end - to));
}
