/* SPDX-License-Identifier: MIT */

/* Members of JSON objects, appended to a Text. Enough for flat output; what is written is always
 * valid JSON, even where a string is not UTF-8. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* Each writes `"name": value`, after a comma unless the text ends in '{'. */
void json_add_string(Text *t, const char *name, const char *value); /* NULL: null */
void json_add_strv(Text *t, const char *name, char *const *values);
void json_add_number(Text *t, const char *name, uint64_t value);
void json_add_bool(Text *t, const char *name, bool value);
/* A time as RFC 3339; null when it is 0 or USEC_INFINITY. */
void json_add_time(Text *t, const char *name, uint64_t usec);

/* Writes `"name": `; the value is up to the caller. */
void json_add_name(Text *t, const char *name);
