/* SPDX-License-Identifier: MIT */

/* The table of states: what every cell must hold to, what some are known to be, and long walks. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "supervisor/policy/state.h"

#define ALL_ACTIONS                                                                                \
    (HEALTH_ACT_PROBE | HEALTH_ACT_STOP_PROBES | HEALTH_ACT_READY | HEALTH_ACT_FAIL_START |        \
     HEALTH_ACT_TRIGGER | HEALTH_ACT_RECOVERED | HEALTH_ACT_IGNORED)
#define N_CELLS (_HEALTH_STATE_MAX * _HEALTH_EVENT_MAX)

struct cell {
    HealthState state;
    HealthEvent event;
    HealthStep step;
};

static struct cell cell_of(int i)
{
    struct cell cell = {.state = (HealthState)(i / _HEALTH_EVENT_MAX),
                        .event = (HealthEvent)(i % _HEALTH_EVENT_MAX)};

    cell.step = health_step(cell.state, cell.event);
    return cell;
}

static bool is_one_of(HealthState state, unsigned set)
{
    return set & (1U << state);
}

/* States in which checks are made. */
static bool is_probed(HealthState state)
{
    return is_one_of(state, 1U << HEALTH_STARTING | 1U << HEALTH_HEALTHY | 1U << HEALTH_FAILING |
                                1U << HEALTH_UNHEALTHY | 1U << HEALTH_MAINTENANCE);
}

static void test_every_cell_is_there(void **state)
{
    for (int i = 0; i < N_CELLS; i++) {
        struct cell cell = cell_of(i);

        if (!cell.step.why)
            fail_msg("%s + %s: no cell", health_state_word(cell.state),
                     health_event_word(cell.event));
        assert_true(strlen(cell.step.why) > 3);
        assert_true((unsigned)cell.step.next < _HEALTH_STATE_MAX);
        assert_int_equal(cell.step.actions & ~(unsigned)ALL_ACTIONS, 0);
        assert_null(strpbrk(cell.step.why, "\t\n|<>&\""));
    }
}

static void test_ignored_is_nothing_else(void **state)
{
    for (int i = 0; i < N_CELLS; i++) {
        struct cell cell = cell_of(i);

        if (cell.step.actions & HEALTH_ACT_IGNORED) {
            assert_int_equal(cell.step.actions, HEALTH_ACT_IGNORED);
            assert_int_equal(cell.step.next, cell.state);
        }
    }
}

/* Checks run in exactly the states that have them: whoever goes where none are made stops them,
 * whoever comes from there begins them, and nobody forgets it. */
static void test_probes_follow_the_state(void **state)
{
    for (int i = 0; i < N_CELLS; i++) {
        struct cell cell = cell_of(i);
        bool before = is_probed(cell.state), after = is_probed(cell.step.next);

        if (before && !after)
            assert_true(cell.step.actions & HEALTH_ACT_STOP_PROBES);
        if (!before && after)
            assert_true(cell.step.actions & HEALTH_ACT_PROBE);
        if (cell.step.actions & HEALTH_ACT_PROBE)
            assert_true(after);
        if (cell.step.actions & HEALTH_ACT_STOP_PROBES)
            assert_false(after);
        assert_int_not_equal(cell.step.actions & (HEALTH_ACT_PROBE | HEALTH_ACT_STOP_PROBES),
                             HEALTH_ACT_PROBE | HEALTH_ACT_STOP_PROBES);
    }
}

static void test_who_may_trigger(void **state)
{
    const unsigned may = 1U << HEALTH_HEALTHY | 1U << HEALTH_FAILING | 1U << HEALTH_UNHEALTHY;

    for (int i = 0; i < N_CELLS; i++) {
        struct cell cell = cell_of(i);

        if (cell.step.actions & HEALTH_ACT_TRIGGER) {
            assert_int_equal(cell.event, HEALTH_EVENT_EXHAUST);
            assert_true(is_one_of(cell.state, may));
            assert_int_equal(cell.step.next, HEALTH_UNHEALTHY);
        }
        /* The lease waits for one of the two, and only in a start. */
        if (cell.step.actions & (HEALTH_ACT_READY | HEALTH_ACT_FAIL_START))
            assert_int_equal(cell.state, HEALTH_STARTING);
        /* Nobody becomes unhealthy and lives. */
        if (cell.state != HEALTH_UNHEALTHY && cell.step.next == HEALTH_UNHEALTHY)
            assert_true(cell.step.actions & (HEALTH_ACT_TRIGGER | HEALTH_ACT_FAIL_START));
    }
}

