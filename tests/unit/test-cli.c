/* SPDX-License-Identifier: MIT */

/* The parts of the command that turn values into text: tables, times, restart delays, excerpts,
 * prose. The command as a whole is tested by test-cli.py. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "cli/facts/delays.h"
#include "cli/print/excerpt.h"
#include "cli/specs/generator.h"
#include "cli/print/json.h"
#include "cli/print/screen.h"
#include "cli/print/table.h"
#include "cli/print/when.h"

static const Screen plain = {0};

/* The text's string; the text is left empty. */
#define assert_text(text, expected)                                                                \
    do {                                                                                           \
        _cleanup_free_ char *_s = NULL;                                                            \
        assert_int_equal(text_take(&(text), &_s), 0);                                              \
        assert_string_equal(_s, expected);                                                         \
    } while (0)

static void test_clean(void **state)
{
    Text t = {0};

    screen_add_clean(&t, "ok \x1b[31m \t\n\x7f \xc2\x9b \xff \xc3\xa9");
    assert_text(t, "ok ?[31m ??? ? ? \xc3\xa9");
    screen_add_clean_lines(&t, "a\tb\nc\x1b");
    assert_text(t, "a\tb\nc?");
    screen_add_clean(&t, "");
    assert_non_null(t.data);
    text_done(&t);
    assert_int_equal(screen_length("\xc3\xa9\xe2\x80\xa6x"), 3);
}

static void test_wrapped(void **state)
{
    const Screen narrow = {.width = 12};
    Text t = {0};

    screen_add_wrapped(&t, &narrow, 2, "one two three a-very-long-word four");
    assert_text(t, "  one two\n  three\n  a-very-long-word\n  four\n");
    screen_add_wrapped(&t, &narrow, 0, "one two  six");
    assert_text(t, "one two six\n");
}

static const TableColumn columns[] = {{"NAME", false}, {"N", true}, {"WHY", false}};

static void test_table(void **state)
{
    _cleanup_table_ Table table = {.columns = columns, .n_columns = ELEMENTSOF(columns)};
    Text t = {0};

    table_add(&table, COLOR_NONE, "web");
    table_add(&table, COLOR_NONE, "12");
    table_add(&table, COLOR_NONE, NULL);
    table_add(&table, COLOR_NONE, "a-longer-n\xc3\xa9me");
    table_add(&table, COLOR_NONE, "3");
    table_add(&table, COLOR_NONE, "line\nbreak");
    assert_int_equal(table_write(&table, &plain, &t), 0);
    assert_text(t, "NAME            N  WHY\n"
                   "web            12  -\n"
                   "a-longer-n\xc3\xa9me   3  line?break\n");
}

static void test_table_narrow(void **state)
{
    _cleanup_table_ Table table = {.columns = columns, .n_columns = ELEMENTSOF(columns)};
    const Screen narrow = {.width = 19}, color = {.color = true};
    Text t = {0};

    table_add(&table, COLOR_NONE, "web");
    table_add(&table, COLOR_RED, "1");
    table_add(&table, COLOR_NONE, "too long to be shown");
    assert_int_equal(table_write(&table, &narrow, &t), 0);
    assert_text(t, "NAME  N  WHY\nweb   1  too long \xe2\x80\xa6\n");
    assert_int_equal(table_write(&table, &color, &t), 0);
    assert_text(t, "\x1b[1mNAME\x1b[0m  \x1b[1mN\x1b[0m  \x1b[1mWHY\x1b[0m\n"
                   "web   \x1b[31m1\x1b[0m  too long to be shown\n");
}

