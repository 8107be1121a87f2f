/* SPDX-License-Identifier: MIT */

/* Findings in the form of a compiler's, which editors and grep know how to read. */

#include "cli/print/findings.h"

#include <fcntl.h>

#include "base/file.h"
#include "cli/print/excerpt.h"
#include "spec/spec.h"

void source_done(Source *source)
{
    free(source->path);
    free(source->text);
    *source = (Source){0};
}

static void source_load(Source *source, const char *path)
{
    if (source->path && streq(source->path, path))
        return;

    source_done(source);
    source->path = strdup(path);
    (void)file_read(AT_FDCWD, path, SPEC_SIZE_MAX, &source->text, &source->size);
}

static Color severity_color(DiagSeverity severity)
{
    static const Color colors[_DIAG_SEVERITY_MAX] = {
        [DIAG_ERROR] = COLOR_RED,
        [DIAG_WARNING] = COLOR_YELLOW,
        [DIAG_NOTE] = COLOR_FAINT,
    };

    return colors[severity];
}

/* How much of the formatted line is "file:line:column:"; 0 when it does not begin like that. */
static size_t place_length(const Diag *diag, const char *line)
{
    _cleanup_free_ char *place = NULL;

    if (!diag->file)
        return 0;
    place = diag->line > 0 ? text_printf("%s:%u:%u:", diag->file, diag->line, diag->column)
                           : text_printf("%s:", diag->file);
    if (!place || strncmp(line, place, strlen(place)) != 0)
        return 0;
    return strlen(place);
}

static void add_line(Text *t, const Screen *screen, const Diag *diag, const char *line)
{
    size_t n = place_length(diag, line);
    _cleanup_free_ char *place = strndup(line, n);
    Color color = severity_color(diag->severity);

    text_add(t, screen_on(screen, color));
    screen_add_clean(t, place ? place : "");
    text_add(t, screen_off(screen, color));
    screen_add_clean(t, place ? line + n : line);
    text_add_char(t, '\n');
}

void finding_add(Text *t, const Screen *screen, const Diag *diag, Source *source)
{
    _cleanup_text_ Text line = {0};
    int r;

    r = diag_format(diag, &line);
    if (r < 0) {
        t->error = r;
        return;
    }
    add_line(t, screen, diag, line.data);

    if (diag->line == 0 || !diag->file)
        return;
    source_load(source, diag->file);
    if (source->text)
        excerpt_add(t, screen, source->text, source->size, diag->line, diag->column);
}

void findings_add(Text *t, const Screen *screen, const DiagList *list, Source *source)
{
    for (size_t i = 0; i < list->n; i++)
        finding_add(t, screen, &list->items[i], source);
    if (list->dropped > 0)
        text_addf(t, "... and %zu more in this file\n", list->dropped);
}

void findings_add_json(Text *t, const DiagList *list, bool *any)
{
    for (size_t i = 0; i < list->n; i++) {
        text_add(t, *any ? ",\n  " : "\n  ");
        (void)diag_format_json(&list->items[i], t);
        *any = true;
    }
}

size_t findings_count(const DiagList *list, DiagSeverity severity)
{
    size_t n = 0;

    for (size_t i = 0; i < list->n; i++)
        n += list->items[i].severity == severity;
    return n;
}
