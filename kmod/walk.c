// SPDX-License-Identifier: GPL-2.0

/*
 * One walk over all processes under RCU: nothing in it sleeps or allocates, and every so many
 * processes it lets others run. What does not fit into the array is counted, and the walk is made
 * again with a larger one. A walk that is made again over what it has found already finds the same.
 * A container that was there at the last look is told by the numbers of its process's cgroups.
 */

#include <linux/cgroup.h>
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "containers.h"
#include "text.h"
#include "walk.h"

/* Processes between two breaks: well below a millisecond. */
#define BREAK_AFTER 512u

/* How often the process at which the walk makes a break may end right then, before the rest is
 * walked without breaks.
 */
#define RESTARTS_MAX 8u

#define SIZE_MIN 64u

static bool is_older(const struct task_struct *a, const struct task_struct *b)
{
	return a->start_boottime < b->start_boottime;
}

static void replace_task(struct task_struct **place, struct task_struct *task)
{
	if (*place)
		put_task_struct(*place);
	*place = task ? get_task_struct(task) : NULL;
}

/* The outermost container is the only one that is known, so the order does not matter. */
static struct cgroup *find_known(const struct phoenix_walk *walk, struct cgroup *cgroup,
				 size_t *ret_id_offset)
{
	const struct phoenix_container *container;
	struct cgroup *ancestor;
	int level;

	for (level = cgroup->level; level > 0; level--) {
		ancestor = cgroup_ancestor(cgroup, level);
		container = phoenix_containers_find(walk->known, cgroup_id(ancestor));
		if (container) {
			*ret_id_offset = container->id - container->path;
			return ancestor;
		}
	}
	return NULL;
}

/*
 * By its path, which is left in walk->path. One that is too long is looked at from further above: a
 * container that deep could not be read, but one that has such cgroups in it can.
 */
static struct cgroup *find_new(struct phoenix_walk *walk, struct cgroup *cgroup,
			       size_t *ret_id_offset)
{
	struct phoenix_container_ref ref;
	int level, length;
	size_t i;

	for (level = cgroup->level; level > 0; level /= 2) {
		length = cgroup_path(cgroup_ancestor(cgroup, level), walk->path, PATH_MAX);
		if (length >= 0 && length < PATH_MAX)
			break;
	}
	if (level == 0 || !phoenix_container_of(walk->path, length, &ref))
		return NULL;
	/* The path of a cgroup on level n has n slashes. */
	for (level = 0, i = 0; i < ref.cgroup_len; i++)
		level += walk->path[i] == '/';
	*ret_id_offset = ref.id_offset;
	return cgroup_ancestor(cgroup, level);
}

/* The container that a process is in: its cgroup, and where in that's path the ID begins. */
static struct cgroup *find_container(struct phoenix_walk *walk, struct cgroup *cgroup,
				     size_t *ret_id_offset)
{
	return find_known(walk, cgroup, ret_id_offset) ?: find_new(walk, cgroup, ret_id_offset);
}

/* The entry of a container, a new one if needed; NULL when there is no room. */
static struct phoenix_found *get_entry(struct phoenix_walk *walk, struct cgroup *cgroup,
				       size_t id_offset)
{
	unsigned int mask = (1u << walk->slots_bits) - 1;
	unsigned int slot = hash_ptr(cgroup, walk->slots_bits);
	struct phoenix_found *entry;

	/* At least half of the slots are free, so this ends. */
	for (; walk->slots[slot]; slot = (slot + 1) & mask)
		if (walk->found[walk->slots[slot] - 1].cgroup == cgroup)
			return &walk->found[walk->slots[slot] - 1];
	if (walk->n == walk->size) {
		walk->is_full = true;
		return NULL;
	}
	if (!cgroup_tryget(cgroup))
		return NULL;
	entry = &walk->found[walk->n++];
	walk->slots[slot] = walk->n;
	*entry = (struct phoenix_found){ .cgroup = cgroup, .id_offset = id_offset };
	return entry;
}

/* Whether a process stands for its container rather than the one that does so far. */
static bool is_better(const struct phoenix_found *entry, const struct task_struct *task,
		      bool is_namespace_init, bool has_ended)
{
	if (!entry->process)
		return true;
	if (has_ended != entry->has_ended)
		return !has_ended;
	if (is_namespace_init != entry->is_namespace_init)
		return is_namespace_init;
	return is_older(task, entry->process);
}

/* The first child of an init is the payload. Parents come before their children in the walk. */
static void consider_child(struct phoenix_found *entry, struct task_struct *task)
{
	struct task_struct *parent = rcu_dereference(task->real_parent);

	if (!entry->is_namespace_init || task->exit_state ||
	    !same_thread_group(parent, entry->process) ||
	    !phoenix_is_init_name(entry->process->comm))
		return;
	if (!entry->first_child || is_older(task, entry->first_child))
		replace_task(&entry->first_child, task);
}

static void consider(struct phoenix_walk *walk, struct phoenix_found *entry,
		     struct task_struct *task)
{
	/* NULL as soon as the process is being reaped. */
	struct pid *pid = READ_ONCE(task->thread_pid);
	bool has_ended = READ_ONCE(task->exit_state), is_namespace_init;

