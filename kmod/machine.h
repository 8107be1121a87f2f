/* SPDX-License-Identifier: GPL-2.0 */

/* Memory and CPU of the whole machine. */

#ifndef PHOENIX_MACHINE_H
#define PHOENIX_MACHINE_H

#include <linux/types.h>

struct phoenix_memory {
	u64 total_bytes, free_bytes;
};

/* Time since boot, all CPUs together. */
struct phoenix_cpu_time {
	u64 busy_ns, all_ns;
};

struct phoenix_memory phoenix_memory_now(void);
struct phoenix_cpu_time phoenix_cpu_time_now(void);

#endif
