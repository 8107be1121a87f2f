// SPDX-License-Identifier: GPL-2.0

/*
 * Reads cpu.stat, memory.current and io.stat as files. The counters in memory would be faster to
 * reach, but no module can have them flushed, those of removed children are not in them, and those
 * of io are private to the block layer; the files are right and a stable interface. Opening one is
 * what costs, so they stay open.
 */

#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "values.h"

static const char *const names[PHOENIX_FILES] = {
	[PHOENIX_CPU_STAT] = "cpu.stat",
	[PHOENIX_MEMORY_CURRENT] = "memory.current",
	[PHOENIX_IO_STAT] = "io.stat",
};

static void close_file(struct file **file)
{
	/* From within a system call, fput() would pile them up until its end. */
	if (*file)
		__fput_sync(*file);
	*file = NULL;
}

void phoenix_files_close(struct phoenix_files *files)
{
	int i;

	for (i = 0; i < PHOENIX_FILES; i++)
		close_file(&files->files[i]);
}

/* The path is resolved from the root of the hierarchy, whatever the reader's root directory is. */
static int open_file(const struct path *root, const char *cgroup, const char *name,
		     struct phoenix_scratch *scratch, struct file **ret)
{
	struct file *file;
	int n = snprintf(scratch->path, sizeof(scratch->path), "%s/%s", cgroup + 1, name);

	if (n >= sizeof(scratch->path))
		return -ENAMETOOLONG;
	file = file_open_root(root, scratch->path, O_RDONLY | O_NOFOLLOW, 0);
	if (IS_ERR(file))
		return PTR_ERR(file);
	*ret = file;
	return 0;
}

/* Each of these files is one record, which comes in one piece when there is room for it. */
static ssize_t read_file(struct file *file, struct phoenix_scratch *scratch)
{
	loff_t position = 0;
	ssize_t n = kernel_read(file, scratch->text, sizeof(scratch->text), &position);

	/* Whole lines only. */
	while (n == sizeof(scratch->text) && n > 0 && scratch->text[n - 1] != '\n')
		n--;
	return n;
}

/*
 * The length of what is in scratch->text then. 0 when there is no such file (and -ENODEV when it is
 * one that every cgroup has), because the controller is not enabled, or not any more.
 */
static ssize_t read_one(struct phoenix_files *files, enum phoenix_file which,
			const struct path *root, const char *cgroup,
			struct phoenix_scratch *scratch)
{
	struct file **file = &files->files[which];
	ssize_t n;

	if (!*file) {
		n = open_file(root, cgroup, names[which], scratch, file);
		if (n == -ENOENT || n == -ENODEV || n == -EOPNOTSUPP)
			return which == PHOENIX_CPU_STAT ? -ENODEV : 0;
		if (n < 0)
			return n;
	}
	n = read_file(*file, scratch);
	if (n < 0)
		close_file(file);
	if (n == -ENODEV && which != PHOENIX_CPU_STAT)
		return 0;
	return n;
}

int phoenix_files_read(struct phoenix_files *files, const struct path *root, const char *cgroup,
		       struct phoenix_scratch *scratch, struct phoenix_values *ret)
{
	struct phoenix_values values = {};
	ssize_t n;

	n = read_one(files, PHOENIX_CPU_STAT, root, cgroup, scratch);
	if (n < 0)
		return n;
	values.taken_ns = ktime_get_boottime_ns();
	values.has_cpu = phoenix_stat_value(scratch->text, n, "usage_usec", &values.cpu_usec);

	n = read_one(files, PHOENIX_MEMORY_CURRENT, root, cgroup, scratch);
	if (n < 0)
		return n;
	values.has_memory = phoenix_number(scratch->text, n, &values.memory_bytes);

	/* io.stat is there but empty when there was no I/O. */
	n = read_one(files, PHOENIX_IO_STAT, root, cgroup, scratch);
	if (n < 0)
		return n;
	values.has_io = files->files[PHOENIX_IO_STAT];
	phoenix_io_stat_sum(scratch->text, n, &values.io);
	*ret = values;
	return 0;
}
