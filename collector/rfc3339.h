/* SPDX-License-Identifier: MIT */

/* Times as RFC 3339 writes them, in and out. */

#pragma once

#include <stddef.h>
#include <stdint.h>

#define RFC3339_SIZE 28 /* "2026-11-23T18:20:00.000000Z" and the NUL */

/* Reads "2026-11-23T18:20:00Z", with "t", "z" or a blank in place of the T, 1 to 9 digits of
 * fraction (cut off below a microsecond), and an offset ("+01:00"). A leap second is the first one
 * of the next minute. -EINVAL when it is no such time; -ERANGE before 1970 and from 2200 on. */
int rfc3339_parse(const char *s, uint64_t *ret_usec);

/* UTC with microseconds. What is beyond the year 9999 is shown as its end. */
void rfc3339_format(uint64_t usec, char ret[RFC3339_SIZE]);
