/* SPDX-License-Identifier: MIT */
/*
 * The JSON of a batch, docs/collector-api.md: the host, a key, a sample, what happened. Pure.
 */
#pragma once

#include <stdbool.h>

#include "supervisor/daemon/poster/sample.h"

typedef struct BatchFacts {
    const char *host, *key;
    uint64_t realtime_usec;
    const SampleServices *services; /* NULL: there is no sample in it, only events */
    const Sysinfo *sysinfo;         /* NULL: not read */
    const char *events;             /* as pending_take() wrote them, or "" */
    bool last;                      /* nothing more comes: phoenixd or the spec goes */
} BatchFacts;

/* Appends it. */
void batch_to_json(const BatchFacts *facts, Text *t);
