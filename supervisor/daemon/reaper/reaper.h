/* SPDX-License-Identifier: MIT */
/*
 * Acting by policies: looks at the containers in each interval, decides (lib/reap), has systemd
 * stop the units of those that are too many, and tells what came of it. Without a policy it does
 * nothing at all.
 */
#pragma once

#include "spec/spec.h"
#include "supervisor/daemon/event.h"
#include "supervisor/daemon/view.h"

typedef struct Reaper Reaper;

typedef struct ReaperSetup {
    sd_event *event;
    Events *events;
    /* Acts in the user's manager, and only on containers whose unit is there; else in that of the
     * system. */
    bool user;
    const char *cgroup_root; /* NULL: "/sys/fs/cgroup" */
    const char *proc_root;   /* NULL: "/proc" */
    const char *run_folder;  /* where engines have their sockets; NULL: "/run", or the user's */
} ReaperSetup;

/* Strings are copied. Returns 0 or negative errno. */
int reaper_new(const ReaperSetup *setup, Reaper **ret);
Reaper *reaper_free(Reaper *reaper);

/* From now on these are the policies; takes them out of the array. One that is as it was goes on as
 * if nothing had happened. Without memory, those that are left over are as they were. */
void reaper_set_policies(Reaper *reaper, Spec **policies, size_t n);

/* As manager_reap(), manager_n_policy_classes() and manager_view_policy_class() of view.h. */
int reaper_run(Reaper *reaper, const char *name, view_reap_done_t done, void *userdata);
size_t reaper_n_classes(const Reaper *reaper);
void reaper_view_class(const Reaper *reaper, size_t i, PolicyView *ret);
