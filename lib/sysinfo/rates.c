/* SPDX-License-Identifier: MIT */

/* The CPU times of one reading are kept for the next. */

#include <errno.h>

#include "base/hash.h"
#include "sysinfo/rates.h"

void rates_done(Rates *rates)
{
    free(rates->samples);
    *rates = (Rates){0};
}

/* A container that was started again has the same ID, but counts from zero in another cgroup. */
static uint64_t key_of(const SysinfoContainer *container)
{
    uint64_t hash = hash64(HASH64_START, container->id, strlen(container->id));

    return hash64(hash, (const char *)&container->cgroup_id, sizeof(container->cgroup_id));
}

static int compare_samples(const void *a, const void *b)
{
    const RateSample *x = a, *y = b;

    return x->key < y->key ? -1 : x->key > y->key;
}

static double percent(uint64_t used_usec, uint64_t from_usec, uint64_t to_usec)
{
    return to_usec > from_usec ? 100.0 * (double)used_usec / (double)(to_usec - from_usec) : 0;
}

static double rate_of(const RateSample *now, const RateSample *before, uint64_t start_usec)
{
    if (before && before->taken_usec == now->taken_usec)
        return before->percent;
    if (before && before->cpu_usec <= now->cpu_usec && before->taken_usec < now->taken_usec)
        return percent(now->cpu_usec - before->cpu_usec, before->taken_usec, now->taken_usec);
    return start_usec > 0 ? percent(now->cpu_usec, start_usec, now->taken_usec) : 0;
}

int rates_apply(Rates *rates, Sysinfo *sysinfo)
{
    RateSample *samples = calloc(sysinfo->n_containers + 1, sizeof(*samples));
    size_t n = 0;

    if (!samples)
        return -ENOMEM;
    for (size_t i = 0; i < sysinfo->n_containers; i++) {
        SysinfoContainer *c = &sysinfo->containers[i];
        const RateSample *before = NULL;

        if (c->taken_usec == 0 || c->missing & SYSINFO_MISSING_CPU)
            continue;
        samples[n] = (RateSample){key_of(c), c->cpu_usec, c->taken_usec, 0};
        if (rates->n > 0)
            before =
                bsearch(&samples[n], rates->samples, rates->n, sizeof(*samples), compare_samples);
        samples[n].percent = rate_of(&samples[n], before, c->start_usec);
        c->cpu_percent = samples[n].percent;
        n++;
    }
    qsort(samples, n, sizeof(*samples), compare_samples);
    free(rates->samples);
    rates->samples = samples;
    rates->n = n;
    return 0;
}
