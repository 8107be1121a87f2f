/* SPDX-License-Identifier: MIT */

/* The thread that stores: takes all posts that wait, stores them in one transaction (one fsync for
 * all of them), and only then gives them back as stored. In between it cleans up (retention.h). It
 * is the only one that writes to the database. */

#pragma once

#include "base/text.h"
#include "collector/fault.h"
#include "collector/retention.h"

typedef enum PostOutcome {
    POST_STORED,
    POST_WAS_STORED, /* a duplicate by its key */
    POST_REFUSED,    /* POST_INVALID; see fault */
    POST_TOO_MANY,   /* hosts or services */
    POST_FAILED,     /* not stored; see error */
} PostOutcome;

/* What readers of the stream are told. */
typedef struct Announcement {
    struct Announcement *next;
    const char *kind; /* "sample", "event" */
    char *json;
} Announcement;

/* Frees the list. */
Announcement *announcements_free(Announcement *list);

/* One post on its way. The owner allocates it, and has it back when writer_take_done() says so. */
typedef struct PostJob {
    struct PostJob *next;
    void *owner;
    char *body; /* is changed */
    size_t size;
    const char *sender; /* the host when the post names none */
    const char *key;    /* when the body has none; may be NULL */
    uint64_t arrived_usec;

    PostOutcome outcome;
    size_t n_samples, n_events;
    Fault fault;
    int error;
    Announcement *announcements; /* the owner frees them, and this: */
    char *last_of;               /* the host whose last post it was; or NULL */
} PostJob;

typedef struct WriterStats {
    uint64_t commits, posts, samples, events, duplicates, refused, failed;
    uint64_t entry_bytes, kept_bytes; /* of samples: as they came, and packed */
    uint64_t aged, squeezed;          /* rows that retention took */
    uint64_t set_aside;               /* damaged databases */
    uint64_t waiting, waiting_bytes;
    uint64_t commit_usec, commit_usec_max; /* in transactions, in all and the longest */
    uint64_t busy_usec;                    /* how long what is being done takes already; 0: idle */
    int error;                             /* of the last transaction; 0: it was stored */
} WriterStats;

typedef struct WriterOptions {
    Keep keep;
    uint64_t clean_usec; /* between two passes of retention */
    size_t max_waiting;  /* bytes of bodies */
} WriterOptions;

typedef struct Writer Writer;

/* Starts the thread, which owns the store from now on (also when this fails). done_fd: an eventfd
 * that is written to when posts have come back; the caller's. */
int writer_new(Store *store, const WriterOptions *options, int done_fd, Writer **ret);
/* Stores what waits, ends the thread, closes the store. What came back meanwhile is to be taken
 * first: writer_stop(), writer_take_done(), writer_free(). */
void writer_stop(Writer *writer);
Writer *writer_free(Writer *writer);

/* -ENOBUFS when too much waits. */
int writer_push(Writer *writer, PostJob *job);
/* The list of posts that came back, the oldest first; NULL when none. */
PostJob *writer_take_done(Writer *writer);

/* Another thread found that the database is damaged. */
void writer_report_damage(Writer *writer);
/* Changes when a fresh database was begun: connections to the old one are to be closed. */
unsigned writer_generation(Writer *writer);

void writer_stats(Writer *writer, WriterStats *ret);
