/* SPDX-License-Identifier: MIT */

/* What is wrong with a body that somebody posted: where, what was found, what is accepted. */

#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/text.h"

/* The outcome of functions that look at a body: it is not what it should be, and a Fault says why.
 */
#define POST_INVALID 1

typedef struct Fault {
    char path[512];     /* JSON pointer (RFC 6901), cut off when it is longer */
    char found[160];    /* "the string \"12\"" */
    char accepted[160]; /* "a number from 0" */
} Fault;

/* Each fills the fault and returns POST_INVALID. `found` NULL: there is nothing. */
int fault_value(Fault *fault, const char *path, const json_t *found, const char *accepted);
int fault_text(Fault *fault, const char *path, const char *found, const char *accepted);

/* Where a value is: the path of what it is in, and its name. Appends "/name" with ~ and / escaped;
 * what does not fit into `size` is cut off. */
void fault_join(char *ret, size_t size, const char *path, const char *name);
void fault_join_index(char *ret, size_t size, const char *path, size_t index);

/* The body of the answer: {"error", "path", "found", "accepted"}. */
void fault_add_json(Text *t, const Fault *fault);
