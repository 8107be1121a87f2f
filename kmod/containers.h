/* SPDX-License-Identifier: GPL-2.0 */

/* What is kept of containers from one look to the next: open files, and what CPU time was. */

#ifndef PHOENIX_CONTAINERS_H
#define PHOENIX_CONTAINERS_H

#include <linux/hashtable.h>
#include <linux/path.h>
#include <linux/types.h>

#include "values.h"

struct cgroup;

struct phoenix_container {
	struct hlist_node node;
	u64 cgroup_id;		/* never used again for another cgroup */
	u64 look;		/* the number of the last look that saw it */
	u64 cpu_usec, taken_ns; /* of the look before; 0 when there was none */
	struct phoenix_files files;
	char *identity; /* what a report says of it each time; NULL: not written down yet */
	size_t identity_length;
	const char *id; /* 64 digits, in path; no NUL behind them */
	char path[];	/* of its cgroup, from the root of the hierarchy */
};

struct phoenix_containers {
	DECLARE_HASHTABLE(by_cgroup, 10);
	struct path root; /* of the hierarchy; borrowed */
	u64 look;
	unsigned int n, n_open;
	struct phoenix_scratch *scratch;
};

/* -ENOMEM or 0. */
int phoenix_containers_init(struct phoenix_containers *containers, const struct path *root);
void phoenix_containers_exit(struct phoenix_containers *containers);

/* Between these two, each container that there still is has to be got; the others are forgotten. */
void phoenix_containers_begin_look(struct phoenix_containers *containers);
void phoenix_containers_end_look(struct phoenix_containers *containers);

/* The one of the cgroup with this number; NULL when it is not known. */
static inline struct phoenix_container *
phoenix_containers_find(const struct phoenix_containers *containers, u64 cgroup_id)
{
	struct phoenix_container *container;

	hash_for_each_possible(containers->by_cgroup, container, node, cgroup_id)
		if (container->cgroup_id == cgroup_id)
			return container;
	return NULL;
}

/* The one of this cgroup; id_offset is where in its path the ID begins. NULL when out of memory. */
struct phoenix_container *phoenix_containers_get(struct phoenix_containers *containers,
						 struct cgroup *cgroup, size_t id_offset);

/*
 * As phoenix_files_read(). The percentage of one CPU, in hundredths, is since the look before, or
 * since start_ns (ktime_get_boottime_ns()) when there was none. The files stay open as long as no
 * more than max_open containers have theirs open.
 */
int phoenix_containers_read(struct phoenix_containers *containers,
			    struct phoenix_container *container, unsigned int max_open,
			    u64 start_ns, struct phoenix_values *ret, u64 *ret_cpu_hundredths);

/* Until the next look. */
void phoenix_containers_close_files(struct phoenix_containers *containers);

/* part of whole as a percentage in hundredths, rounded; 0 of 0 is 0. */
u64 phoenix_hundredths(u64 part, u64 whole);

#endif
