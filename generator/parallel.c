/* SPDX-License-Identifier: MIT */
/*
 * Threads for slices, behind parallel.h. When a thread cannot be had, its slice is worked on by the
 * caller: slower, but done.
 */
#include "generator/parallel.h"

#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/macros.h"

/* Boot has other things to do, too. */
#define THREADS_MAX 4U

typedef struct Slice {
    ParallelWork work;
    void *context;
    size_t first, end;
    int result;
    pthread_t thread;
    bool started;
} Slice;

static void *slice_run(void *data)
{
    Slice *slice = data;

    slice->result = slice->work(slice->context, slice->first, slice->end);
    return NULL;
}

static size_t slices_for(size_t n, size_t slice)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t slices = MIN(n / slice, (size_t)THREADS_MAX);

    slices = MIN(slices, processors > 0 ? (size_t)processors : 1);
    return MAX(slices, (size_t)1);
}

int parallel_for(size_t n, size_t slice, ParallelWork work, void *context)
{
    size_t slices = slices_for(n, slice);
    Slice all[THREADS_MAX];
    int r = 0;

    for (size_t i = 0; i < slices; i++)
        all[i] = (Slice){
            .work = work, .context = context, .first = n * i / slices, .end = n * (i + 1) / slices};
    /* The caller takes the first slice. */
    for (size_t i = 1; i < slices; i++)
        all[i].started = pthread_create(&all[i].thread, NULL, slice_run, &all[i]) == 0;
    for (size_t i = 0; i < slices; i++)
        if (!all[i].started)
            slice_run(&all[i]);
    for (size_t i = 0; i < slices; i++) {
        if (all[i].started)
            pthread_join(all[i].thread, NULL);
        if (r == 0)
            r = all[i].result;
    }
    return r;
}
