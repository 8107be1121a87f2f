/* SPDX-License-Identifier: MIT */

/* Who starts next: in small cases written out, at random against a plain search, and with as many
 * as a large boot has. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "supervisor/policy/gate.h"

static void check_next(Gate *gate, const GateEntry *expected)
{
    assert_ptr_equal(gate_next(gate), expected);
    if (expected)
        assert_true(expected->running);
}

static void test_slots(void **state)
{
    GateEntry entries[4] = {};
    Gate gate;

    gate_init(&gate, 2);
    check_next(&gate, NULL);
    for (size_t i = 0; i < 4; i++)
        gate_enter(&gate, &entries[i]);
    check_next(&gate, &entries[0]);
    check_next(&gate, &entries[1]);
    check_next(&gate, NULL);
    assert_int_equal(gate.n_running, 2);
    assert_int_equal(gate.n_waiting, 2);

    gate_leave(&gate, &entries[1]);
    check_next(&gate, &entries[2]);
    check_next(&gate, NULL);
    gate_leave(&gate, &entries[0]);
    gate_leave(&gate, &entries[2]);
    check_next(&gate, &entries[3]);
    gate_leave(&gate, &entries[3]);
    check_next(&gate, NULL);
    assert_int_equal(gate.n_running, 0);
}

static void test_at_least_one_slot(void **state)
{
    GateEntry entry = {};
    Gate gate;

    gate_init(&gate, 0);
    gate_enter(&gate, &entry);
    check_next(&gate, &entry);
}

static void test_order(void **state)
{
    GateEntry plain = {}, plain_later = {}, some = {.dependents = 2}, most = {.dependents = 9},
              restart = {.restart = true}, restart_most = {.restart = true, .dependents = 3};
    Gate gate;

    gate_init(&gate, 10);
    gate_enter(&gate, &plain);
    gate_enter(&gate, &restart);
    gate_enter(&gate, &some);
    gate_enter(&gate, &plain_later);
    gate_enter(&gate, &most);
    gate_enter(&gate, &restart_most);
    check_next(&gate, &restart_most);
    check_next(&gate, &restart);
    check_next(&gate, &most);
    check_next(&gate, &some);
    check_next(&gate, &plain);
    check_next(&gate, &plain_later);
    check_next(&gate, NULL);
}

static void test_a_latecomer_overtakes_who_waits(void **state)
{
    GateEntry first = {}, second = {}, needed = {.dependents = 1};
    Gate gate;

    gate_init(&gate, 1);
    gate_enter(&gate, &first);
    check_next(&gate, &first);
    gate_enter(&gate, &second);
    gate_enter(&gate, &needed);
    check_next(&gate, NULL); /* but takes no slot from who has one */
    gate_leave(&gate, &first);
    check_next(&gate, &needed);
}

static void test_leave_while_waiting(void **state)
{
    GateEntry entries[5] = {};
    Gate gate;

    gate_init(&gate, 1);
    for (size_t i = 0; i < 5; i++)
        gate_enter(&gate, &entries[i]);
    gate_leave(&gate, &entries[0]); /* the head */
    gate_leave(&gate, &entries[2]); /* in the middle */
    gate_leave(&gate, &entries[4]); /* the tail */
    assert_int_equal(gate.n_waiting, 2);
    check_next(&gate, &entries[1]);
    gate_leave(&gate, &entries[1]);
    check_next(&gate, &entries[3]);
    check_next(&gate, NULL);
}

static void test_leave_is_harmless(void **state)
{
    GateEntry entry = {.dependents = 3}, other = {};
    Gate gate;

    gate_init(&gate, 1);
    gate_leave(&gate, &entry); /* was never in it */
    gate_enter(&gate, &other);
    check_next(&gate, &other);
    gate_enter(&gate, &entry);
    gate_leave(&gate, &entry);
    gate_leave(&gate, &entry);
    gate_leave(&gate, &other);
    gate_leave(&gate, &other);
    assert_int_equal(gate.n_running, 0);
    assert_int_equal(gate.n_waiting, 0);
    gate_enter(&gate, &entry); /* and comes back */
    check_next(&gate, &entry);
}

