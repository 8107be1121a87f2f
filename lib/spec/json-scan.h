/* SPDX-License-Identifier: MIT */

/* Reads JSON text by its structure alone: where values and strings begin and end. Whether a number
 * is a number is the parser's business. Nothing is kept and nothing recurses. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

typedef struct JsonScan {
    const char *text;
    size_t size, at;
} JsonScan;

/* A run of bytes in a text: of a string, what is between its quotes. */
typedef struct JsonRaw {
    const char *s;
    size_t n;
} JsonRaw;

/* Skips blanks and looks at the next character; 0 at the end of the text. */
char json_scan_peek(JsonScan *scan);
/* Skips blanks and this character, if it is the next one. */
bool json_scan_skip(JsonScan *scan, char c);

/* Each of these skips one thing, and blanks in front of it; -EBADMSG when it is not there or does
 * not end. A string's opening quote comes next; a scalar is a string or anything that looks like a
 * word. */
int json_scan_string(JsonScan *scan, JsonRaw *ret);
int json_scan_scalar(JsonScan *scan);
int json_scan_value(JsonScan *scan);

/* Appends the string that stands between the quotes (RFC 8259, section 7). -EBADMSG when an escape
 * makes no sense, what was appended by then stays; -ENOMEM. */
int json_decode_string(JsonRaw raw, Text *t);
