/* SPDX-License-Identifier: MIT */

/* Two witnesses are asked four times a second: the manager, whether the unit is up and was not
 * started again, and phoenixd, whether it is well. */

#include "cli/update/observe.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#include "base/text.h"
#include "cli/supervisor/supervisor.h"

#define LOOK_MSEC 250

typedef struct Watch {
    Observation *observation;
    Supervisor *supervisor; /* NULL: it cannot be reached */
    uint32_t restarts;      /* at the beginning */
    bool on_demand;
    bool failing; /* not unhealthy yet, not well any more */
} Watch;

static uint64_t monotonic_usec(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / NSEC_PER_USEC;
}

static int fail(char **ret_why, char *why)
{
    if (!why)
        return -ENOMEM;
    *ret_why = why;
    return CLI_EXIT_NO;
}

static bool is_on_demand(const Observation *observation)
{
    _cleanup_free_ char *socket = text_printf("phoenix@%s.socket", observation->name);
    _cleanup_unit_state_ UnitState state = {0};

    return socket && manager_describe(observation->manager, socket, &state) >= 0 &&
           state.active_state && streq(state.active_state, "active");
}

/* A service that is started on demand is stopped when nobody needs it, which is no fault. */
static bool is_idle(const Watch *watch, const UnitState *state)
{
    return watch->on_demand && state->result && streq(state->result, "success") &&
           (streq(state->active_state, "inactive") || streq(state->active_state, "deactivating"));
}

static int look_at_unit(Watch *watch, char **ret_why)
{
    _cleanup_unit_state_ UnitState state = {0};
    int r = manager_describe(watch->observation->manager, watch->observation->unit, &state);

    if (r < 0 || !state.active_state)
        return fail(ret_why, text_printf("the service manager cannot be asked: %s", strerror(-r)));
    if (state.restarts > watch->restarts)
        return fail(ret_why,
                    text_printf("it did not stay up: it was restarted (%s)",
                                state.result && !streq(state.result, "success") ? state.result
                                                                                : "it had ended"));
    watch->observation->went_idle = is_idle(watch, &state);
    if (watch->observation->went_idle || streq(state.active_state, "active"))
        return CLI_EXIT_OK;
    return fail(ret_why, text_printf("it did not stay up: it is %s (%s)", state.active_state,
                                     state.result ? state.result : "unknown"));
}

static int look_at_health(Watch *watch, char **ret_why)
{
    _cleanup_health_ Health health = {0};

    watch->failing = false;
    if (!watch->supervisor ||
        supervisor_get(watch->supervisor, watch->observation->name, &health) < 0 || !health.state)
        return CLI_EXIT_OK;
    watch->failing = streq(health.state, "failing");
    if (!health.supervised || health_is_good(&health))
        return CLI_EXIT_OK;
    return fail(ret_why, text_printf("it did not stay healthy: it is %s%s%s", health.state,
                                     health.reason && *health.reason ? ": " : "",
                                     health.reason ? health.reason : ""));
}

static int watch_on(Watch *watch, char **ret_why)
{
    uint64_t span_usec = watch->observation->span_usec, begin_usec = monotonic_usec();
    int r;

    for (;;) {
        uint64_t elapsed_usec = monotonic_usec() - begin_usec;

        r = look_at_unit(watch, ret_why);
        if (r != CLI_EXIT_OK || watch->observation->went_idle)
            return r;
        r = look_at_health(watch, ret_why);
        if (r != CLI_EXIT_OK)
            return r;
        if (elapsed_usec >= span_usec && !watch->failing)
            return CLI_EXIT_OK;
        if (elapsed_usec / 2 >= span_usec)
            return fail(ret_why, strdup("it did not stay healthy: checks fail"));
        if (watch->observation->interrupt && interrupt_came(watch->observation->interrupt))
            return fail(ret_why, strdup("the update was interrupted"));
        (void)poll(NULL, 0, LOOK_MSEC);
    }
}

int observe(Observation *observation, char **ret_why)
{
    _cleanup_supervisor_ Supervisor *supervisor = NULL;
    _cleanup_unit_state_ UnitState state = {0};
    Watch watch = {.observation = observation, .on_demand = is_on_demand(observation)};

    if (observation->span_usec == 0)
        return CLI_EXIT_OK;
    if (manager_describe(observation->manager, observation->unit, &state) >= 0)
        watch.restarts = state.restarts;
    if (supervisor_open(observation->cli->scope, &supervisor) >= 0)
        watch.supervisor = supervisor;
    return watch_on(&watch, ret_why);
}
