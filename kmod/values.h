/* SPDX-License-Identifier: GPL-2.0 */

/* The files of one container's cgroup, opened once and read again and again. */

#ifndef PHOENIX_VALUES_H
#define PHOENIX_VALUES_H

#include <linux/path.h>
#include <linux/types.h>

#include "text.h"

enum phoenix_file {
	PHOENIX_CPU_STAT,
	PHOENIX_MEMORY_CURRENT,
	PHOENIX_IO_STAT,
	PHOENIX_FILES,
};

/* Initialise with { }. NULL: not open (yet). */
struct phoenix_files {
	struct file *files[PHOENIX_FILES];
};

struct phoenix_values {
	u64 cpu_usec, memory_bytes; /* 0 when missing */
	struct phoenix_io io;	    /* the same */
	u64 taken_ns;		    /* when cpu_usec was read, ktime_get_boottime_ns() */
	/* A file of a controller is there when the controller is enabled for the cgroup. */
	bool has_cpu, has_memory, has_io;
};

/* Room that reading needs; one for all containers. */
struct phoenix_scratch {
	char path[PATH_MAX];
	char text[32768]; /* io.stat has a line for each device */
};

/*
 * Reads the values of a cgroup and opens the files that are not open. -ENODEV when the cgroup is
 * gone, -ENOMEM or such when files could not be opened for want of something; else 0. Only from a
 * kernel thread: see phoenix_files_close().
 */
int phoenix_files_read(struct phoenix_files *files, const struct path *root, const char *cgroup,
		       struct phoenix_scratch *scratch, struct phoenix_values *ret);

/* At once and not when the thread returns to user space, which a kernel thread never does. */
void phoenix_files_close(struct phoenix_files *files);

#endif
