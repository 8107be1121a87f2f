// SPDX-License-Identifier: GPL-2.0

/*
 * One worker makes the snapshots, for all readers. So nobody's credentials, root directory or mount
 * namespace decide what is seen, no lock of a reader is held while files are opened, and a reader
 * that is killed leaves nothing half done. Many readers at once cost no more than one.
 */

#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "params.h"
#include "report.h"
#include "snapshot.h"

/* When nobody has read for so long, files are closed and the last snapshot is freed. */
#define IDLE_SECONDS 60

static struct workqueue_struct *queue;	 /* ordered: only one work runs at a time */
static struct phoenix_observer observer; /* of the works only */

static DEFINE_MUTEX(lock);			  /* of what follows; never held for long */
static struct phoenix_snapshot *current_snapshot; /* of the last look; NULL: it failed, or idle */
static int current_error;
static u64 looks_begun;
static atomic64_t looks_ended; /* changed with the lock, read by who waits without it */
static u64 last_begun_ns;      /* of the look that was begun last */
static DECLARE_WAIT_QUEUE_HEAD(look_ended);

static void snapshot_free(struct kref *references)
{
	struct phoenix_snapshot *snapshot =
		container_of(references, struct phoenix_snapshot, references);

	kvfree(snapshot->text);
	kfree(snapshot);
}

void phoenix_snapshot_put(struct phoenix_snapshot *snapshot)
{
	if (snapshot)
		kref_put(&snapshot->references, snapshot_free);
}

static struct phoenix_snapshot *make_snapshot(u64 begun_ns)
{
	struct phoenix_snapshot *snapshot = kzalloc(sizeof(*snapshot), GFP_KERNEL);
	struct phoenix_buffer buffer = {};
	int r;

	if (!snapshot)
		return ERR_PTR(-ENOMEM);
	r = phoenix_report(&observer, &buffer);
	if (r < 0) {
		phoenix_buffer_free(&buffer);
		kfree(snapshot);
		return ERR_PTR(r);
	}
	kref_init(&snapshot->references);
	snapshot->begun_ns = begun_ns;
	snapshot->length = buffer.length;
	snapshot->text = buffer.text;
	return snapshot;
}

static void replace_current(struct phoenix_snapshot *snapshot, int error)
{
	phoenix_snapshot_put(current_snapshot);
	current_snapshot = snapshot;
	current_error = error;
}

static void be_idle(struct work_struct *work)
{
	phoenix_containers_close_files(&observer.containers);
	mutex_lock(&lock);
	replace_current(NULL, 0);
	mutex_unlock(&lock);
}
static DECLARE_DELAYED_WORK(idle_work, be_idle);

static void look(struct work_struct *work)
{
	u64 now_ns = ktime_get_ns();
	struct phoenix_snapshot *snapshot;

	mutex_lock(&lock);
	looks_begun++;
	last_begun_ns = now_ns;
	mutex_unlock(&lock);

	snapshot = make_snapshot(now_ns);

	mutex_lock(&lock);
	if (IS_ERR(snapshot))
		replace_current(NULL, PTR_ERR(snapshot));
	else
		replace_current(snapshot, 0);
	atomic64_inc(&looks_ended);
	mutex_unlock(&lock);
	wake_up_all(&look_ended);
	mod_delayed_work(queue, &idle_work, IDLE_SECONDS * HZ);
}
static DECLARE_WORK(look_work, look);

static bool is_fresh(u64 begun_ns)
{
	return ktime_get_ns() - begun_ns < phoenix_params_cache_ns();
}

/* Which look has to have ended; 0 when the last one will do. With the lock. */
static u64 look_to_wait_for(void)
{
	if (current_snapshot && is_fresh(current_snapshot->begun_ns))
		return 0;
	if (looks_begun > (u64)atomic64_read(&looks_ended) && is_fresh(last_begun_ns))
		return looks_begun;
	/* If one is queued already, it is this one: it cannot have begun without the lock. */
	queue_work(queue, &look_work);
	return looks_begun + 1;
}

/* While it waits, a process must not sleep for anything else: so without the lock. */
static bool has_ended(u64 number)
{
	return (u64)atomic64_read(&looks_ended) >= number;
}

struct phoenix_snapshot *phoenix_snapshot_get(void)
{
	struct phoenix_snapshot *snapshot;
	u64 number;
	int r;

	do {
		mutex_lock(&lock);
		number = look_to_wait_for();
		mutex_unlock(&lock);
		if (number && wait_event_killable(look_ended, has_ended(number)))
			return ERR_PTR(-EINTR);

		mutex_lock(&lock);
		snapshot = current_snapshot;
		r = current_error;
		if (snapshot)
			kref_get(&snapshot->references);
		mutex_unlock(&lock);
		/* Neither: it has become idle in between. */
	} while (!snapshot && r == 0);
	return snapshot ?: ERR_PTR(r);
}

int phoenix_snapshots_init(const struct path *root)
{
	int r;

	r = phoenix_containers_init(&observer.containers, root);
	if (r < 0)
		return r;
	queue = alloc_ordered_workqueue("phoenix_sysinfo", 0);
	if (!queue) {
		phoenix_containers_exit(&observer.containers);
		return -ENOMEM;
	}
	return 0;
}

static void exit_work(struct work_struct *work)
{
	phoenix_containers_exit(&observer.containers);
}

/* The files are closed by the worker as well: it is a kernel thread, who unloads the module is not.
 */
void phoenix_snapshots_exit(void)
{
	struct work_struct last;

	cancel_work_sync(&look_work);
	cancel_delayed_work_sync(&idle_work);
	INIT_WORK_ONSTACK(&last, exit_work);
	queue_work(queue, &last);
	flush_work(&last);
	destroy_work_on_stack(&last);
	destroy_workqueue(queue);
	phoenix_snapshot_put(current_snapshot);
	current_snapshot = NULL;
}
