/* SPDX-License-Identifier: MIT */

/* Terminal output. The set of escape sequences is the one every terminal has (ECMA-48, SGR). */

#include "cli/print/screen.h"

#include <assert.h>
#include <errno.h>
#include <sys/ioctl.h>

#define WRAP_DEFAULT 80U
#define WIDTH_MAX    1000U

static unsigned width_of_stdout(void)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;

    if (columns && *columns) {
        char *end;
        unsigned long n;

        errno = 0;
        n = strtoul(columns, &end, 10);
        if (errno == 0 && *end == '\0' && n > 0 && n <= WIDTH_MAX)
            return (unsigned)n;
    }

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
        return 0;
    return MIN((unsigned)size.ws_col, WIDTH_MAX);
}

Screen screen_of_stdout(void)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    Screen screen = {0};

    if (!isatty(STDOUT_FILENO))
        return screen;

    screen.width = width_of_stdout();
    screen.color = !(no_color && *no_color) && !(term && streq(term, "dumb"));
    return screen;
}

const char *screen_on(const Screen *screen, Color color)
{
    static const char *const codes[_COLOR_MAX] = {
        [COLOR_NONE] = "",        [COLOR_BOLD] = "\x1b[1m",   [COLOR_FAINT] = "\x1b[2m",
        [COLOR_RED] = "\x1b[31m", [COLOR_GREEN] = "\x1b[32m", [COLOR_YELLOW] = "\x1b[33m",
    };

    assert(color < _COLOR_MAX);
    return screen->color ? codes[color] : "";
}

const char *screen_off(const Screen *screen, Color color)
{
    return screen->color && color != COLOR_NONE ? "\x1b[0m" : "";
}

/* C1 controls are two bytes in UTF-8, and terminals obey them like escape sequences. */
static bool is_control(const char *s, size_t n)
{
    unsigned char first = (unsigned char)s[0];

    if (n == 1)
        return first < 0x20 || first == 0x7f;
    return n == 2 && first == 0xc2 && (unsigned char)s[1] < 0xa0;
}

static void add_clean(Text *t, const char *s, const char *keep)
{
    size_t left = strlen(s);

    text_add(t, ""); /* so that there is a string even when s is empty */
    while (left > 0) {
        size_t n = utf8_char(s, left);

        if (n == 0) {
            text_add_char(t, '?');
            n = 1;
        } else if (is_control(s, n) && !strchr(keep, *s)) {
            text_add_char(t, '?');
        } else {
            text_add_n(t, s, n);
        }
        s += n;
        left -= n;
    }
}

void screen_add_clean(Text *t, const char *s)
{
    add_clean(t, s, "");
}

void screen_add_clean_lines(Text *t, const char *s)
{
    add_clean(t, s, "\n\t");
}

void screen_add_colored(Text *t, const Screen *screen, Color color, const char *s)
{
    text_add(t, screen_on(screen, color));
    text_add(t, s);
    text_add(t, screen_off(screen, color));
}

size_t screen_length(const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        if (((unsigned char)*s & 0xc0) != 0x80)
            n++;
    return n;
}

void screen_add_wrapped(Text *t, const Screen *screen, unsigned indent, const char *s)
{
    size_t width = screen->width > 0 ? screen->width : WRAP_DEFAULT, used = 0;

    while (*s) {
        size_t bytes = strcspn(s, " "), length = 0;

        for (size_t i = 0; i < bytes; i++)
            length += ((unsigned char)s[i] & 0xc0) != 0x80;

        if (used > 0 && used + 1 + length > width) {
            text_add_char(t, '\n');
            used = 0;
        }
        if (used == 0) {
            text_addf(t, "%*s", (int)indent, "");
            used = indent;
        } else {
            text_add_char(t, ' ');
            used++;
        }
        text_add_n(t, s, bytes);
        used += length;
        s += bytes;
        s += strspn(s, " ");
    }
    text_add_char(t, '\n');
}
