/* SPDX-License-Identifier: GPL-2.0 */

/* What the administrator decides when the module is loaded, or, where that is possible, later. */

#ifndef PHOENIX_PARAMS_H
#define PHOENIX_PARAMS_H

#include <linux/sched.h>
#include <linux/types.h>
#include <linux/uidgid.h>

/* Bytes of a command line that can be asked for: what a terminal shows is far less. */
#define PHOENIX_CMDLINE_MAX 4096u

/* Set once, when the module is loaded. */
extern char *phoenix_proc_name;
extern char *phoenix_cgroup_root;

/* -EINVAL and a line in the kernel's log when what was asked for cannot be. */
int phoenix_params_check(void);

kgid_t phoenix_params_gid(void);

/* The rest can be changed at any time, so each is read once per use. */
u64 phoenix_params_cache_ns(void);
unsigned int phoenix_params_max_containers(void);
unsigned int phoenix_params_max_open(void);
unsigned int phoenix_params_max_cmdline(void);

/* "" for all containers. May sleep. */
void phoenix_params_filter(char ret[TASK_COMM_LEN]);

#endif
