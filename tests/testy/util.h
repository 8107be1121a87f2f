/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Small things every part of phoenix-testy needs: time, numbers, escaping. Pure but for the clock.
 */

#include <stdint.h>
#include <stdio.h>

#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC  UINT64_C(1000000)
#define USEC_NEVER    UINT64_MAX
#define ELEMENTSOF(x) (sizeof(x) / sizeof((x)[0]))

uint64_t now_usec(void);

/* Reads a time span: "500ms", "10s", "1min 30s", "2" (seconds). Units: us, ms, s, min, h.
 * Returns 0 and microseconds, -EINVAL when it is not one, -ERANGE when it is longer than a day. */
int parse_span(const char *text, uint64_t *ret_usec);

/* Reads a plain decimal number from 0 to max. Returns 0, -EINVAL, or -ERANGE. */
int parse_number(const char *text, uint64_t max, uint64_t *ret);

/* Writes text in double quotes; what is not printable ASCII as a C escape, so that every byte can
 * be told apart. */
void print_c_quoted(FILE *f, const char *text);

/* Writes text as a JSON string. Bytes that are not ASCII become \u00XX: always valid JSON, whatever
 * the bytes. */
void print_json_string(FILE *f, const char *text);
