/* SPDX-License-Identifier: MIT */
/*
 * What engines have said of containers, kept by ID: labels never change, and a name hardly ever, so
 * an engine is asked only when there is a container that it has not told of. Knows of those it
 * could not tell of, too, which are not asked for again and again.
 */
#pragma once

#include <stdint.h>

#include "engine/engine.h"

typedef struct EngineEntry {
    EngineContainer container;
    EngineKind kind;
} EngineEntry;

/* A container that its engine did not list: it has just been started, or is of another storage. */
typedef struct EngineMiss {
    char id[ENGINE_ID_LENGTH + 1];
    unsigned n; /* times */
    uint64_t again_usec;
} EngineMiss;

/* Initialise with { 0 }. */
typedef struct EngineBook {
    EngineEntry *entries; /* sorted by ID */
    size_t n;
    EngineMiss *misses; /* the same */
    size_t n_misses;
} EngineBook;

void engine_book_done(EngineBook *book);
#define _cleanup_engine_book_ _cleanup_(engine_book_done)

/* What is known of it, or NULL. A shorter ID will do. */
const EngineContainer *engine_book_find(const EngineBook *book, const char *id);

/* Whether it is worthwhile to ask for it: it is not known, and was not asked for in vain just now.
 */
bool engine_book_wants(const EngineBook *book, const char *id, uint64_t now_usec);

/* A new listing is collected, of an engine_container_t with userdata = &EngineBookListing, and
 * takes the place of all that was known of this kind. */
typedef struct EngineBookListing {
    EngineContainer *items;
    size_t n, allocated;
} EngineBookListing;

int engine_book_collect(EngineContainer *container, void *userdata);
void engine_book_listing_done(EngineBookListing *listing);

/* Takes what was collected. 0, or -ENOMEM and the book is as it was. */
int engine_book_replace(EngineBook *book, EngineKind kind, EngineBookListing *listing);

/* This one of those that run was not in the listing. Without memory it is asked for again soon. */
void engine_book_miss(EngineBook *book, const char *id, uint64_t now_usec);
