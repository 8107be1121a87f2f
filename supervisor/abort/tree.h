/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Which cgroups and processes of a unit are its payload, read from cgroupfs and /proc. This is the
 * part that must never name anything outside of the unit's own cgroup. Both roots are parameters,
 * so tests give it a made-up tree.
 */

#include <stdbool.h>
#include <stddef.h>
#include <limits.h>
#include <sys/types.h>

#include "parse.h"

#define PAYLOAD_GROUPS_MAX 256
#define PAYLOAD_PIDS_MAX   4096

struct roots {
    const char *cgroup; /* where cgroup2 is mounted */
    const char *proc;
};

/* A cgroup of the payload, as a path from the cgroup root. `whole` means with everything below it,
 * and then nothing of ours is inside: it may be killed through cgroup.kill. The unit's own cgroup,
 * which holds us too, is never whole. */
struct payload_group {
    char *path;
    int events_fd; /* cgroup.events of a whole group, or -1 */
    bool whole;
};

struct payload {
    struct roots roots;
    char unit[PATH_MAX];
    struct payload_group *groups;
    size_t n_groups;
};

struct payload_process {
    pid_t pid;
    struct proc_status status;
};

struct process_list {
    struct payload_process *items;
    size_t n_items;
    bool truncated; /* there were more than PAYLOAD_PIDS_MAX */
};

/* Finds the payload of the service this process runs in. Podman's libpod-payload-* cgroups when the
 * unit has any, else all of the unit but ".control" and Podman's "supervisor" and "runtime" cgroups
 * (conmon is not the payload). Returns 0, -EPERM when this process is in no service's cgroup, or
 * what reading answered (-ENOENT and so on). */
int payload_open(struct payload *payload, const struct roots *roots);
void payload_close(struct payload *payload);

/* The processes there now, without this one, the Phoenix helpers (programs installed beside this
 * one) and dead ones. Returns 0, or -ENOMEM. What vanishes while it is read is not an error. */
int payload_list(const struct payload *payload, struct process_list *ret);
void process_list_free(struct process_list *list);

/* The helpers of Phoenix in the unit, without this process: its lease, or what that has become. At
 * most `max` PIDs; returns how many. */
size_t payload_helpers(const struct payload *payload, pid_t *ret_pids, size_t max);

/* Opens a pidfd and then checks that the process still belongs to the payload: in this order, since
 * a PID may be given to somebody else at any time, but a pidfd always means the process that was
 * there when it was opened. Returns the pidfd, -ESRCH when the process is gone, or -EPERM when it
 * is not of the payload. */
int payload_open_process(const struct payload *payload, pid_t pid);

/* Reads cgroup.events anew (which also re-arms poll()). A cgroup that is gone is an empty one. */
void payload_group_events(const struct payload_group *group, struct cgroup_events *ret);

/* Kills everything in a whole group. Returns 0 or a negative errno (-EACCES for an unprivileged
 * service that was not delegated its cgroup, -ENOENT before Linux 5.14). */
int payload_group_kill(const struct payload *payload, const struct payload_group *group);

/* Reads /proc/PID/status. Returns 0 or -ESRCH. */
int process_status(const struct roots *roots, pid_t pid, struct proc_status *ret);
