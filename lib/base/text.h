/* SPDX-License-Identifier: MIT */

/* A string that grows: units, messages and JSON are built piece by piece, and checking every
 * piece for memory would bury what is being built. So a Text remembers its first error, ignores
 * everything after it, and text_take() reports it: one check per text instead of one per piece.
 * The UTF-8 helpers live here because JSON output needs them. */

#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"

/* Initialise with { 0 }. While error is 0 and size > 0, data is NUL-terminated; the NUL is not
 * counted in size. The fields may be read, not written. */
typedef struct Text {
    char *data;
    size_t size;
    size_t allocated;
    int error; /* 0, or the negative errno of the first failed call */
} Text;

#define _cleanup_text_ _cleanup_(text_done)

/* Frees what the text holds and makes it an empty one again, without error. */
void text_done(Text *t);

/* All of these append and return 0, or -ENOMEM (-EOVERFLOW for an impossible size) now and ever
 * after; the return value may be ignored when text_take() is checked. text_add_n() copies exactly
 * n bytes, NUL or not. The arguments must not point into the text itself. */
int text_add(Text *t, const char *s);
int text_add_n(Text *t, const char *s, size_t n);
int text_add_char(Text *t, char c);
int text_addf(Text *t, const char *format, ...) _printf_(2, 3);
int text_addv(Text *t, const char *format, va_list ap) _printf_(2, 0);

/* Appends the n bytes at s as one quoted JSON string (RFC 8259, section 7): the short escapes where
 * there are some, \u00XX for other control characters, everything else as it is. Each byte that is
 * not part of valid UTF-8 becomes U+FFFD, so that the result is always valid JSON. */
int text_add_json_string(Text *t, const char *s, size_t n);

/* Cuts the text off after this many bytes; there are at least as many. */
void text_truncate(Text *t, size_t size);

/* When the text is longer than max bytes: cuts it off there (not inside a UTF-8 character) and
 * appends
 * "...". For messages that quote somebody's input. */
void text_shorten(Text *t, size_t max);

/* Hands over the string (caller frees; "" when nothing was added, never NULL) and leaves an empty
 * text. Or returns the text's error, leaving the text and *ret as they are. */
int text_take(Text *t, char **ret);

/* asprintf() with the result as return value: caller frees, NULL when out of memory. */
char *text_printf(const char *format, ...) _printf_(1, 2);

/* Length in bytes (1 to 4) of the UTF-8 character at s, of which n bytes may be read; 0 when there
 * is none: n is 0, or the bytes are not well-formed (RFC 3629: no overlong forms, no surrogates,
 * nothing above U+10FFFF). NUL is a character. */
size_t utf8_char(const char *s, size_t n);

/* Whether all n bytes at s are well-formed UTF-8. */
bool utf8_valid(const char *s, size_t n);
