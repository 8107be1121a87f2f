/* SPDX-License-Identifier: MIT */
/*
 * Notifications that wait for their delivery, oldest first. There are few (n_max), so all is found
 * by walking along them. One that is under way is never replaced, dropped or moved.
 */
#include "supervisor/daemon/notify/notify-queue.h"

#include <assert.h>
#include <errno.h>

#include "base/macros.h"
#include "supervisor/daemon/notify/notify-store.h"

struct NotifyQueue {
    const NotifyRules *rules;
    NotifyRate rate;
    Notification **items;
    size_t n, size; /* size: of all files */
    size_t n_running;
    char *folder;
    int dirfd, disk_error;
    uint64_t delivered, dropped;
    bool overflow;
};

/* ---- one ---- */

int notification_new(const char *service, NotifyKind kind, uint64_t realtime_usec, json_t *facts,
                     Notification **ret)
{
    _cleanup_notification_ Notification *notification = NULL;
    sd_id128_t id;
    int r;

    assert(service && strlen(service) <= SPEC_NAME_MAX);
    assert(ret);

    notification = calloc(1, sizeof(Notification));
    if (!notification || !facts) {
        json_decref(facts);
        return -ENOMEM;
    }
    notification->facts = facts;
    r = sd_id128_randomize(&id);
    if (r < 0)
        return r;
    sd_id128_to_uuid_string(id, notification->id);
    memcpy(notification->service, service, strlen(service) + 1);
    notification->kind = kind;
    notification->count = 1;
    notification->realtime_usec = realtime_usec;
    *ret = TAKE_PTR(notification);
    return 0;
}

Notification *notification_free(Notification *notification)
{
    if (!notification)
        return NULL;
    json_decref(notification->facts);
    free(notification);
    return NULL;
}

static bool is_running(const Notification *notification)
{
    return notification->to[NOTIFY_TO_URL].running || notification->to[NOTIFY_TO_EXEC].running;
}

static bool is_wanted(const Notification *notification)
{
    return notification->to[NOTIFY_TO_URL].wanted || notification->to[NOTIFY_TO_EXEC].wanted;
}

/* ---- disk ---- */

static void save(NotifyQueue *queue, Notification *notification)
{
    size_t before = notification->size;
    int r;

    r = notify_store_save(queue->dirfd, notification);
    if (r < 0) {
        notification->saved = false;
        if (queue->dirfd >= 0 || queue->disk_error == 0)
            queue->disk_error = r;
        return;
    }
    queue->size += notification->size - before;
}

static int open_folder(NotifyQueue *queue)
{
    int fd = notify_store_open(queue->folder);

    cleanup_close(&queue->dirfd);
    queue->dirfd = fd < 0 ? -1 : fd;
    return fd < 0 ? fd : 0;
}

void notify_queue_save(NotifyQueue *queue)
{
    if (queue->disk_error == 0)
        return;
    /* Anew: the folder may have been removed, or another one mounted there. */
    queue->disk_error = open_folder(queue);
    for (size_t i = 0; i < queue->n && queue->disk_error == 0; i++)
        if (!queue->items[i]->saved)
            save(queue, queue->items[i]);
}

/* ---- the list ---- */

static void discard(NotifyQueue *queue, size_t i)
{
    Notification *notification = queue->items[i];

    assert(!is_running(notification));
    notify_store_remove(queue->dirfd, notification);
    queue->size -= notification->size;
    queue->n--;
    memmove(queue->items + i, queue->items + i + 1, (queue->n - i) * sizeof(queue->items[0]));
    notification_free(notification);
}

static size_t index_of(const NotifyQueue *queue, const Notification *notification)
{
    size_t i = 0;

    while (i < queue->n && queue->items[i] != notification)
        i++;
    assert(i < queue->n);
    return i;
}

/* The oldest that waits and is of the same service and kind, other than this one. */
static Notification *find_same(const NotifyQueue *queue, const Notification *notification)
{
    for (size_t i = 0; i < queue->n; i++) {
        Notification *other = queue->items[i];

        if (other != notification && other->kind == notification->kind && !is_running(other) &&
            streq(other->service, notification->service))
            return other;
    }
    return NULL;
}

