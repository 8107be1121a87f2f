/* SPDX-License-Identifier: MIT */

/* When the brake closes, to the check and to the microsecond, and that it opens again: a real
 * failure of everything must be acted on in the end. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>

#include "supervisor/policy/brake.h"

#define SEC    UINT64_C(1000000)
#define WINDOW (10 * SEC)
#define HOLD   (30 * SEC)
#define NOW    (1000 * SEC)
#define MANY   1000

static BrakeRules rules_of(size_t n_checks)
{
    return (BrakeRules){.n_checks = n_checks, .window_usec = WINDOW, .hold_usec = HOLD};
}

/* The first `n` of `n_checks` begin to fail, `apart_usec` between each; which one closes the brake
 * (from 1), or 0. */
static size_t closing(Brake *brake, BrakeEntry *entries, size_t n, size_t n_checks,
                      uint64_t start_usec, uint64_t apart_usec)
{
    const BrakeRules rules = rules_of(n_checks);
    size_t closed = 0;

    for (size_t i = 0; i < n; i++)
        if (brake_onset(brake, &entries[i], &rules, start_usec + i * apart_usec)) {
            assert_int_equal(closed, 0);
            closed = i + 1;
        }
    return closed;
}

static size_t closing_of_new(size_t n, size_t n_checks, uint64_t apart_usec)
{
    static BrakeEntry entries[MANY];
    Brake brake = {};

    for (size_t i = 0; i < n; i++)
        entries[i] = (BrakeEntry){};
    return closing(&brake, entries, n, n_checks, NOW, apart_usec);
}

static void test_more_than_half_and_five(void **state)
{
    assert_int_equal(closing_of_new(9, 9, 1), 5);
    assert_int_equal(closing_of_new(5, 9, 1), 5);
    assert_int_equal(closing_of_new(4, 9, 1), 0);
    assert_int_equal(closing_of_new(4, 4, 1), 0); /* too few to tell */
    assert_int_equal(closing_of_new(5, 5, 1), 5);
    assert_int_equal(closing_of_new(5, 10, 1), 0); /* half is not more than half */
    assert_int_equal(closing_of_new(6, 10, 1), 6);
    assert_int_equal(closing_of_new(5, 11, 1), 0);
    assert_int_equal(closing_of_new(6, 11, 1), 6);
    assert_int_equal(closing_of_new(MANY, MANY, 1), MANY / 2 + 1);
}

static void test_window(void **state)
{
    /* The first and the fifth lie exactly one window apart, then a little more. */
    assert_int_equal(closing_of_new(5, 9, WINDOW / 4), 5);
    assert_int_equal(closing_of_new(5, 9, WINDOW / 4 + 1), 0);
    /* Everything fails, but one by one. */
    assert_int_equal(closing_of_new(MANY, 9, WINDOW / 3), 0);
}

static void test_at_the_beginning_of_time(void **state)
{
    BrakeEntry entries[5] = {};
    Brake brake = {};

    assert_false(brake_is_held(&brake, 0));
    assert_int_equal(closing(&brake, entries, 5, 9, 0, 1), 5);
}

static void test_releases_by_itself(void **state)
{
    BrakeEntry entries[9] = {};
    Brake brake = {};

    assert_false(brake_is_held(&brake, NOW));
    assert_int_equal(closing(&brake, entries, 9, 9, NOW, 0), 5);
    assert_true(brake_is_held(&brake, NOW));
    assert_true(brake_is_held(&brake, NOW + HOLD - 1));
    assert_false(brake_is_held(&brake, NOW + HOLD));
    assert_int_equal(brake.held_until_usec, NOW + HOLD);
    assert_int_equal(brake.n_onsets, 9);
}

/* All fail in truth: the first round is held back, the second one is acted on, although all began
 * to fail once more. Long after that the brake works again. */
