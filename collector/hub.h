/* SPDX-License-Identifier: MIT */

/* What is told to the readers of the stream: the newest messages in a ring of bounded size, written
 * once and read by each at its own pace. Who is too slow is told how much was missed. Pure. */

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

typedef struct Hub Hub;

int hub_new(size_t max_bytes, Hub **ret);
Hub *hub_free(Hub *hub);

/* Adds a message: kind is a literal. One that cannot be kept for want of memory is left out, which
 * readers see as lost. */
void hub_add(Hub *hub, const char *kind, const char *json);

/* The id that the next message will have; ids begin with 1. */
uint64_t hub_next_id(const Hub *hub);

/* Appends to t, as server-sent events, what comes from *id on, at most max bytes but at least one
 * message; *id is moved on. An id that the hub has never given is taken for "lost all". */
void hub_read(Hub *hub, uint64_t *id, size_t max, Text *t);
