/* SPDX-License-Identifier: MIT */
/*
 * Notifications that wait for their delivery: what is replaced by what, which one is next, what
 * happens to one that failed. Each is also a file of its own, so that a supervisor that was killed
 * goes on where it was. No clock of its own and no network: the notifier asks what to do and says
 * how it went.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <systemd/sd-id128.h>

#include "supervisor/daemon/notify/notify-policy.h"

typedef enum NotifyTarget {
    NOTIFY_TO_URL,
    NOTIFY_TO_EXEC,
    _NOTIFY_TARGET_MAX,
} NotifyTarget;

typedef struct NotifyDelivery {
    bool wanted; /* not yet delivered */
    bool running;
    uint32_t attempts;
    uint64_t due_usec; /* CLOCK_MONOTONIC; not before */
} NotifyDelivery;

typedef struct Notification {
    char id[SD_ID128_UUID_STRING_MAX];
    char service[SPEC_NAME_MAX + 1];
    NotifyKind kind;
    uint64_t count;         /* how many events it stands for */
    uint64_t realtime_usec; /* of the newest of them */
    json_t *facts;          /* what was so then, see notify-body.h; never changed */
    NotifyDelivery to[_NOTIFY_TARGET_MAX];
    bool saved;
    size_t size; /* of its file */
} Notification;

/* Takes over the facts, also when it fails. */
int notification_new(const char *service, NotifyKind kind, uint64_t realtime_usec, json_t *facts,
                     Notification **ret);
Notification *notification_free(Notification *notification);
static inline void notification_freep(Notification **notification)
{
    notification_free(*notification);
}
#define _cleanup_notification_ _cleanup_(notification_freep)

typedef struct NotifyQueue NotifyQueue;

typedef struct NotifyQueueState {
    uint64_t delivered, dropped; /* deliveries; dropped: refused, given up, or no room */
    size_t waiting;              /* notifications */
    int disk_error;              /* why some are in memory only; 0: none is */
    bool overflow;               /* some had to be dropped, and there is still little room */
} NotifyQueueState;

/* Reads what an earlier run has left. A folder that cannot be used is no failure, but shows as
 * disk_error. */
int notify_queue_new(const char *folder, const NotifyRules *rules, NotifyQueue **ret);
NotifyQueue *notify_queue_free(NotifyQueue *queue);

/* Takes over the notification. One of the same service and kind that waits is replaced and counted.
 * Must have at least one wanted target. */
void notify_queue_add(NotifyQueue *queue, Notification *notification);

/* What is to be delivered now; it counts as begun, and stays where it is until notify_queue_done().
 * NULL: nothing before *ret_due_usec (USEC_INFINITY: nothing at all). Per service and target one at
 * a time, in order. */
Notification *notify_queue_next(NotifyQueue *queue, uint64_t now_usec, NotifyTarget *ret_target,
                                uint64_t *ret_due_usec);

/* How an attempt has ended. wait_usec is the least time to the next one. Returns true when it was
 * given up although it was wanted. The notification may be gone after this. */
typedef struct NotifyResult {
    NotifyVerdict verdict;
    uint64_t wait_usec;
    uint64_t now_usec;      /* CLOCK_MONOTONIC */
    uint64_t realtime_usec; /* CLOCK_REALTIME */
    uint64_t random;
} NotifyResult;
bool notify_queue_done(NotifyQueue *queue, Notification *notification, NotifyTarget target,
                       const NotifyResult *result);

/* Tries again to write what is in memory only. */
void notify_queue_save(NotifyQueue *queue);
void notify_queue_state(const NotifyQueue *queue, NotifyQueueState *ret);
