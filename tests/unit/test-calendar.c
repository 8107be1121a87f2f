/* SPDX-License-Identifier: MIT */

/* Tests of the OnCalendar= check: by hand, and beside `systemd-analyze calendar` on expressions
 * built at random (from a fixed seed) out of right and wrong pieces. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyze.h"
#include "base/strv.h"
#include "spec/calendar.h"

static const char *const accepted[] = {
    "minutely",
    "hourly",
    "daily",
    "weekly",
    "monthly",
    "yearly",
    "annually",
    "quarterly",
    "semiannually",
    "semi-annually",
    "biannually",
    "DAILY",
    "weekly UTC",
    "Mon",
    "monday",
    "MON",
    "Mon,Wed",
    "Mon..Fri",
    "Mon-Fri",
    "Sat,Thu,Mon..Wed,Sat..Sun",
    "Mon,",
    "Mon, 10:00",
    "Mon ",
    "Mon  10:00",
    "10:00",
    "4:5",
    "*:*",
    "*:*:*",
    "04:05:06",
    "04:05:06.7",
    "*:0/15",
    "*:00,15,30,45:00",
    "9..17:00",
    "9..17/2:30",
    "*:*:0/0.5",
    "*:*:1..2.5/0.25",
    "10:00:59.999999",
    "10:00:05.1234567",
    "*-*-*",
    "*-*",
    "01-01",
    "2012-11-23",
    "2012-11-23 11:12:13",
    "2012-11-23 ",
    "12-11-23",
    "70-1-1",
    "69-1-1",
    "1970-1-1",
    "2199-12-31",
    "2010..2020-*-*",
    "2010/2-1-1",
    "*-1,4,7,10-1",
    "*-*-1..7",
    "*-*-1/3",
    "*-*-1..31/3",
    "*-02~01",
    "*-*~1",
    "*-*~7/1",
    "*-*~1,2",
    "2012-*~*",
    "02~03",
    "Mon *-05~07/1",
    "Mon *-*-* 10:00",
    "Mon..Fri *-*-* 09:00:00",
    "*-*-01,15 02:30:00",
    "@1395716396",
    "Mon @5",
    "10:00 UTC",
    "10:00 utc",
    "Mon *-*-1 10:00 UTC",
    "@0 UTC",
    "*-02-31",
    "0..23:0..59:0..59",
};

static const char *const refused[] = {
    "",
    " ",
    " daily",
    "daily ",
    "secondly",
    "now",
    "Mo",
    "Tues",
    "Mon..",
    "Mon..Wed..Fri",
    "Fri..Mon",
    "Mon.Wed",
    "Mon,,Tue",
    "Mon Wed 10:00",
    "Mon, Wed 10:00",
    "Mon,10:00",
    "Mon10:00",
    "10",
    "10:",
    ":10",
    "24:00",
    "10:60",
    "10:00:60",
    "10:00:59.9999999",
    "10:00:",
    "10:00:00:00",
    "0:0:1..1",
    "0:0:1..1.5",
    "10:00 ",
    "10:00  UTC",
    "10.5:00",
    "1:1:1.",
    "*:*/5",
    "*:/5",
    "*:5/",
    "*:0/0",
    "*:0/60",
    "0/24:00",
    "23/1:00",
    "8..10..12:00",
    "10..8:00",
    "1,,2:00",
    "1,:00",
    ",1:00",
    "*,1:00",
    "1/2/3:00",
    "1/2..5:00",
    "+5:00",
    "-5:00",
    "2012",
    "*",
    "2012-",
    "-1-1",
    "1-2-3-4",
    "*-0-1",
    "*-13-1",
    "*-*-0",
    "*-*-32",
    "*-*-31/3",
    "*-*~0",
    "*-*~29",
    "*-*~1/27",
    "*~*-1",
    "*-*~*~1",
    "1969-1-1",
    "2200-1-1",
    "100-1-1",
    "2020..2010-1-1",
    "*-*-*T10:00",
    "2012-01-01 10:00 x",
    "Mon *-*-* *",
    "*-*-* 10",
    "@",
    "@x",
    "@-1",
    "@1.5",
    "@1 10:00",
    "@99999999999",
    "UTC",
    "10:00 Europe/",
    "10:00 /Europe/Madrid",
    "10:00 ../UTC",
    "99999999999999999999:00",
    "4294967296:00",
    "18446744073709551616-01-01",
    "1/18446744073709551616:00",
    "0 9 * * 1-5",
};

