/* SPDX-License-Identifier: MIT */

/*
 * The table of state.h. A cell is the next state, what is done, and why. An event that cannot come
 * in a state, or that says nothing there, has a cell too: what "cannot" happen does, when a signal
 * of systemd is lost or two of them cross, and then it must be known what follows.
 */

#include "supervisor/policy/state.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

/* Short names, so that a cell fits on a line. */
enum {
    NONE = HEALTH_ACT_NONE,
    PROBE = HEALTH_ACT_PROBE,
    STOP_PROBES = HEALTH_ACT_STOP_PROBES,
    READY = HEALTH_ACT_READY,
    FAIL_START = HEALTH_ACT_FAIL_START,
    TRIGGER = HEALTH_ACT_TRIGGER,
    RECOVERED = HEALTH_ACT_RECOVERED,
    IGNORED = HEALTH_ACT_IGNORED,
};

static const HealthStep table[_HEALTH_STATE_MAX][_HEALTH_EVENT_MAX] = {
    [HEALTH_STOPPED] =
        {
            [HEALTH_EVENT_START] = {HEALTH_STARTING, PROBE, "started"},
            [HEALTH_EVENT_RESUME] = {HEALTH_HEALTHY, PROBE, "found running"},
            [HEALTH_EVENT_PASS] = {HEALTH_STOPPED, IGNORED, "late result of a run that is over"},
            [HEALTH_EVENT_FAIL] = {HEALTH_STOPPED, IGNORED, "late result of a run that is over"},
            [HEALTH_EVENT_EXHAUST] = {HEALTH_STOPPED, IGNORED, "late result of a run that is over"},
            [HEALTH_EVENT_DOWN] = {HEALTH_STOPPED, IGNORED, "already stopped"},
            [HEALTH_EVENT_HOLD] = {HEALTH_HELD, STOP_PROBES, "restarted too often"},
            [HEALTH_EVENT_RELEASE] = {HEALTH_STOPPED, IGNORED, "not held"},
            [HEALTH_EVENT_FREEZE] = {HEALTH_STOPPED, IGNORED, "nothing there to freeze"},
            [HEALTH_EVENT_THAW] = {HEALTH_STOPPED, IGNORED, "not frozen"},
            [HEALTH_EVENT_MAINTENANCE_ON] = {HEALTH_STOPPED, IGNORED,
                                             "counts from the next start on"},
            [HEALTH_EVENT_MAINTENANCE_OFF] = {HEALTH_STOPPED, IGNORED,
                                              "nothing was in maintenance"},
        },
    [HEALTH_STARTING] =
        {
            [HEALTH_EVENT_START] = {HEALTH_STARTING, PROBE,
                                    "another start; the end of the last was missed"},
            [HEALTH_EVENT_RESUME] = {HEALTH_HEALTHY, PROBE, "became ready while nobody looked"},
            [HEALTH_EVENT_PASS] = {HEALTH_HEALTHY, READY, "healthy for the first time"},
            [HEALTH_EVENT_FAIL] = {HEALTH_STARTING, NONE, "not up yet"},
            [HEALTH_EVENT_EXHAUST] = {HEALTH_UNHEALTHY, FAIL_START, "never became healthy"},
            [HEALTH_EVENT_DOWN] = {HEALTH_STOPPED, STOP_PROBES, "ended before it was healthy"},
            [HEALTH_EVENT_HOLD] = {HEALTH_HELD, STOP_PROBES,
                                   "restarted too often; its end was missed"},
            [HEALTH_EVENT_RELEASE] = {HEALTH_STARTING, IGNORED, "not held"},
            /* Only the freeze of its slice can do that. The start timeout goes on, and so do we. */
            [HEALTH_EVENT_FREEZE] = {HEALTH_STARTING, IGNORED, "a start is not put to sleep"},
            [HEALTH_EVENT_THAW] = {HEALTH_STARTING, IGNORED, "not frozen"},
            /* READY, since who works on it must not be raced by the start timeout. */
            [HEALTH_EVENT_MAINTENANCE_ON] = {HEALTH_MAINTENANCE, READY,
                                             "taken as started, healthy or not"},
            [HEALTH_EVENT_MAINTENANCE_OFF] = {HEALTH_STARTING, IGNORED, "not in maintenance"},
        },
    [HEALTH_HEALTHY] =
        {
            [HEALTH_EVENT_START] = {HEALTH_STARTING, PROBE, "restarted; its end was missed"},
            [HEALTH_EVENT_RESUME] = {HEALTH_HEALTHY, PROBE, "found running, as it was"},
            [HEALTH_EVENT_PASS] = {HEALTH_HEALTHY, NONE, "still healthy"},
            [HEALTH_EVENT_FAIL] = {HEALTH_FAILING, NONE, "first failure"},
            [HEALTH_EVENT_EXHAUST] = {HEALTH_UNHEALTHY, TRIGGER,
                                      "failed, and no retries asked for"},
            [HEALTH_EVENT_DOWN] = {HEALTH_STOPPED, STOP_PROBES, "ended"},
            [HEALTH_EVENT_HOLD] = {HEALTH_HELD, STOP_PROBES,
                                   "restarted too often; its end was missed"},
            [HEALTH_EVENT_RELEASE] = {HEALTH_HEALTHY, IGNORED, "not held"},
            [HEALTH_EVENT_FREEZE] = {HEALTH_FROZEN, STOP_PROBES, "put to sleep"},
            [HEALTH_EVENT_THAW] = {HEALTH_HEALTHY, IGNORED, "not frozen"},
            [HEALTH_EVENT_MAINTENANCE_ON] = {HEALTH_MAINTENANCE, NONE, "maintenance begins"},
            [HEALTH_EVENT_MAINTENANCE_OFF] = {HEALTH_HEALTHY, IGNORED, "not in maintenance"},
        },
    [HEALTH_FAILING] =
        {
            [HEALTH_EVENT_START] = {HEALTH_STARTING, PROBE, "restarted; its end was missed"},
            /* phoenixd died with the counters, so the failures in a row begin anew. */
            [HEALTH_EVENT_RESUME] = {HEALTH_HEALTHY, PROBE, "found running; counted anew"},
            [HEALTH_EVENT_PASS] = {HEALTH_HEALTHY, RECOVERED, "recovered by itself"},
            [HEALTH_EVENT_FAIL] = {HEALTH_FAILING, NONE, "failed again, retries left"},
            [HEALTH_EVENT_EXHAUST] = {HEALTH_UNHEALTHY, TRIGGER, "failed too often"},
            [HEALTH_EVENT_DOWN] = {HEALTH_STOPPED, STOP_PROBES, "ended while failing"},
            [HEALTH_EVENT_HOLD] = {HEALTH_HELD, STOP_PROBES,
                                   "restarted too often; its end was missed"},
            [HEALTH_EVENT_RELEASE] = {HEALTH_FAILING, IGNORED, "not held"},
            [HEALTH_EVENT_FREEZE] = {HEALTH_FROZEN, STOP_PROBES, "put to sleep while failing"},
            [HEALTH_EVENT_THAW] = {HEALTH_FAILING, IGNORED, "not frozen"},
            [HEALTH_EVENT_MAINTENANCE_ON] = {HEALTH_MAINTENANCE, NONE,
                                             "maintenance begins while failing"},
            [HEALTH_EVENT_MAINTENANCE_OFF] = {HEALTH_FAILING, IGNORED, "not in maintenance"},
        },
    [HEALTH_UNHEALTHY] =
        {
            [HEALTH_EVENT_START] = {HEALTH_STARTING, PROBE, "restarted; its end was missed"},
            /* It lives, so nobody has ended it: the verdict died with phoenixd. */
            [HEALTH_EVENT_RESUME] = {HEALTH_HEALTHY, PROBE, "found running; counted anew"},
            /* Results come only while the brake holds the trigger back (see state.h). */
            [HEALTH_EVENT_PASS] = {HEALTH_HEALTHY, RECOVERED, "recovered before it was ended"},
            [HEALTH_EVENT_FAIL] = {HEALTH_UNHEALTHY, NONE, "another check fails too"},
            [HEALTH_EVENT_EXHAUST] = {HEALTH_UNHEALTHY, TRIGGER,
                                      "still failing; the brake may be open now"},
            [HEALTH_EVENT_DOWN] = {HEALTH_STOPPED, STOP_PROBES, "ended by the verdict"},
            [HEALTH_EVENT_HOLD] = {HEALTH_HELD, STOP_PROBES,
                                   "restarted too often; its end was missed"},
            [HEALTH_EVENT_RELEASE] = {HEALTH_UNHEALTHY, IGNORED, "not held"},
            [HEALTH_EVENT_FREEZE] = {HEALTH_FROZEN, STOP_PROBES,
                                     "put to sleep before it was ended"},
            [HEALTH_EVENT_THAW] = {HEALTH_UNHEALTHY, IGNORED, "not frozen"},
            [HEALTH_EVENT_MAINTENANCE_ON] = {HEALTH_MAINTENANCE, NONE,
                                             "maintenance, if it is not too late"},
            [HEALTH_EVENT_MAINTENANCE_OFF] = {HEALTH_UNHEALTHY, IGNORED, "not in maintenance"},
        },
    [HEALTH_MAINTENANCE] =
        {
            [HEALTH_EVENT_START] = {HEALTH_STARTING, PROBE, "restarted; its end was missed"},
            [HEALTH_EVENT_RESUME] = {HEALTH_MAINTENANCE, PROBE,
                                     "found running; maintenance goes on"},
            [HEALTH_EVENT_PASS] = {HEALTH_MAINTENANCE, NONE, "shown, nothing more"},
            [HEALTH_EVENT_FAIL] = {HEALTH_MAINTENANCE, NONE, "shown, nothing more"},
            [HEALTH_EVENT_EXHAUST] = {HEALTH_MAINTENANCE, NONE, "shown, nothing more"},
            [HEALTH_EVENT_DOWN] = {HEALTH_STOPPED, STOP_PROBES, "ended during maintenance"},
            [HEALTH_EVENT_HOLD] = {HEALTH_HELD, STOP_PROBES,
                                   "restarted too often; its end was missed"},
            [HEALTH_EVENT_RELEASE] = {HEALTH_MAINTENANCE, IGNORED, "not held"},
            /* No checks in a freeze. THAW, and the caller's flag, bring it back here. */
            [HEALTH_EVENT_FREEZE] = {HEALTH_FROZEN, STOP_PROBES, "put to sleep during maintenance"},
            [HEALTH_EVENT_THAW] = {HEALTH_MAINTENANCE, IGNORED, "not frozen"},
            [HEALTH_EVENT_MAINTENANCE_ON] = {HEALTH_MAINTENANCE, IGNORED, "already in maintenance"},
            [HEALTH_EVENT_MAINTENANCE_OFF] = {HEALTH_HEALTHY, NONE, "maintenance is over"},
        },
    [HEALTH_FROZEN] =
        {
            [HEALTH_EVENT_START] = {HEALTH_STARTING, PROBE, "restarted; its end was missed"},
            /* What sleeps could not have told us that it is there. */
            [HEALTH_EVENT_RESUME] = {HEALTH_HEALTHY, PROBE, "found awake"},
            [HEALTH_EVENT_PASS] = {HEALTH_FROZEN, IGNORED, "late result from before the freeze"},
            [HEALTH_EVENT_FAIL] = {HEALTH_FROZEN, IGNORED, "late result from before the freeze"},
            [HEALTH_EVENT_EXHAUST] = {HEALTH_FROZEN, IGNORED, "late result from before the freeze"},
            [HEALTH_EVENT_DOWN] = {HEALTH_STOPPED, STOP_PROBES, "ended in its sleep"},
            [HEALTH_EVENT_HOLD] = {HEALTH_HELD, STOP_PROBES,
                                   "restarted too often; its end was missed"},
            [HEALTH_EVENT_RELEASE] = {HEALTH_FROZEN, IGNORED, "not held"},
            [HEALTH_EVENT_FREEZE] = {HEALTH_FROZEN, IGNORED, "already frozen"},
            [HEALTH_EVENT_THAW] = {HEALTH_HEALTHY, PROBE, "awake again"},
            [HEALTH_EVENT_MAINTENANCE_ON] = {HEALTH_FROZEN, IGNORED, "counts from the thaw on"},
            [HEALTH_EVENT_MAINTENANCE_OFF] = {HEALTH_FROZEN, IGNORED, "asleep all the same"},
        },
    [HEALTH_HELD] =
        {
            [HEALTH_EVENT_START] = {HEALTH_STARTING, PROBE, "tried again, slowly or by hand"},
            [HEALTH_EVENT_RESUME] = {HEALTH_HEALTHY, PROBE,
                                     "found running; started while nobody looked"},
            [HEALTH_EVENT_PASS] = {HEALTH_HELD, IGNORED, "late result of a run that is over"},
            [HEALTH_EVENT_FAIL] = {HEALTH_HELD, IGNORED, "late result of a run that is over"},
            [HEALTH_EVENT_EXHAUST] = {HEALTH_HELD, IGNORED, "late result of a run that is over"},
            /* systemd may tell the limit before the end of the run that hit it. */
            [HEALTH_EVENT_DOWN] = {HEALTH_HELD, IGNORED, "it is held because it ended"},
            [HEALTH_EVENT_HOLD] = {HEALTH_HELD, IGNORED, "already held"},
            [HEALTH_EVENT_RELEASE] = {HEALTH_STOPPED, NONE, "may be started again"},
            [HEALTH_EVENT_FREEZE] = {HEALTH_HELD, IGNORED, "nothing there to freeze"},
            [HEALTH_EVENT_THAW] = {HEALTH_HELD, IGNORED, "not frozen"},
            [HEALTH_EVENT_MAINTENANCE_ON] = {HEALTH_HELD, IGNORED, "counts from the next start on"},
            [HEALTH_EVENT_MAINTENANCE_OFF] = {HEALTH_HELD, IGNORED, "nothing was in maintenance"},
        },
};

