/* SPDX-License-Identifier: MIT */

/* What the user looks at: its width, whether it shows colours, and what may be sent to it. Specs,
 * paths and unit properties are written by others; nothing of them reaches a terminal before its
 * control characters are replaced, or a status text could rewrite the screen. */

#pragma once

#include <stdbool.h>

#include "base/text.h"

typedef enum Color {
    COLOR_NONE,
    COLOR_BOLD,
    COLOR_FAINT,
    COLOR_RED,
    COLOR_GREEN,
    COLOR_YELLOW,
    _COLOR_MAX,
} Color;

typedef struct Screen {
    bool color;
    unsigned width; /* in characters; 0: no limit, as when the output is no terminal */
} Screen;

/* What standard output is: colours only on a terminal that has them, and never with NO_COLOR set
 * (no-color.org). The width is that of the terminal; COLUMNS overrides it. */
Screen screen_of_stdout(void);

/* The escape sequences around coloured text; "" where there are no colours. */
const char *screen_on(const Screen *screen, Color color);
const char *screen_off(const Screen *screen, Color color);

/* Appends s, with every control character (C0, DEL, C1), line break and invalid byte as a '?'. */
void screen_add_clean(Text *t, const char *s);

/* The same for text of many lines: tabs and line breaks stay. */
void screen_add_clean_lines(Text *t, const char *s);

/* Appends s (clean already), coloured. */
void screen_add_colored(Text *t, const Screen *screen, Color color, const char *s);

/* How many characters (not bytes) a string has. */
size_t screen_length(const char *s);

/* Appends text in lines of at most the screen's width (80 when it has no limit), broken at blanks,
 * each after so many blanks. A newline follows the last one. */
void screen_add_wrapped(Text *t, const Screen *screen, unsigned indent, const char *s);
