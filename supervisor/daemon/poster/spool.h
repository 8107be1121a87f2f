/* SPDX-License-Identifier: MIT */
/*
 * Batches that wait until their collector has taken them: one file each, in a folder of their own,
 * from before the first try until it is known that they are stored. So a kill -9 at any time loses
 * nothing and, as a batch keeps its key, stores nothing twice. Bounded by size and age; the oldest
 * give way, and are counted. What a full or broken disk does not take waits in memory.
 *
 * Each call may wait for the disk: they are for a thread of their own (worker.h), one at a time.
 * Times are CLOCK_REALTIME, passed in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "0123456789abcdef-0123456789abcdef": when it was made, and a random number. */
#define SPOOL_KEY_SIZE 34U

typedef struct SpoolRules {
    uint64_t size_max; /* bytes on disk, files rounded up to blocks */
    uint64_t age_usec;
    uint64_t memory_max; /* bytes that may wait in memory while the disk takes none */
} SpoolRules;

typedef struct SpoolState {
    size_t n;         /* that wait */
    uint64_t size;    /* their bytes */
    uint64_t dropped; /* for want of room, too old, or damaged */
    uint64_t refused; /* put aside as the collector will never take them */
    size_t n_memory;  /* of n, those that are in memory only */
    int disk_error;   /* why; 0: none is */
} SpoolState;

typedef struct Spool Spool;

/* Reads which files there are, not what is in them. What an interrupted write left is removed. A
 * folder that cannot be used is no failure, but shows as disk_error. -ENOMEM. */
int spool_new(const char *folder, const SpoolRules *rules, Spool **ret);
Spool *spool_free(Spool *spool);
void spool_set_rules(Spool *spool, const SpoolRules *rules);

/* The key of the next batch; keys of one spool are in the order of their making, whatever the clock
 * does. */
void spool_next_key(Spool *spool, uint64_t now_usec, char ret[SPOOL_KEY_SIZE]);

/* Keeps a batch with a key from spool_next_key(). 0: on disk, or in memory; -ENOBUFS: it is larger
 * than the spool may be, and was dropped; -ENOMEM. */
int spool_add(Spool *spool, const char *key, const char *body, size_t size, uint64_t now_usec);

/* The oldest one, which stays where it is and gives no way to others until spool_settle(); until
 * then it is the same. *ret_body (with a NUL behind) is the caller's. Damaged files are put aside
 * on the way. 1, or 0: there is none; a negative errno when it cannot be read now. */
int spool_take(Spool *spool, uint64_t now_usec, char ret_key[SPOOL_KEY_SIZE], char **ret_body,
               size_t *ret_size);

typedef enum SpoolFate {
    SPOOL_STORED,  /* done with */
    SPOOL_LATER,   /* it waits on */
    SPOOL_REFUSED, /* put aside as KEY.json.refused, for people to look at */
} SpoolFate;

/* What has become of the one that was taken. */
void spool_settle(Spool *spool, SpoolFate fate);

void spool_state(const Spool *spool, SpoolState *ret);
