/* SPDX-License-Identifier: MIT */
/* The book of book.h: a sorted array, as it is looked into often and changed seldom. */
#include "engine/book.h"

#include <errno.h>

/* An engine lists a container a moment after its processes are there. */
#define MISS_USEC     (2 * USEC_PER_SEC)
#define MISS_MAX_USEC (10 * USEC_PER_MINUTE)
/* What is not taken over is not known. */
#define CONTAINERS_MAX 65536U

static void entry_done(EngineEntry *entry)
{
    engine_container_done(&entry->container);
}

void engine_book_done(EngineBook *book)
{
    for (size_t i = 0; i < book->n; i++)
        entry_done(&book->entries[i]);
    free(book->entries);
    free(book->misses);
    *book = (EngineBook){0};
}

const EngineContainer *engine_book_find(const EngineBook *book, const char *id)
{
    size_t low = 0, high = book->n, length = strlen(id);

    while (low < high && length > 0) {
        size_t middle = low + (high - low) / 2;
        int order = strncmp(id, book->entries[middle].container.id, length);
        if (order == 0)
            return &book->entries[middle].container;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* Where it is among the misses, or belongs. */
static size_t place_of_miss(const EngineBook *book, const char *id)
{
    size_t low = 0, high = book->n_misses;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(book->misses[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static EngineMiss *find_miss(const EngineBook *book, const char *id)
{
    size_t i = place_of_miss(book, id);

    return i < book->n_misses && streq(book->misses[i].id, id) ? &book->misses[i] : NULL;
}

bool engine_book_wants(const EngineBook *book, const char *id, uint64_t now_usec)
{
    if (engine_book_find(book, id))
        return false;
    const EngineMiss *miss = find_miss(book, id);
    return !miss || now_usec >= miss->again_usec;
}

/* ---- listings ---- */

void engine_book_listing_done(EngineBookListing *listing)
{
    for (size_t i = 0; i < listing->n; i++)
        engine_container_done(&listing->items[i]);
    free(listing->items);
    *listing = (EngineBookListing){0};
}

int engine_book_collect(EngineContainer *container, void *userdata)
{
    EngineBookListing *listing = userdata;

    if (listing->n == CONTAINERS_MAX)
        return -EMSGSIZE;
    if (listing->n == listing->allocated) {
        size_t allocated = MAX(listing->allocated * 2, (size_t)64);
        EngineContainer *grown = reallocarray(listing->items, allocated, sizeof(EngineContainer));
        if (!grown)
            return -ENOMEM;
        listing->items = grown;
        listing->allocated = allocated;
    }
    listing->items[listing->n++] = *container;
    *container = (EngineContainer){0};
    return 0;
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const EngineEntry *)a)->container.id, ((const EngineEntry *)b)->container.id);
}

/* Of two with one ID, neither is believed. */
static void drop_doubles(EngineBook *book)
{
    size_t kept = 0;

    for (size_t i = 0; i < book->n;) {
        size_t same = 1;
        while (i + same < book->n &&
               compare_entries(&book->entries[i], &book->entries[i + same]) == 0)
            same++;
        if (same == 1)
            book->entries[kept++] = book->entries[i];
        for (size_t k = 0; same > 1 && k < same; k++)
            entry_done(&book->entries[i + k]);
        i += same;
    }
    book->n = kept;
}

int engine_book_replace(EngineBook *book, EngineKind kind, EngineBookListing *listing)
{
    EngineEntry *entries = calloc(book->n + listing->n + 1, sizeof(EngineEntry));
    size_t n = 0;

    if (!entries)
        return -ENOMEM;
    for (size_t i = 0; i < book->n; i++)
        if (book->entries[i].kind == kind)
            entry_done(&book->entries[i]);
        else
            entries[n++] = book->entries[i];
    for (size_t i = 0; i < listing->n; i++)
        entries[n++] = (EngineEntry){.container = listing->items[i], .kind = kind};
    listing->n = 0;
    engine_book_listing_done(listing);
    free(book->entries);
    book->entries = entries;
    book->n = n;
    qsort(entries, n, sizeof(EngineEntry), compare_entries);
    drop_doubles(book);
    return 0;
}

/* ---- misses ---- */

/* Those of containers that are gone: of one that is there, it would have been asked again. */
static void forget_old(EngineBook *book, uint64_t now_usec)
{
    size_t kept = 0;

    for (size_t i = 0; i < book->n_misses; i++)
        if (now_usec < book->misses[i].again_usec + MISS_MAX_USEC)
            book->misses[kept++] = book->misses[i];
    book->n_misses = kept;
}

static EngineMiss *add_miss(EngineBook *book, const char *id)
{
    size_t i = place_of_miss(book, id);
    EngineMiss *grown = reallocarray(book->misses, book->n_misses + 1, sizeof(EngineMiss));

    if (!grown)
        return NULL;
    book->misses = grown;
    memmove(&grown[i + 1], &grown[i], (book->n_misses++ - i) * sizeof(EngineMiss));
    grown[i] = (EngineMiss){0};
    memcpy(grown[i].id, id, strnlen(id, ENGINE_ID_LENGTH));
    return &grown[i];
}

void engine_book_miss(EngineBook *book, const char *id, uint64_t now_usec)
{
    forget_old(book, now_usec);
    EngineMiss *miss = find_miss(book, id);
    if (!miss)
        miss = add_miss(book, id);
    if (!miss || now_usec < miss->again_usec)
        return;
    miss->n = MIN(miss->n + 1, 16U);
    miss->again_usec = now_usec + MIN(MISS_USEC << (miss->n - 1), MISS_MAX_USEC);
}
