/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The short-lived processes that do what may block: looking at files and sockets of the service,
 * and running a program in it. A worker sends its answer itself, over the connection it has
 * inherited, and ends with 0; for one that ends otherwise, or not in time, the lease answers.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "link.h"

#define WORKERS_MAX 8

struct worker {
    pid_t pid; /* 0: a free place */
    uint32_t id;
    uint32_t op;
    uint64_t deadline_usec;
    bool forgotten; /* an answer was given or is not wanted any more */
};

struct workers {
    struct worker places[WORKERS_MAX];
};

/* What a worker needs to know. */
struct job {
    const struct lease_request *request;
    const char *text;
    size_t text_size;
    pid_t main_pid;
    int link_fd;
};

/* Starts a worker for the request. Returns 0 or a negative errno (-EBUSY: there are too many). */
int workers_start(struct workers *workers, const struct job *job, uint64_t now_usec);

/* Ends the worker of that request; no answer is given. */
void workers_cancel(struct workers *workers, uint32_t id);

/* Takes those that have ended, and ends those whose time is over. */
void workers_look_after(struct workers *workers, const struct link *link, uint64_t now_usec);

/* When to look after them at the latest; UINT64_MAX: no need to. */
uint64_t workers_deadline(const struct workers *workers);

/* The connection that they would answer on is gone. */
void workers_forget(struct workers *workers);

/* Ends all, programs included, and waits for that for at most a tenth of a second. */
void workers_end(struct workers *workers);

/* Answers a request that could not be carried out, or that has no more to say than its error. */
int answer_error(const struct link *link, uint32_t id, int error);
