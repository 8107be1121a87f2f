/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with notifications themselves.
 */
#include "supervisor/daemon/notify/notify-say.h"

#include <assert.h>
#include <errno.h>

#include "base/macros.h"
#include "base/strv.h"

#define REASON_MAX 256U

struct NotifySay {
    Events *events;
    bool disk, overflow; /* what has been said */
    char **given_up;     /* services */
};

int notify_say_new(Events *events, NotifySay **ret)
{
    NotifySay *say = calloc(1, sizeof(NotifySay));

    assert(events && ret);

    if (!say)
        return -ENOMEM;
    say->events = events;
    *ret = say;
    return 0;
}

NotifySay *notify_say_free(NotifySay *say)
{
    if (!say)
        return NULL;
    strv_free(say->given_up);
    free(say);
    return NULL;
}

static void emit(NotifySay *say, EventKind kind, const char *reason)
{
    Event event = {
        .kind = kind,
        .reason = reason,
        .latency_usec = UINT64_MAX,
        .delay_usec = UINT64_MAX,
    };

    events_emit(say->events, &event);
}

static void say_disk(NotifySay *say, int error)
{
    char reason[REASON_MAX];

    if ((error < 0) == say->disk)
        return;
    say->disk = error < 0;
    if (error == 0) {
        emit(say, EVENT_RESTORED, "notifications are kept on disk again");
        return;
    }
    snprintf(reason, sizeof(reason), "notifications are kept in memory only: %s", strerror(-error));
    emit(say, EVENT_DEGRADED, reason);
}

static void say_overflow(NotifySay *say, bool overflow)
{
    if (overflow == say->overflow)
        return;
    say->overflow = overflow;
    if (overflow)
        emit(say, EVENT_DEGRADED, "too many notifications wait; the oldest are dropped");
    else
        emit(say, EVENT_RESTORED, "notifications are no longer dropped");
}

void notify_say_state(NotifySay *say, const NotifyQueueState *state)
{
    say_disk(say, state->disk_error);
    say_overflow(say, state->overflow);
}

void notify_say_given_up(NotifySay *say, const char *service, NotifyKind kind, const char *why)
{
    char reason[REASON_MAX];

    if (strv_contains(say->given_up, service) || strv_push(&say->given_up, service) < 0)
        return;
    snprintf(reason, sizeof(reason), "a notification of %s (%s) was given up: %s", service,
             notify_kind_word(kind), why);
    emit(say, EVENT_DEGRADED, reason);
}

void notify_say_accepted(NotifySay *say, const char *service)
{
    char reason[REASON_MAX];
    char **p = say->given_up;

    while (p && *p && !streq(*p, service))
        p++;
    if (!p || !*p)
        return;
    free(*p);
    do
        p[0] = p[1];
    while (*p++);
    snprintf(reason, sizeof(reason), "notifications of %s are delivered again", service);
    emit(say, EVENT_RESTORED, reason);
}
