/* SPDX-License-Identifier: MIT */

/* The rules of idleness, with a clock of the test's own: single stories step by step, and random
 * worlds in which what the rules believe must be how it is. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>

#include "supervisor/idle/idle.h"

#define SEC UINT64_C(1000000)
/* The clock of CLOCK_MONOTONIC may begin anywhere. */
#define T0 (1000 * SEC)

static struct idle idle;

static void begin(struct idle_options options, bool frozen)
{
    if (options.after_usec == 0)
        options.after_usec = 30 * SEC;
    if (options.leave_usec == 0)
        options.leave_usec = options.after_usec;
    idle_init(&idle, &options, frozen, T0);
}

static void check(enum idle_event event, uint64_t at_usec, enum idle_action action,
                  enum idle_state state)
{
    enum idle_action given = idle_step(&idle, event, T0 + at_usec);

    if (given != action || idle.state != state)
        print_message("event %d: state %s, action %d\n", (int)event, idle_state_name(idle.state),
                      (int)given);
    assert_int_equal(given, action);
    assert_int_equal(idle.state, state);
}

static void check_due(uint64_t at_usec)
{
    assert_true(idle_due(&idle) == (at_usec == IDLE_NEVER ? IDLE_NEVER : T0 + at_usec));
}

/* Up to where the service is frozen and the look after it is asked for. */
static void freeze_at(uint64_t at_usec)
{
    check(IDLE_EVENT_DUE, at_usec, IDLE_LOOK, IDLE_UNUSED);
    check(IDLE_EVENT_ABSENT, at_usec, IDLE_FREEZE, IDLE_FREEZING);
    check_due(IDLE_NEVER);
    check(IDLE_EVENT_FROZEN, at_usec, IDLE_LOOK, IDLE_FREEZING);
}

static void test_never_used(void **state)
{
    begin((struct idle_options){.freeze = true}, false);
    check_due(30 * SEC);
    freeze_at(30 * SEC);
    check(IDLE_EVENT_ABSENT, 30 * SEC, IDLE_NOTHING, IDLE_FROZEN);
    check_due(IDLE_NEVER);
}

static void test_stop_instead(void **state)
{
    begin((struct idle_options){.freeze = false}, false);
    freeze_at(30 * SEC);
    check(IDLE_EVENT_ABSENT, 30 * SEC, IDLE_END, IDLE_ENDING);
    for (int event = 0; event < _IDLE_EVENT_MAX; event++)
        check(event, 31 * SEC, IDLE_NOTHING, IDLE_ENDING);
    check_due(IDLE_NEVER);
}

static void test_stop_without_freezing(void **state)
{
    begin((struct idle_options){.freeze = false}, false);
    check(IDLE_EVENT_DUE, 30 * SEC, IDLE_LOOK, IDLE_UNUSED);
    check(IDLE_EVENT_ABSENT, 30 * SEC, IDLE_FREEZE, IDLE_FREEZING);
    check(IDLE_EVENT_FAILED, 30 * SEC, IDLE_END, IDLE_ENDING);
}

static void test_minimum(void **state)
{
    begin((struct idle_options){.freeze = true, .min_usec = 100 * SEC}, false);
    check_due(100 * SEC);
    /* A look before that finds nobody, and changes nothing. */
    check(IDLE_EVENT_ABSENT, 99 * SEC, IDLE_NOTHING, IDLE_UNUSED);
    check_due(100 * SEC);
    check(IDLE_EVENT_PASSED, 99 * SEC, IDLE_NOTHING, IDLE_UNUSED);
    check_due(129 * SEC);
    /* It counts from the start only. */
    freeze_at(129 * SEC);
    check(IDLE_EVENT_KNOCK, 129 * SEC, IDLE_THAW, IDLE_UNUSED);
    check_due(159 * SEC);
}

