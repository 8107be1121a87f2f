/* SPDX-License-Identifier: MIT */
/* When nearly everything begins to fail at once, the supervisor suspects itself (policy/brake.h).
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/macros.h"
#include "supervisor/daemon/manager-internal.h"
#include "supervisor/daemon/source.h"

static int compare_usec(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static uint64_t median(uint64_t *values, size_t n)
{
    if (n == 0)
        return 10 * USEC_PER_SEC;
    qsort(values, n, sizeof(*values), compare_usec);
    return values[n / 2];
}

/* Of all checks that there are plans for: it changes with those only. Without memory the median is
 * that of the defaults. */
void manager_brake_window(Manager *manager)
{
    size_t n = 0, all = manager->context.n_checks;

    _cleanup_free_ uint64_t *intervals = calloc(all + 1, sizeof(*intervals));
    _cleanup_free_ uint64_t *rounds = calloc(all + 1, sizeof(*rounds));
    for (size_t i = 0; intervals && rounds && i < manager->n_services; i++) {
        for (size_t j = 0; j < manager->services[i]->n_runners; j++) {
            const SpecProbe *spec = runner_spec(manager->services[i]->runners[j]);
            intervals[n] = spec->interval_usec;
            rounds[n++] = spec->interval_usec * (uint64_t)spec->retries;
        }
    }
    manager->brake_rules.window_usec = median(intervals, n);
    manager->brake_rules.hold_usec = median(rounds, n);
}

static int on_release(sd_event_source *source, uint64_t usec, void *userdata)
{
    manager_emit(userdata, EVENT_BRAKE_OFF, "verdicts count again");
    return 0;
}

void manager_onset(Runner *runner, void *userdata)
{
    Manager *manager = userdata;
    char reason[160];

    manager->brake_rules.n_checks = manager->context.n_active;
    if (!brake_onset(&manager->brake, runner_brake_entry(runner), &manager->brake_rules,
                     loop_now(manager->event, CLOCK_MONOTONIC)))
        return;
    snprintf(reason, sizeof(reason),
             "%zu of %zu checks began to fail at once: nothing is restarted for one more round",
             manager->brake.n_onsets, manager->brake_rules.n_checks);
    manager_emit(manager, EVENT_BRAKE_ON, reason);
    manager->brake_timer = sd_event_source_disable_unref(manager->brake_timer);
    if (sd_event_add_time(manager->event, &manager->brake_timer, CLOCK_MONOTONIC,
                          manager->brake.held_until_usec, 0, on_release, manager) >= 0)
        source_set(manager->brake_timer, "brake", PRIORITY_SERVICE);
}

void manager_offset(Runner *runner, void *userdata)
{
    Manager *manager = userdata;

    brake_forget(&manager->brake, runner_brake_entry(runner));
}

bool manager_is_braked(void *userdata)
{
    Manager *manager = userdata;

    return brake_is_held(&manager->brake, loop_now(manager->event, CLOCK_MONOTONIC));
}
