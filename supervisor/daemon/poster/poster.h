/* SPDX-License-Identifier: MIT */
/*
 * Tells one collector how this host and its services fare: a batch each interval, one soon after an
 * event that somebody waits for, and one at the end. Each is on disk before it is posted, and is
 * posted until the collector has it. There is one poster for each collector, and nothing of this
 * where there is none.
 *
 *   view.h, event.h --> sample.c, pending.c      on the loop: copied, nothing more
 *                            |
 *   thread (worker.h)   store.c: sysinfo -> batch.c -> spool.c (fsync)
 *                            |
 *                       http-post.h              on the loop: libcurl
 *                            |
 *                       answer.c, policy/delivery.h -> gone, put aside, or again later
 */
#pragma once

#include <systemd/sd-event.h>

#include "supervisor/daemon/event.h"
#include "supervisor/daemon/view.h"
#include "supervisor/probe/probe.h"

typedef struct Poster Poster;

/* All strings are copied. */
typedef struct PosterConfig {
    const char *name, *url, *host;
    const char *token, *ca; /* see credential.h; or NULL */
    uint64_t interval_usec, spool_bytes, spool_age_usec;
} PosterConfig;

typedef struct PosterSetup {
    sd_event *event;
    CurlLoop *curl;
    Manager *manager;
    const char *state_folder; /* its spool is collector/NAME in there */
} PosterSetup;

int poster_new(const PosterSetup *setup, const PosterConfig *config, Poster **ret);
/* Does not wait: what is in the spool stays there. Takes NULL. */
Poster *poster_free(Poster *poster, uint64_t wait_usec);

const char *poster_name(const Poster *poster);
/* Of the same name. What is under way ends as it began. Returns 0 or -ENOMEM. */
int poster_configure(Poster *poster, const PosterConfig *config);

/* Something has happened. */
void poster_tell(Poster *poster, const Event *event);

/* One last batch; `done`, once, when all that can be posted now is. It may free the poster. */
typedef void (*poster_done_t)(Poster *poster, void *userdata);
void poster_finish(Poster *poster, poster_done_t done, void *userdata);

void poster_view(const Poster *poster, CollectorView *ret);