static const char *const state_words[_HEALTH_STATE_MAX] = {
    [HEALTH_STOPPED] = "stopped",     [HEALTH_STARTING] = "starting",
    [HEALTH_HEALTHY] = "healthy",     [HEALTH_FAILING] = "failing",
    [HEALTH_UNHEALTHY] = "unhealthy", [HEALTH_MAINTENANCE] = "maintenance",
    [HEALTH_FROZEN] = "frozen",       [HEALTH_HELD] = "held",
};

static const char *const event_words[_HEALTH_EVENT_MAX] = {
    [HEALTH_EVENT_START] = "start",
    [HEALTH_EVENT_RESUME] = "resume",
    [HEALTH_EVENT_PASS] = "pass",
    [HEALTH_EVENT_FAIL] = "fail",
    [HEALTH_EVENT_EXHAUST] = "exhaust",
    [HEALTH_EVENT_DOWN] = "down",
    [HEALTH_EVENT_HOLD] = "hold",
    [HEALTH_EVENT_RELEASE] = "release",
    [HEALTH_EVENT_FREEZE] = "freeze",
    [HEALTH_EVENT_THAW] = "thaw",
    [HEALTH_EVENT_MAINTENANCE_ON] = "maintenance-on",
    [HEALTH_EVENT_MAINTENANCE_OFF] = "maintenance-off",
};

HealthStep health_step(HealthState state, HealthEvent event)
{
    assert((unsigned)state < _HEALTH_STATE_MAX);
    assert((unsigned)event < _HEALTH_EVENT_MAX);

    return table[state][event];
}

const char *health_state_word(HealthState state)
{
    assert((unsigned)state < _HEALTH_STATE_MAX);

    return state_words[state];
}

int health_state_from_word(const char *word)
{
    assert(word);

    for (int i = 0; i < _HEALTH_STATE_MAX; i++)
        if (strcmp(word, state_words[i]) == 0)
            return i;
    return -1;
}

const char *health_event_word(HealthEvent event)
{
    assert((unsigned)event < _HEALTH_EVENT_MAX);

    return event_words[event];
}
