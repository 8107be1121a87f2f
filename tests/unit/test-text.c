/* SPDX-License-Identifier: MIT */

/* Tests of the growable string, its JSON strings and the UTF-8 helpers. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"

static void test_empty(void **state)
{
    _cleanup_text_ Text t = {0};
    _cleanup_free_ char *s = NULL;

    assert_int_equal(text_take(&t, &s), 0);
    assert_string_equal(s, "");
}

static void test_building(void **state)
{
    _cleanup_text_ Text t = {0};
    _cleanup_free_ char *s = NULL;

    assert_int_equal(text_add(&t, "a"), 0);
    assert_int_equal(text_add_n(&t, "bcd", 2), 0);
    assert_int_equal(text_add_char(&t, 'd'), 0);
    assert_int_equal(text_addf(&t, "%d%s", 42, "x"), 0);
    assert_int_equal(t.size, 7);
    text_truncate(&t, 6);
    assert_string_equal(t.data, "abcd42");
    assert_int_equal(text_take(&t, &s), 0);
    assert_string_equal(s, "abcd42");
    assert_null(t.data);
    assert_int_equal(t.size, 0);
}

static void test_growth(void **state)
{
    _cleanup_text_ Text t = {0};

    for (unsigned i = 0; i < 100000; i++)
        text_addf(&t, "%u,", i % 10);
    assert_int_equal(t.error, 0);
    assert_int_equal(t.size, 200000);
    assert_memory_equal(t.data, "0,1,2,3,", 8);
    assert_string_equal(t.data + t.size - 4, "8,9,");
}

static void test_nul_bytes_are_kept(void **state)
{
    _cleanup_text_ Text t = {0};

    text_add_n(&t, "a\0b", 3);
    assert_int_equal(t.size, 3);
    assert_memory_equal(t.data, "a\0b", 4);
}

static void test_error_is_sticky(void **state)
{
    Text t = {0};
    char *s = NULL;

    text_add(&t, "kept");
    assert_int_equal(text_add_n(&t, "", SIZE_MAX / 2), -EOVERFLOW);
    assert_int_equal(text_add(&t, "ignored"), -EOVERFLOW);
    assert_int_equal(text_addf(&t, "ignored"), -EOVERFLOW);
    assert_int_equal(text_add_json_string(&t, "ignored", 7), -EOVERFLOW);
    assert_int_equal(text_take(&t, &s), -EOVERFLOW);
    assert_null(s);
    text_done(&t);
    assert_int_equal(t.error, 0);
    text_done(&t);
    text_done(NULL);
}

static void test_shorten(void **state)
{
    _cleanup_text_ Text t = {0};

    text_add(&t, "ab\xC3\xA9");
    text_shorten(&t, 4);
    assert_string_equal(t.data, "ab\xC3\xA9");
    text_shorten(&t, 3);
    assert_string_equal(t.data, "ab...");
    text_shorten(&t, 1);
    assert_string_equal(t.data, "a...");
}

static void test_printf(void **state)
{
    _cleanup_free_ char *s = text_printf("%s-%03d", "x", 7);

    assert_string_equal(s, "x-007");
}

static void test_json_string(void **state)
{
    static const struct {
        const char *s;
        size_t n;
        const char *expected;
    } cases[] = {
        {"", 0, "\"\""},
        {"plain", 5, "\"plain\""},
        {"a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\""},
        {"\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\""},
        {"\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\x7f\""},
        {"h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\xA6", 12,
         "\"h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\xA6\""},
        {"\xFF", 1, "\"\xEF\xBF\xBD\""},
        {"a\xC3", 2, "\"a\xEF\xBF\xBD\""},
        {"\xED\xA0\x80", 3, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_text_ Text t = {0};

        assert_int_equal(text_add_json_string(&t, cases[i].s, cases[i].n), 0);
        assert_string_equal(t.data, cases[i].expected);
        assert_true(utf8_valid(t.data, t.size));
    }
}

static void test_utf8(void **state)
{
    static const struct {
        const char *s;
        size_t n, length; /* of the first character; 0: not well-formed */
    } cases[] = {
        {"", 0, 0},
        {"", 1, 1},
        {"a", 1, 1},
        {"\x7F", 1, 1},
        {"\x80", 1, 0},
        {"\xBF", 1, 0},
        {"\xC0\x80", 2, 0}, /* overlong NUL */
        {"\xC1\xBF", 2, 0},
        {"\xC2\x80", 2, 2},
        {"\xDF\xBF", 2, 2},
        {"\xC2", 1, 0},
        {"\xC2 ", 2, 0},
        {"\xE0\x80\x80", 3, 0},
        {"\xE0\x9F\xBF", 3, 0},
        {"\xE0\xA0\x80", 3, 3},
        {"\xE2\x82", 2, 0},
        {"\xED\x9F\xBF", 3, 3},
        {"\xED\xA0\x80", 3, 0}, /* surrogates */
        {"\xED\xBF\xBF", 3, 0},
        {"\xEE\x80\x80", 3, 3},
        {"\xEF\xBF\xBF", 3, 3},
        {"\xF0\x8F\xBF\xBF", 4, 0},
        {"\xF0\x90\x80\x80", 4, 4},
        {"\xF4\x8F\xBF\xBF", 4, 4},
        {"\xF4\x90\x80\x80", 4, 0}, /* beyond U+10FFFF */
        {"\xF5\x80\x80\x80", 4, 0},
        {"\xF8\x88\x80\x80\x80", 5, 0},
        {"\xFE", 1, 0},
        {"\xFF", 1, 0},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++)
        assert_int_equal(utf8_char(cases[i].s, cases[i].n), cases[i].length);
    assert_true(utf8_valid("", 0));
    assert_true(utf8_valid("a\xC3\xA9\0z", 5));
    assert_false(utf8_valid("abc\xC3", 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_building),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_nul_bytes_are_kept),
        cmocka_unit_test(test_error_is_sticky),
        cmocka_unit_test(test_shorten),
        cmocka_unit_test(test_printf),
        cmocka_unit_test(test_json_string),
        cmocka_unit_test(test_utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
