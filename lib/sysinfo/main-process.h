/* SPDX-License-Identifier: MIT */

/* Which process of a container stands for it. */

#pragma once

#include "sysinfo/process.h"

/* How long what was found stays so. */
typedef enum MainProcessTrust {
    MAIN_PROCESS_FINAL,  /* until it ends: process 1, or the first child of an init */
    MAIN_PROCESS_OLDEST, /* there is no process 1; as good as final, but nobody promised */
    MAIN_PROCESS_INIT,   /* an init, which has no child yet */
} MainProcessTrust;

typedef struct MainProcess {
    pid_t pid; /* 0: none */
    MainProcessTrust trust;
    int stat_fd, cmdline_fd; /* of this very process, even when the number is used again */
} MainProcess;

#define MAIN_PROCESS_NONE ((MainProcess){.stat_fd = -1, .cmdline_fd = -1})

void main_process_done(MainProcess *process);
#define _cleanup_main_process_ _cleanup_(main_process_done)

/* Memory that one search leaves to the next. Initialise with { 0 }. */
typedef struct MainProcessSearch {
    struct Candidate *candidates;
    pid_t *pids;
    size_t n_candidates, candidates_allocated;
    size_t n_pids, pids_allocated;
} MainProcessSearch;

void main_process_search_done(MainProcessSearch *search);

/* What main_process_find() may say instead of 0. */
enum {
    MAIN_PROCESS_EMPTY = 1,  /* the container has no processes that live */
    MAIN_PROCESS_HIDDEN = 2, /* it has some, which this /proc does not show */
};

/* Looks through a container's cgroup and those within. Processes come and go meanwhile; what is
 * returned was in the container. *ret must be MAIN_PROCESS_NONE. */
int main_process_find(int proc_fd, int group_fd, MainProcessSearch *search, MainProcess *ret);
