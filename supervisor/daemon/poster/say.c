/* SPDX-License-Identifier: MIT */
/* What is wrong with the posting; see say.h. */
#include "supervisor/daemon/poster/say.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/macros.h"

#define REASON_MAX 768U

/* Somebody who answers "later" is there; it is worth a word when it goes on. */
#define LATER_FAILURES 3U

static void emit(const PosterSay *say, EventKind kind, const char *reason)
{
    Event event = {
        .kind = kind,
        .reason = reason,
        .latency_usec = UINT64_MAX,
        .delay_usec = UINT64_MAX,
    };

    events_emit(say->events, &event);
}

/* The first one, the second, the fourth, the eighth, ...: a collector that refuses all of them,
 * each ten seconds, would fill the journal. */
static void say_refused(PosterSay *say, const Answer *answer)
{
    char reason[REASON_MAX];

    say->refused++;
    if ((say->refused & (say->refused - 1)) != 0)
        return;
    snprintf(reason, sizeof(reason), "%s: %s (%" PRIu64 " so far)", say->name, answer->what,
             say->refused);
    emit(say, EVENT_BATCH_REFUSED, reason);
}

static void say_back(PosterSay *say, size_t n_waiting)
{
    char reason[REASON_MAX];

    say->away = false;
    snprintf(reason, sizeof(reason), "%s, %zu batches are waiting", say->name, n_waiting);
    emit(say, EVENT_COLLECTOR_BACK, reason);
}

static void say_away(PosterSay *say, const Answer *answer)
{
    char reason[REASON_MAX];

    say->away = true;
    snprintf(reason, sizeof(reason), "%s: %s", say->name, answer->what);
    emit(say, EVENT_COLLECTOR_AWAY, reason);
}

void poster_say_answer(PosterSay *say, const Answer *answer, uint32_t failures, size_t n_waiting)
{
    if (answer->verdict == DELIVERY_REFUSED)
        say_refused(say, answer);
    if (failures == 0 && say->away)
        say_back(say, n_waiting);
    if (failures > 0 && !say->away &&
        (!answer->answered || failures >= LATER_FAILURES || answer->verdict != DELIVERY_LATER))
        say_away(say, answer);
}

static void say_disk(PosterSay *say, int error)
{
    char reason[REASON_MAX];

    if ((error < 0) == say->disk)
        return;
    say->disk = error < 0;
    if (error < 0)
        snprintf(reason, sizeof(reason), "batches for the collector %s are kept in memory only: %s",
                 say->name, strerror(-error));
    else
        snprintf(reason, sizeof(reason), "batches for the collector %s are kept on disk again",
                 say->name);
    emit(say, error < 0 ? EVENT_DEGRADED : EVENT_RESTORED, reason);
}

static void say_full(PosterSay *say, const SpoolState *state)
{
    bool dropping = state->dropped > say->dropped;
    char reason[REASON_MAX];

    say->dropped = state->dropped;
    if (dropping && !say->full) {
        snprintf(reason, sizeof(reason),
                 "too many batches wait for the collector %s; the oldest are dropped", say->name);
        emit(say, EVENT_DEGRADED, reason);
        say->full = true;
    } else if (say->full && !dropping && state->n == 0) {
        snprintf(reason, sizeof(reason), "batches for the collector %s are no longer dropped",
                 say->name);
        emit(say, EVENT_RESTORED, reason);
        say->full = false;
    }
}

void poster_say_state(PosterSay *say, const SpoolState *state, int sysinfo_error)
{
    say_disk(say, state->disk_error);
    say_full(say, state);
    if (sysinfo_error < 0 && !say->sysinfo)
        log_warning("What the host and its containers use cannot be read: %s; the collector %s is "
                    "told of services only",
                    strerror(-sysinfo_error), say->name);
    say->sysinfo = sysinfo_error < 0;
}
