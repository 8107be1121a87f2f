/* SPDX-License-Identifier: MIT */
/*
 * A binary heap by the time when a timer elapses. Each member knows its place in it, so taking one
 * out is as cheap as putting one in. Place 0 stays empty: it means "not armed".
 */
#include "supervisor/loop/timers.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/macros.h"

/* Served in one turn; after them the other event sources get theirs. */
#define BATCH 64

struct Timers {
    sd_event *event;
    sd_event_source *source;
    uint64_t set_usec; /* what the source is set to; UINT64_MAX: off */
    bool serving;
    Timer **heap;
    uint32_t n_armed, n_members, allocated;
};

static void place(Timers *timers, Timer *timer, uint32_t index)
{
    timers->heap[index] = timer;
    timer->index = index;
}

static void move_up(Timers *timers, Timer *timer, uint32_t index)
{
    for (; index > 1 && timers->heap[index / 2]->at_usec > timer->at_usec; index /= 2)
        place(timers, timers->heap[index / 2], index);
    place(timers, timer, index);
}

static void move_down(Timers *timers, Timer *timer, uint32_t index)
{
    for (uint32_t child; (child = 2 * index) <= timers->n_armed; index = child) {
        if (child < timers->n_armed &&
            timers->heap[child + 1]->at_usec < timers->heap[child]->at_usec)
            child++;
        if (timers->heap[child]->at_usec >= timer->at_usec)
            break;
        place(timers, timers->heap[child], index);
    }
    place(timers, timer, index);
}

static void settle(Timers *timers, Timer *timer, uint32_t index)
{
    if (index > 1 && timers->heap[index / 2]->at_usec > timer->at_usec)
        move_up(timers, timer, index);
    else
        move_down(timers, timer, index);
}

/* The source follows the first timer. While timers are served it is left alone until the end. */
static void follow(Timers *timers)
{
    uint64_t first = timers->n_armed > 0 ? timers->heap[1]->at_usec : UINT64_MAX;

    if (timers->serving || first == timers->set_usec)
        return;
    timers->set_usec = first;
    if (first != UINT64_MAX)
        (void)sd_event_source_set_time(timers->source, first);
    (void)sd_event_source_set_enabled(timers->source,
                                      first == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static void take_out(Timers *timers, Timer *timer)
{
    uint32_t index = timer->index;
    Timer *last = timers->heap[timers->n_armed--];

    timer->index = 0;
    if (last != timer)
        settle(timers, last, index);
}

static int on_elapsed(sd_event_source *source, uint64_t usec, void *userdata)
{
    Timers *timers = userdata;
    uint64_t now = 0;

    (void)sd_event_now(timers->event, CLOCK_MONOTONIC, &now);
    timers->set_usec = UINT64_MAX; /* a one-shot source is off now */
    timers->serving = true;
    for (int i = 0; i < BATCH && timers->n_armed > 0 && timers->heap[1]->at_usec <= now; i++) {
        Timer *timer = timers->heap[1];
        take_out(timers, timer);
        timer->elapsed(timer);
    }
    timers->serving = false;
    follow(timers);
    return 0;
}

int timers_new(sd_event *event, const char *name, int64_t priority, Timers **ret)
{
    assert(event && name && ret);

    Timers *timers = calloc(1, sizeof(*timers));
    if (!timers)
        return -ENOMEM;
    timers->event = sd_event_ref(event);
    timers->set_usec = UINT64_MAX;
    int r = sd_event_add_time(event, &timers->source, CLOCK_MONOTONIC, 0, 1, on_elapsed, timers);
    if (r >= 0)
        r = sd_event_source_set_enabled(timers->source, SD_EVENT_OFF);
    if (r >= 0)
        r = sd_event_source_set_priority(timers->source, priority);
    if (r < 0) {
        timers_free(timers);
        return r;
    }
    (void)sd_event_source_set_description(timers->source, name);
    *ret = timers;
    return 0;
}

Timers *timers_free(Timers *timers)
{
    if (!timers)
        return NULL;
    assert(timers->n_members == 0);
    sd_event_source_disable_unref(timers->source);
    sd_event_unref(timers->event);
    free(timers->heap);
    free(timers);
    return NULL;
}

int timer_init(Timers *timers, Timer *timer, timer_elapsed_t elapsed)
{
    assert(timers && timer && elapsed);

    if (timers->n_members + 1 >= timers->allocated) {
        uint32_t n = MAX(2 * timers->allocated, UINT32_C(64));
        Timer **heap = reallocarray(timers->heap, n, sizeof(Timer *));
        if (!heap)
            return -ENOMEM;
        timers->heap = heap;
        timers->allocated = n;
    }
    timers->n_members++;
    *timer = (Timer){.elapsed = elapsed};
    return 0;
}

void timer_done(Timers *timers, Timer *timer)
{
    if (!timer->elapsed)
        return;
    timer_disarm(timers, timer);
    timers->n_members--;
    timer->elapsed = NULL;
}

/* The next point of the coarsest grid (a power of two) that the slack allows. */
static uint64_t with_slack(uint64_t at, uint64_t slack)
{
    uint64_t grid = 1;

    while (grid <= slack / 2)
        grid *= 2;
    return grid == 1 ? at : (at + grid - 1) / grid * grid;
}

void timer_arm(Timers *timers, Timer *timer, uint64_t after_usec, uint64_t slack_usec)
{
    uint64_t now = 0;

    assert(timer->elapsed);
    if (timer->index > 0)
        take_out(timers, timer);
    (void)sd_event_now(timers->event, CLOCK_MONOTONIC, &now);
    if (after_usec < UINT64_MAX - now) {
        uint64_t at = now + after_usec;
        timer->at_usec = after_usec == 0 ? at : with_slack(at, MIN(slack_usec, UINT64_MAX - at));
        move_up(timers, timer, ++timers->n_armed);
    }
    follow(timers);
}

void timer_disarm(Timers *timers, Timer *timer)
{
    if (timer->index == 0)
        return;
    take_out(timers, timer);
    follow(timers);
}

bool timer_is_armed(const Timer *timer)
{
    return timer->index > 0;
}
