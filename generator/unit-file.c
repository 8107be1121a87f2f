/* SPDX-License-Identifier: MIT */
/*
 * The writer behind unit-file.h.
 */
#include "generator/unit-file.h"

#include <errno.h>
#include <stdarg.h>

#include "base/strv.h"

void unit_done(UnitFile *unit)
{
    if (!unit)
        return;
    for (size_t i = 0; i < unit->n; i++) {
        free(unit->sections[i].name);
        text_done(&unit->sections[i].body);
    }
    free(unit->sections);
    free(unit->refused);
    *unit = (UnitFile){0};
}

/* The section's text; NULL when there is no memory, which the unit then remembers. Units have a
 * handful of sections, so a linear search is the fast one. */
static Text *unit_section(UnitFile *unit, const char *name)
{
    for (size_t i = 0; i < unit->n; i++)
        if (streq(unit->sections[i].name, name))
            return &unit->sections[i].body;

    UnitSection *sections = reallocarray(unit->sections, unit->n + 1, sizeof(*sections));
    if (!sections) {
        unit->error = -ENOMEM;
        return NULL;
    }
    unit->sections = sections;
    char *copy = strdup(name);
    if (!copy) {
        unit->error = -ENOMEM;
        return NULL;
    }
    sections[unit->n] = (UnitSection){.name = copy};
    return &sections[unit->n++].body;
}

void unit_fail_memory(UnitFile *unit)
{
    unit->error = -ENOMEM;
}

void unit_refuse(UnitFile *unit, const char *format, ...)
{
    va_list ap;

    if (unit->refused)
        return;
    va_start(ap, format);
    if (vasprintf(&unit->refused, format, ap) < 0) {
        unit->refused = NULL;
        unit->error = -ENOMEM;
    }
    va_end(ap);
}

/* A value must stay on its line: no line break or other control character, no backslash at its end,
 * which would join the next line to it, no blanks around it, which would be cut off. */
static void check_line(UnitFile *unit, const char *key, const char *value, size_t size)
{
    if (size > UNIT_LINE_MAX) {
        unit_refuse(unit, "%s= would be a line of %zu bytes, more than systemd reads", key, size);
        return;
    }
    if (size == 0)
        return;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)value[i] < 0x20 && value[i] != '\t') {
            unit_refuse(unit, "%s= cannot hold a control character", key);
            return;
        }
    if (value[size - 1] == '\\')
        unit_refuse(unit, "%s= cannot end with a backslash", key);
    else if (strchr(" \t", value[0]) || strchr(" \t", value[size - 1]))
        unit_refuse(unit, "%s= cannot begin or end with a blank", key);
}

/* Starts a line in the section; returns where its value begins. */
static Text *line_begin(UnitFile *unit, const char *section, const char *key, size_t *ret_start)
{
    Text *body = unit_section(unit, section);

    if (!body)
        return NULL;
    text_add(body, key);
    text_add_char(body, '=');
    *ret_start = body->size;
    return body;
}

static void line_end(UnitFile *unit, Text *body, const char *key, size_t start)
{
    if (body->error < 0) {
        unit->error = body->error;
        return;
    }
    check_line(unit, key, body->data + start, body->size - start);
    text_add_char(body, '\n');
}

void unit_add(UnitFile *unit, const char *section, const char *key, const char *value)
{
    size_t start;
    Text *body = line_begin(unit, section, key, &start);

    if (!body)
        return;
    text_add(body, value);
    line_end(unit, body, key, start);
}

void unit_addf(UnitFile *unit, const char *section, const char *key, const char *format, ...)
{
    _cleanup_free_ char *value = NULL;
    va_list ap;

    va_start(ap, format);
    int n = vasprintf(&value, format, ap);
    va_end(ap);
    if (n < 0) {
        value = NULL;
        unit->error = -ENOMEM;
        return;
    }
    unit_add(unit, section, key, value);
}

void unit_add_plain(UnitFile *unit, const char *section, const char *key, const char *value)
{
    size_t start;
    Text *body = line_begin(unit, section, key, &start);

    if (!body)
        return;
    escape_specifiers(body, value);
    line_end(unit, body, key, start);
}

void unit_add_plain_command(UnitFile *unit, const char *section, const char *key, const char *value)
{
    size_t start;
    Text *body = line_begin(unit, section, key, &start);

    if (!body)
        return;
    escape_plain_command(body, value);
    line_end(unit, body, key, start);
}

static void add_words(Text *body, char *const *words, EscapeFlags flags)
{
    bool first = true;

    STRV_FOREACH (word, words) {
        if (!first)
            text_add_char(body, ' ');
        escape_word(body, *word, flags);
        first = false;
    }
}

void unit_add_words(UnitFile *unit, const char *section, const char *key, char *const *words,
                    EscapeFlags flags)
{
    size_t start;
    Text *body = line_begin(unit, section, key, &start);

    if (!body)
        return;
    add_words(body, words, flags);
    line_end(unit, body, key, start);
}

/* The path of a command is no place for variables, but its argv[0] is (systemd.service(5)), so one
 * with a "$" in it has to be written twice: @PATH ARGV0. */
static void add_program(UnitFile *unit, Text *body, const char *program, const char *what)
{
    if (!*program || strchr("@-:+!|", *program)) {
        unit_refuse(unit,
                    "%s: \"%s\" cannot be run by systemd: a program's name must not be empty "
                    "or begin with one of @ - : + ! |",
                    what, program);
        return;
    }
    if (strchr(program, '$')) {
        text_add_char(body, '@');
        escape_word(body, program, ESCAPE_SPECIFIERS);
        text_add_char(body, ' ');
    }
    escape_word(body, program, ESCAPE_COMMAND);
}

void unit_add_command(UnitFile *unit, const char *section, const char *key, const char *prefix,
                      char *const *first, char *const *argv, const char *what)
{
    char *const *program = first && *first ? first : argv;
    size_t start;
    Text *body = line_begin(unit, section, key, &start);

    if (!body)
        return;
    if (prefix)
        text_add(body, prefix);
    add_program(unit, body, program && *program ? *program : "", what);
    if (program && program[0] && program[1]) {
        text_add_char(body, ' ');
        add_words(body, program + 1, ESCAPE_COMMAND);
    }
    if (program != argv && argv && *argv) {
        text_add_char(body, ' ');
        add_words(body, argv, ESCAPE_COMMAND);
    }
    line_end(unit, body, key, start);
}

void unit_comment(UnitFile *unit, const char *section, const char *comment)
{
    Text *body = unit_section(unit, section);

    if (body)
        text_addf(body, "# %s\n", comment);
}

int unit_render(const UnitFile *unit, const char *header, Text *text)
{
    if (unit->error < 0)
        return unit->error;
    if (unit->refused)
        return UNIT_REFUSED;
    if (header)
        text_add(text, header);
    for (size_t i = 0; i < unit->n; i++) {
        const Text *body = &unit->sections[i].body;
        if (text->size > 0)
            text_add_char(text, '\n');
        text_addf(text, "[%s]\n", unit->sections[i].name);
        if (body->error < 0)
            return body->error;
        text_add_n(text, body->data, body->size);
    }
    return text->error;
}
