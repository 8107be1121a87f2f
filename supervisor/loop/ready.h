/* SPDX-License-Identifier: MIT */
/*
 * Many descriptors behind one event source: an epoll(7) instance of its own, whose ready members
 * are served in one go. sd-event serves one source in each turn of the loop and asks the kernel
 * anew for every one of them; with thousands of descriptors that are ready that question is most of
 * the work.
 *
 * A member belongs to its owner and is embedded in what it is for: nothing is allocated when one is
 * added. Members may be added, changed and removed (and their memory freed) from any callback, also
 * their own and that of another member of the same turn.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

typedef struct ReadySet ReadySet;
typedef struct Ready Ready;

/* `events`: EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP as epoll_wait(2) says; level-triggered. */
typedef void (*ready_t)(Ready *ready, uint32_t events);

struct Ready {
    ready_t callback;
    int fd; /* borrowed; meaningful while added */
    bool added;
};

/* `name` and `priority` are those of the one event source. */
int ready_set_new(sd_event *event, const char *name, int64_t priority, ReadySet **ret);
/* All members were removed. */
ReadySet *ready_set_free(ReadySet *set);

/* Waits for `events` (EPOLLIN | EPOLLOUT) on the descriptor, which must stay open until
 * ready_remove(). 0 or a negative errno. */
int ready_add(ReadySet *set, Ready *ready, int fd, uint32_t events, ready_t callback);
/* From now on only these are told (EPOLLERR and EPOLLHUP always are), also in this turn. */
int ready_change(ReadySet *set, Ready *ready, uint32_t events);
/* Harmless for a member that is not added (zeroed, or removed). Before the descriptor is closed. */
void ready_remove(ReadySet *set, Ready *ready);
