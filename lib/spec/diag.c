/* SPDX-License-Identifier: MIT */
/*
 * Keeping findings, finding their places in the text, and writing them for people and for programs.
 */
#include "spec/diag.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "spec/position.h"

static void diag_done(Diag *diag)
{
    free(diag->file);
    free(diag->key);
    free(diag->message);
    free(diag->hint);
}

void diag_list_done(DiagList *list)
{
    for (size_t i = 0; i < list->n; i++)
        diag_done(&list->items[i]);
    free(list->items);
    *list = (DiagList){0};
}

static int list_reserve(DiagList *list)
{
    if (list->n < list->allocated)
        return 0;
    size_t allocated = list->allocated ? list->allocated * 2 : 4;
    Diag *items = reallocarray(list->items, allocated, sizeof(Diag));
    if (!items)
        return -ENOMEM;
    list->items = items;
    list->allocated = allocated;
    return 0;
}

int diag_add(DiagList *list, DiagSeverity severity, const char *file, const char *key,
             const char *code, const char *hint, const char *format, ...)
{
    va_list ap;

    if (severity == DIAG_ERROR)
        list->errors++;
    if (list->n >= DIAG_MAX) {
        list->dropped++;
        return 0;
    }
    if (list_reserve(list) < 0)
        return -ENOMEM;

    Diag diag = {.severity = severity, .code = code};
    va_start(ap, format);
    int r = vasprintf(&diag.message, format, ap);
    va_end(ap);
    if (r < 0)
        diag.message = NULL;
    diag.key = strdup(key);
    diag.file = file ? strdup(file) : NULL;
    diag.hint = hint ? strdup(hint) : NULL;
    if (!diag.message || !diag.key || (file && !diag.file) || (hint && !diag.hint)) {
        diag_done(&diag);
        return -ENOMEM;
    }
    list->items[list->n++] = diag;
    return 0;
}

/*
 * A finding about a key that is not written in the file (a default, a missing key) is placed at the
 * nearest value around it that is.
 */
static void diag_locate(Diag *diag, const char *text, size_t size)
{
    _cleanup_free_ char *path = strdup(diag->key);
    bool key = streq(diag->code, DIAG_CODE_UNKNOWN_KEY) || streq(diag->code, DIAG_CODE_NO_EFFECT) ||
               streq(diag->code, DIAG_CODE_NOT_YET);
    Position position;

    while (path) {
        if (position_find(text, size, path, key && *path, &position) >= 0) {
            diag->line = position.line;
            diag->column = position.column;
            return;
        }
        if (!*path)
            return;
        char *dot = strrchr(path, '.'), *bracket = strrchr(path, '[');
        char *cut = dot > bracket ? dot : bracket;
        *(cut ? cut : path) = '\0';
        key = false;
    }
}

void diag_list_locate(DiagList *list, const char *text, size_t size)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->items[i].line == 0)
            diag_locate(&list->items[i], text, size);
}

const char *diag_severity_word(DiagSeverity severity)
{
    static const char *const words[] = {
        [DIAG_ERROR] = "error",
        [DIAG_WARNING] = "warning",
        [DIAG_NOTE] = "note",
    };
    static_assert(ELEMENTSOF(words) == _DIAG_SEVERITY_MAX, "a word for every severity");

    return words[severity];
}

/*
 * What comes from a file may hold anything, and a parser may quote half a character of it; on a
 * terminal and in a unit it must stay one line of UTF-8.
 */
static void add_printable(Text *text, const char *s)
{
    size_t left = strlen(s);

    while (left > 0) {
        size_t n = utf8_char(s, left);
        if (*s == '\n')
            text_add(text, "\\n");
        else if (n == 0 || (unsigned char)*s < 0x20 || *s == 0x7f)
            text_addf(text, "\\x%02x", (unsigned char)*s);
        else
            text_add_n(text, s, n);
        n = n ? n : 1;
        s += n;
        left -= n;
    }
}

int diag_format(const Diag *diag, Text *text)
{
    if (diag->file) {
        add_printable(text, diag->file);
        text_add_char(text, ':');
    }
    if (diag->line > 0)
        text_addf(text, "%u:%u:", diag->line, diag->column);
    if (diag->file || diag->line > 0)
        text_add_char(text, ' ');
    if (diag->severity != DIAG_ERROR)
        text_addf(text, "%s: ", diag_severity_word(diag->severity));
    if (*diag->key) {
        add_printable(text, diag->key);
        text_add(text, ": ");
    }
    add_printable(text, diag->message);
    if (diag->hint) {
        text_add(text, "; ");
        add_printable(text, diag->hint);
    }
    return text->error;
}

static void add_member(Text *text, const char *name, const char *value)
{
    text_addf(text, ", \"%s\": ", name);
    if (value)
        text_add_json_string(text, value, strlen(value));
    else
        text_add(text, "null");
}

int diag_format_json(const Diag *diag, Text *text)
{
    text_add(text, "{\"file\": ");
    if (diag->file)
        text_add_json_string(text, diag->file, strlen(diag->file));
    else
        text_add(text, "null");
    text_addf(text, ", \"line\": %u, \"column\": %u", diag->line, diag->column);
    add_member(text, "key", diag->key);
    add_member(text, "severity", diag_severity_word(diag->severity));
    add_member(text, "code", diag->code);
    add_member(text, "message", diag->message);
    add_member(text, "hint", diag->hint);
    text_add_char(text, '}');
    return text->error;
}
