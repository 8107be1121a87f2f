/* SPDX-License-Identifier: MIT */
/*
 * The words of a result. What a server, a program or a library said goes into them, so each one is
 * cleaned on its way in: one line of valid UTF-8 that fits.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

#define REASON_WORDS_MAX 64

/* Copies n bytes as clean text: runs of blanks and control characters become one blank, bytes that
 * are not UTF-8 become "?", blanks at the ends go. What does not fit ends with "...". The size
 * includes the NUL and is at least 4. */
void reason_clean(char *dest, size_t size, const char *text, size_t n);

/* The same for a formatted text. */
void reason_format(char *dest, size_t size, const char *format, va_list ap) _printf_(3, 0);

/* What errno (either sign) means, as it stands inside a sentence: "connection refused". Returns
 * buffer. */
const char *reason_errno(int error, char buffer[static REASON_WORDS_MAX]);

/* A time span as precise as people want it: "120ms", "35s", "2h 5min". Returns buffer. */
const char *reason_span(uint64_t usec, char buffer[static REASON_WORDS_MAX]);