/* A start that leaves STARTING for a state of life has told the lease; only RESUME knows that it
 * needs not. */
static void test_no_start_hangs(void **state)
{
    for (int event = 0; event < _HEALTH_EVENT_MAX; event++) {
        HealthStep step = health_step(HEALTH_STARTING, (HealthEvent)event);

        if (event == HEALTH_EVENT_RESUME || step.next == HEALTH_STARTING || !is_probed(step.next))
            continue;
        assert_true(step.actions & (HEALTH_ACT_READY | HEALTH_ACT_FAIL_START));
    }
}

static void test_recovered_was_not_healthy(void **state)
{
    const unsigned bad = 1U << HEALTH_FAILING | 1U << HEALTH_UNHEALTHY;

    for (int i = 0; i < N_CELLS; i++) {
        struct cell cell = cell_of(i);
        bool expected = is_one_of(cell.state, bad) && cell.event == HEALTH_EVENT_PASS;

        assert_int_equal(!!(cell.step.actions & HEALTH_ACT_RECOVERED), expected);
    }
}

static void test_held_leaks_nothing(void **state)
{
    for (int event = 0; event < _HEALTH_EVENT_MAX; event++) {
        HealthStep step = health_step(HEALTH_HELD, (HealthEvent)event);

        switch (event) {
        case HEALTH_EVENT_START:
            assert_int_equal(step.next, HEALTH_STARTING);
            break;
        case HEALTH_EVENT_RESUME:
            assert_int_equal(step.next, HEALTH_HEALTHY);
            break;
        case HEALTH_EVENT_RELEASE:
            assert_int_equal(step.next, HEALTH_STOPPED);
            break;
        default:
            assert_int_equal(step.next, HEALTH_HELD);
        }
    }
}

static void test_maintenance_ends_nothing(void **state)
{
    for (int event = 0; event < _HEALTH_EVENT_MAX; event++) {
        HealthStep step = health_step(HEALTH_MAINTENANCE, (HealthEvent)event);

        assert_int_equal(step.actions & (HEALTH_ACT_TRIGGER | HEALTH_ACT_FAIL_START), 0);
        assert_int_not_equal(step.next, HEALTH_UNHEALTHY);
    }
    assert_int_equal(health_step(HEALTH_MAINTENANCE, HEALTH_EVENT_EXHAUST).actions,
                     HEALTH_ACT_NONE);
}

/* From wherever a lost signal may have left us, these say where we are. */
static void test_facts_of_systemd_win(void **state)
{
    for (int i = 0; i < _HEALTH_STATE_MAX; i++) {
        HealthState from = (HealthState)i;
        HealthState down = from == HEALTH_HELD ? HEALTH_HELD : HEALTH_STOPPED;
        HealthState resumed = from == HEALTH_MAINTENANCE ? HEALTH_MAINTENANCE : HEALTH_HEALTHY;

        assert_int_equal(health_step(from, HEALTH_EVENT_START).next, HEALTH_STARTING);
        assert_int_equal(health_step(from, HEALTH_EVENT_START).actions, HEALTH_ACT_PROBE);
        assert_int_equal(health_step(from, HEALTH_EVENT_RESUME).next, resumed);
        assert_int_equal(health_step(from, HEALTH_EVENT_RESUME).actions, HEALTH_ACT_PROBE);
        assert_int_equal(health_step(from, HEALTH_EVENT_DOWN).next, down);
        assert_int_equal(health_step(from, HEALTH_EVENT_HOLD).next, HEALTH_HELD);
    }
}

