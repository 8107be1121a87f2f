/* SPDX-License-Identifier: MIT */
/* Events that wait for the next batch; see pending.h. */
#include "supervisor/daemon/poster/pending.h"

#include <syslog.h>

#include "base/macros.h"
#include "supervisor/daemon/event-internal.h"
#include "supervisor/daemon/poster/sample.h"

#define REASON_MAX  1024U
#define MESSAGE_MAX 1024U

static void add_string(Text *t, const char *name, const char *s)
{
    text_addf(t, ", \"%s\": ", name);
    text_add_json_string(t, s, strnlen(s, REASON_MAX));
}

static void add_event(Text *t, const Event *event)
{
    char message[MESSAGE_MAX];

    event_describe(event, message, sizeof(message));
    text_add(t, "{\"timestamp\": ");
    sample_add_time(t, event->realtime_usec);
    add_string(t, "event", event_kind_word(event->kind));
    if (event->service) {
        add_string(t, "service", event->service);
        add_string(t, "state", health_state_word(event->after));
    }
    add_string(t, "reason", event->reason);
    add_string(t, "message", message);
    text_add_char(t, '}');
}

static bool make_room(Pending *pending)
{
    if (!pending->items)
        pending->items = calloc(PENDING_MAX, sizeof(char *));
    if (!pending->items)
        return false;
    if (pending->n < PENDING_MAX)
        return true;
    free(TAKE_PTR(pending->items[pending->first]));
    pending->first = (pending->first + 1) % PENDING_MAX;
    pending->n--;
    pending->dropped++;
    return true;
}

void pending_add(Pending *pending, const Event *event)
{
    _cleanup_text_ Text text = {0};
    char *item = NULL;

    add_event(&text, event);
    if (!make_room(pending) || text_take(&text, &item) < 0) {
        pending->dropped++;
        return;
    }
    pending->items[(pending->first + pending->n++) % PENDING_MAX] = item;
}

void pending_take(Pending *pending, Text *t)
{
    for (size_t i = 0; i < pending->n; i++) {
        char **item = &pending->items[(pending->first + i) % PENDING_MAX];
        text_add(t, i > 0 ? ",\n" : "\n");
        text_add(t, *item);
        free(TAKE_PTR(*item));
    }
    pending->n = 0;
}

void pending_done(Pending *pending)
{
    for (size_t i = 0; i < pending->n; i++)
        free(pending->items[(pending->first + i) % PENDING_MAX]);
    free(pending->items);
    *pending = (Pending){0};
}

bool pending_matters(const Event *event)
{
    return event_kind_priority(event->kind) <= LOG_NOTICE;
}