static void test_relative(void **state)
{
    static const struct {
        uint64_t age_usec;
        const char *past, *future;
    } cases[] = {
        {0, "just now", "just now"},
        {999999, "just now", "now"},
        {42 * USEC_PER_SEC, "42s ago", "in 42s"},
        {3 * USEC_PER_MINUTE + 4 * USEC_PER_SEC, "3min ago", "in 3min"},
        {2 * USEC_PER_HOUR + 5 * USEC_PER_MINUTE, "2h 5min ago", "in 2h 5min"},
        {2 * USEC_PER_HOUR, "2h ago", "in 2h"},
        {USEC_PER_DAY + 3 * USEC_PER_HOUR, "1 day 3h ago", "in 1 day 3h"},
        {15 * USEC_PER_DAY, "2 weeks 1 day ago", "in 2 weeks 1 day"},
        {3 * USEC_PER_YEAR, "3 years ago", "in 3 years"},
    };
    uint64_t now = UINT64_C(1700000000) * USEC_PER_SEC;
    Text t = {0};

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        when_add_relative(&t, now, now - cases[i].age_usec);
        assert_text(t, cases[i].past);
        when_add_relative(&t, now, now + cases[i].age_usec);
        assert_text(t, cases[i].future);
    }
}

static void test_absolute(void **state)
{
    uint64_t when = UINT64_C(1700000000) * USEC_PER_SEC + 42;
    Text t = {0};

    when_add_rfc3339(&t, when);
    assert_text(t, "2023-11-14T22:13:20.000042Z");
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    when_add_local(&t, when);
    assert_text(t, "Tue 2023-11-14 22:13:20 UTC");
}

/* Ends and middle of the formula in systemd.service(5), and the cases in which it does not apply.
 */
static void test_delays(void **state)
{
    const Delays growing = {20 * USEC_PER_MSEC, USEC_PER_MINUTE, 12};
    const Delays fixed = {USEC_PER_SEC, USEC_INFINITY, 12};
    const Delays zero = {0, USEC_PER_MINUTE, 5};
    const Delays two = {USEC_PER_SEC, 4 * USEC_PER_SEC, 2};

    assert_int_equal(delays_nth(&growing, 1), 20 * USEC_PER_MSEC);
    assert_int_equal(delays_nth(&growing, 2), 38975);
    assert_int_equal(delays_nth(&growing, 13), USEC_PER_MINUTE);
    assert_int_equal(delays_nth(&growing, 1000), USEC_PER_MINUTE);
    assert_int_equal(delays_nth(&fixed, 7), USEC_PER_SEC);
    assert_int_equal(delays_nth(&zero, 7), 0);
    assert_int_equal(delays_nth(&two, 2), 2 * USEC_PER_SEC);
    assert_int_equal(delays_nth(&two, 3), 4 * USEC_PER_SEC);
}

static void test_delays_text(void **state)
{
    const Delays growing = {20 * USEC_PER_MSEC, USEC_PER_MINUTE, 12};
    const Delays two = {USEC_PER_SEC, 3 * USEC_PER_SEC, 2};
    const Delays fixed = {100 * USEC_PER_MSEC, USEC_INFINITY, 0};
    Text t = {0};

    delays_add(&t, &growing);
    assert_text(t, "20ms, 39ms, 76ms, 148ms, ... 1min from the 13th restart on");
    delays_add(&t, &two);
    assert_text(t, "1s, 1.7s, 3s from the 3rd restart on");
    delays_add(&t, &fixed);
    assert_text(t, "100ms");
}

static void test_delays_of_unit(void **state)
{
    Delays delays;

    delays_of_unit("[Service]\nRestartSec=5\nRestartSec=20ms\nRestartSteps=12\n"
                   "RestartMaxDelaySec=1min",
                   &delays);
    assert_int_equal(delays.first_usec, 20 * USEC_PER_MSEC);
    assert_int_equal(delays.steps, 12);
    assert_int_equal(delays.max_usec, USEC_PER_MINUTE);

    delays_of_unit("[Service]\nXRestartSec=5\nRestartSec=nonsense\n", &delays);
    assert_int_equal(delays.first_usec, 100 * USEC_PER_MSEC);
    assert_int_equal(delays.steps, 0);
    assert_true(delays.max_usec == USEC_INFINITY);
}

static void excerpt(Text *t, const char *text, unsigned line, unsigned column)
{
    excerpt_add(t, &plain, text, strlen(text), line, column);
}

