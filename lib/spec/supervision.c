/* SPDX-License-Identifier: MIT */
/*
 * The arithmetic behind supervision.h. The bounds of the keys (keys.c) keep all of it far from
 * overflow: the largest is a day of grace and 1,000 times a day and an hour.
 */
#include "spec/supervision.h"

/* A lease may lose two beats in a row before systemd thinks it dead. */
#define WATCHDOG_INTERVALS 3U

bool spec_is_supervised(const Spec *spec)
{
    return spec->duration == SPEC_DURATION_DAEMON &&
           (spec->healthcheck.n > 0 || spec->readiness.n > 0);
}

/* The longest time from the begin of one check to the end of the next one. */
static uint64_t slowest_round_usec(const SpecProbes *probes)
{
    uint64_t slowest_usec = 0;

    for (size_t i = 0; i < probes->n; i++)
        slowest_usec =
            MAX(slowest_usec, probes->items[i].interval_usec + probes->items[i].timeout_usec);
    return slowest_usec;
}

uint64_t spec_watchdog_usec(const Spec *spec)
{
    uint64_t round_usec;

    if (spec->watchdog_usec != USEC_INFINITY || !spec_is_supervised(spec))
        return spec->watchdog_usec;
    round_usec = MAX(slowest_round_usec(&spec->healthcheck), slowest_round_usec(&spec->readiness));
    return MAX(SUPERVISION_WATCHDOG_LEAST_USEC, WATCHDOG_INTERVALS * round_usec);
}

uint64_t spec_held_retry_usec(const SpecRestart *restart)
{
    uint64_t retry_usec = MAX(restart->max_usec, restart->reset_usec);

    return MAX(retry_usec, USEC_PER_MINUTE);
}

static uint64_t slowest_verdict_usec(const SpecProbes *probes)
{
    uint64_t slowest_usec = 0;

    for (size_t i = 0; i < probes->n; i++) {
        const SpecProbe *probe = &probes->items[i];
        /* It may need several successes to be healthy, as several failures not to be. */
        uint64_t rounds = (uint64_t)MAX(probe->retries, probe->successes);
        uint64_t verdict_usec =
            probe->grace_usec + rounds * (probe->interval_usec + probe->timeout_usec);
        slowest_usec = MAX(slowest_usec, verdict_usec);
    }
    return slowest_usec;
}

uint64_t spec_health_wait_usec(const Spec *spec)
{
    if (!spec_is_supervised(spec))
        return 0;
    return MAX(slowest_verdict_usec(&spec->healthcheck), slowest_verdict_usec(&spec->readiness));
}
