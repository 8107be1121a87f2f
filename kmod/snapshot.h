/* SPDX-License-Identifier: GPL-2.0 */

/* Reports that are made once and read by many. */

#ifndef PHOENIX_SNAPSHOT_H
#define PHOENIX_SNAPSHOT_H

#include <linux/kref.h>
#include <linux/path.h>
#include <linux/types.h>

/* Never changes while somebody has a reference. */
struct phoenix_snapshot {
	struct kref references;
	u64 begun_ns; /* ktime_get_ns() before anything was looked at */
	size_t length;
	char *text;
};

/* root: of the cgroup hierarchy, borrowed until phoenix_snapshots_exit(). -ENOMEM or 0. */
int phoenix_snapshots_init(const struct path *root);

/* When nobody can call phoenix_snapshot_get() any more. */
void phoenix_snapshots_exit(void);

/*
 * One that was begun after this call, or is younger than the cache time. Returns a reference;
 * -EINTR when the process is to end, else why none could be made.
 */
struct phoenix_snapshot *phoenix_snapshot_get(void);

void phoenix_snapshot_put(struct phoenix_snapshot *snapshot);

#endif
