// SPDX-License-Identifier: GPL-2.0

/*
 * Command lines. The memory of another process is read as /proc/PID/cmdline does it: pages that
 * are backed by a file are not touched (FOLL_ANON), or a process could put its arguments into a
 * file system of its own and never answer (CVE-2018-1120).
 */

#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/string.h>

#include "process.h"

struct arguments {
	unsigned long start, end, environment_end;
};

/* Where the process keeps them. False when it has none, or has put nonsense there. */
static bool find_arguments(struct task_struct *task, struct arguments *ret)
{
	struct mm_struct *mm = get_task_mm(task);
	unsigned long environment_start;

	if (!mm)
		return false;
	spin_lock(&mm->arg_lock);
	ret->start = mm->arg_start;
	ret->end = mm->arg_end;
	environment_start = mm->env_start;
	ret->environment_end = mm->env_end;
	spin_unlock(&mm->arg_lock);
	mmput(mm);
	if (environment_start != ret->end || ret->environment_end < ret->end)
		ret->environment_end = ret->end;
	return ret->start > 0 && ret->start < ret->end;
}

static size_t read_memory(struct task_struct *task, unsigned long from, unsigned long to, char *buf,
			  size_t size)
{
	int n = access_process_vm(task, from, buf, min_t(unsigned long, to - from, size),
				  FOLL_ANON);

	return n > 0 ? n : 0;
}

size_t phoenix_process_cmdline(struct task_struct *task, char *buf, size_t size)
{
	struct arguments arguments;
	size_t n, i;

	if (size == 0 || !find_arguments(task, &arguments))
		return 0;
	n = read_memory(task, arguments.start, arguments.end, buf, size);
	/* A process that has set its title (setproctitle(3)) has overwritten the last NUL: then all
	 * is one text, which may go on where the environment was.
	 */
	if (n > 0 && n == arguments.end - arguments.start && buf[n - 1] != '\0') {
		n += read_memory(task, arguments.end, arguments.environment_end, buf + n, size - n);
		n = min(n, strnlen(buf, n) + 1);
	}
	for (i = 0; i < n; i++)
		if (buf[i] == '\0')
			buf[i] = ' ';
	return n;
}