struct stop {
    HealthEvent event;
    HealthState next;
    unsigned actions;
};

static void walk(const struct stop *stops, size_t n)
{
    HealthState at = HEALTH_STOPPED;

    for (size_t i = 0; i < n; i++) {
        HealthStep step = health_step(at, stops[i].event);

        if (step.next != stops[i].next || step.actions != stops[i].actions)
            fail_msg("stop %zu: %s + %s gives %s, %#x: %s", i, health_state_word(at),
                     health_event_word(stops[i].event), health_state_word(step.next), step.actions,
                     step.why);
        at = step.next;
    }
}
#define WALK(...)                                                                                  \
    do {                                                                                           \
        const struct stop stops[] = {__VA_ARGS__};                                                 \
        walk(stops, sizeof(stops) / sizeof(stops[0]));                                             \
    } while (0)

static void test_stories(void **state)
{
    /* Starts, fails for good, is ended, comes back. */
    WALK({HEALTH_EVENT_START, HEALTH_STARTING, HEALTH_ACT_PROBE},
         {HEALTH_EVENT_FAIL, HEALTH_STARTING, 0},
         {HEALTH_EVENT_PASS, HEALTH_HEALTHY, HEALTH_ACT_READY},
         {HEALTH_EVENT_PASS, HEALTH_HEALTHY, 0}, {HEALTH_EVENT_FAIL, HEALTH_FAILING, 0},
         {HEALTH_EVENT_FAIL, HEALTH_FAILING, 0},
         {HEALTH_EVENT_EXHAUST, HEALTH_UNHEALTHY, HEALTH_ACT_TRIGGER},
         {HEALTH_EVENT_DOWN, HEALTH_STOPPED, HEALTH_ACT_STOP_PROBES},
         {HEALTH_EVENT_START, HEALTH_STARTING, HEALTH_ACT_PROBE});
    /* The brake: the first trigger is held back, the second one goes; or it recovers. */
    WALK({HEALTH_EVENT_RESUME, HEALTH_HEALTHY, HEALTH_ACT_PROBE},
         {HEALTH_EVENT_EXHAUST, HEALTH_UNHEALTHY, HEALTH_ACT_TRIGGER},
         {HEALTH_EVENT_PASS, HEALTH_HEALTHY, HEALTH_ACT_RECOVERED},
         {HEALTH_EVENT_EXHAUST, HEALTH_UNHEALTHY, HEALTH_ACT_TRIGGER},
         {HEALTH_EVENT_EXHAUST, HEALTH_UNHEALTHY, HEALTH_ACT_TRIGGER});
    /* Never gets up, is held, tried slowly, held again, released. */
    WALK({HEALTH_EVENT_START, HEALTH_STARTING, HEALTH_ACT_PROBE},
         {HEALTH_EVENT_EXHAUST, HEALTH_UNHEALTHY, HEALTH_ACT_FAIL_START},
         {HEALTH_EVENT_DOWN, HEALTH_STOPPED, HEALTH_ACT_STOP_PROBES},
         {HEALTH_EVENT_HOLD, HEALTH_HELD, HEALTH_ACT_STOP_PROBES},
         {HEALTH_EVENT_DOWN, HEALTH_HELD, HEALTH_ACT_IGNORED},
         {HEALTH_EVENT_START, HEALTH_STARTING, HEALTH_ACT_PROBE},
         {HEALTH_EVENT_DOWN, HEALTH_STOPPED, HEALTH_ACT_STOP_PROBES},
         {HEALTH_EVENT_HOLD, HEALTH_HELD, HEALTH_ACT_STOP_PROBES},
         {HEALTH_EVENT_RELEASE, HEALTH_STOPPED, 0});
    /* Maintenance from the start on, frozen in it, and out of it with a bad last result. */
    WALK({HEALTH_EVENT_START, HEALTH_STARTING, HEALTH_ACT_PROBE},
         {HEALTH_EVENT_MAINTENANCE_ON, HEALTH_MAINTENANCE, HEALTH_ACT_READY},
         {HEALTH_EVENT_EXHAUST, HEALTH_MAINTENANCE, 0},
         {HEALTH_EVENT_FREEZE, HEALTH_FROZEN, HEALTH_ACT_STOP_PROBES},
         {HEALTH_EVENT_THAW, HEALTH_HEALTHY, HEALTH_ACT_PROBE},
         {HEALTH_EVENT_MAINTENANCE_ON, HEALTH_MAINTENANCE, 0},
         {HEALTH_EVENT_MAINTENANCE_OFF, HEALTH_HEALTHY, 0}, {HEALTH_EVENT_FAIL, HEALTH_FAILING, 0},
         {HEALTH_EVENT_FREEZE, HEALTH_FROZEN, HEALTH_ACT_STOP_PROBES},
         {HEALTH_EVENT_EXHAUST, HEALTH_FROZEN, HEALTH_ACT_IGNORED},
         {HEALTH_EVENT_DOWN, HEALTH_STOPPED, HEALTH_ACT_STOP_PROBES});
}

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    return *seed ^= *seed << 5;
}

