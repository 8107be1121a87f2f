/* SPDX-License-Identifier: GPL-2.0 */

/* What a process says about itself. It may say anything. */

#ifndef PHOENIX_PROCESS_H
#define PHOENIX_PROCESS_H

#include <linux/sched.h>
#include <linux/types.h>

/* Fills buf with the command line, at most size bytes, a blank behind each argument, without a NUL
 * at the end; returns its length. 0 when there is none (any more). May sleep.
 */
size_t phoenix_process_cmdline(struct task_struct *task, char *buf, size_t size);

#endif
