/* SPDX-License-Identifier: MIT */
/*
 * The members that are ready in one turn are held here while they are served: a member that is
 * removed meanwhile is struck out, so that nobody is called who is gone, or for what it no longer
 * waits for.
 */
#include "supervisor/loop/ready.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/macros.h"

/* Served in one turn; after them the other event sources get theirs. */
#define BATCH 64

struct ReadySet {
    sd_event_source *source;
    int epoll_fd;
    size_t n_members;
    struct epoll_event batch[BATCH];
    int n_batch; /* 0 outside of a turn */
    int n_served;
};

static int on_ready(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    ReadySet *set = userdata;
    int n = epoll_wait(set->epoll_fd, set->batch, BATCH, 0);

    set->n_batch = n;
    for (set->n_served = 0; set->n_served < n;) {
        struct epoll_event *one = &set->batch[set->n_served++];
        Ready *ready = one->data.ptr;
        if (ready)
            ready->callback(ready, one->events);
    }
    set->n_batch = 0;
    return 0;
}

int ready_set_new(sd_event *event, const char *name, int64_t priority, ReadySet **ret)
{
    assert(event && name && ret);

    ReadySet *set = calloc(1, sizeof(*set));
    if (!set)
        return -ENOMEM;
    set->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int r = set->epoll_fd < 0 ? -errno : 0;
    if (r >= 0)
        r = sd_event_add_io(event, &set->source, set->epoll_fd, EPOLLIN, on_ready, set);
    if (r >= 0)
        r = sd_event_source_set_priority(set->source, priority);
    if (r < 0) {
        ready_set_free(set);
        return r;
    }
    (void)sd_event_source_set_description(set->source, name);
    *ret = set;
    return 0;
}

ReadySet *ready_set_free(ReadySet *set)
{
    if (!set)
        return NULL;
    assert(set->n_members == 0);
    sd_event_source_disable_unref(set->source);
    if (set->epoll_fd >= 0)
        close(set->epoll_fd);
    free(set);
    return NULL;
}

static int control(ReadySet *set, int operation, Ready *ready, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = ready};

    return epoll_ctl(set->epoll_fd, operation, ready->fd, &event) < 0 ? -errno : 0;
}

int ready_add(ReadySet *set, Ready *ready, int fd, uint32_t events, ready_t callback)
{
    assert(set && ready && callback && !ready->added);

    ready->fd = fd;
    ready->callback = callback;
    int r = control(set, EPOLL_CTL_ADD, ready, events);
    if (r < 0)
        return r;
    ready->added = true;
    set->n_members++;
    return 0;
}

/* What the kernel said before is forgotten but for `events`, when its turn has not come yet. */
static void narrow(ReadySet *set, const Ready *ready, uint32_t events)
{
    for (int i = set->n_served; i < set->n_batch; i++) {
        if (set->batch[i].data.ptr != ready)
            continue;
        set->batch[i].events &= events;
        if (set->batch[i].events == 0)
            set->batch[i].data.ptr = NULL;
    }
}

int ready_change(ReadySet *set, Ready *ready, uint32_t events)
{
    assert(ready->added);

    int r = control(set, EPOLL_CTL_MOD, ready, events);
    if (r >= 0) /* these two are always told */
        narrow(set, ready, events | EPOLLERR | EPOLLHUP);
    return r;
}

void ready_remove(ReadySet *set, Ready *ready)
{
    if (!ready->added)
        return;
    int r = control(set, EPOLL_CTL_DEL, ready, 0);
    assert(r >= 0); /* the descriptor was closed before */
    (void)r;
    ready->added = false;
    set->n_members--;
    narrow(set, ready, 0);
}
