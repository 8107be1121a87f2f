/* SPDX-License-Identifier: MIT */

/* Tests of the escaping of words in units. That systemd and Quadlet read the same string back is
 * tested with both of them, in the bed; here it is one expectation per rule. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/macros.h"
#include "generator/unit-escape.h"

static void expect_word(const char *word, EscapeFlags flags, const char *expected)
{
    _cleanup_text_ Text text = {0};

    assert_int_equal(escape_word(&text, word, flags), 0);
    assert_string_equal(text.data, expected);
}

static void test_plain_words_stay(void **state)
{
    expect_word("/usr/bin/app", ESCAPE_COMMAND, "/usr/bin/app");
    expect_word("--port=8080", ESCAPE_COMMAND, "--port=8080");
    expect_word("a:b,c+d@e_f.g", ESCAPE_COMMAND, "a:b,c+d@e_f.g");
}

static void test_quotes(void **state)
{
    expect_word("", ESCAPE_COMMAND, "\"\"");
    expect_word("two words", ESCAPE_COMMAND, "\"two words\"");
    expect_word(";", ESCAPE_COMMAND, "\";\"");
    expect_word("it's", ESCAPE_COMMAND, "\"it's\"");
    expect_word("say \"x\"", ESCAPE_COMMAND, "\"say \\\"x\\\"\"");
    expect_word("back\\", ESCAPE_COMMAND, "\"back\\\\\"");
    expect_word("#", ESCAPE_COMMAND, "\"#\"");
    expect_word("~", ESCAPE_COMMAND, "\"~\"");
}

static void test_control_characters(void **state)
{
    expect_word("a\nb\tc", ESCAPE_COMMAND, "\"a\\nb\\tc\"");
    expect_word("\x01\x1b\x7f\r", ESCAPE_COMMAND, "\"\\x01\\x1b\\x7f\\x0d\"");
    expect_word("\xc3\xbc", ESCAPE_COMMAND, "\"\xc3\xbc\"");
}

static void test_specifiers_and_variables(void **state)
{
    expect_word("100%", ESCAPE_COMMAND, "100%%");
    expect_word("%%", ESCAPE_SPECIFIERS, "%%%%");
    expect_word("$HOME", ESCAPE_COMMAND, "$$HOME");
    expect_word("$HOME", ESCAPE_SPECIFIERS, "$HOME");
    expect_word("${A} b", ESCAPE_COMMAND, "\"$${A} b\"");
    expect_word("%n $", 0, "\"%n $\"");
}

static void test_quadlet(void **state)
{
    expect_word("", ESCAPE_CONTAINER, "${PHOENIX_EMPTY}");
    expect_word(";", ESCAPE_CONTAINER, "${PHOENIX_EMPTY};");
    expect_word(";;", ESCAPE_CONTAINER, "\";;\"");
    assert_true(escape_needs_empty(""));
    assert_true(escape_needs_empty(";"));
    assert_false(escape_needs_empty("; "));
    assert_true(escape_survives_quadlet("\xc2\x81 \xc3\x80"));
    assert_false(escape_survives_quadlet("a\xc2\x80"));
}

static void test_plain_values(void **state)
{
    _cleanup_text_ Text specifiers = {0}, both = {0};

    assert_int_equal(escape_specifiers(&specifiers, "/a b/100%/$x%"), 0);
    assert_string_equal(specifiers.data, "/a b/100%%/$x%%");
    assert_int_equal(escape_plain_command(&both, "$x%"), 0);
    assert_string_equal(both.data, "$$x%%");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_words_stay),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_specifiers_and_variables),
        cmocka_unit_test(test_quadlet),
        cmocka_unit_test(test_plain_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