/* What the gate is to do, in the plain way: of those that wait, in the order in which they came,
 * the first one that nobody goes before. */
static GateEntry *expected_next(GateEntry *const *came, size_t n)
{
    GateEntry *best = NULL;

    for (size_t i = 0; i < n; i++)
        if (came[i]->waiting &&
            (!best || came[i]->restart > best->restart ||
             (came[i]->restart == best->restart && came[i]->dependents > best->dependents)))
            best = came[i];
    return best;
}

static uint32_t next_random(uint32_t *seed)
{
    return (*seed = *seed * 1664525U + 1013904223U) >> 8;
}

/* They come, go and come back in any order, and some leave while they wait. */
static void test_order_at_random(void **state)
{
    enum { N = 200, STEPS = 20000 };
    static GateEntry entries[N];
    static GateEntry *came[STEPS];
    size_t n_came = 0;
    uint32_t seed = 4711;
    Gate gate;

    gate_init(&gate, 3);
    for (size_t step = 0; step < STEPS; step++) {
        GateEntry *entry = &entries[next_random(&seed) % N];
        if (entry->waiting || entry->running) {
            gate_leave(&gate, entry);
            for (size_t i = 0; i < n_came; i++)
                if (came[i] == entry) {
                    memmove(&came[i], &came[i + 1], (--n_came - i) * sizeof(*came));
                    break;
                }
        } else {
            entry->dependents = next_random(&seed) % 5;
            entry->restart = next_random(&seed) % 4 == 0;
            gate_enter(&gate, entry);
            came[n_came++] = entry;
        }
        if (next_random(&seed) % 8 > 0)
            continue;
        GateEntry *expected = gate.n_running < gate.slots ? expected_next(came, n_came) : NULL;
        check_next(&gate, expected);
    }
    assert_true(gate.n_waiting > 0);
    for (gate.slots = N;;) {
        GateEntry *expected = expected_next(came, n_came);
        check_next(&gate, expected);
        if (!expected)
            break;
    }
    assert_int_equal(gate.n_waiting, 0);
}

/* A boot with ten thousand containers, each needed by fewer than those before. */
static void test_ten_thousand(void **state)
{
    enum { N = 10000 };
    static GateEntry entries[N];
    Gate gate;

    gate_init(&gate, 4);
    for (size_t i = 0; i < N; i++) {
        entries[i] = (GateEntry){.dependents = (uint32_t)(N - i) / 100};
        gate_enter(&gate, &entries[i]);
    }
    for (size_t i = 0; i < N; i++) {
        check_next(&gate, &entries[i]);
        gate_leave(&gate, &entries[i]);
    }
    check_next(&gate, NULL);
}

/* A thousand come, some leave while they wait: never more than the slots run, nobody is lost. */
static void test_many(void **state)
{
    static GateEntry entries[1000];
    size_t started = 0, left = 0;
    Gate gate;

    gate_init(&gate, 4);
    for (size_t i = 0; i < 1000; i++) {
        entries[i] = (GateEntry){.dependents = (uint32_t)(i * 7919 % 13), .restart = i % 5 == 0};
        gate_enter(&gate, &entries[i]);
    }
    for (size_t i = 0; i < 1000; i += 37, left++)
        gate_leave(&gate, &entries[i]);
    for (GateEntry *entry; (entry = gate_next(&gate)); started++) {
        assert_true(gate.n_running <= 4);
        if (gate.n_running == 4)
            gate_leave(&gate, entry);
    }
    assert_int_equal(started + left, 1000);
    assert_int_equal(gate.n_waiting, 0);
    assert_int_equal(gate.n_running, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_at_least_one_slot),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_a_latecomer_overtakes_who_waits),
        cmocka_unit_test(test_leave_while_waiting),
        cmocka_unit_test(test_leave_is_harmless),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_order_at_random),
        cmocka_unit_test(test_ten_thousand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
