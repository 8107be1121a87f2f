/* SPDX-License-Identifier: MIT */

/* Tests of the string vectors. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/strv.h"

static void test_push(void **state)
{
    _cleanup_strv_free_ char **v = NULL;
    char *taken = strdup("three");

    assert_int_equal(strv_length(v), 0);
    assert_int_equal(strv_push(&v, "one"), 0);
    assert_int_equal(strv_push(&v, "two"), 0);
    assert_int_equal(strv_consume(&v, taken), 0);
    assert_int_equal(strv_consume(&v, NULL), -ENOMEM);
    assert_int_equal(strv_length(v), 3);
    assert_ptr_equal(v[2], taken);
    assert_null(v[3]);
    assert_true(strv_contains(v, "two"));
    assert_false(strv_contains(v, "four"));
    assert_false(strv_contains(NULL, "four"));
    v = strv_free(v);
    assert_null(v);
}

static void test_foreach(void **state)
{
    char *const v[] = {(char *)"a", (char *)"b", NULL};
    char **none = NULL;
    size_t n = 0;

    STRV_FOREACH (p, v)
        assert_string_equal(*p, v[n++]);
    assert_int_equal(n, 2);
    STRV_FOREACH (p, none)
        fail();
}

static void test_equal(void **state)
{
    char *const ab[] = {(char *)"a", (char *)"b", NULL};
    char *const ba[] = {(char *)"b", (char *)"a", NULL};
    char *const a[] = {(char *)"a", NULL};
    char *const empty[] = {NULL};

    assert_true(strv_equal(ab, ab));
    assert_false(strv_equal(ab, ba));
    assert_false(strv_equal(ab, a));
    assert_false(strv_equal(a, ab));
    assert_true(strv_equal(NULL, empty));
}

static void test_split(void **state)
{
    static const struct {
        const char *s, *separators;
        const char *expected[5];
    } cases[] = {
        {"", ":", {NULL}},
        {":::", ":", {NULL}},
        {"a", ":", {"a", NULL}},
        {":a::b:", ":", {"a", "b", NULL}},
        {" a\tb  c ", " \t", {"a", "b", "c", NULL}},
        {"a b", "", {"a b", NULL}},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_strv_free_ char **v = NULL;

        assert_int_equal(strv_split(cases[i].s, cases[i].separators, &v), 0);
        assert_non_null(v);
        assert_true(strv_equal(v, (char *const *)cases[i].expected));
    }
}

static void test_sort(void **state)
{
    static const char *const expected[] = {"", "B", "a", "a", "ab", "\xC3\xA9", NULL};
    _cleanup_strv_free_ char **v = NULL;

    assert_int_equal(strv_split("ab,a,\xC3\xA9,B,a", ",", &v), 0);
    assert_int_equal(strv_push(&v, ""), 0);
    strv_sort(v);
    assert_true(strv_equal(v, (char *const *)expected));
    strv_sort(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_push),  cmocka_unit_test(test_foreach), cmocka_unit_test(test_equal),
        cmocka_unit_test(test_split), cmocka_unit_test(test_sort),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
