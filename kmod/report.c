// SPDX-License-Identifier: GPL-2.0

/*
 * Collects everything once and writes it down in the form that README.md describes. Runs in a
 * kernel thread; it may sleep, and holds no lock.
 */

#include <linux/cgroup.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/time64.h>

#include "params.h"
#include "process.h"
#include "report.h"
#include "walk.h"

/* What is the same for all containers of a report. */
struct context {
	struct phoenix_observer *observer;
	struct phoenix_buffer *buffer;
	struct phoenix_memory memory;
	u64 taken_ns;
	unsigned int left_out;
	unsigned int max_open, max_cmdline;
	bool is_first;
	char cmdline[PHOENIX_CMDLINE_MAX];
};

/* One container as it is written. */
struct entry {
	const struct phoenix_container *container;
	struct task_struct *process;
	struct phoenix_values values;
	u64 cpu_hundredths;
};

/* The largest report: that of some 50,000 containers. */
#define REPORT_MAX (64 * 1024 * 1024)
#define END_MAX	   1024

#define MIB_SHIFT 20
#define KIB_SHIFT 10

static void add_percent(struct phoenix_buffer *buffer, const char *key, u64 hundredths)
{
	phoenix_buffer_printf(buffer, "%s: %llu.%02llu", key, hundredths / 100, hundredths % 100);
}

static void add_machine(struct context *context)
{
	struct phoenix_cpu_time now = phoenix_cpu_time_now(),
				*before = &context->observer->cpu_time;
	struct phoenix_memory memory = phoenix_memory_now();
	u64 busy = 0;

	/* Both can go back: a CPU was taken offline. */
	if (now.busy_ns >= before->busy_ns && now.all_ns > before->all_ns)
		busy = phoenix_hundredths(now.busy_ns - before->busy_ns,
					  now.all_ns - before->all_ns);
	*before = now;
	context->memory = memory;
	phoenix_buffer_printf(context->buffer,
			      "{\n"
			      "  \"Memory\": {\n"
			      "    \"Total_Memory_MB\": %llu,\n"
			      "    \"Free_Memory_MB\": %llu,\n"
			      "    \"Used_Memory_MB\": %llu,\n",
			      memory.total_bytes >> MIB_SHIFT, memory.free_bytes >> MIB_SHIFT,
			      (memory.total_bytes - memory.free_bytes) >> MIB_SHIFT);
	add_percent(context->buffer, "    \"CPU_Usage_Percentage\"", busy);
	phoenix_buffer_printf(context->buffer, "\n  },\n  \"Docker_Containers\": [");
}

static void add_process(struct context *context, const struct entry *entry)
{
	struct phoenix_buffer *buffer = context->buffer;
	char name[TASK_COMM_LEN] = "";
	size_t n;

	get_task_comm(name, entry->process);
	phoenix_buffer_printf(buffer, "\n      \"PID\": %d,\n      \"Name\": \"",
			      task_pid_nr_ns(entry->process, &init_pid_ns));
	phoenix_buffer_escape(buffer, name, strnlen(name, sizeof(name)));
	phoenix_buffer_printf(buffer,
			      "\",\n      \"ContainerID\": \"%.*s\",\n      \"Cmdline\": \"",
			      PHOENIX_SHORT_ID_LENGTH, entry->container->id);
	n = phoenix_process_cmdline(entry->process, context->cmdline, context->max_cmdline);
	phoenix_buffer_escape(buffer, context->cmdline, n);
	phoenix_buffer_printf(buffer, "\",\n");
}

static void add_values(struct context *context, const struct entry *entry)
{
	const struct phoenix_values *values = &entry->values;
	struct phoenix_buffer *buffer = context->buffer;
	const struct phoenix_io *io = &values->io;

	add_percent(buffer, "      \"MemoryUsage_percent\"",
		    phoenix_hundredths(values->memory_bytes, context->memory.total_bytes));
	phoenix_buffer_printf(buffer, ",\n      \"MemoryUsage_MB\": %llu,\n",
			      values->memory_bytes >> MIB_SHIFT);
	add_percent(buffer, "      \"CPUUsage_percent\"", entry->cpu_hundredths);
	phoenix_buffer_printf(buffer,
			      ",\n"
			      "      \"DiskUse_MB\": %llu,\n"
			      "      \"Write_KBytes\": %llu,\n"
			      "      \"Read_KBytes\": %llu,\n"
			      "      \"IOReadOps\": %llu,\n"
			      "      \"IOWriteOps\": %llu,\n",
			      /* In halves: the sum of two large numbers is no number. */
			      ((io->rbytes >> 1) + (io->wbytes >> 1)) >> (MIB_SHIFT - 1),
			      io->wbytes >> KIB_SHIFT, io->rbytes >> KIB_SHIFT, io->rios, io->wios);
}

/* Names of what could not be read, with a blank between them; nothing when there is none. */
static void add_missing(struct phoenix_buffer *buffer, const struct phoenix_values *values)
{
	const char *blank = "";

	if (values->has_cpu && values->has_memory && values->has_io)
		return;
	phoenix_buffer_printf(buffer, ",\n      \"Missing\": \"");
	if (!values->has_cpu) {
		phoenix_buffer_printf(buffer, "cpu");
		blank = " ";
	}
	if (!values->has_memory) {
		phoenix_buffer_printf(buffer, "%smemory", blank);
		blank = " ";
	}
	if (!values->has_io)
		phoenix_buffer_printf(buffer, "%sio", blank);
	phoenix_buffer_printf(buffer, "\"");
}

