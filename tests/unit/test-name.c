/* SPDX-License-Identifier: MIT */
/*
 * Names of services and of stubs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "spec/name.h"

static void test_valid(void **state)
{
    static const char *const good[] = {"a", "0", "web", "web-1", "a.b_c-d", "1password"};
    static const char *const bad[] = {"",    ".",   "..",  "-a", "_a", "A",
                                      "a/b", "a b", "a@b", "ä",  "a%"};
    char longest[SPEC_NAME_MAX + 2];

    for (size_t i = 0; i < ELEMENTSOF(good); i++)
        assert_true(spec_name_valid(good[i]));
    for (size_t i = 0; i < ELEMENTSOF(bad); i++)
        assert_false(spec_name_valid(bad[i]));
    memset(longest, 'a', sizeof(longest));
    longest[SPEC_NAME_MAX] = '\0';
    assert_true(spec_name_valid(longest));
    longest[SPEC_NAME_MAX] = 'a';
    longest[SPEC_NAME_MAX + 1] = '\0';
    assert_false(spec_name_valid(longest));
}

static void assert_stub(const char *stem, const char *expected)
{
    _cleanup_free_ char *name = spec_name_for_stub(stem);

    assert_string_equal(name, expected);
}

static void test_stubs(void **state)
{
    char stem[300];

    assert_stub("web", "web");
    assert_stub("Web", "Web");
    assert_stub("my web", "my\\x20web");
    assert_stub("a@b%n", "a\\x40b\\x25n");
    assert_stub("..", "\\x2e.");
    assert_stub("ü", "\\xc3\\xbc");
    memset(stem, 'a', sizeof(stem));
    stem[298] = '1';
    stem[299] = '\0';
    _cleanup_free_ char *one = spec_name_for_stub(stem);
    stem[298] = '2';
    _cleanup_free_ char *two = spec_name_for_stub(stem);
    assert_int_equal(strlen(one), SPEC_NAME_MAX);
    assert_string_not_equal(one, two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_stubs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
