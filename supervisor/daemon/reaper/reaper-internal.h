/* SPDX-License-Identifier: MIT */
/* What the parts of reaper.h share. */
#pragma once

#include "reap/look.h"
#include "supervisor/daemon/reaper/engines.h"
#include "supervisor/daemon/reaper/reaper.h"

typedef struct Run Run;

/* A policy that is acted by. */
typedef struct ReapPolicy {
    Reaper *reaper;
    Spec *spec;
    char *plan; /* its text, to see whether it has changed */
    sd_event_source *timer;
    ReapHistory history;
    PolicyView *classes; /* as in the policy; what they point to is the spec's */
    bool waits;          /* has its round when engines have answered */
} ReapPolicy;

struct Reaper {
    sd_event *event;
    bool user;
    uid_t manager;                 /* as in ReapInput */
    char *cgroup_root, *proc_root; /* NULL: those of this machine */
    Events *events;
    UnitStops *stops;
    Engines *engines;
    SysinfoReader *reader; /* NULL while there is no policy */
    ReapLook look;
    uint64_t look_usec; /* CLOCK_MONOTONIC; 0: never */
    bool blind;         /* the last look failed, and that was said */
    ReapPolicy **policies;
    size_t n_policies;
    struct Reaping *reapings; /* what is under way */
    Run *runs;
};

/* reaper-round.c */

/* Reads the containers, unless that was done just now. Returns 0 or why they cannot be read. */
int reaper_look(Reaper *reaper);
/* Whether the policy would decide otherwise if engines, which are being asked, had answered. */
bool reap_policy_has_to_wait(ReapPolicy *policy);
/* Looks, decides and acts once. run: who waits for it, or NULL. */
void reap_policy_round(ReapPolicy *policy, Run *run);
/* Ends what is under way, without a word. */
void reaper_forget_reapings(Reaper *reaper);
/* It may be gone. */
ReapPolicy *reaper_find_policy(Reaper *reaper, const char *name);

/* reaper-run.c: rounds that were asked for, answered when all they stop has ended. */
int run_new(Reaper *reaper, const char *name, view_reap_done_t done, void *userdata, Run **ret);
/* Of which policy, or "". */
const char *run_name(const Run *run);
/* Those whose rounds are still to be made, one after the other. */
Run *reaper_next_open_run(Reaper *reaper);
/* The row's index; negative errno without memory. What row points to is copied. */
int run_add(Run *run, const ReapView *row);
void run_begin_stop(Run *run);
void run_end_stop(Run *run, size_t row, UnitStopResult result, const char *why);
/* All rounds have been made. */
void run_close(Run *run);
void reaper_forget_runs(Reaper *reaper);
