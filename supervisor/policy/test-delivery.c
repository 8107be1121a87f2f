/* SPDX-License-Identifier: MIT */
/* What answers mean, and the delays between two tries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "supervisor/policy/delivery.h"

#define SECOND UINT64_C(1000000)

static void test_verdicts(void **state)
{
    static const struct {
        long status;
        DeliveryVerdict verdict;
    } cases[] = {
        {200, DELIVERY_STORED},  {201, DELIVERY_STORED},  {204, DELIVERY_STORED},
        {301, DELIVERY_ASTRAY},  {302, DELIVERY_ASTRAY},  {308, DELIVERY_ASTRAY},
        {404, DELIVERY_ASTRAY},  {405, DELIVERY_ASTRAY},  {415, DELIVERY_ASTRAY},
        {421, DELIVERY_ASTRAY},  {401, DELIVERY_DENIED},  {403, DELIVERY_DENIED},
        {407, DELIVERY_DENIED},  {400, DELIVERY_REFUSED}, {413, DELIVERY_REFUSED},
        {422, DELIVERY_REFUSED}, {408, DELIVERY_LATER},   {429, DELIVERY_LATER},
        {500, DELIVERY_LATER},   {502, DELIVERY_LATER},   {503, DELIVERY_LATER},
        {507, DELIVERY_LATER},   {0, DELIVERY_LATER},     {999, DELIVERY_LATER},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(delivery_verdict(cases[i].status), cases[i].verdict);
}

static uint64_t delay(DeliveryVerdict verdict, uint32_t failures, uint64_t asked, uint64_t random)
{
    return delivery_delay(&delivery_rules, verdict, failures, asked, random);
}

static void test_doubles(void **state)
{
    assert_int_equal(delay(DELIVERY_LATER, 1, 0, 0), SECOND);
    assert_int_equal(delay(DELIVERY_LATER, 2, 0, 0), 2 * SECOND);
    assert_int_equal(delay(DELIVERY_LATER, 6, 0, 0), 32 * SECOND);
    assert_int_equal(delay(DELIVERY_LATER, 7, 0, 0), 60 * SECOND);
    assert_int_equal(delay(DELIVERY_LATER, UINT32_MAX, 0, 0), 60 * SECOND);
}

static void test_mending_takes_longer(void **state)
{
    assert_int_equal(delay(DELIVERY_DENIED, 1, 0, 0), 30 * SECOND);
    assert_int_equal(delay(DELIVERY_ASTRAY, 1, 0, 0), 30 * SECOND);
    assert_int_equal(delay(DELIVERY_DENIED, 9, 0, 0), 60 * SECOND);
}

static void test_the_server_asks(void **state)
{
    assert_int_equal(delay(DELIVERY_LATER, 1, 7 * SECOND, 0), 7 * SECOND);
    assert_int_equal(delay(DELIVERY_LATER, 7, 7 * SECOND, 0), 60 * SECOND);
    /* A server that asks for a year does not get it. */
    assert_int_equal(delay(DELIVERY_LATER, 1, UINT64_MAX, 0), 600 * SECOND);
}

/* Later by up to a fifth, never earlier; the whole range is used. */
static void test_jitter(void **state)
{
    uint64_t least = UINT64_MAX, most = 0;

    for (uint64_t i = 0; i < 10000; i++) {
        uint64_t usec = delay(DELIVERY_LATER, 3, 5 * SECOND, i * UINT64_C(6364136223846793005));
        assert_true(usec >= 5 * SECOND && usec <= 6 * SECOND);
        least = usec < least ? usec : least;
        most = usec > most ? usec : most;
    }
    assert_true(least < 5 * SECOND + SECOND / 20);
    assert_true(most > 6 * SECOND - SECOND / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_mending_takes_longer),
        cmocka_unit_test(test_the_server_asks),
        cmocka_unit_test(test_jitter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
