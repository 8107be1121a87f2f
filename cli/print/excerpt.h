/* SPDX-License-Identifier: MIT */

/* The line of a file that a finding speaks of, with a caret below the place, as compilers show it.
 */

#pragma once

#include <stddef.h>

#include "cli/print/screen.h"

/* Appends the line and the caret line, each indented; nothing when the text has no such line. line
 * and column count from 1, columns in characters; column 0 shows the line without a caret. A line
 * wider than the screen (or 160 characters) is shown as the part around the column. */
void excerpt_add(Text *t, const Screen *screen, const char *text, size_t size, unsigned line,
                 unsigned column);