	/* A process whose first thread has ended lives on in the others. */
	if (!pid || (has_ended && thread_group_empty(task)))
		return;
	if (strncmp(task->comm, walk->filter, TASK_COMM_LEN) == 0)
		entry->matches = true;
	is_namespace_init = pid->level > 0 && is_child_reaper(pid);
	if (is_better(entry, task, is_namespace_init, has_ended)) {
		replace_task(&entry->process, task);
		replace_task(&entry->first_child, NULL);
		entry->is_namespace_init = is_namespace_init;
		entry->has_ended = has_ended;
	} else {
		consider_child(entry, task);
	}
}

/*
 * Lets others run. False when the walk cannot go on from this process, as it has ended meanwhile:
 * what it points to is then not kept for us. A leader that another thread has replaced by execve(2)
 * is told by its exit_signal, within the same lock as the list is changed.
 */
static bool take_break(struct task_struct *task)
{
	bool can_go_on;

	get_task_struct(task);
	rcu_read_unlock();
	cond_resched();
	rcu_read_lock();
	can_go_on = pid_alive(task) && thread_group_leader(task);
	put_task_struct(task);
	return can_go_on;
}

/* False when it has to be made again. */
static bool walk_once(struct phoenix_walk *walk, bool with_breaks)
{
	struct cgroup *cgroup, *container, *last_cgroup = NULL;
	struct phoenix_found *entry = NULL;
	unsigned int until_break = BREAK_AFTER;
	struct task_struct *task;
	bool whole = true;
	size_t id_offset;

	rcu_read_lock();
	for_each_process(task) {
		if (with_breaks && until_break-- == 0) {
			until_break = BREAK_AFTER;
			last_cgroup =
				NULL; /* without a reference, the address may become another's */
			whole = take_break(task);
			if (!whole)
				break;
		}
		if (task->flags & PF_KTHREAD)
			continue;
		cgroup = task_dfl_cgroup(task);
		if (cgroup != last_cgroup) {
			container = find_container(walk, cgroup, &id_offset);
			entry = container ? get_entry(walk, container, id_offset) : NULL;
			last_cgroup = cgroup;
		}
		if (entry)
			consider(walk, entry, task);
	}
	rcu_read_unlock();
	return whole;
}

static void walk_whole(struct phoenix_walk *walk)
{
	unsigned int restarts = 0;

	while (!walk_once(walk, restarts < RESTARTS_MAX))
		restarts++;
}

static void put_entry(struct phoenix_found *entry)
{
	replace_task(&entry->process, NULL);
	replace_task(&entry->first_child, NULL);
	cgroup_put(entry->cgroup);
}

/* Leaves those that are shown, each with its main process. */
static void finish(struct phoenix_walk *walk)
{
	unsigned int i, n = 0;

	for (i = 0; i < walk->n; i++) {
		struct phoenix_found *entry = &walk->found[i];

		if (!entry->process || (walk->filter[0] && !entry->matches)) {
			put_entry(entry);
			continue;
		}
		if (entry->first_child) {
			put_task_struct(entry->process);
			entry->process = entry->first_child;
			entry->first_child = NULL;
		}
		walk->found[n++] = *entry;
	}
	walk->n = n;
}

static int compare_age(const void *a, const void *b)
{
	const struct phoenix_found *x = a, *y = b;
	u64 id_x = cgroup_id(x->cgroup), id_y = cgroup_id(y->cgroup);

	if (is_older(x->process, y->process))
		return -1;
	if (is_older(y->process, x->process))
		return 1;
	return id_x < id_y ? -1 : id_x > id_y;
}

/* Processes are walked in the order in which they were started, so there is mostly nothing to do.
 */
static void sort_by_age(struct phoenix_walk *walk)
{
	unsigned int i;

	for (i = 1; i < walk->n; i++)
		if (compare_age(&walk->found[i - 1], &walk->found[i]) > 0)
			break;
	if (i < walk->n)
		sort(walk->found, walk->n, sizeof(*walk->found), compare_age, NULL);
}

static int allocate(struct phoenix_walk *walk, unsigned int size)
{
	walk->size = size;
	walk->slots_bits = ilog2(roundup_pow_of_two(size * 2));
	walk->found = kvcalloc(size, sizeof(*walk->found), GFP_KERNEL);
	walk->slots = kvcalloc(1u << walk->slots_bits, sizeof(*walk->slots), GFP_KERNEL);
	walk->path = kmalloc(PATH_MAX, GFP_KERNEL);
	return walk->found && walk->slots && walk->path ? 0 : -ENOMEM;
}

int phoenix_walk_all(struct phoenix_walk *ret, const struct phoenix_containers *known,
		     const char *filter, unsigned int max)
{
	/* As many again may have been started. */
	unsigned int size = clamp(known->n * 2, min(SIZE_MIN, max), max);
	struct phoenix_walk walk;
	int r;

	for (;;) {
		walk = (struct phoenix_walk){ .filter = filter, .known = known };
		r = allocate(&walk, size);
		if (r < 0)
			break;
		walk_whole(&walk);
		if (!walk.is_full || size == max) {
			finish(&walk);
			sort_by_age(&walk);
			*ret = walk;
			return 0;
		}
		size = size > max / 4 ? max : size * 4;
		phoenix_walk_release(&walk);
	}
	phoenix_walk_release(&walk);
	return r;
}

void phoenix_walk_release(struct phoenix_walk *walk)
{
	unsigned int i;

	for (i = 0; i < walk->n; i++)
		put_entry(&walk->found[i]);
	kvfree(walk->found);
	kvfree(walk->slots);
	kfree(walk->path);
	*walk = (struct phoenix_walk){};
}
