/* SPDX-License-Identifier: MIT */

/* A ring of messages. */

#include "collector/hub.h"

#include <errno.h>
#include <inttypes.h>

#define MESSAGES_MAX 4096

typedef struct Message {
    const char *kind;
    char *json; /* NULL: lost */
    size_t size;
} Message;

struct Hub {
    size_t max_bytes, bytes;
    uint64_t first, next; /* ids of the oldest, and of the one that is to come */
    Message messages[MESSAGES_MAX];
};

int hub_new(size_t max_bytes, Hub **ret)
{
    Hub *hub = calloc(1, sizeof(*hub));

    if (!hub)
        return -ENOMEM;
    hub->max_bytes = max_bytes;
    hub->first = hub->next = 1;
    *ret = hub;
    return 0;
}

static Message *message(Hub *hub, uint64_t id)
{
    return &hub->messages[id % MESSAGES_MAX];
}

static void drop_first(Hub *hub)
{
    Message *m = message(hub, hub->first++);

    hub->bytes -= m->size;
    free(m->json);
    *m = (Message){0};
}

Hub *hub_free(Hub *hub)
{
    while (hub && hub->first < hub->next)
        drop_first(hub);
    free(hub);
    return NULL;
}

void hub_add(Hub *hub, const char *kind, const char *json)
{
    char *copy = strdup(json);
    size_t size = copy ? strlen(copy) : 0;

    while (hub->first < hub->next &&
           (hub->next - hub->first >= MESSAGES_MAX || hub->bytes + size > hub->max_bytes))
        drop_first(hub);
    *message(hub, hub->next++) = (Message){.kind = kind, .json = copy, .size = size};
    hub->bytes += size;
}

uint64_t hub_next_id(const Hub *hub)
{
    return hub->next;
}

static void add_lost(Text *t, uint64_t id, uint64_t n)
{
    text_addf(t, "id: %" PRIu64 "\nevent: lost\ndata: {\"n\": %" PRIu64 "}\n\n", id, n);
}

void hub_read(Hub *hub, uint64_t *id, size_t max, Text *t)
{
    size_t before = t->size;

    /* From another run of the collector: nobody knows how many it missed. */
    if (*id == 0 || *id > hub->next) {
        add_lost(t, hub->next - 1, 0);
        *id = hub->next;
    }
    if (*id < hub->first) {
        add_lost(t, hub->first - 1, hub->first - *id);
        *id = hub->first;
    }
    while (*id < hub->next && (t->size == before || t->size - before < max)) {
        const Message *m = message(hub, *id);
        /* JSON of ours has no line breaks, so one data line is enough. */
        if (m->json)
            text_addf(t, "id: %" PRIu64 "\nevent: %s\ndata: %s\n\n", *id, m->kind, m->json);
        else
            add_lost(t, *id, 1);
        (*id)++;
    }
}