static void test_long_connection(void **state)
{
    begin((struct idle_options){.freeze = true}, false);
    check(IDLE_EVENT_DUE, 30 * SEC, IDLE_LOOK, IDLE_UNUSED);
    check(IDLE_EVENT_PRESENT, 30 * SEC, IDLE_NOTHING, IDLE_USED);
    /* Not a wakeup until it ends. */
    check_due(IDLE_NEVER);
    check(IDLE_EVENT_PASSED, 5000 * SEC, IDLE_NOTHING, IDLE_UNUSED);
    check_due(5030 * SEC);
    /* There was another one. */
    check(IDLE_EVENT_DUE, 5030 * SEC, IDLE_LOOK, IDLE_UNUSED);
    check(IDLE_EVENT_PRESENT, 5030 * SEC, IDLE_NOTHING, IDLE_USED);
    check_due(IDLE_NEVER);
}

static void test_short_connections(void **state)
{
    begin((struct idle_options){.freeze = true}, false);
    for (uint64_t at = 10 * SEC; at < 1000 * SEC; at += 10 * SEC) {
        check(IDLE_EVENT_PASSED, at, IDLE_NOTHING, IDLE_UNUSED);
        check_due(at + 30 * SEC);
    }
}

static void test_proxy(void **state)
{
    begin((struct idle_options){.freeze = true, .leave_usec = SEC / 10}, false);
    /* Started by hand: it has the whole time. */
    check_due(30 * SEC);
    check(IDLE_EVENT_PRESENT, 1 * SEC, IDLE_NOTHING, IDLE_USED);
    check_due(IDLE_NEVER);
    /* The proxy has waited the time out itself. */
    check(IDLE_EVENT_ABSENT, 60 * SEC, IDLE_NOTHING, IDLE_UNUSED);
    check_due(60 * SEC + SEC / 10);
    /* Another unit of the slice comes or goes. */
    check(IDLE_EVENT_ABSENT, 60 * SEC + 1, IDLE_NOTHING, IDLE_UNUSED);
    check_due(60 * SEC + SEC / 10);
    freeze_at(60 * SEC + SEC / 10);
    check(IDLE_EVENT_ABSENT, 61 * SEC, IDLE_NOTHING, IDLE_FROZEN);
    check(IDLE_EVENT_ABSENT, 62 * SEC, IDLE_NOTHING, IDLE_FROZEN);
    check(IDLE_EVENT_PRESENT, 99 * SEC, IDLE_THAW, IDLE_USED);
    check_due(IDLE_NEVER);
}

static void test_proxy_with_minimum(void **state)
{
    begin((struct idle_options){.freeze = true, .leave_usec = SEC / 10, .min_usec = 50 * SEC},
          false);
    check(IDLE_EVENT_PRESENT, 1 * SEC, IDLE_NOTHING, IDLE_USED);
    check(IDLE_EVENT_ABSENT, 31 * SEC, IDLE_NOTHING, IDLE_UNUSED);
    check_due(50 * SEC);
}

static void test_race_while_freezing(void **state)
{
    static const struct {
        enum idle_event event;
        enum idle_state state;
        uint64_t due_usec;
    } cases[] = {
        {IDLE_EVENT_PRESENT, IDLE_USED, IDLE_NEVER},
        {IDLE_EVENT_KNOCK, IDLE_UNUSED, 60 * SEC},
        {IDLE_EVENT_PASSED, IDLE_UNUSED, 60 * SEC},
        {IDLE_EVENT_FAILED, IDLE_UNUSED, 60 * SEC},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin((struct idle_options){.freeze = true}, false);
        freeze_at(30 * SEC);
        check(cases[i].event, 30 * SEC, IDLE_THAW, cases[i].state);
        check_due(cases[i].due_usec);
    }
}

static void test_race_while_stopping(void **state)
{
    static const enum idle_event events[] = {IDLE_EVENT_PRESENT, IDLE_EVENT_KNOCK,
                                             IDLE_EVENT_PASSED};

    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        begin((struct idle_options){.freeze = false}, false);
        freeze_at(30 * SEC);
        assert_int_equal(idle_step(&idle, events[i], T0 + 30 * SEC), IDLE_THAW);
        assert_int_not_equal(idle.state, IDLE_ENDING);
    }
}

