/* SPDX-License-Identifier: MIT */
/*
 * The last results of one check, for people to look at. There is one for each check of each
 * service, full after a few minutes, so it is kept small: a result is twelve bytes, and a reason
 * that several of them share is there once.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "supervisor/probe/probe.h"

#define HISTORY_SAMPLES 20

typedef struct ProbeSample {
    uint64_t realtime_usec;
    uint64_t latency_usec; /* from the history: UINT32_MAX for more than that (71 minutes) */
    ProbeOutcome outcome;
    const char *reason; /* one line; equal reasons of one history share one string */
} ProbeSample;

/* Empty when zeroed. */
typedef struct History {
    uint64_t results[HISTORY_SAMPLES]; /* a ring: time, outcome and place of the reason in one */
    uint32_t latencies[HISTORY_SAMPLES];
    char *reasons; /* one behind the other, each with its NUL */
    uint8_t n, newest, n_reasons;
} History;

void history_done(History *history);

/* The oldest one falls out when it is full. Nothing is allocated for a reason that is already
 * there; without memory for a new one the sample has none. */
void history_add(History *history, const ProbeSample *sample);

size_t history_count(const History *history);

/* The sample that was added so many before the newest one (0: the newest), less than the count. The
 * reason is valid until the next one is added. */
void history_get(const History *history, size_t back, ProbeSample *ret);
