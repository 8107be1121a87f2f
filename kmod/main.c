// SPDX-License-Identifier: GPL-2.0

/*
 * The file in /proc, and loading and unloading. What is in the file is made elsewhere:
 *
 *	walk.c		which containers there are
 *	containers.c	what is known of each since the look before
 *	values.c	the files of its cgroup
 *	process.c	the command line of its main process
 *	machine.c	memory and CPU of the machine
 *	report.c	all that as JSON
 *	snapshot.c	when it is made, and for whom
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/user_namespace.h>

#include "params.h"
#include "snapshot.h"

/* root, and the group that the administrator has named. */
#define MODE 0440

static struct path cgroup_root;
static struct proc_dir_entry *entry;

/* Of each open file. */
struct reader {
	struct mutex lock;
	struct phoenix_snapshot *snapshot; /* what is being read; NULL before the first read */
};

static int reader_open(struct inode *inode, struct file *file)
{
	struct reader *reader;

	/* The file is in the /proc of every container, and some of these have the user ID that it
	 * belongs to. What it shows is of the whole machine.
	 */
	if (file->f_cred->user_ns != &init_user_ns || task_active_pid_ns(current) != &init_pid_ns)
		return -EPERM;
	reader = kzalloc(sizeof(*reader), GFP_KERNEL);
	if (!reader)
		return -ENOMEM;
	mutex_init(&reader->lock);
	file->private_data = reader;
	return 0;
}

/* A read from the beginning takes a snapshot, and reads that follow go on in the same one, however
 * small the pieces.
 */
static int choose_snapshot(struct reader *reader, loff_t position)
{
	struct phoenix_snapshot *snapshot;

	if (position > 0 && reader->snapshot)
		return 0;
	snapshot = phoenix_snapshot_get();
	if (IS_ERR(snapshot))
		return PTR_ERR(snapshot);
	phoenix_snapshot_put(reader->snapshot);
	reader->snapshot = snapshot;
	return 0;
}

static ssize_t copy_out(struct phoenix_snapshot *snapshot, loff_t *position, struct iov_iter *to)
{
	size_t n, copied;

	if (*position >= snapshot->length)
		return 0;
	n = min_t(size_t, snapshot->length - *position, iov_iter_count(to));
	copied = copy_to_iter(snapshot->text + *position, n, to);
	*position += copied;
	return copied == 0 && n > 0 ? -EFAULT : copied;
}

static ssize_t reader_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct reader *reader = iocb->ki_filp->private_data;
	ssize_t r;

	if (iocb->ki_pos < 0)
		return -EINVAL;
	if (mutex_lock_killable(&reader->lock))
		return -EINTR;
	r = choose_snapshot(reader, iocb->ki_pos);
	if (r == 0)
		r = copy_out(reader->snapshot, &iocb->ki_pos, to);
	mutex_unlock(&reader->lock);
	return r;
}

static int reader_release(struct inode *inode, struct file *file)
{
	struct reader *reader = file->private_data;

	phoenix_snapshot_put(reader->snapshot);
	kfree(reader);
	return 0;
}

static const struct proc_ops operations = {
	.proc_open = reader_open,
	.proc_read_iter = reader_read,
	.proc_lseek = default_llseek,
	.proc_release = reader_release,
};

/* The file system must be the hierarchy itself and not a part of it, as a container would see. */
static int find_cgroup_root(struct path *ret)
{
	struct path path;
	int r;

	r = kern_path(phoenix_cgroup_root, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);
	if (r < 0) {
		pr_err("cannot look at %s: error %d\n", phoenix_cgroup_root, r);
		return r;
	}
	if (path.mnt->mnt_sb->s_magic != CGROUP2_SUPER_MAGIC ||
	    d_inode(path.dentry)->i_private != cgrp_dfl_root.cgrp.kn) {
		pr_err("%s is not the root of cgroup v2\n", phoenix_cgroup_root);
		path_put(&path);
		return -ENODEV;
	}
	*ret = path;
	return 0;
}

/* procfs itself would only complain, with a stack trace. */
static int check_name_is_free(void)
{
	char *name = kasprintf(GFP_KERNEL, "/proc/%s", phoenix_proc_name);
	struct path path;
	int r;

	if (!name)
		return -ENOMEM;
	r = kern_path(name, 0, &path);
	if (r == 0) {
		path_put(&path);
		pr_err("there is a file %s already\n", name);
	}
	kfree(name);
	return r == 0 ? -EBUSY : 0;
}

static int create_entry(void)
{
	int r;

	r = check_name_is_free();
	if (r < 0)
		return r;
	entry = proc_create(phoenix_proc_name, MODE, NULL, &operations);
	if (!entry)
		return -ENOMEM;
	proc_set_user(entry, GLOBAL_ROOT_UID, phoenix_params_gid());
	return 0;
}

static int __init phoenix_init(void)
{
	int r;

	r = phoenix_params_check();
	if (r < 0)
		return r;
	r = find_cgroup_root(&cgroup_root);
	if (r < 0)
		return r;
	r = phoenix_snapshots_init(&cgroup_root);
	if (r < 0)
		goto put_root;
	r = create_entry();
	if (r < 0)
		goto exit_snapshots;
	return 0;

exit_snapshots:
	phoenix_snapshots_exit();
put_root:
	path_put(&cgroup_root);
	return r;
}

static void __exit phoenix_exit(void)
{
	/* Waits for running reads and releases what is open; nobody comes after that. */
	proc_remove(entry);
	phoenix_snapshots_exit();
	path_put(&cgroup_root);
}

module_init(phoenix_init);
module_exit(phoenix_exit);
MODULE_DESCRIPTION(
	"Memory, CPU and I/O of containers (cgroup v2) as JSON in /proc/phoenix_sysinfo");
MODULE_AUTHOR("Phoenix");
MODULE_VERSION("0.1.0");
MODULE_LICENSE("GPL");
