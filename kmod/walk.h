/* SPDX-License-Identifier: GPL-2.0 */

/* Which containers there are: found from the processes, not from the names of cgroups, so that an
 * empty cgroup is none, and whose hierarchy it is does not matter.
 */

#ifndef PHOENIX_WALK_H
#define PHOENIX_WALK_H

#include <linux/types.h>

struct cgroup;
struct phoenix_containers;
struct task_struct;

struct phoenix_found {
	struct cgroup *cgroup; /* the container's own; referenced */
	/* The main process, referenced: process 1 of the container's PID namespace, or, where that
	 * is an init of the runtime (podman run --init), its first child. Where there is no such
	 * namespace (--pid=host), the oldest process.
	 */
	struct task_struct *process;

	/* Of the walk itself. */
	struct task_struct *first_child; /* of an init; referenced */
	size_t id_offset;
	bool is_namespace_init, has_ended, matches;
};

struct phoenix_walk {
	struct phoenix_found *found; /* the container whose main process is oldest first */
	unsigned int n, size;
	bool is_full; /* there are more containers than were asked for */

	unsigned int *slots; /* hash of cgroups: number in found, plus 1; 0 is free */
	unsigned int slots_bits;
	char *path;
	const char *filter;
	const struct phoenix_containers *known;
};

/*
 * Finds all containers, at most max. With a filter, only those with a process of that name. What is
 * known from the last look saves work. -ENOMEM, else 0. May sleep.
 */
int phoenix_walk_all(struct phoenix_walk *ret, const struct phoenix_containers *known,
		     const char *filter, unsigned int max);

void phoenix_walk_release(struct phoenix_walk *walk);

#endif