static void test_knock(void **state)
{
    begin((struct idle_options){.freeze = true}, false);
    freeze_at(30 * SEC);
    check(IDLE_EVENT_ABSENT, 30 * SEC, IDLE_NOTHING, IDLE_FROZEN);
    /* What the kernel tells late of a connection that had ended is nobody. */
    check(IDLE_EVENT_PASSED, 31 * SEC, IDLE_NOTHING, IDLE_FROZEN);
    check(IDLE_EVENT_KNOCK, 77 * SEC, IDLE_THAW, IDLE_UNUSED);
    check_due(107 * SEC);
}

static void test_stop_after_freeze(void **state)
{
    begin((struct idle_options){.freeze = true, .stop_usec = 3600 * SEC}, false);
    freeze_at(30 * SEC);
    check(IDLE_EVENT_ABSENT, 31 * SEC, IDLE_NOTHING, IDLE_FROZEN);
    check_due(3631 * SEC);
    check(IDLE_EVENT_KNOCK, 3600 * SEC, IDLE_THAW, IDLE_UNUSED);
    freeze_at(3630 * SEC);
    check(IDLE_EVENT_ABSENT, 3630 * SEC, IDLE_NOTHING, IDLE_FROZEN);
    check_due(7230 * SEC);
    check(IDLE_EVENT_DUE, 7230 * SEC, IDLE_END, IDLE_ENDING);
}

static void test_found_frozen(void **state)
{
    begin((struct idle_options){.freeze = true, .stop_usec = 60 * SEC}, true);
    check_due(60 * SEC);
    check(IDLE_EVENT_ABSENT, 0, IDLE_NOTHING, IDLE_FROZEN);
    check(IDLE_EVENT_PRESENT, 1, IDLE_THAW, IDLE_USED);
}

static void test_looks_in_between(void **state)
{
    begin((struct idle_options){.freeze = true, .period_usec = 7 * SEC}, false);
    check_due(7 * SEC);
    check(IDLE_EVENT_DUE, 7 * SEC, IDLE_LOOK, IDLE_UNUSED);
    check(IDLE_EVENT_ABSENT, 7 * SEC, IDLE_NOTHING, IDLE_UNUSED);
    check_due(14 * SEC);
    check(IDLE_EVENT_DUE, 14 * SEC, IDLE_LOOK, IDLE_UNUSED);
    check(IDLE_EVENT_PRESENT, 14 * SEC, IDLE_NOTHING, IDLE_USED);
    check_due(21 * SEC);
    check(IDLE_EVENT_DUE, 21 * SEC, IDLE_LOOK, IDLE_USED);
    check(IDLE_EVENT_ABSENT, 21 * SEC, IDLE_NOTHING, IDLE_UNUSED);
    for (uint64_t at = 28 * SEC; at <= 49 * SEC; at += 7 * SEC) {
        check_due(at);
        check(IDLE_EVENT_DUE, at, IDLE_LOOK, IDLE_UNUSED);
        check(IDLE_EVENT_ABSENT, at, IDLE_NOTHING, IDLE_UNUSED);
    }
    check_due(51 * SEC);
    freeze_at(51 * SEC);
    check(IDLE_EVENT_ABSENT, 51 * SEC, IDLE_NOTHING, IDLE_FROZEN);
    /* Nobody is looked for in a service that sleeps. */
    check_due(IDLE_NEVER);
}

static void test_times_without_end(void **state)
{
    begin((struct idle_options){.freeze = true, .after_usec = UINT64_MAX - 1}, false);
    check_due(IDLE_NEVER);
    check(IDLE_EVENT_ABSENT, 1, IDLE_NOTHING, IDLE_UNUSED);
}

/* A world that does at random what worlds do: what the rules are told is true, and what they want
 * is done, so what they believe must be how it is. */
struct world {
    bool frozen, present, waiting, passed;
    uint64_t now_usec, left_usec;
};

static enum idle_event seen(struct world *world)
{
    bool passed = world->passed;

    world->passed = false;
    if (world->waiting)
        return world->frozen ? IDLE_EVENT_KNOCK : IDLE_EVENT_PRESENT;
    if (world->present)
        return IDLE_EVENT_PRESENT;
    return passed ? IDLE_EVENT_PASSED : IDLE_EVENT_ABSENT;
}

