/* SPDX-License-Identifier: MIT */
/* The only text formatting of phoenix-lease and phoenix-idle: into buffers that are there already,
 * cut and never grown, so that saying something cannot fail. */
#include "line.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

void line_clear(struct line *line)
{
    line->n = 0;
    line->text[0] = '\0';
}

void line_add_bytes(struct line *line, const char *text, size_t n)
{
    if (n > sizeof(line->text) - 1 - line->n)
        n = sizeof(line->text) - 1 - line->n;
    if (n > 0)
        memcpy(line->text + line->n, text, n);
    line->n += n;
    line->text[line->n] = '\0';
}

void line_add(struct line *line, const char *text)
{
    line_add_bytes(line, text, strlen(text));
}

void line_add_number(struct line *line, uint64_t number)
{
    char digits[20];
    size_t n = sizeof(digits);

    do {
        digits[--n] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    line_add_bytes(line, digits + n, sizeof(digits) - n);
}

void say(const char *name, ...)
{
    struct line line;
    va_list parts;

    line_clear(&line);
    line_add(&line, program_invocation_short_name);
    line_add(&line, ": ");
    if (name) {
        line_add(&line, name);
        line_add(&line, ": ");
    }
    va_start(parts, name);
    for (const char *part; (part = va_arg(parts, const char *));)
        line_add(&line, part);
    va_end(parts);
    if (line.n == sizeof(line.text) - 1)
        line.n--;
    line_add(&line, "\n");
    /* Nobody is left to be told when this fails. */
    if (write(STDERR_FILENO, line.text, line.n) < 0)
        return;
}