static void test_accepted(void **state)
{
    for (size_t i = 0; i < ELEMENTSOF(accepted); i++) {
        _cleanup_free_ char *reason = NULL;

        if (calendar_check(accepted[i], &reason) != 0)
            fail_msg("\"%s\": %s", accepted[i], reason);
        assert_null(reason);
    }
}

static void test_refused(void **state)
{
    for (size_t i = 0; i < ELEMENTSOF(refused); i++) {
        _cleanup_free_ char *reason = NULL;

        if (calendar_check(refused[i], &reason) != -EINVAL)
            fail_msg("\"%s\" is accepted", refused[i]);
        assert_non_null(reason);
        assert_true(strlen(reason) > 0);
        assert_int_equal(calendar_check(refused[i], NULL), -EINVAL);
    }
}

static void test_reasons(void **state)
{
    static const struct {
        const char *s, *reason;
    } cases[] = {
        {"", "it is empty"},
        {" 10:00", "it starts with a blank"},
        {"24:00", "hour 24 is not in 0..23"},
        {"*-13-01", "month 13 is not in 1..12"},
        {"*-*~29", "day before the end 29 is not in 1..28"},
        {"1969-1-1", "year 1969 is not in 1970..2199"},
        {"10:x", "minute: \"x\" is not a number"},
        {"10:00:1.5x", "second: \"1.5x\" is not a value, a range a..b or a step a/n"},
        {"17..9:00", "hour: the range 17..9 runs backwards"},
        {"*:0/0", "minute: the step in \"0/0\" is zero"},
        {"*:50/20", "minute: the step in \"50/20\" leads out of 0..59"},
        {"Fri..Mon", "the weekdays in \"Fri..Mon\" run backwards"},
        {"dayly", "\"dayly\" is neither weekdays like Mon,Wed..Fri nor a word like daily"},
        {"10", "\"10\" is not a date like 2025-01-31, *-*-01 or *-02~01"},
        {"10:00:00:00", "\"10:00:00:00\" is not a time like 10:00, *:00,30 or 04:30:15"},
        {"10:00 Europe/Atlantis", "time zone \"Europe/Atlantis\" is not known"},
        {"10:00 11:00", "\" 11:00\" after the time is too much"},
        {"@x", "\"@x\" is not @ and seconds since 1970, before the year 2200"},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_free_ char *reason = NULL;

        assert_int_equal(calendar_check(cases[i].s, &reason), -EINVAL);
        assert_string_equal(reason, cases[i].reason);
    }
}

static void test_time_zones(void **state)
{
    if (access("/usr/share/zoneinfo/Europe/Madrid", F_OK) < 0) {
        print_message("no time zone database here\n");
        skip();
    }
    assert_int_equal(calendar_check("10:00 Europe/Madrid", NULL), 0);
    assert_int_equal(calendar_check("daily America/Argentina/Buenos_Aires", NULL), 0);
    assert_int_equal(calendar_check("Mon *-*-1 10:00 Etc/GMT+1", NULL), 0);
    assert_int_equal(calendar_check("10:00 europe/madrid", NULL), -EINVAL);
    assert_int_equal(calendar_check("10:00 Europe", NULL), -EINVAL);
    assert_int_equal(calendar_check("10:00 leapseconds", NULL), -EINVAL);
    assert_int_equal(calendar_check("10:00 Europe/Madrid UTC", NULL), -EINVAL);
}