/* What the source document does not have. */
static void add_more(struct phoenix_buffer *buffer, const struct entry *entry)
{
	static const char docker[] = "docker-";
	const struct phoenix_container *container = entry->container;
	const struct phoenix_values *values = &entry->values;
	/* Each name of a container's cgroup has at least as many letters in front of the ID. */
	bool is_docker = memcmp(container->id - strlen(docker), docker, strlen(docker)) == 0;

	phoenix_buffer_printf(
		buffer, "      \"ID\": \"%.*s\",\n      \"Runtime\": \"%s\",\n      \"Cgroup\": \"",
		PHOENIX_ID_LENGTH, container->id, is_docker ? "docker" : "podman");
	phoenix_buffer_escape(buffer, container->path, strlen(container->path));
	phoenix_buffer_printf(
		buffer,
		"\",\n"
		"      \"Cgroup_ID\": %llu,\n"
		"      \"Start_usec\": %llu,\n"
		"      \"Memory_Bytes\": %llu,\n"
		"      \"CPU_Usage_usec\": %llu,\n"
		"      \"Read_Bytes\": %llu,\n"
		"      \"Write_Bytes\": %llu",
		container->cgroup_id, div_u64(entry->process->start_boottime, NSEC_PER_USEC),
		values->memory_bytes, values->cpu_usec, values->io.rbytes, values->io.wbytes);
	add_missing(buffer, values);
}

/* -EFBIG when the report is full; a container that has just ended is left out. */
static int add_container(struct context *context, const struct phoenix_found *found)
{
	struct phoenix_containers *containers = &context->observer->containers;
	size_t before = context->buffer->length;
	struct phoenix_container *container;
	struct entry entry = { .process = found->process };
	int r;

	container = phoenix_containers_get(containers, found->cgroup, found->id_offset);
	if (!container)
		return -ENOMEM;
	entry.container = container;
	r = phoenix_containers_read(containers, container, context->max_open,
				    found->process->start_boottime, &entry.values,
				    &entry.cpu_hundredths);
	if (r < 0)
		return r == -ENODEV ? 0 : r;

	phoenix_buffer_printf(context->buffer, context->is_first ? "\n    {" : ",\n    {");
	add_process(context, &entry);
	add_values(context, &entry);
	add_more(context->buffer, &entry);
	phoenix_buffer_printf(context->buffer, "\n    }");
	r = context->buffer->error;
	if (r == -EFBIG)
		phoenix_buffer_cut(context->buffer, before);
	else
		context->is_first = false;
	return r;
}

/* Until the report is full. */
static int add_containers(struct context *context, const struct phoenix_walk *walk)
{
	struct phoenix_containers *containers = &context->observer->containers;
	unsigned int i;
	int r;

	phoenix_containers_begin_look(containers);
	for (i = 0; i < walk->n; i++) {
		r = add_container(context, &walk->found[i]);
		if (r == -EFBIG)
			break;
		if (r < 0)
			return r;
		cond_resched();
	}
	phoenix_containers_end_look(containers);
	context->left_out = walk->n - i + walk->is_full;
	return 0;
}

static void add_end(struct context *context)
{
	struct phoenix_buffer *buffer = context->buffer;

	phoenix_buffer_printf(buffer,
			      "%s],\n"
			      "  \"Source\": \"module\",\n"
			      "  \"Taken_usec\": %llu,\n"
			      "  \"Memory_Total_Bytes\": %llu,\n"
			      "  \"Memory_Free_Bytes\": %llu",
			      context->is_first ? "" : "\n  ",
			      div_u64(context->taken_ns, NSEC_PER_USEC),
			      context->memory.total_bytes, context->memory.free_bytes);
	if (context->left_out)
		phoenix_buffer_printf(buffer, ",\n  \"Left_Out\": %u", context->left_out);
	phoenix_buffer_printf(buffer, "\n}\n");
}

static int report(struct context *context)
{
	struct phoenix_walk walk;
	char filter[TASK_COMM_LEN];
	int r;

	phoenix_params_filter(filter);
	r = phoenix_walk_all(&walk, filter, context->observer->containers.n * 2,
			     phoenix_params_max_containers());
	if (r < 0)
		return r;
	context->taken_ns = ktime_get_boottime_ns();
	add_machine(context);
	r = add_containers(context, &walk);
	phoenix_walk_release(&walk);
	if (r < 0)
		return r;
	/* What was kept free for it. */
	context->buffer->limit += END_MAX;
	add_end(context);
	return context->buffer->error;
}

int phoenix_report(struct phoenix_observer *observer, struct phoenix_buffer *buffer)
{
	struct context *context = kvmalloc(sizeof(*context), GFP_KERNEL);
	int r;

	if (!context)
		return -ENOMEM;
	buffer->limit = REPORT_MAX - END_MAX;
	*context = (struct context){ .observer = observer, .buffer = buffer, .is_first = true };
	context->max_open = phoenix_params_max_open();
	context->max_cmdline = phoenix_params_max_cmdline();
	r = report(context);
	kvfree(context);
	return r;
}
