/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The cgroups beside our own: that of the service, that of its proxy, in them those where their
 * processes run (without what we and Podman run beside them), and the slice of a proxy. Freezing is
 * done here.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define GROUP_NAME_MAX 256

enum {
    GROUP_SERVICE,
    GROUP_PROXY,
    GROUP_UNITS_MAX,
};

struct group {
    int slice;                                   /* where the units are, O_PATH */
    char units[GROUP_UNITS_MAX][GROUP_NAME_MAX]; /* the second one: "" when it is of no interest */
};

/* The service, and with `proxy` its proxy as well: what is said of the service below is then of
 * both. Returns 0, or a negative errno; -ENAMETOOLONG for a name that no unit can have. */
int group_open(struct group *group, const char *name, bool proxy);

/* One of the two alone; valid as long as `group` is. */
struct group group_part(const struct group *group, unsigned unit);

/* The processes of another slice in that slice: a descriptor that gets POLLPRI when the first one
 * comes or the last one goes, and how it is then (1 or 0). Or a negative errno. */
int group_watch(const struct group *group, const char *slice);
int group_is_populated(int watch_fd);

/* Freezes the processes of the service and waits until they are, `timeout_usec` at most. Returns 0,
 * -ENOENT when they have no cgroup of their own, -ETIMEDOUT, or another negative errno; then some
 * may be frozen. */
int group_freeze(const struct group *group, uint64_t timeout_usec);

/* Returns 0, also when there is nothing to thaw, or a negative errno. */
int group_thaw(const struct group *group);

/* All of it. */
bool group_is_frozen(const struct group *group);

/* The payload of the service alone: a descriptor that gets POLLPRI when it may have been thawed or
 * have ended, and whether it still sleeps. Or a negative errno, -ENOENT when there is none. */
int group_watch_payload(const struct group *group);
bool group_payload_sleeps(int payload_fd);

/* Calls `visit` for each process of the service until it returns false. Returns 0 or a negative
 * errno. */
int group_visit_processes(const struct group *group, bool (*visit)(pid_t pid, void *userdata),
                          void *userdata);

/* The same for what Podman runs in the unit beside its container. */
int group_visit_overhead(const struct group *group, bool (*visit)(pid_t pid, void *userdata),
                         void *userdata);

/* Sends a signal to each process. Returns 0, or a negative errno when one could not get it. */
int group_signal(const struct group *group, int signal);

/* The memory of the service, 0: not known. */
uint64_t group_memory(const struct group *group);

/* Asks the kernel to take `bytes` of it back. Returns 0; -EAGAIN when it got back less; or another
 * negative errno. */
int group_reclaim(const struct group *group, uint64_t bytes);