static void test_long_lists(void **state)
{
    _cleanup_text_ Text good = {0}, bad = {0};

    for (unsigned i = 0; i < 240; i++)
        text_addf(&good, "%u,", i % 24);
    text_add(&good, "5:00");
    text_addf(&bad, "1,%s", good.data);
    assert_int_equal(calendar_check(good.data, NULL), 0);
    assert_int_equal(calendar_check(bad.data, NULL), -EINVAL);
}

static void test_long_input(void **state)
{
    _cleanup_free_ char *s = malloc(1000001), *reason = NULL;

    memset(s, 'x', 1000000);
    s[1000000] = '\0';
    assert_int_equal(calendar_check(s, &reason), -EINVAL);
    assert_true(strlen(reason) < 400);
}

/* A fixed sequence of numbers (Knuth's MMIX generator), so that a failure can be had again. */
static unsigned next_random(uint64_t *seed, size_t below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((*seed >> 33) % below);
}

#define PICK(seed, array) (array)[next_random((seed), ELEMENTSOF(array))]

/* Mostly right pieces, one in eight from the wrong ones. */
static const char *pick_value(uint64_t *seed)
{
    static const char *const right[] = {
        "*",       "*",      "1",   "2",   "5",      "12",   "01",  "1..5",     "1,2,5",    "1/2",
        "5..10/2", "1..2,7", "8/3", "007", "20..23", "1..1", "2,1", "1..9/100", "3..8,2/4",
    };
    static const char *const wrong[] = {
        "0",
        "00",
        "23",
        "24",
        "28",
        "29",
        "31",
        "32",
        "59",
        "60",
        "61",
        "99",
        "100",
        "5..1",
        "0/15",
        "0/60",
        "5/",
        "/5",
        "..5",
        "1..",
        "1,",
        ",1",
        "*/2",
        "1.5",
        "59.5",
        "1.5..2.5/0.5",
        "1/0",
        "*,1",
        "1,*",
        "x",
        "",
        "+1",
        "-1",
        "1..*",
        "1/*",
        "1...3",
        "1..2..3",
        "1//2",
        "4294967297",
        "0.0000004",
        "0/0.0000005",
        "59.9999995",
        "22/2",
        "27/2",
        "30/1",
        "11/2",
        "2147483648",
        "1/2147483648",
        "1..2/2147483647",
        "1..2/2148",
        "1..2/2147",
    };

    return next_random(seed, 8) == 0 ? PICK(seed, wrong) : PICK(seed, right);
}

static void add_date(Text *t, uint64_t *seed)
{
    static const char *const years[] = {
        "*",    "*",   "*",          "2030",   "1970",   "2199",    "30",
        "70",   "69",  "2020..2030", "2020/5", "0",      "99",      "1969",
        "2200", "100", "2199/1",     "70..75", "69..71", "2030,31", "",
    };

    if (next_random(seed, 4) > 0) {
        text_add(t, PICK(seed, years));
        text_add_char(t, next_random(seed, 20) ? '-' : '~');
    }
    text_add(t, pick_value(seed));
    text_add_char(t, next_random(seed, 4) ? '-' : '~');
    text_add(t, pick_value(seed));
    if (next_random(seed, 30) == 0)
        text_add(t, "-1");
}

static void add_time(Text *t, uint64_t *seed)
{
    text_add(t, pick_value(seed));
    text_add_char(t, ':');
    text_add(t, pick_value(seed));
    if (next_random(seed, 2))
        text_addf(t, ":%s", pick_value(seed));
    if (next_random(seed, 30) == 0)
        text_add(t, ":1");
}

