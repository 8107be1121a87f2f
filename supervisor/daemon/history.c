/* SPDX-License-Identifier: MIT */
/*
 * A ring of results, and the reasons that they name by place: most checks say the same for weeks.
 * Reasons that no result names any more are dropped when room for a new one is made.
 */
#include "supervisor/daemon/history.h"

#include <assert.h>

#include "base/macros.h"

/* A result: microseconds since 1970 (good for 4,500 years), outcome, place of the reason. */
#define REASON_BITS  5
#define OUTCOME_BITS 2
#define REASON_MASK  ((UINT64_C(1) << REASON_BITS) - 1)
#define OUTCOME_MASK ((UINT64_C(1) << OUTCOME_BITS) - 1)
#define NO_REASON    ((unsigned)REASON_MASK)

/* All that the samples name, and a new one. */
_Static_assert(HISTORY_SAMPLES + 1 < REASON_MASK, "every reason needs a place");

static uint64_t result_of(const ProbeSample *sample, unsigned reason)
{
    return sample->realtime_usec << (REASON_BITS + OUTCOME_BITS) |
           (uint64_t)sample->outcome << REASON_BITS | reason;
}

static unsigned reason_place(uint64_t result)
{
    return (unsigned)(result & REASON_MASK);
}

static const char *reason_at(const History *history, unsigned place)
{
    const char *reason = history->reasons;

    if (place == NO_REASON)
        return "";
    for (; place > 0; place--)
        reason += strlen(reason) + 1;
    return reason;
}

static unsigned find_reason(const History *history, const char *reason)
{
    const char *known = history->reasons;

    for (unsigned place = 0; place < history->n_reasons; place++, known += strlen(known) + 1)
        if (streq(known, reason))
            return place;
    return NO_REASON;
}

/* Closes the gaps of those that no result names; returns how many bytes the others take. */
static size_t drop_unnamed(History *history)
{
    unsigned places[REASON_MASK + 1] = {[NO_REASON] = NO_REASON}, kept = 0;
    char *from = history->reasons, *to = from;
    uint32_t named = 0;

    for (size_t i = 0; i < history->n; i++)
        named |= UINT32_C(1) << reason_place(history->results[i]);
    for (unsigned place = 0; place < history->n_reasons; place++) {
        size_t size = strlen(from) + 1;
        if (named & UINT32_C(1) << place) {
            memmove(to, from, size);
            to += size;
            places[place] = kept++;
        }
        from += size;
    }
    history->n_reasons = (uint8_t)kept;
    for (size_t i = 0; i < history->n; i++)
        history->results[i] =
            (history->results[i] & ~REASON_MASK) | places[reason_place(history->results[i])];
    return (size_t)(to - history->reasons);
}

static unsigned add_reason(History *history, const char *reason)
{
    size_t used = drop_unnamed(history), size = strlen(reason) + 1;
    char *reasons = realloc(history->reasons, used + size);

    if (!reasons)
        return NO_REASON;
    memcpy(reasons + used, reason, size);
    history->reasons = reasons;
    return history->n_reasons++;
}

void history_add(History *history, const ProbeSample *sample)
{
    assert(sample->outcome <= OUTCOME_MASK && sample->reason);

    if (history->n < HISTORY_SAMPLES)
        history->newest = history->n++;
    else
        history->newest = (uint8_t)((history->newest + 1) % HISTORY_SAMPLES);
    /* The one that falls out does not hold its reason. */
    history->results[history->newest] = NO_REASON;
    unsigned place = find_reason(history, sample->reason);
    if (place == NO_REASON)
        place = add_reason(history, sample->reason);
    history->results[history->newest] = result_of(sample, place);
    history->latencies[history->newest] = (uint32_t)MIN(sample->latency_usec, (uint64_t)UINT32_MAX);
}

size_t history_count(const History *history)
{
    return history->n;
}

void history_get(const History *history, size_t back, ProbeSample *ret)
{
    assert(back < history->n);

    size_t i = (history->newest + HISTORY_SAMPLES - back) % HISTORY_SAMPLES;
    *ret = (ProbeSample){
        .realtime_usec = history->results[i] >> (REASON_BITS + OUTCOME_BITS),
        .latency_usec = history->latencies[i],
        .outcome = (ProbeOutcome)(history->results[i] >> REASON_BITS & OUTCOME_MASK),
        .reason = reason_at(history, reason_place(history->results[i])),
    };
}

void history_done(History *history)
{
    free(history->reasons);
    *history = (History){0};
}
