/* SPDX-License-Identifier: MIT */

/* How the posting to collectors goes, in the words of phoenixd. */

#include "cli/supervisor/collectors.h"

#include <errno.h>
#include <inttypes.h>

#include "cli/print/json.h"
#include "cli/print/when.h"
#include "cli/systemd/properties.h"

static void posting_done(Posting *posting)
{
    free(posting->name);
    free(posting->url);
    free(posting->host);
    free(posting->error);
}

void postings_done(Postings *postings)
{
    for (size_t i = 0; i < postings->n; i++)
        posting_done(&postings->items[i]);
    free(postings->items);
    *postings = (Postings){0};
}

static int read_one(sd_bus_message *m, Postings *postings)
{
    static const Property properties[] = {
        PROPERTY("Name", "s", Posting, name),
        PROPERTY("Url", "s", Posting, url),
        PROPERTY("Host", "s", Posting, host),
        PROPERTY("Error", "s", Posting, error),
        PROPERTY("Away", "b", Posting, away),
        PROPERTY("Posted", "t", Posting, posted),
        PROPERTY("Dropped", "t", Posting, dropped),
        PROPERTY("Refused", "t", Posting, refused),
        PROPERTY("Waiting", "t", Posting, waiting),
        PROPERTY("WaitingBytes", "t", Posting, waiting_bytes),
        PROPERTY("LastStored", "t", Posting, stored_usec),
    };
    Posting *grown = reallocarray(postings->items, postings->n + 1, sizeof(Posting));

    if (!grown)
        return -ENOMEM;
    postings->items = grown;
    grown[postings->n] = (Posting){0};
    return properties_read(m, properties, ELEMENTSOF(properties), &grown[postings->n++]);
}

int postings_read(sd_bus_message *m, void *field)
{
    Postings *postings = field;

    int r = sd_bus_message_enter_container(m, 'a', "a{sv}");
    while (r >= 0 && (r = sd_bus_message_at_end(m, false)) == 0)
        r = read_one(m, postings);
    return r < 0 ? r : sd_bus_message_exit_container(m);
}

const Posting *postings_find(const Postings *postings, const char *name)
{
    for (size_t i = 0; i < postings->n; i++)
        if (postings->items[i].name && streq(postings->items[i].name, name))
            return &postings->items[i];
    return NULL;
}

static void add_clean(Text *t, const char *s)
{
    screen_add_clean(t, s ? s : "");
}

static void add_waiting(Text *t, const Posting *posting)
{
    text_addf(t, "%" PRIu64 " %s (%" PRIu64 " KiB)", posting->waiting,
              posting->waiting == 1 ? "batch waits" : "batches wait",
              posting->waiting_bytes / 1024);
}

void postings_add_away(Text *t, const Screen *screen, const Postings *postings)
{
    for (size_t i = 0; i < postings->n; i++) {
        const Posting *posting = &postings->items[i];
        if (!posting->away)
            continue;
        text_add(t, screen_on(screen, COLOR_YELLOW));
        text_add(t, "the collector ");
        add_clean(t, posting->name);
        text_add(t, " does not take what is posted to it: ");
        add_clean(t, posting->error);
        text_add(t, "; ");
        add_waiting(t, posting);
        text_add(t, screen_off(screen, COLOR_YELLOW));
        text_add_char(t, '\n');
    }
}

static void add_state(Text *t, const Screen *screen, const Posting *posting)
{
    Color color = posting->away ? COLOR_RED : COLOR_GREEN;

    text_add(t, screen_on(screen, color));
    if (posting->away)
        add_clean(t, posting->error);
    else
        text_add(t, posting->stored_usec ? "takes what is posted to it" : "not posted to yet");
    text_add(t, screen_off(screen, color));
}

void posting_add_detail(Text *t, const Screen *screen, const char *name, const Posting *posting)
{
    add_clean(t, name);
    if (!posting) {
        text_add(t, ": a collector, not a service; phoenixd does not post to it\n");
        return;
    }
    text_add(t, ": the collector at ");
    add_clean(t, posting->url);
    text_add(t, ", where this host is ");
    add_clean(t, posting->host);
    text_add(t, "\n  ");
    add_state(t, screen, posting);
    if (posting->stored_usec) {
        text_add(t, "\n  last stored: ");
        when_add_clock(t, posting->stored_usec);
    }
    text_addf(t, "\n  posted: %" PRIu64 ", ", posting->posted);
    add_waiting(t, posting);
    text_addf(t, "\n  dropped: %" PRIu64 ", refused: %" PRIu64 "\n", posting->dropped,
              posting->refused);
}

void posting_add_json(Text *t, const char *name, const Posting *posting)
{
    text_add_char(t, '{');
    json_add_string(t, "name", name);
    json_add_string(t, "type", "collector");
    json_add_bool(t, "posting", posting);
    if (posting) {
        json_add_string(t, "url", posting->url);
        json_add_string(t, "host", posting->host);
        json_add_bool(t, "away", posting->away);
        json_add_string(t, "error", posting->error);
        json_add_number(t, "posted", posting->posted);
        json_add_number(t, "dropped", posting->dropped);
        json_add_number(t, "refused", posting->refused);
        json_add_number(t, "waiting", posting->waiting);
        json_add_number(t, "waiting_bytes", posting->waiting_bytes);
        json_add_time(t, "last_stored", posting->stored_usec);
    }
    text_add_char(t, '}');
}
