// SPDX-License-Identifier: GPL-2.0

/* The containers known so far, by the number of their cgroup. Used by one thread at a time. */

#include <linux/cgroup.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/time64.h>

#include "containers.h"

int phoenix_containers_init(struct phoenix_containers *containers, const struct path *root)
{
	*containers = (struct phoenix_containers){ .root = *root };
	hash_init(containers->by_cgroup);
	containers->scratch = kvmalloc(sizeof(*containers->scratch), GFP_KERNEL);
	return containers->scratch ? 0 : -ENOMEM;
}

static bool is_open(const struct phoenix_container *container)
{
	return container->files.files[PHOENIX_CPU_STAT];
}

static void close_files(struct phoenix_containers *containers, struct phoenix_container *container)
{
	containers->n_open -= is_open(container);
	phoenix_files_close(&container->files);
}

static void forget(struct phoenix_containers *containers, struct phoenix_container *container)
{
	close_files(containers, container);
	hash_del(&container->node);
	containers->n--;
	kfree(container->identity);
	kfree(container);
}

void phoenix_containers_exit(struct phoenix_containers *containers)
{
	struct phoenix_container *container;
	struct hlist_node *next;
	int bucket;

	hash_for_each_safe(containers->by_cgroup, bucket, next, container, node)
		forget(containers, container);
	kvfree(containers->scratch);
	containers->scratch = NULL;
}

void phoenix_containers_begin_look(struct phoenix_containers *containers)
{
	containers->look++;
}

void phoenix_containers_end_look(struct phoenix_containers *containers)
{
	struct phoenix_container *container;
	struct hlist_node *next;
	int bucket;

	hash_for_each_safe(containers->by_cgroup, bucket, next, container, node)
		if (container->look != containers->look)
			forget(containers, container);
}

static struct phoenix_container *add(struct phoenix_containers *containers, struct cgroup *cgroup,
				     size_t id_offset)
{
	char *path = containers->scratch->path;
	struct phoenix_container *container;
	int n = cgroup_path(cgroup, path, PATH_MAX);

	/* It has had a path that is short enough when it was found, and that never changes. */
	if (WARN_ON_ONCE(n < 0 || n >= PATH_MAX || id_offset + PHOENIX_ID_LENGTH > n))
		return NULL;
	container = kzalloc(struct_size(container, path, n + 1), GFP_KERNEL);
	if (!container)
		return NULL;
	memcpy(container->path, path, n);
	container->id = container->path + id_offset;
	container->cgroup_id = cgroup_id(cgroup);
	hash_add(containers->by_cgroup, &container->node, container->cgroup_id);
	containers->n++;
	return container;
}

struct phoenix_container *phoenix_containers_get(struct phoenix_containers *containers,
						 struct cgroup *cgroup, size_t id_offset)
{
	struct phoenix_container *container =
		phoenix_containers_find(containers, cgroup_id(cgroup));

	if (!container)
		container = add(containers, cgroup, id_offset);
	if (container)
		container->look = containers->look;
	return container;
}

u64 phoenix_hundredths(u64 part, u64 whole)
{
	/* Against an overflow. What is lost of such large numbers is not seen. */
	while (part > U64_MAX / 20000) {
		part >>= 1;
		whole >>= 1;
	}
	return whole ? div64_u64(part * 10000 + whole / 2, whole) : 0;
}

static u64 cpu_hundredths(const struct phoenix_container *container,
			  const struct phoenix_values *values, u64 start_ns)
{
	u64 from_ns = container->taken_ns ?: start_ns;

	/* Counters of the kernel do not go back, but who knows. */
	if (values->taken_ns <= from_ns || values->cpu_usec < container->cpu_usec)
		return 0;
	return phoenix_hundredths(values->cpu_usec - container->cpu_usec,
				  div_u64(values->taken_ns - from_ns, NSEC_PER_USEC));
}

int phoenix_containers_read(struct phoenix_containers *containers,
			    struct phoenix_container *container, unsigned int max_open,
			    u64 start_ns, struct phoenix_values *ret, u64 *ret_cpu_hundredths)
{
	struct phoenix_values values;
	int r;

	containers->n_open -= is_open(container);
	r = phoenix_files_read(&container->files, &containers->root, container->path,
			       containers->scratch, &values);
	containers->n_open += is_open(container);
	if (containers->n_open > max_open)
		close_files(containers, container);
	if (r < 0)
		return r;
	*ret_cpu_hundredths = cpu_hundredths(container, &values, start_ns);
	container->cpu_usec = values.cpu_usec;
	container->taken_ns = values.taken_ns;
	*ret = values;
	return 0;
}

void phoenix_containers_close_files(struct phoenix_containers *containers)
{
	struct phoenix_container *container;
	int bucket;

	hash_for_each(containers->by_cgroup, bucket, container, node)
		close_files(containers, container);
}
