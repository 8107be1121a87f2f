/* SPDX-License-Identifier: MIT */

/* One source line and its caret. The line may be a megabyte of anything, so it is cut to a window
 * before it is cleaned. */

#include "cli/print/excerpt.h"

#include <ctype.h>

#define WIDTH_DEFAULT 160U
#define WIDTH_MIN     20U
#define INDENT        4U

typedef struct Window {
    const char *start; /* first byte shown */
    size_t bytes;
    unsigned skipped; /* characters of the line before it */
} Window;

static const char *line_find(const char *text, size_t size, unsigned line, size_t *ret_size)
{
    const char *end = text + size, *newline;

    for (unsigned i = 1; i < line; i++) {
        newline = memchr(text, '\n', (size_t)(end - text));
        if (!newline)
            return NULL;
        text = newline + 1;
    }
    newline = memchr(text, '\n', (size_t)(end - text));
    *ret_size = (size_t)((newline ? newline : end) - text);
    if (*ret_size > 0 && text[*ret_size - 1] == '\r')
        (*ret_size)--;
    return text;
}

/* Bytes of the next n characters; a byte that is no UTF-8 counts as one. */
static size_t bytes_of(const char *s, size_t size, unsigned n)
{
    size_t bytes = 0;

    for (; n > 0 && bytes < size; n--)
        bytes += MAX(utf8_char(s + bytes, size - bytes), (size_t)1);
    return bytes;
}

static Window window_around(const char *line, size_t size, unsigned column, unsigned width)
{
    Window w = {.start = line};

    /* The column in the middle, unless all before it fits anyway. */
    if (column > width * 3 / 4)
        w.skipped = column - width / 2;
    w.start += bytes_of(line, size, w.skipped);
    w.bytes = bytes_of(w.start, size - (size_t)(w.start - line), width);
    return w;
}

/* How many characters the token that starts here has: a string with its quotes, or a word. */
static unsigned token_length(const char *s, size_t size)
{
    unsigned n = 0;
    bool string = size > 0 && *s == '"';

    for (size_t i = 0; i < size; n++) {
        if (string && i > 0 && s[i] == '"' && s[i - 1] != '\\')
            return n + 1;
        if (!string && (isspace((unsigned char)s[i]) || strchr(",:]}[{", s[i])))
            break;
        i += MAX(utf8_char(s + i, size - i), (size_t)1);
    }
    return n;
}

static void add_caret(Text *t, const Screen *screen, const Window *w, unsigned column)
{
    unsigned before = column - 1 - w->skipped;
    size_t offset = bytes_of(w->start, w->bytes, before);
    unsigned length = token_length(w->start + offset, w->bytes - offset);

    text_addf(t, "%*s%s^", (int)(INDENT + before), "", screen_on(screen, COLOR_GREEN));
    for (unsigned i = 1; i < length; i++)
        text_add_char(t, '~');
    text_add(t, screen_off(screen, COLOR_GREEN));
    text_add_char(t, '\n');
}

void excerpt_add(Text *t, const Screen *screen, const char *text, size_t size, unsigned line,
                 unsigned column)
{
    unsigned width = MAX(screen->width > 0 ? screen->width : WIDTH_DEFAULT, WIDTH_MIN) - INDENT;
    _cleanup_free_ char *shown = NULL;
    size_t length = 0;
    const char *found;
    Window w;

    if (line == 0)
        return;
    found = line_find(text, size, line, &length);
    if (!found)
        return;

    w = window_around(found, length, column, width);
    shown = strndup(w.start, w.bytes);
    if (!shown)
        return;
    for (char *p = shown; *p; p++)
        if (*p == '\t') /* one column, as the caret counts it */
            *p = ' ';

    text_addf(t, "%*s", (int)INDENT, "");
    screen_add_clean(t, shown);
    text_add_char(t, '\n');
    if (column > 0)
        add_caret(t, screen, &w, column);
}
