// SPDX-License-Identifier: GPL-2.0

/* The module's parameters and their limits; README.md says what they are for. */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ctype.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <linux/time64.h>
#include <linux/user_namespace.h>

#include "params.h"

/* A day: a longer time is a wrong unit. */
#define CACHE_MS_MAX 86400000u

char *phoenix_proc_name = "phoenix_sysinfo";
module_param_named(proc_name, phoenix_proc_name, charp, 0444);
MODULE_PARM_DESC(proc_name, "name of the file in /proc (default: phoenix_sysinfo)");

char *phoenix_cgroup_root = "/sys/fs/cgroup";
module_param_named(cgroup_root, phoenix_cgroup_root, charp, 0444);
MODULE_PARM_DESC(cgroup_root, "where cgroup v2 is mounted (default: /sys/fs/cgroup)");

static unsigned int gid;
module_param(gid, uint, 0444);
MODULE_PARM_DESC(gid, "group that may read the file as well (default: 0, root's)");

static char filter[TASK_COMM_LEN];
module_param_string(filter, filter, sizeof(filter), 0644);
MODULE_PARM_DESC(filter, "only containers with a process of this name (default: all containers)");

static unsigned int cache_ms = 200;
module_param(cache_ms, uint, 0644);
MODULE_PARM_DESC(cache_ms,
		 "readers share what is younger than this, in milliseconds (default: 200)");

static unsigned int max_containers = 8192;
module_param(max_containers, uint, 0644);
MODULE_PARM_DESC(max_containers,
		 "more containers than this are left out, and counted (default: 8192)");

static unsigned int max_open = 2048;
module_param(max_open, uint, 0644);
MODULE_PARM_DESC(max_open, "containers whose files are kept open between reads (default: 2048)");

static unsigned int max_cmdline = 1024;
module_param(max_cmdline, uint, 0644);
MODULE_PARM_DESC(max_cmdline,
		 "bytes of a command line that are shown, at most 4096 (default: 1024)");

/* A name that is safe to have in /proc and in a shell. */
static bool is_file_name(const char *name)
{
	size_t i;

	if (name[0] == '\0' || name[0] == '.' || strlen(name) > NAME_MAX)
		return false;
	for (i = 0; name[i]; i++)
		if (!isascii(name[i]) || (!isalnum(name[i]) && !strchr("_-.", name[i])))
			return false;
	return true;
}

int phoenix_params_check(void)
{
	if (!is_file_name(phoenix_proc_name)) {
		pr_err("proc_name must be a file name of letters, digits, '_', '-' and '.'\n");
		return -EINVAL;
	}
	if (!gid_valid(phoenix_params_gid())) {
		pr_err("there is no group %u\n", gid);
		return -EINVAL;
	}
	return 0;
}

kgid_t phoenix_params_gid(void)
{
	return make_kgid(&init_user_ns, gid);
}

u64 phoenix_params_cache_ns(void)
{
	return (u64)min(READ_ONCE(cache_ms), CACHE_MS_MAX) * NSEC_PER_MSEC;
}

unsigned int phoenix_params_max_containers(void)
{
	/* The upper limit is that of an array which is one allocation. */
	return clamp(READ_ONCE(max_containers), 1u, 1u << 20);
}

unsigned int phoenix_params_max_open(void)
{
	return READ_ONCE(max_open);
}

unsigned int phoenix_params_max_cmdline(void)
{
	return min(READ_ONCE(max_cmdline), PHOENIX_CMDLINE_MAX);
}

void phoenix_params_filter(char ret[TASK_COMM_LEN])
{
	/* Against a new value that is just being written; "echo" ends it with a line break. */
	kernel_param_lock(THIS_MODULE);
	strscpy(ret, filter, TASK_COMM_LEN);
	kernel_param_unlock(THIS_MODULE);
	ret[strcspn(ret, "\n")] = '\0';
}