static void test_excerpt(void **state)
{
    static const char text[] = "{\n\t\"d\xc3\xa9lay\": \"5 \\\" p\",\r\n  \"n\": 12]\n}";
    Text t = {0};

    excerpt(&t, text, 2, 11);
    assert_text(t, "     \"d\xc3\xa9lay\": \"5 \\\" p\",\n"
                   "              ^~~~~~~~\n");
    excerpt(&t, text, 3, 8);
    assert_text(t, "      \"n\": 12]\n"
                   "           ^~\n");
    excerpt(&t, text, 4, 1);
    assert_text(t, "    }\n    ^\n");
    excerpt(&t, text, 4, 0);
    assert_text(t, "    }\n");
    excerpt(&t, text, 5, 1);
    excerpt(&t, text, 0, 0);
    assert_text(t, "");
}

/* A column beyond the line (at the end of a cut file) still has its caret. */
static void test_excerpt_end(void **state)
{
    Text t = {0};

    excerpt(&t, "{", 1, 2);
    assert_text(t, "    {\n     ^\n");
    excerpt(&t, "", 1, 1);
    assert_text(t, "    \n    ^\n");
}

static void test_excerpt_long(void **state)
{
    const Screen narrow = {.width = 24};
    char line[1001];
    Text t = {0};

    memset(line, 'x', 1000);
    line[1000] = '\0';
    memcpy(line + 500, ",\"value\",", 9);
    line[501 - 2] = '\x1b';
    excerpt_add(&t, &narrow, line, 1000, 1, 502);
    assert_text(t, "    xxxxxxx?,\"value\",xxx\n"
                   "             ^~~~~~~\n");
}

static void test_generated_files(void **state)
{
    _cleanup_generated_files_ GeneratedFiles files = {0};

    assert_int_equal(generated_files_parse("noise\n# /run/g/phoenix@a.service\n# Generated by x\n"
                                           "# /etc/phoenix.d/a.json:1:1: warning: b\n[Unit]\n\n"
                                           "# /run/g/x.wants/phoenix@a.service -> ../phoenix@a b\n"
                                           "\n# /run/g/phoenix@a.timer\n[Timer]\n",
                                           &files),
                     0);
    assert_int_equal(files.n, 3);
    assert_string_equal(files.items[0].path, "/run/g/phoenix@a.service");
    assert_string_equal(files.items[0].text, "# Generated by x\n"
                                             "# /etc/phoenix.d/a.json:1:1: warning: b\n[Unit]\n");
    assert_null(files.items[0].target);
    assert_string_equal(files.items[1].path, "/run/g/x.wants/phoenix@a.service");
    assert_string_equal(files.items[1].target, "../phoenix@a b");
    assert_string_equal(files.items[1].text, "");
    assert_string_equal(generated_files_find(&files, "phoenix@a.timer"), "[Timer]\n");
    assert_string_equal(generated_files_find(&files, "/phoenix@a.service"), files.items[0].text);
    assert_null(generated_files_find(&files, "phoenix@b.timer"));
}

static void test_generated_files_none(void **state)
{
    _cleanup_generated_files_ GeneratedFiles files = {0};

    assert_int_equal(generated_files_parse("", &files), 0);
    assert_int_equal(files.n, 0);
}

static void test_json(void **state)
{
    char a[] = "a\"", b[] = "\xff", *both[] = {a, b, NULL};
    Text t = {0};

    text_add_char(&t, '{');
    json_add_string(&t, "s", NULL);
    json_add_strv(&t, "v", both);
    json_add_strv(&t, "e", NULL);
    json_add_number(&t, "n", UINT64_MAX);
    json_add_bool(&t, "b", true);
    json_add_time(&t, "t", 0);
    text_add_char(&t, '}');
    assert_text(t, "{\"s\": null, \"v\": [\"a\\\"\", \"\xef\xbf\xbd\"], \"e\": [], "
                   "\"n\": 18446744073709551615, \"b\": true, \"t\": null}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_wrapped),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_table_narrow),
        cmocka_unit_test(test_relative),
        cmocka_unit_test(test_absolute),
        cmocka_unit_test(test_delays),
        cmocka_unit_test(test_delays_text),
        cmocka_unit_test(test_delays_of_unit),
        cmocka_unit_test(test_excerpt),
        cmocka_unit_test(test_excerpt_end),
        cmocka_unit_test(test_excerpt_long),
        cmocka_unit_test(test_generated_files),
        cmocka_unit_test(test_generated_files_none),
        cmocka_unit_test(test_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
