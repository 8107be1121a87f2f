/* SPDX-License-Identifier: MIT */

/* Where in a JSON text a value stands. jansson tells no positions for values, and an error message
 * without a line number is half a message; so the place is looked up in the text again, only when
 * there is something to report. The scan is one pass, without recursion, and takes texts that a
 * parser has accepted or refused alike.
 *
 * Paths look like `restart.delay`, `healthcheck[0].path`, `unit.Service.Nice`; "" is the whole
 * text. A key that is empty or holds one of . [ ] " ' \ or a control character is written as a
 * JSON string in brackets: `env["a.b"]`, `["x y.z"].k`. Build them with path_add_key() and
 * path_add_index(). */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

/* Both count from 1; a column is a Unicode character, not a byte. */
typedef struct Position {
    unsigned line;
    unsigned column;
} Position;

/* The place of byte `offset` of the text; the end of the text when offset is beyond it. */
void position_of_offset(const char *text, size_t size, size_t offset, Position *ret);

/* The place where the value at path starts or, with key, where its key starts (its opening quote;
 * array elements and the whole text have no key: the value then). Of duplicate keys the first one
 * counts. 0; -ENOENT when there is no such path; -EBADMSG when the text stops being JSON before it
 * is found; -EINVAL when path itself is not well-formed; -ENOMEM. */
int position_find(const char *text, size_t size, const char *path, bool key, Position *ret);

/* Looks for an object with the same key twice (escapes decoded: "a" and "\u0061" are the same). 1:
 * found, *ret_path is the key's path (caller frees), with the places of its first and second
 * occurrence; each output may be NULL. It is the first such object to end, and of its keys the one
 * whose second occurrence comes first. 0: none. -EBADMSG when the text is not JSON, or is nested
 * more than 2048 deep, jansson's own limit; -ENOMEM. */
int position_find_duplicate(const char *text, size_t size, char **ret_path, Position *ret_first,
                            Position *ret_second);

/* Append one step to a path that starts out as an empty Text; errors as text_add(). */
int path_add_key(Text *path, const char *key);
int path_add_index(Text *path, size_t index);
