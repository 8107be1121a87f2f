/* SPDX-License-Identifier: MIT */
/*
 * Telling events: counts them, writes them to the journal without ever waiting for it, and hands
 * them to who listens.
 */
#include "supervisor/daemon/event.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/macros.h"
#include "supervisor/daemon/event-internal.h"

typedef struct Listener {
    event_listener_t call;
    void *userdata;
} Listener;

struct Events {
    bool user;
    int fd;
    struct sockaddr_un journal;
    Listener *listeners;
    size_t n_listeners;
    uint64_t counts[_EVENT_KIND_MAX], lost;
};

static void events_freep(Events **events)
{
    events_free(*events);
}

int events_new_at(const char *socket_path, bool user, Events **ret)
{
    _cleanup_(events_freep) Events *events = NULL;
    size_t length = strlen(socket_path);

    assert(ret);

    events = calloc(1, sizeof(Events));
    if (!events)
        return -ENOMEM;
    events->fd = -1;
    events->user = user;
    if (length >= sizeof(events->journal.sun_path))
        return -ENAMETOOLONG;
    events->journal.sun_family = AF_UNIX;
    memcpy(events->journal.sun_path, socket_path, length + 1);

    /* Not connected: a journald that comes later, or comes back, is found by each entry. */
    events->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (events->fd < 0)
        return -errno;
    *ret = TAKE_PTR(events);
    return 0;
}

int events_new(bool user, Events **ret)
{
    return events_new_at(JOURNAL_SOCKET, user, ret);
}

Events *events_free(Events *events)
{
    if (!events)
        return NULL;
    cleanup_close(&events->fd);
    free(events->listeners);
    free(events);
    return NULL;
}

int events_listen(Events *events, event_listener_t listener, void *userdata)
{
    assert(events && listener);

    Listener *grown =
        reallocarray(events->listeners, events->n_listeners + 1, sizeof(events->listeners[0]));
    if (!grown)
        return -ENOMEM;
    events->listeners = grown;
    grown[events->n_listeners++] = (Listener){listener, userdata};
    return 0;
}

static int write_journal(Events *events, const Event *event)
{
    _cleanup_text_ Text entry = {0};

    int r = event_journal_entry(event, events->user, &entry);
    if (r < 0)
        return r;
    ssize_t n = sendto(events->fd, entry.data, entry.size, MSG_NOSIGNAL | MSG_DONTWAIT,
                       (const struct sockaddr *)&events->journal, sizeof(events->journal));
    return n < 0 ? -errno : 0;
}

void events_emit(Events *events, const Event *event)
{
    struct timespec now = {0};
    Event told = *event;

    assert(events);
    assert(event->kind >= 0 && event->kind < _EVENT_KIND_MAX);

    clock_gettime(CLOCK_REALTIME, &now);
    told.realtime_usec =
        (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
    if (!told.reason)
        told.reason = "";

    events->counts[told.kind]++;
    if (write_journal(events, &told) < 0)
        events->lost++;
    for (size_t i = 0; i < events->n_listeners; i++)
        events->listeners[i].call(&told, events->listeners[i].userdata);
}

uint64_t events_lost(const Events *events)
{
    return events->lost;
}

uint64_t events_count(const Events *events, EventKind kind)
{
    assert(kind >= 0 && kind < _EVENT_KIND_MAX);
    return events->counts[kind];
}
