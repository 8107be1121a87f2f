/* SPDX-License-Identifier: MIT */
/*
 * From parsed JSON to the fields of a structure, key by key. Internal to lib/spec; programs use
 * read.h.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "spec/diag.h"
#include "spec/keys.h"
#include "spec/spec.h"

/*
 * Fills a fresh spec from a JSON value. plan: keys that stand only in plans are accepted.
 * Returns 0 (with or without findings) or -ENOMEM.
 */
int value_read_spec(const json_t *json, const char *source, bool plan, DiagList *diags, Spec *spec);

/*
 * Sets a scalar field from text as the key table writes defaults. The text must be right for the
 * key. Returns 0 or -ENOMEM.
 */
int value_set_text(const Key *key, void *field, const char *text);

/* The index of the word in an enum key, by word or alias; -1 when it is none. */
int value_enum_index(const Key *key, const char *word);
