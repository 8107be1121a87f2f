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
	struct phoenix_container *container;
	struct task_struct *process;
	struct phoenix_values values;
	u64 cpu_hundredths;
};

/* The largest report: that of some 50,000 containers. */
#define REPORT_MAX (64 * 1024 * 1024)
#define END_MAX	   1024

#define MIB_SHIFT 20
#define KIB_SHIFT 10

/* A member of a JSON object, with what stands in front of it. */
#define add_number(buffer, before, value)                                                          \
	do {                                                                                       \
		phoenix_buffer_literal(buffer, before);                                            \
		phoenix_buffer_number(buffer, value);                                              \
	} while (0)

#define add_hundredths(buffer, before, value)                                                      \
	do {                                                                                       \
		phoenix_buffer_literal(buffer, before);                                            \
		phoenix_buffer_hundredths(buffer, value);                                          \
	} while (0)

static void add_machine(struct context *context)
{
	struct phoenix_cpu_time now = phoenix_cpu_time_now(),
				*before = &context->observer->cpu_time;
	struct phoenix_memory memory = phoenix_memory_now();
	struct phoenix_buffer *buffer = context->buffer;
	u64 busy = 0;

	/* Both can go back: a CPU was taken offline. */
	if (now.busy_ns >= before->busy_ns && now.all_ns > before->all_ns)
		busy = phoenix_hundredths(now.busy_ns - before->busy_ns,
					  now.all_ns - before->all_ns);
	*before = now;
	context->memory = memory;
	add_number(buffer, "{\n  \"Memory\": {\n    \"Total_Memory_MB\": ",
		   memory.total_bytes >> MIB_SHIFT);
	add_number(buffer, ",\n    \"Free_Memory_MB\": ", memory.free_bytes >> MIB_SHIFT);
	add_number(buffer, ",\n    \"Used_Memory_MB\": ",
		   (memory.total_bytes - memory.free_bytes) >> MIB_SHIFT);
	add_hundredths(buffer, ",\n    \"CPU_Usage_Percentage\": ", busy);
	phoenix_buffer_literal(buffer, "\n  },\n  \"Docker_Containers\": [");
}

static void add_process(struct context *context, const struct entry *entry)
{
	struct phoenix_buffer *buffer = context->buffer;
	char name[TASK_COMM_LEN] = "";
	size_t n;

	get_task_comm(name, entry->process);
	add_number(buffer, "\n      \"PID\": ", task_pid_nr_ns(entry->process, &init_pid_ns));
	phoenix_buffer_literal(buffer, ",\n      \"Name\": \"");
	phoenix_buffer_escape(buffer, name, strnlen(name, sizeof(name)));
	phoenix_buffer_literal(buffer, "\",\n      \"ContainerID\": \"");
	phoenix_buffer_add(buffer, entry->container->id, PHOENIX_SHORT_ID_LENGTH);
	phoenix_buffer_literal(buffer, "\",\n      \"Cmdline\": \"");
	n = phoenix_process_cmdline(entry->process, context->cmdline, context->max_cmdline);
	phoenix_buffer_escape(buffer, context->cmdline, n);
}

static void add_values(struct context *context, const struct entry *entry)
{
	const struct phoenix_values *values = &entry->values;
	struct phoenix_buffer *buffer = context->buffer;
	const struct phoenix_io *io = &values->io;

	add_hundredths(buffer, "\",\n      \"MemoryUsage_percent\": ",
		       phoenix_hundredths(values->memory_bytes, context->memory.total_bytes));
	add_number(buffer, ",\n      \"MemoryUsage_MB\": ", values->memory_bytes >> MIB_SHIFT);
	add_hundredths(buffer, ",\n      \"CPUUsage_percent\": ", entry->cpu_hundredths);
	add_number(buffer, ",\n      \"DiskUse_MB\": ",
		   /* In halves: the sum of two large numbers is no number. */
		   ((io->rbytes >> 1) + (io->wbytes >> 1)) >> (MIB_SHIFT - 1));
	add_number(buffer, ",\n      \"Write_KBytes\": ", io->wbytes >> KIB_SHIFT);
	add_number(buffer, ",\n      \"Read_KBytes\": ", io->rbytes >> KIB_SHIFT);
	add_number(buffer, ",\n      \"IOReadOps\": ", io->rios);
	add_number(buffer, ",\n      \"IOWriteOps\": ", io->wios);
}