/* The newer one stands for both. It inherits the back-off: the receiver is the same. */
static void absorb(NotifyQueue *queue, Notification *newer, Notification *older)
{
    newer->count += older->count;
    for (int t = 0; t < _NOTIFY_TARGET_MAX; t++)
        if (older->to[t].wanted && newer->to[t].attempts == 0) {
            newer->to[t].attempts = older->to[t].attempts;
            newer->to[t].due_usec = older->to[t].due_usec;
        }
    /* First the new file, then the old one: a kill in between delivers both rather than none. */
    save(queue, newer);
    discard(queue, index_of(queue, older));
    if (!newer->saved)
        save(queue, newer); /* there may be room now */
}

/* Makes room, at the cost of the oldest. */
static void trim(NotifyQueue *queue)
{
    size_t i = 0;

    while (queue->n > queue->rules->n_max || queue->size > queue->rules->size_max) {
        while (i < queue->n && is_running(queue->items[i]))
            i++;
        if (i >= queue->n)
            return;
        discard(queue, i);
        queue->dropped++;
        queue->overflow = true;
    }
}

static void note_room(NotifyQueue *queue)
{
    if (queue->n <= queue->rules->n_max / 2 && queue->size <= queue->rules->size_max / 2)
        queue->overflow = false;
}

static int push(NotifyQueue *queue, Notification *notification)
{
    Notification **grown = reallocarray(queue->items, queue->n + 1, sizeof(*grown));

    if (!grown)
        return -ENOMEM;
    queue->items = grown;
    grown[queue->n++] = notification;
    queue->size += notification->size;
    return 0;
}

void notify_queue_add(NotifyQueue *queue, Notification *notification)
{
    Notification *older;

    assert(queue && notification);
    assert(is_wanted(notification));

    if (push(queue, notification) < 0) {
        notification_free(notification);
        queue->dropped++;
        return;
    }
    older = find_same(queue, notification);
    if (older)
        absorb(queue, notification, older);
    else if (!notification->saved)
        save(queue, notification);
    trim(queue);
}

/* ---- life ---- */

static int load(NotifyQueue *queue)
{
    _cleanup_free_ Notification **items = NULL;
    size_t n, n_dropped;
    int r;

    r = open_folder(queue);
    if (r < 0)
        return r;
    r = notify_store_load(queue->dirfd, queue->rules->n_max, &items, &n, &n_dropped);
    if (r < 0)
        return r;
    queue->dropped += n_dropped;
    queue->overflow = n_dropped > 0;
    for (size_t i = 0; i < n; i++)
        notify_queue_add(queue, items[i]);
    return 0;
}

static void notify_queue_freep(NotifyQueue **queue)
{
    notify_queue_free(*queue);
}

int notify_queue_new(const char *folder, const NotifyRules *rules, NotifyQueue **ret)
{
    _cleanup_(notify_queue_freep) NotifyQueue *queue = NULL;
    int r;

    assert(folder && rules && ret);

    queue = calloc(1, sizeof(NotifyQueue));
    if (!queue)
        return -ENOMEM;
    queue->dirfd = -1;
    queue->rules = rules;
    queue->folder = strdup(folder);
    if (!queue->folder)
        return -ENOMEM;
    r = load(queue);
    if (r == -ENOMEM)
        return r;
    if (r < 0)
        queue->disk_error = r;
    *ret = TAKE_PTR(queue);
    return 0;
}

NotifyQueue *notify_queue_free(NotifyQueue *queue)
{
    if (!queue)
        return NULL;
    for (size_t i = 0; i < queue->n; i++)
        notification_free(queue->items[i]);
    free(queue->items);
    free(queue->folder);
    cleanup_close(&queue->dirfd);
    free(queue);
    return NULL;
}

/* ---- delivery ---- */

/* Whether an older notification of the service goes to the target first. */
static bool has_predecessor(const NotifyQueue *queue, size_t i, NotifyTarget target)
{
    for (size_t k = 0; k < i; k++)
        if (queue->items[k]->to[target].wanted &&
            streq(queue->items[k]->service, queue->items[i]->service))
            return true;
    return false;
}

