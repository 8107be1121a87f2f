/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with the posting to one collector, as events: once when it begins, and once when it
 * is over.
 */
#pragma once

#include <stdbool.h>

#include "supervisor/daemon/event.h"
#include "supervisor/daemon/poster/answer.h"
#include "supervisor/daemon/poster/spool.h"

typedef struct PosterSay {
    Events *events;
    const char *name;               /* of the collector; borrowed */
    bool away, disk, full, sysinfo; /* what has been said */
    uint64_t dropped;               /* of the spool, when that was said last */
    uint64_t refused;               /* answers */
} PosterSay;

/* The answer to a try, the failures in a row with it (0: it was stored). */
void poster_say_answer(PosterSay *say, const Answer *answer, uint32_t failures, size_t n_waiting);
void poster_say_state(PosterSay *say, const SpoolState *state, int sysinfo_error);
