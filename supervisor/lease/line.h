/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Texts put together without stdio: printf alone would be a third of this program, and costs a page
 * or two of private memory in every unit.
 */

#include <stddef.h>
#include <stdint.h>

#define LINE_SIZE 1024

/* Always ended by NUL; what does not fit is cut. */
struct line {
    size_t n;
    char text[LINE_SIZE];
};

void line_clear(struct line *line);
void line_add(struct line *line, const char *text);
void line_add_bytes(struct line *line, const char *text, size_t n);
void line_add_number(struct line *line, uint64_t number);

/* "PROGRAM: NAME: TEXT" (and a newline) on stderr, where the journal reads it. The parts of
 * the text end with NULL. */
void say(const char *name, ...) __attribute__((sentinel));
