/* SPDX-License-Identifier: MIT */

/* The thread that draws: reads values, makes both pictures, and puts each in its place by a rename,
 * so that whoever looks sees a whole one. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRAPH_SYSTEM     "system_metrics.png"
#define GRAPH_CONTAINERS "containers_metrics.png"

typedef struct PaintJob {
    struct PaintJob *next;
    void *owner;
    bool is_last;       /* drawn since this host posts no more */
    char *host;         /* NULL: the one that sent last; then filled. Freed by paint_job_free() */
    uint64_t span_usec; /* up to now */

    int error;
    uint64_t n_samples, when_usec;
} PaintJob;

PaintJob *paint_job_free(PaintJob *job);

typedef struct Painter Painter;

/* db_path: of the database; folder: for the pictures, is made when it is not there. Both are
 * copied. done_fd: an eventfd that is written to when a job came back; the caller's. */
int painter_new(const char *db_path, const char *folder, int done_fd, Painter **ret);
void painter_stop(Painter *painter);
Painter *painter_free(Painter *painter);

/* The job is the painter's until it comes back. */
void painter_push(Painter *painter, PaintJob *job);
/* One that came back, or NULL. */
PaintJob *painter_take_done(Painter *painter);
/* The database is another one now. */
void painter_reopen(Painter *painter);