/* A million events in any order: what the caller would have done stays in step with the state, and
 * no lease waits for ever or is told twice. */
static void test_random_walk(void **state)
{
    HealthState at = HEALTH_STOPPED;
    bool probing = false, lease_waits = false;
    uint32_t seed = 20240229;
    size_t visits[_HEALTH_STATE_MAX] = {};

    for (int i = 0; i < 1000000; i++) {
        HealthEvent event = (HealthEvent)(next_random(&seed) % _HEALTH_EVENT_MAX);
        HealthStep step = health_step(at, event);

        if (event == HEALTH_EVENT_START)
            lease_waits = true;
        if (event == HEALTH_EVENT_RESUME)
            lease_waits = false;
        if (step.actions & (HEALTH_ACT_READY | HEALTH_ACT_FAIL_START)) {
            assert_true(lease_waits);
            lease_waits = false;
        }
        if (step.actions & HEALTH_ACT_TRIGGER) {
            assert_true(probing);
            assert_false(lease_waits);
        }
        if (step.actions & HEALTH_ACT_PROBE)
            probing = true;
        if (step.actions & HEALTH_ACT_STOP_PROBES)
            probing = false;
        at = step.next;
        if (!is_probed(at) && at != HEALTH_FROZEN)
            lease_waits = false; /* it has ended with its unit */
        assert_int_equal(probing, is_probed(at));
        assert_int_equal(lease_waits, at == HEALTH_STARTING);
        visits[at]++;
    }
    for (int i = 0; i < _HEALTH_STATE_MAX; i++)
        assert_true(visits[i] > 1000);
}

static void test_words(void **state)
{
    for (int i = 0; i < _HEALTH_STATE_MAX; i++)
        assert_int_equal(health_state_from_word(health_state_word((HealthState)i)), i);
    for (int i = 0; i < _HEALTH_EVENT_MAX; i++)
        for (int k = 0; k < i; k++)
            assert_string_not_equal(health_event_word((HealthEvent)i),
                                    health_event_word((HealthEvent)k));
    assert_int_equal(health_state_from_word(""), -1);
    assert_int_equal(health_state_from_word("Healthy"), -1);
    assert_int_equal(health_state_from_word("healthy "), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cell_is_there),
        cmocka_unit_test(test_ignored_is_nothing_else),
        cmocka_unit_test(test_probes_follow_the_state),
        cmocka_unit_test(test_who_may_trigger),
        cmocka_unit_test(test_no_start_hangs),
        cmocka_unit_test(test_recovered_was_not_healthy),
        cmocka_unit_test(test_held_leaks_nothing),
        cmocka_unit_test(test_maintenance_ends_nothing),
        cmocka_unit_test(test_facts_of_systemd_win),
        cmocka_unit_test(test_stories),
        cmocka_unit_test(test_random_walk),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
