/* SPDX-License-Identifier: MIT */

/* Where the values in a JSON text begin and end. jansson does not say; and what was posted is kept
 * as it was written (0.00 is not 0.0), one sample after the other, so that a large post needs the
 * memory of one sample. Nothing here validates: a slice that was found is still to be parsed. */

#pragma once

#include <stddef.h>

typedef struct JsonSlice {
    char *at;
    size_t size;
} JsonSlice;

/* Skips blanks. Returns a place <= end. */
char *json_lex_blanks(char *at, const char *end);

/* The end of the value that begins at `at` (no blank): behind its closing quote or bracket, or
 * behind the number or word. NULL when it does not end before `end`, or there is none. */
char *json_lex_value(char *at, const char *end);

/* Takes the blanks between tokens out of a slice that is valid JSON, in place; what is left over at
 * its end becomes blanks, so that the text around it is still what it was. */
void json_lex_squeeze(JsonSlice *slice);
