/* SPDX-License-Identifier: MIT */

/* String vectors: NULL-terminated arrays of strings, the shape of argv and environ, for every list
 * of words in Phoenix. NULL is a valid empty vector everywhere. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"

/* Frees the strings and the vector; returns NULL, for `v = strv_free(v)`. */
char **strv_free(char **v);

static inline void cleanup_strv_free(char ***v)
{
    strv_free(*v);
}

#define _cleanup_strv_free_ _cleanup_(cleanup_strv_free)

size_t strv_length(char *const *v);

/* Appends a copy of s. 0, or -ENOMEM and the vector is as it was. */
int strv_push(char ***v, const char *s);

/* Appends s itself and owns it from now on: s is freed when this fails. A NULL s is taken as a
 * failed allocation of the caller and gives -ENOMEM, so that results can be passed straight in. */
int strv_consume(char ***v, char *s);

bool strv_contains(char *const *v, const char *s);

/* Same strings in the same order. */
bool strv_equal(char *const *a, char *const *b);

/* Declares p, which points at each string of the vector in turn: STRV_FOREACH(p, v) puts(*p); */
#define STRV_FOREACH(p, v) for (__typeof__(*(v)) *p = (v); p && *p; p++)

/* Splits s at every run of the characters in separators; pieces are never empty, and leading and
 * trailing separators count for nothing. *ret is never NULL (a vector of length 0 at least), caller
 * frees with strv_free(). 0 or -ENOMEM. */
int strv_split(const char *s, const char *separators, char ***ret);

/* Sorts by strcmp(), so independent of the locale. */
void strv_sort(char **v);
