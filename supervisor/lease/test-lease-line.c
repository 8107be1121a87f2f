/* SPDX-License-Identifier: MIT */

/* Texts that are put together without stdio. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "line.h"

static void test_numbers(void **state)
{
    struct line line;

    line_clear(&line);
    line_add_number(&line, 0);
    line_add(&line, " ");
    line_add_number(&line, UINT64_MAX);
    line_add_bytes(&line, "xyz", 1);
    assert_string_equal(line.text, "0 18446744073709551615x");
    assert_int_equal(line.n, strlen(line.text));
}

static void test_what_does_not_fit_is_cut(void **state)
{
    struct line line;

    line_clear(&line);
    for (int i = 0; i < 2 * LINE_SIZE; i++)
        line_add(&line, "ab");
    line_add_number(&line, 12345);
    assert_int_equal(line.n, LINE_SIZE - 1);
    assert_int_equal(strlen(line.text), LINE_SIZE - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_what_does_not_fit_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