static void test_real_failure_is_acted_on(void **state)
{
    BrakeEntry entries[9] = {};
    Brake brake = {};

    assert_int_equal(closing(&brake, entries, 9, 9, NOW, 0), 5);
    assert_int_equal(closing(&brake, entries, 9, 9, NOW + HOLD - 1, 0), 0);
    assert_false(brake_is_held(&brake, NOW + HOLD));
    assert_int_equal(closing(&brake, entries, 9, 9, NOW + HOLD, 0), 0);
    assert_false(brake_is_held(&brake, NOW + HOLD + 1));
    assert_int_equal(closing(&brake, entries, 9, 9, NOW + 2 * HOLD - 1, 0), 0);
    assert_false(brake_is_held(&brake, NOW + 2 * HOLD - 1));
    assert_int_equal(closing(&brake, entries, 9, 9, NOW + 3 * HOLD, 0), 5);
    assert_true(brake_is_held(&brake, NOW + 3 * HOLD));
}

static void test_quiet_ends_with_a_second_hold(void **state)
{
    BrakeEntry entries[9] = {};
    Brake brake = {};

    assert_int_equal(closing(&brake, entries, 9, 9, NOW, 0), 5);
    assert_int_equal(closing(&brake, entries, 9, 9, NOW + 2 * HOLD, 0), 5);
}

static void test_flapping_check_counts_once(void **state)
{
    const BrakeRules rules = rules_of(9);
    BrakeEntry entries[4] = {};
    Brake brake = {};

    for (size_t i = 0; i < 100; i++)
        assert_false(brake_onset(&brake, &entries[i % 4], &rules, NOW + i));
    assert_int_equal(brake.n_onsets, 4);
}

static void test_forget(void **state)
{
    const BrakeRules rules = rules_of(9);
    BrakeEntry entries[5] = {};
    Brake brake = {};

    brake_forget(&brake, &entries[0]); /* was never in it */
    assert_int_equal(closing(&brake, entries, 4, 9, NOW, 1), 0);
    brake_forget(&brake, &entries[0]);
    brake_forget(&brake, &entries[2]);
    brake_forget(&brake, &entries[2]);
    assert_int_equal(brake.n_onsets, 2);
    assert_ptr_equal(brake.oldest, &entries[1]);
    assert_ptr_equal(brake.newest, &entries[3]);
    brake_forget(&brake, &entries[3]);
    brake_forget(&brake, &entries[1]);
    assert_null(brake.oldest);
    assert_null(brake.newest);
    assert_false(brake_onset(&brake, &entries[4], &rules, NOW + 4));
    assert_int_equal(brake.n_onsets, 1);
}

static void test_old_onsets_are_unlinked(void **state)
{
    const BrakeRules rules = rules_of(9);
    BrakeEntry entries[5] = {};
    Brake brake = {};

    assert_int_equal(closing(&brake, entries, 4, 9, NOW, 0), 0);
    assert_false(brake_onset(&brake, &entries[4], &rules, NOW + WINDOW + 1));
    assert_int_equal(brake.n_onsets, 1);
    assert_ptr_equal(brake.oldest, &entries[4]);
    for (size_t i = 0; i < 4; i++)
        assert_false(entries[i].counted);
}

static void test_endless_hold_does_not_wrap(void **state)
{
    const BrakeRules rules = {.n_checks = 5, .window_usec = UINT64_MAX, .hold_usec = UINT64_MAX};
    BrakeEntry entries[5] = {};
    Brake brake = {};

    for (size_t i = 0; i < 5; i++)
        assert_int_equal(brake_onset(&brake, &entries[i], &rules, NOW), i == 4);
    assert_true(brake_is_held(&brake, NOW + 1000 * HOLD));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_more_than_half_and_five),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_at_the_beginning_of_time),
        cmocka_unit_test(test_releases_by_itself),
        cmocka_unit_test(test_real_failure_is_acted_on),
        cmocka_unit_test(test_quiet_ends_with_a_second_hold),
        cmocka_unit_test(test_flapping_check_counts_once),
        cmocka_unit_test(test_forget),
        cmocka_unit_test(test_old_onsets_are_unlinked),
        cmocka_unit_test(test_endless_hold_does_not_wrap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
