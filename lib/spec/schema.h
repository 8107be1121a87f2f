/* SPDX-License-Identifier: MIT */
/*
 * The key table as documentation: a JSON Schema (draft 2020-12) for editors, and the list that the
 * man page is checked against. Both come from keys.h, the table that the reader works with.
 */
#pragma once

#include "base/text.h"

/* Adds the schema of a spec. Returns 0 or -ENOMEM. */
int schema_write(Text *text);

/*
 * Adds one line per key: dotted path, tab, kind, tab, default or "-", tab, description.
 * Returns 0 or -ENOMEM.
 */
int schema_list_keys(Text *text);