/* First attempts are spaced by kind and target, further ones by their back-off. */
static int rate_key(const Notification *notification, NotifyTarget target)
{
    if (notification->to[target].attempts > 0)
        return -1;
    return (int)notification->kind * _NOTIFY_TARGET_MAX + (int)target;
}

/* When item i may go to the target, or USEC_INFINITY: not before another one has ended. */
static uint64_t due_at(const NotifyQueue *queue, size_t i, NotifyTarget target, uint64_t now_usec)
{
    const Notification *item = queue->items[i];
    const NotifyDelivery *delivery = &item->to[target];
    uint64_t at;

    if (!delivery->wanted || delivery->running || has_predecessor(queue, i, target))
        return USEC_INFINITY;
    at =
        notify_rate_at(&queue->rate, queue->rules, item->service, rate_key(item, target), now_usec);
    return MAX(at, delivery->due_usec);
}

static void begin(NotifyQueue *queue, Notification *item, NotifyTarget target, uint64_t now_usec)
{
    notify_rate_take(&queue->rate, queue->rules, item->service, rate_key(item, target), now_usec);
    item->to[target].running = true;
    item->to[target].attempts++;
    queue->n_running++;
}

Notification *notify_queue_next(NotifyQueue *queue, uint64_t now_usec, NotifyTarget *ret_target,
                                uint64_t *ret_due_usec)
{
    uint64_t due_usec = USEC_INFINITY;

    assert(queue && ret_target && ret_due_usec);

    for (size_t i = 0; i < queue->n && queue->n_running < queue->rules->parallel; i++)
        for (int t = 0; t < _NOTIFY_TARGET_MAX; t++) {
            uint64_t at = due_at(queue, i, (NotifyTarget)t, now_usec);

            if (at <= now_usec) {
                begin(queue, queue->items[i], (NotifyTarget)t, now_usec);
                *ret_target = (NotifyTarget)t;
                return queue->items[i];
            }
            due_usec = MIN(due_usec, at);
        }
    *ret_due_usec = due_usec;
    return NULL;
}

/* Whether this failure is the last one. */
static bool is_too_old(const NotifyQueue *queue, const Notification *item,
                       const NotifyResult *result)
{
    return result->realtime_usec > item->realtime_usec &&
           result->realtime_usec - item->realtime_usec >= queue->rules->give_up_usec;
}

/* Puts the result down. Returns true when the delivery was given up. */
static bool settle(NotifyQueue *queue, Notification *item, NotifyDelivery *delivery,
                   const NotifyResult *result)
{
    uint64_t delay_usec;

    if (result->verdict == NOTIFY_RETRY && !is_too_old(queue, item, result)) {
        delay_usec = notify_retry_delay(queue->rules, delivery->attempts, result->random);
        delivery->due_usec = result->now_usec +
                             MAX(delay_usec, MIN(result->wait_usec, queue->rules->retry_max_usec));
        return false;
    }
    delivery->wanted = false;
    if (result->verdict == NOTIFY_DELIVERED)
        queue->delivered++;
    if (result->verdict == NOTIFY_DELIVERED || result->verdict == NOTIFY_UNWANTED)
        return false;
    queue->dropped++;
    return true;
}

bool notify_queue_done(NotifyQueue *queue, Notification *item, NotifyTarget target,
                       const NotifyResult *result)
{
    NotifyDelivery *delivery = &item->to[target];
    Notification *newer;
    bool given_up;

    assert(delivery->running);

    delivery->running = false;
    queue->n_running--;
    given_up = settle(queue, item, delivery, result);
    if (!is_running(item)) {
        newer = find_same(queue, item);
        if (!is_wanted(item))
            discard(queue, index_of(queue, item));
        else if (newer)
            absorb(queue, newer, item);
        else if (!delivery->wanted)
            save(queue, item); /* the other one is still to come */
    }
    trim(queue);
    note_room(queue);
    return given_up;
}

void notify_queue_state(const NotifyQueue *queue, NotifyQueueState *ret)
{
    *ret = (NotifyQueueState){
        .delivered = queue->delivered,
        .dropped = queue->dropped,
        .waiting = queue->n,
        .disk_error = queue->disk_error,
        .overflow = queue->overflow,
    };
}
