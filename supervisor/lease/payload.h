/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who the service is, seen from inside its unit: the first process of the container that Podman
 * made below the unit's cgroup, or the unit's main process when there is no container. And the way
 * into its namespaces.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct payload {
    pid_t pid;
    int pidfd;
    int dir;    /* /proc/PID, of that very process however PIDs are reused */
    bool apart; /* in namespaces of its own, that this process may join: a container, or a program
                 * in a sandbox that the lease was started outside of; else we are in the same */
};

/* Returns 0, -ESRCH when there is none now, or another negative errno. What only starts a container
 * or watches it (conmon, podman) is none. */
int payload_open(pid_t main_pid, struct payload *ret);
void payload_close(struct payload *payload);

/* The cgroup of our own unit, O_PATH. Returns the descriptor or a negative errno. */
int payload_open_unit(void);

/* Whether this is `podman run`, which ends when its container stands. */
bool payload_is_podman(pid_t pid);

/* Whether Podman made a cgroup below that of the unit. */
bool payload_is_container(void);

/* The network namespace, as stat() of /proc/PID/ns/net says. Returns 0 or a negative errno. */
int payload_network(const struct payload *payload, uint64_t *ret_dev, uint64_t *ret_ino);

/* Which of the namespaces (CLONE_NEW...) are other ones than those of this process; one that may
 * not be looked at is not counted, and for a payload that is not apart none is. */
int payload_other_namespaces(const struct payload *payload, int wanted);

/* Joins those of `wanted` that are other ones. A joined user namespace gives every capability in
 * it, and an own program keeps those that phoenix-abort needs. Returns 0 or a negative errno. */
int payload_join(const struct payload *payload, int wanted);

/* Reads a whole small file at `path` below the folder `dir` and ends it with NUL; what is more is
 * cut. Returns the number of bytes or a negative errno. */
ssize_t read_at(int dir, const char *path, char *buf, size_t size);
