/* SPDX-License-Identifier: MIT */

/* Rows of results, written as text, and the verdict after each of them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>

#include "supervisor/policy/verdict.h"

#define SEC UINT64_C(1000000)

struct fixture {
    VerdictCounter counter;
    VerdictRules rules;
    uint64_t now_usec;
};

static struct fixture started(uint32_t retries, uint32_t successes, uint64_t grace_usec)
{
    struct fixture f = {.rules = {retries, successes, grace_usec}, .now_usec = 1000 * SEC};

    verdict_start(&f.counter, f.now_usec);
    return f;
}

/* Gives results, one a second ('+' passed, '-' failed), and compares the verdicts that follow: U,
 * P, F, X. */
static void check(struct fixture *f, const char *results, const char *verdicts)
{
    for (size_t i = 0; results[i]; i++) {
        f->now_usec += SEC;
        Verdict verdict = verdict_add(&f->counter, &f->rules, results[i] == '+', f->now_usec);
        char letter = "UPFX"[verdict];

        assert_int_equal(verdict, f->counter.verdict);
        if (letter != verdicts[i])
            fail_msg("%s: verdict %zu is %c, not %c", results, i, letter, verdicts[i]);
    }
}

static void test_retries(void **state)
{
    struct fixture f = started(3, 1, 0);

    check(&f, "+--+---", "PFFPFFX");
    assert_int_equal(f.counter.failures, 3);
    check(&f, "--+", "XXP"); /* repeats, until it passes */
    assert_int_equal(f.counter.failures, 0);
    check(&f, "--+--+", "FFPFFP");
}

static void test_one_retry(void **state)
{
    struct fixture f = started(1, 1, 0);

    check(&f, "+-+-", "PXPX");
    f = started(1, 1, 0);
    check(&f, "-", "X");
}

static void test_grace(void **state)
{
    struct fixture f = started(2, 1, 5 * SEC);

    assert_true(verdict_in_grace(&f.counter, &f.rules, f.now_usec));
    check(&f, "----", "UUUU"); /* seconds 1 to 4 */
    assert_int_equal(f.counter.failures, 0);
    assert_true(verdict_in_grace(&f.counter, &f.rules, f.now_usec));
    /* From second 5 on they count, and all retries are there. */
    check(&f, "--", "FX");
    assert_false(verdict_in_grace(&f.counter, &f.rules, f.now_usec));
}

static void test_grace_ends_with_the_first_pass(void **state)
{
    struct fixture f = started(2, 1, 100 * SEC);

    check(&f, "--+", "UUP");
    assert_false(verdict_in_grace(&f.counter, &f.rules, f.now_usec));
    check(&f, "--", "FX");
}

static void test_grace_with_successes(void **state)
{
    struct fixture f = started(2, 2, 10 * SEC);

    /* One pass of two is not yet up, so the grace time goes on. */
    check(&f, "+--+", "UUUU");
    assert_true(verdict_in_grace(&f.counter, &f.rules, f.now_usec));
    check(&f, "+", "P");
    assert_false(verdict_in_grace(&f.counter, &f.rules, f.now_usec));
}

static void test_grace_without_end(void **state)
{
    struct fixture f = started(1, 1, UINT64_MAX);

    f.now_usec += 1000000 * SEC;
    check(&f, "-", "U");
    /* A clock that stands before the start is the start. */
    f = started(1, 1, SEC);
    assert_true(verdict_in_grace(&f.counter, &f.rules, f.counter.start_usec - 1));
}

static void test_successes(void **state)
{
    struct fixture f = started(3, 3, 0);

    check(&f, "++", "UU");
    check(&f, "+", "P");
    check(&f, "-++", "FFF"); /* passing again, not yet often enough */
    check(&f, "+", "P");
    check(&f, "--+--", "FFFFF"); /* a pass ends the row of failures */
    check(&f, "-", "X");
}

static void test_exhausted_until_enough_pass(void **state)
{
    struct fixture f = started(3, 2, 0);

    check(&f, "++---", "UPFFX");
    check(&f, "+-+-", "FXFX"); /* no new retries in between */
    check(&f, "++-", "FPF");
    assert_int_equal(f.counter.failures, 1);
}

static void test_resume(void **state)
{
    struct fixture f = started(2, 3, 100 * SEC);

    verdict_resume(&f.counter, f.now_usec);
    assert_int_equal(f.counter.verdict, VERDICT_PASSING);
    assert_false(verdict_in_grace(&f.counter, &f.rules, f.now_usec));
    check(&f, "+", "P"); /* need not prove itself again */
    verdict_resume(&f.counter, f.now_usec);
    check(&f, "--", "FX"); /* and has no grace */
}

static void test_start_forgets(void **state)
{
    struct fixture f = started(1, 1, 0);

    check(&f, "+-", "PX");
    verdict_start(&f.counter, f.now_usec);
    assert_int_equal(f.counter.verdict, VERDICT_UNKNOWN);
    assert_int_equal(f.counter.failures, 0);
    assert_int_equal(f.counter.passes, 0);
    assert_false(f.counter.passed_once);
}

static void test_counters_do_not_wrap(void **state)
{
    struct fixture f = started(3, 1, 0);

    check(&f, "+---", "PFFX");
    f.counter.failures = UINT32_MAX;
    check(&f, "-", "X");
    assert_int_equal(f.counter.failures, UINT32_MAX);
    check(&f, "+", "P");
    f.counter.passes = UINT32_MAX;
    check(&f, "+", "P");
    assert_int_equal(f.counter.passes, UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retries),
        cmocka_unit_test(test_one_retry),
        cmocka_unit_test(test_grace),
        cmocka_unit_test(test_grace_ends_with_the_first_pass),
        cmocka_unit_test(test_grace_with_successes),
        cmocka_unit_test(test_grace_without_end),
        cmocka_unit_test(test_successes),
        cmocka_unit_test(test_exhausted_until_enough_pass),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_start_forgets),
        cmocka_unit_test(test_counters_do_not_wrap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