/* Names of what could not be read, with a blank between them; nothing when there is none. */
static void add_missing(struct phoenix_buffer *buffer, const struct phoenix_values *values)
{
	bool any = !values->has_cpu;

	if (values->has_cpu && values->has_memory && values->has_io)
		return;
	phoenix_buffer_literal(buffer, ",\n      \"Missing\": \"");
	if (!values->has_cpu)
		phoenix_buffer_literal(buffer, "cpu");
	if (!values->has_memory) {
		phoenix_buffer_add(buffer, " ", any);
		phoenix_buffer_literal(buffer, "memory");
		any = true;
	}
	if (!values->has_io) {
		phoenix_buffer_add(buffer, " ", any);
		phoenix_buffer_literal(buffer, "io");
	}
	phoenix_buffer_literal(buffer, "\"");
}

/* What never changes about a container, and is the same text each time. */
static void add_identity(struct phoenix_buffer *buffer, struct phoenix_container *container)
{
	static const char docker[] = "docker-";
	/* Each name of a container's cgroup has at least as many letters in front of the ID. */
	bool is_docker = memcmp(container->id - strlen(docker), docker, strlen(docker)) == 0;
	size_t begin = buffer->length;

	if (container->identity) {
		phoenix_buffer_add(buffer, container->identity, container->identity_length);
		return;
	}
	phoenix_buffer_literal(buffer, ",\n      \"ID\": \"");
	phoenix_buffer_add(buffer, container->id, PHOENIX_ID_LENGTH);
	phoenix_buffer_literal(buffer, "\",\n      \"Runtime\": \"");
	if (is_docker)
		phoenix_buffer_literal(buffer, "docker");
	else
		phoenix_buffer_literal(buffer, "podman");
	phoenix_buffer_literal(buffer, "\",\n      \"Cgroup\": \"");
	phoenix_buffer_escape(buffer, container->path, strlen(container->path));
	add_number(buffer, "\",\n      \"Cgroup_ID\": ", container->cgroup_id);
	if (buffer->error)
		return;
	/* Without memory for it, it is written anew the next time. */
	container->identity_length = buffer->length - begin;
	container->identity = kmemdup(buffer->text + begin, container->identity_length,
				      GFP_KERNEL | __GFP_NOWARN);
}

/* What the source document does not have. */
static void add_more(struct phoenix_buffer *buffer, const struct entry *entry)
{
	const struct phoenix_values *values = &entry->values;

	add_identity(buffer, entry->container);
	add_number(buffer, ",\n      \"Start_usec\": ",
		   div_u64(entry->process->start_boottime, NSEC_PER_USEC));
	add_number(buffer, ",\n      \"Memory_Bytes\": ", values->memory_bytes);
	add_number(buffer, ",\n      \"CPU_Usage_usec\": ", values->cpu_usec);
	add_number(buffer, ",\n      \"Read_Bytes\": ", values->io.rbytes);
	add_number(buffer, ",\n      \"Write_Bytes\": ", values->io.wbytes);
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

	/* No comma before the first one. */
	phoenix_buffer_add(context->buffer, ",", !context->is_first);
	phoenix_buffer_literal(context->buffer, "\n    {");
	add_process(context, &entry);
	add_values(context, &entry);
	add_more(context->buffer, &entry);
	phoenix_buffer_literal(context->buffer, "\n    }");
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

	if (!context->is_first)
		phoenix_buffer_literal(buffer, "\n  ");
	add_number(buffer, "],\n  \"Source\": \"module\",\n  \"Taken_usec\": ",
		   div_u64(context->taken_ns, NSEC_PER_USEC));
	add_number(buffer, ",\n  \"Memory_Total_Bytes\": ", context->memory.total_bytes);
	add_number(buffer, ",\n  \"Memory_Free_Bytes\": ", context->memory.free_bytes);
	if (context->left_out)
		add_number(buffer, ",\n  \"Left_Out\": ", context->left_out);
	phoenix_buffer_literal(buffer, "\n}\n");
}

static int report(struct context *context)
{
	struct phoenix_walk walk;
	char filter[TASK_COMM_LEN];
	int r;

	phoenix_params_filter(filter);
	r = phoenix_walk_all(&walk, &context->observer->containers, filter,
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
	/* That of the last one, with a little room to grow. */
	buffer->expected = observer->report_length + observer->report_length / 16;
	*context = (struct context){ .observer = observer, .buffer = buffer, .is_first = true };
	context->max_open = phoenix_params_max_open();
	context->max_cmdline = phoenix_params_max_cmdline();
	r = report(context);
	observer->report_length = buffer->length;
	kvfree(context);
	return r;
}
