/* SPDX-License-Identifier: MIT */
/*
 * A thread for what may take long: reading what a thousand containers use, waiting for a disk. It
 * does one piece of work at a time, and the loop hears when it is done; so there is nothing to
 * lock. The loop never waits for it.
 */
#pragma once

#include <systemd/sd-event.h>

typedef struct Worker Worker;

typedef void (*worker_call_t)(void *userdata);

/* `name` is a literal of at most 15 characters. `finish`: what the thread does last of all, with
 * `userdata`, to free what belongs to its work. Returns 0 or a negative errno; then `userdata` is
 * still the caller's. */
int worker_new(sd_event *event, const char *name, worker_call_t finish, void *userdata,
               Worker **ret);
/* Does not wait for what is under way: its `done` is not called any more, `finish` is in the end.
 * At most `wait_usec` for that. Takes NULL. */
Worker *worker_free(Worker *worker, uint64_t wait_usec);

/* `work` is called in the thread with what it works on, then `done` from the event loop with its
 * userdata. There must be nothing under way. */
void worker_start(Worker *worker, worker_call_t work, void *what, worker_call_t done,
                  void *userdata);