static void run_world(struct world *world)
{
    world->now_usec += (uint64_t)(rand() % 3) * SEC;
    if (rand() % 40 == 0)
        world->waiting = true;
    /* Only a service that is awake accepts and closes. */
    if (!world->frozen && world->waiting && rand() % 2) {
        world->waiting = false;
        world->present = true;
    }
    if (!world->frozen && world->present && rand() % 4 == 0) {
        world->present = false;
        world->passed = true;
        world->left_usec = world->now_usec;
    }
}

static enum idle_event carry_out(struct world *world, enum idle_action action, bool *again)
{
    *again = action == IDLE_LOOK || action == IDLE_FREEZE;
    if (action == IDLE_FREEZE) {
        /* Half of the races are here. */
        run_world(world);
        world->frozen = rand() % 5 > 0;
        return world->frozen ? IDLE_EVENT_FROZEN : IDLE_EVENT_FAILED;
    }
    if (action == IDLE_THAW)
        world->frozen = false;
    return action == IDLE_LOOK ? seen(world) : IDLE_EVENT_ABSENT;
}

static void check_world(const struct world *world)
{
    if (idle.state == IDLE_USED || idle.state == IDLE_UNUSED)
        assert_false(world->frozen);
    if (idle.state == IDLE_FROZEN) {
        assert_true(world->frozen);
        assert_false(world->present);
    }
    if (idle.state == IDLE_ENDING)
        assert_false(world->present);
}

static bool pick_event(struct world *world, enum idle_event *ret)
{
    if (world->waiting && idle.state == IDLE_FROZEN)
        *ret = IDLE_EVENT_KNOCK;
    else if (world->now_usec >= idle_due(&idle))
        *ret = IDLE_EVENT_DUE;
    else if (world->passed && rand() % 2)
        *ret = seen(world) == IDLE_EVENT_KNOCK ? IDLE_EVENT_KNOCK : IDLE_EVENT_PASSED;
    else
        return false;
    return true;
}

static bool live(struct idle_options options)
{
    struct world world = {.now_usec = T0, .left_usec = T0};
    bool froze = false;

    begin(options, false);
    for (int i = 0; i < 3000 && idle.state != IDLE_ENDING; i++) {
        enum idle_event event;
        bool again = true;

        run_world(&world);
        if (!pick_event(&world, &event))
            continue;
        while (again) {
            enum idle_action action = idle_step(&idle, event, world.now_usec);
            if (action == IDLE_FREEZE)
                assert_true(world.now_usec >= world.left_usec + options.after_usec);
            event = carry_out(&world, action, &again);
        }
        check_world(&world);
        froze = froze || idle.state == IDLE_FROZEN || idle.state == IDLE_ENDING;
    }
    return froze;
}

static void test_random_worlds(void **state)
{
    unsigned froze = 0;

    srand(20261123);
    for (int i = 0; i < 200; i++)
        froze += live((struct idle_options){
            .after_usec = (uint64_t)(1 + rand() % 20) * SEC,
            .min_usec = (uint64_t)(rand() % 40) * SEC,
            .period_usec = (uint64_t)(rand() % 3) * SEC,
            .stop_usec = (uint64_t)(rand() % 2) * 900 * SEC,
            .freeze = rand() % 2,
        });
    assert_true(froze > 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_used),
        cmocka_unit_test(test_stop_instead),
        cmocka_unit_test(test_stop_without_freezing),
        cmocka_unit_test(test_minimum),
        cmocka_unit_test(test_long_connection),
        cmocka_unit_test(test_short_connections),
        cmocka_unit_test(test_proxy),
        cmocka_unit_test(test_proxy_with_minimum),
        cmocka_unit_test(test_race_while_freezing),
        cmocka_unit_test(test_race_while_stopping),
        cmocka_unit_test(test_knock),
        cmocka_unit_test(test_stop_after_freeze),
        cmocka_unit_test(test_found_frozen),
        cmocka_unit_test(test_looks_in_between),
        cmocka_unit_test(test_times_without_end),
        cmocka_unit_test(test_random_worlds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
