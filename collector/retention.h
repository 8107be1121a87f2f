/* SPDX-License-Identifier: MIT */

/* What is kept for how long: entries and fine values are deleted or made coarser by age, and
 * earlier when the database is larger than it may be. In small steps, between which the thread that
 * does it stores what has come in meanwhile. */

#pragma once

#include "collector/store.h"

typedef struct Keep {
    uint64_t raw_usec;    /* entries, and values as they came */
    uint64_t minute_usec; /* values per minute */
    uint64_t hour_usec;   /* values per hour; events */
    uint64_t key_usec;    /* idempotency keys */
    uint64_t max_bytes;   /* of the database */
} Keep;

typedef struct Retention Retention;

int retention_new(const Keep *keep, Retention **ret);
Retention *retention_free(Retention *retention);

/* One step, in a transaction of its own (there must be none): some milliseconds of work. now_usec:
 * steady.h. 1: there is more to do; 0: a pass over everything is complete; or negative errno. */
int retention_step(Retention *retention, Store *store, uint64_t now_usec);

/* What was deleted for its age and for want of space, since the start. */
uint64_t retention_n_aged(const Retention *retention);
uint64_t retention_n_squeezed(const Retention *retention);
