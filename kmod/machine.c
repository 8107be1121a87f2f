// SPDX-License-Identifier: GPL-2.0

/* Memory and CPU of the whole machine, from the same counters as /proc/meminfo and /proc/stat. */

#include <linux/cpumask.h>
#include <linux/kernel_stat.h>
#include <linux/mm.h>
#include <linux/tick.h>
#include <linux/time64.h>

#include "machine.h"

struct phoenix_memory phoenix_memory_now(void)
{
	struct sysinfo info;

	si_meminfo(&info);
	return (struct phoenix_memory){
		.total_bytes = (u64)info.totalram * info.mem_unit,
		.free_bytes = (u64)info.freeram * info.mem_unit,
	};
}

/* A CPU that sleeps has not counted its sleep yet; the clock of the idle loop has. It says -1 when
 * there is none.
 */
static u64 idle_ns(int cpu, u64 counted_ns, u64 (*clock)(int cpu, u64 *last_update_time))
{
	u64 usec = clock(cpu, NULL);

	return usec == (u64)-1 ? counted_ns : usec * NSEC_PER_USEC;
}

struct phoenix_cpu_time phoenix_cpu_time_now(void)
{
	struct phoenix_cpu_time time = {};
	int cpu;

	for_each_online_cpu(cpu) {
		struct kernel_cpustat stat;
		const u64 *counted = stat.cpustat;
		u64 busy;

		kcpustat_cpu_fetch(&stat, cpu);
		busy = counted[CPUTIME_USER] + counted[CPUTIME_NICE] + counted[CPUTIME_SYSTEM] +
		       counted[CPUTIME_IRQ] + counted[CPUTIME_SOFTIRQ] + counted[CPUTIME_STEAL];
		time.busy_ns += busy;
		time.all_ns += busy + idle_ns(cpu, counted[CPUTIME_IDLE], get_cpu_idle_time_us) +
			       idle_ns(cpu, counted[CPUTIME_IOWAIT], get_cpu_iowait_time_us);
	}
	return time;
}
