/* SPDX-License-Identifier: MIT */
/*
 * Events that wait for the next batch, as JSON of docs/collector-api.md. Bounded: the oldest give
 * way, and are counted. No I/O.
 */
#pragma once

#include "base/text.h"
#include "supervisor/daemon/event.h"

#define PENDING_MAX 1000U

/* Initialise with { 0 }. */
typedef struct Pending {
    char **items; /* a ring of PENDING_MAX, the oldest at `first` */
    size_t first, n;
    uint64_t dropped;
} Pending;

void pending_done(Pending *pending);

/* Events that cannot be kept, for want of memory, count as dropped, too. */
void pending_add(Pending *pending, const Event *event);
/* Appends all of them, with commas between, and forgets them. */
void pending_take(Pending *pending, Text *t);
/* Somebody is waiting to see it: it starts a batch early. */
bool pending_matters(const Event *event);
