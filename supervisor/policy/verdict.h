/* SPDX-License-Identifier: MIT */
/*
 * How single results become a verdict: failures and successes in a row, and the time from the start
 * during which failures do not count. One VerdictCounter per check. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct VerdictRules {
    uint32_t retries;    /* failures in a row until it has failed for good, 1.. */
    uint32_t successes;  /* successes in a row until it passes (again), 1.. */
    uint64_t grace_usec; /* from the start; failures do not count until it first passes */
} VerdictRules;

typedef enum Verdict {
    VERDICT_UNKNOWN, /* nothing known yet, or failures within the grace time */
    VERDICT_PASSING,
    VERDICT_FAILING,   /* failed, retries left; or passing again, not yet often enough */
    VERDICT_EXHAUSTED, /* failed for good */
} Verdict;

typedef struct VerdictCounter {
    Verdict verdict;
    uint32_t failures; /* in a row that count, 0.. */
    uint32_t passes;   /* in a row */
    uint64_t start_usec;
    bool passed_once; /* PASSING at least once since the start: the grace time is over */
} VerdictCounter;

/* Begins anew: the service has started now. */
void verdict_start(VerdictCounter *counter, uint64_t now_usec);

/* Begins with what is known to be healthy: no grace time. */
void verdict_resume(VerdictCounter *counter, uint64_t now_usec);

/* Counts a result and returns the verdict that follows. With successes > 1 a pass after failures is
 * FAILING until there are enough. EXHAUSTED repeats with every further failure, also with one
 * between passes that are not yet enough. What was PASSING stays so with every pass. */
Verdict verdict_add(VerdictCounter *counter, const VerdictRules *rules, bool passed,
                    uint64_t now_usec);

/* Whether failures still do not count. */
bool verdict_in_grace(const VerdictCounter *counter, const VerdictRules *rules, uint64_t now_usec);
