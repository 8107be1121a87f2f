/* SPDX-License-Identifier: MIT */

/* The collectors that phoenixd posts to, and how that goes. */

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "base/macros.h"
#include "cli/print/screen.h"

/* Strings come from the bus as they are; none is NULL once it was read. */
typedef struct Posting {
    char *name, *url, *host, *error;
    bool away;
    uint64_t posted, dropped, refused, waiting, waiting_bytes;
    uint64_t stored_usec; /* CLOCK_REALTIME; 0: nothing was stored since phoenixd runs */
} Posting;

typedef struct Postings {
    Posting *items;
    size_t n;
} Postings;

void postings_done(Postings *postings);
/* Reads an "aa{sv}" into a Postings, as Property has it. */
int postings_read(sd_bus_message *m, void *field);
/* NULL: phoenixd does not know it (yet). */
const Posting *postings_find(const Postings *postings, const char *name);

/* A line for each that does not take what is posted to it. */
void postings_add_away(Text *t, const Screen *screen, const Postings *postings);
/* `phoenix status NAME`. posting may be NULL. */
void posting_add_detail(Text *t, const Screen *screen, const char *name, const Posting *posting);
void posting_add_json(Text *t, const char *name, const Posting *posting);
