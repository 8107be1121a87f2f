/* SPDX-License-Identifier: MIT */
/* The ring of results against a plain list of all that was ever added. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "supervisor/daemon/history.h"

#define NOW UINT64_C(1795438800123456)

static void add(History *history, uint64_t usec, uint64_t latency, ProbeOutcome outcome,
                const char *reason)
{
    history_add(history, &(ProbeSample){usec, latency, outcome, reason});
}

static void assert_sample(const History *history, size_t back, uint64_t usec, uint64_t latency,
                          ProbeOutcome outcome, const char *reason)
{
    ProbeSample sample;

    history_get(history, back, &sample);
    assert_true(sample.realtime_usec == usec);
    assert_true(sample.latency_usec == latency);
    assert_int_equal(sample.outcome, outcome);
    assert_string_equal(sample.reason, reason);
}

static void test_empty(void **state)
{
    History history = {0};

    assert_int_equal(history_count(&history), 0);
    history_done(&history);
    history_done(&history);
}

static void test_as_it_was_added(void **state)
{
    History history = {0};

    add(&history, NOW, 250, PROBE_PASS, "GET /health: 200 OK");
    add(&history, NOW + 1, UINT32_MAX, PROBE_FAIL, "");
    add(&history, (UINT64_C(1) << 57) - 1, 0, PROBE_VOID, "no lease");
    assert_int_equal(history_count(&history), 3);
    assert_sample(&history, 0, (UINT64_C(1) << 57) - 1, 0, PROBE_VOID, "no lease");
    assert_sample(&history, 1, NOW + 1, UINT32_MAX, PROBE_FAIL, "");
    assert_sample(&history, 2, NOW, 250, PROBE_PASS, "GET /health: 200 OK");
    /* Longer than it can say: as long as it can say. */
    add(&history, NOW, UINT64_C(1) << 32, PROBE_PASS, "slow");
    assert_sample(&history, 0, NOW, UINT32_MAX, PROBE_PASS, "slow");
    history_done(&history);
}

static void test_reasons_are_shared(void **state)
{
    History history = {0};
    ProbeSample a, b;

    add(&history, NOW, 1, PROBE_PASS, "yes");
    add(&history, NOW, 1, PROBE_FAIL, "no");
    add(&history, NOW, 1, PROBE_PASS, "yes");
    history_get(&history, 0, &a);
    history_get(&history, 2, &b);
    assert_ptr_equal(a.reason, b.reason);
    /* What is there already moves nothing, however often it comes. */
    for (int i = 0; i < 3 * HISTORY_SAMPLES; i++)
        add(&history, NOW, 1, PROBE_PASS, "yes");
    history_get(&history, 0, &b);
    assert_ptr_equal(a.reason, b.reason);
    history_done(&history);
}

/* Which reason, and of what length, follows from the number: some come again soon, some late, some
 * never. */
static void reason_of(unsigned i, char *buf)
{
    static const unsigned cycles[] = {1, 2, 7, 19, 20, 21, 45, 1000};
    unsigned cycle = cycles[i / 50 % ELEMENTSOF(cycles)], which = i % cycle;

    memset(buf, 'a' + (int)(which % 26), which * 37 % 200);
    sprintf(buf + which * 37 % 200, "%u", which);
}

static void test_against_a_list(void **state)
{
    char reason[PROBE_REASON_MAX];
    History history = {0};

    for (unsigned i = 0; i < 2000; i++) {
        reason_of(i, reason);
        add(&history, NOW + i, i, (ProbeOutcome)(i % 3), reason);
        assert_int_equal(history_count(&history), MIN(i + 1, (unsigned)HISTORY_SAMPLES));
        for (unsigned back = 0; back < history_count(&history); back++) {
            reason_of(i - back, reason);
            assert_sample(&history, back, NOW + i - back, i - back, (ProbeOutcome)((i - back) % 3),
                          reason);
        }
    }
    history_done(&history);
}

/* What was said once and not since is given back. */
static void test_stays_small(void **state)
{
    History history = {0};
    char reason[PROBE_REASON_MAX];

    for (unsigned i = 0; i < 5000; i++) {
        sprintf(reason, "word %u", i);
        add(&history, NOW, 1, PROBE_FAIL, reason);
        assert_true(history.n_reasons <= HISTORY_SAMPLES);
    }
    for (unsigned i = 0; i < HISTORY_SAMPLES; i++)
        add(&history, NOW, 1, PROBE_PASS, "yes");
    add(&history, NOW, 1, PROBE_FAIL, "no");
    assert_int_equal(history.n_reasons, 2);
    history_done(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_as_it_was_added),
        cmocka_unit_test(test_reasons_are_shared),
        cmocka_unit_test(test_against_a_list),
        cmocka_unit_test(test_stays_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