static char *random_expression(uint64_t *seed)
{
    static const char *const days[] = {
        "Mon",     "mon,TUE",           "Mon..Fri", "Sat-Sun", "Sunday",
        "Mon,",    "Mon..Wed,Fri..Sun", "Wed..Wed", "Mon..",   "Fri..Mon",
        "Mo",      "Mon,,Tue",          "Mon.Tue",  "daily",   "Weekly",
        "monthly", "Mon..Tue..Wed",     ",Mon",     "Mon;Tue", "Tuesday..thursday",
        "Thur",    "Mon-Tue-Wed",       "@5",       "Mon,Mon",
    };
    static const char *const ends[] = {
        " UTC", " utc",  " Europe/Madrid", " Etc/GMT+1",      "  UTC",  " ", " x", " Mon", " 10",
        "UTC",  " UTC ", " Nowhere/City",  " Europe//Madrid", " 12:00",
    };
    static const char *const gaps[] = {" ", " ", " ", " ", " ", " ", "  ", "", "\t"};
    _cleanup_text_ Text t = {0};
    unsigned parts = next_random(seed, 7) + 1;
    char *s = NULL;

    if (next_random(seed, 40) == 0)
        text_add_char(&t, ' ');
    if (parts & 1)
        text_add(&t, PICK(seed, days));
    if ((parts & 1) && (parts & 6))
        text_add(&t, PICK(seed, gaps));
    if (parts & 2)
        add_date(&t, seed);
    if ((parts & 2) && (parts & 4))
        text_add(&t, PICK(seed, gaps));
    if (parts & 4)
        add_time(&t, seed);
    if (next_random(seed, 6) == 0)
        text_add(&t, PICK(seed, ends));
    assert_int_equal(text_take(&t, &s), 0);
    return s;
}

/* Compares a batch; counts the accepted ones and the differences. */
static void compare(char **expressions, unsigned *good, unsigned *differences)
{
    _cleanup_(analysis_done) Analysis analysis = {0};
    int r;

    r = analyze_calendar(expressions, &analysis);
    if (r == -ENOENT) {
        print_message("no systemd-analyze here\n");
        strv_free(expressions);
        skip();
    }
    assert_int_equal(r, 0);

    STRV_FOREACH (p, expressions) {
        _cleanup_free_ char *reason = NULL;
        bool theirs = analysis_accepts(&analysis, *p);
        bool ours = calendar_check(*p, &reason) == 0;

        *good += ours;
        if (ours == theirs)
            continue;
        print_error("\"%s\": systemd %s it; we say: %s\n", *p, theirs ? "accepts" : "refuses",
                    reason ? reason : "good");
        (*differences)++;
    }
    strv_free(expressions);
}

/* An expression with so many minutes. */
static char **long_list(unsigned n)
{
    _cleanup_text_ Text t = {0};
    char **v = NULL;

    text_add(&t, "*:0");
    for (unsigned i = 1; i < n; i++)
        text_addf(&t, ",%u", i % 60);
    assert_int_equal(strv_push(&v, t.data), 0);
    return v;
}

static void test_as_systemd(void **state)
{
    unsigned good = 0, differences = 0;
    uint64_t seed = 2018;
    char **list = NULL;

    for (size_t i = 0; i < ELEMENTSOF(accepted); i++)
        strv_push(&list, accepted[i]);
    compare(list, &good, &differences);
    list = NULL;
    for (size_t i = 0; i < ELEMENTSOF(refused); i++)
        strv_push(&list, refused[i]);
    compare(list, &good, &differences);

    list = long_list(241);
    compare(list, &good, &differences);
    list = long_list(242);
    compare(list, &good, &differences);

    for (unsigned batch = 0; batch < 8; batch++) {
        list = NULL;
        for (unsigned i = 0; i < 200; i++)
            strv_consume(&list, random_expression(&seed));
        compare(list, &good, &differences);
    }
    /* Both outcomes occur often enough for the comparison to mean something. */
    assert_in_range(good, 400, 1400);
    assert_int_equal(differences, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),   cmocka_unit_test(test_refused),
        cmocka_unit_test(test_reasons),    cmocka_unit_test(test_time_zones),
        cmocka_unit_test(test_long_lists), cmocka_unit_test(test_long_input),
        cmocka_unit_test(test_as_systemd),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
