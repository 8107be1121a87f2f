/* SPDX-License-Identifier: MIT */

/* Tests of the cron translation: known pairs, refusals, and random schedules whose meaning is
 * compared day by day and minute by minute with that of the expressions they become. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyze.h"
#include "base/strv.h"
#include "spec/calendar.h"
#include "spec/cron.h"

static void test_translation(void **state)
{
    static const struct {
        const char *cron, *first, *second;
    } cases[] = {
        {"* * * * *", "*-*-* *:*:00", NULL},
        {"0 9 * * 1-5", "Mon..Fri *-*-* 09:00:00", NULL},
        {"*/15 * * * *", "*-*-* *:00,15,30,45:00", NULL},
        {"*/40 * * * *", "*-*-* *:00,40:00", NULL},
        {"*/90 * * * *", "*-*-* *:00:00", NULL},
        {"5-20/5 * * * *", "*-*-* *:05,10,15,20:00", NULL},
        {"0-59 0-23 1-31 1-12 0-7", "*-*-* *:*:00", NULL},
        {"0,0,0 5 * * *", "*-*-* 05:00:00", NULL},
        {"30,0-10 5 * * *", "*-*-* 05:00..10,30:00", NULL},
        {"0 0,12 1 */2 *", "*-01,03,05,07,09,11-01 00,12:00:00", NULL},
        {"\t5  4 *\t* sun ", "Sun *-*-* 04:05:00", NULL},
        {"0 0 * * 0", "Sun *-*-* 00:00:00", NULL},
        {"0 0 * * 7", "Sun *-*-* 00:00:00", NULL},
        {"0 0 * * 0,7", "Sun *-*-* 00:00:00", NULL},
        {"0 0 * * 5-7", "Fri..Sun *-*-* 00:00:00", NULL},
        {"0 0 * * sun-tue", "Mon,Tue,Sun *-*-* 00:00:00", NULL},
        {"0 0 * * 6,0", "Sat,Sun *-*-* 00:00:00", NULL},
        {"0 0 * JAN-mar,Dec *", "*-01..03,12-* 00:00:00", NULL},
        {"007 00 * 01 *", "*-01-* 00:07:00", NULL},
        /* Both day fields restricted: either may match. */
        {"0 0 1,15 * 5", "*-*-01,15 00:00:00", "Fri *-*-* 00:00:00"},
        {"30 4 1-7 2 mon", "*-02-01..07 04:30:00", "Mon *-02-* 04:30:00"},
        {"0 0 1-31 * 1", "*-*-* 00:00:00", NULL},
        {"0 0 1 * 0-6", "*-*-* 00:00:00", NULL},
        /* One of them starts with a star: both must match. */
        {"0 0 */2 * 1", "Mon *-*-01,03,05,07,09,11,13,15,17,19,21,23,25,27,29,31 00:00:00", NULL},
        {"0 0 1-7 * */7", "Sun *-*-01..07 00:00:00", NULL},
        {"0 0 1 * */2", "Tue,Thu,Sat,Sun *-*-01 00:00:00", NULL},
        {"0 0 *,5 * 1", "Mon *-*-* 00:00:00", NULL},
        {"@yearly", "*-01-01 00:00:00", NULL},
        {"@annually", "*-01-01 00:00:00", NULL},
        {"@monthly", "*-*-01 00:00:00", NULL},
        {"@weekly", "Sun *-*-* 00:00:00", NULL},
        {" @Daily ", "*-*-* 00:00:00", NULL},
        {"@midnight", "*-*-* 00:00:00", NULL},
        {"@hourly", "*-*-* *:00:00", NULL},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_strv_free_ char **calendars = NULL;
        _cleanup_free_ char *reason = NULL;

        if (cron_to_calendar(cases[i].cron, &calendars, &reason) != 0)
            fail_msg("\"%s\": %s", cases[i].cron, reason);
        assert_true(cron_looks_like(cases[i].cron));
        assert_string_equal(calendars[0], cases[i].first);
        assert_int_equal(strv_length(calendars), cases[i].second ? 2 : 1);
        if (cases[i].second)
            assert_string_equal(calendars[1], cases[i].second);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *cron, *reason;
    } cases[] = {
        {"", "0 fields where cron has 5: minute hour day month weekday"},
        {"0 9 * *", "4 fields where cron has 5: minute hour day month weekday"},
        {"0 0 9 * * *", "6 fields where cron has 5: minute hour day month weekday"},
        {"61 * * * *", "minute: 61 is not in 0-59"},
        {"* 24 * * *", "hour: 24 is not in 0-23"},
        {"* * 0 * *", "day of month: 0 is not in 1-31"},
        {"* * 32 * *", "day of month: 32 is not in 1-31"},
        {"* * * 13 *", "month: 13 is not in 1-12"},
        {"* * * * 8", "day of week: 8 is not in 0-7"},
        {"99999999999999999999 * * * *", "minute: 99999999999999999999 is not in 0-59"},
        {"*/0 * * * *", "minute: the step is zero"},
        {"*/x * * * *", "minute: the step \"x\" is not a number"},
        {"*/ * * * *", "minute: the step \"\" is not a number"},
        {"*/5/5 * * * *", "minute: the step \"5/5\" is not a number"},
        {"5/15 * * * *", "minute: \"5/15\" is a step without a range (like */5 or 10-30/5)"},
        {"30-10 * * * *", "minute: 30-10 runs backwards"},
        {"* * * * fri-sun",
         "day of week: fri-sun runs backwards (the Sunday at a range's end is 7)"},
        {"1-2-3 * * * *", "minute: \"2-3\" is not a number"},
        {"1,,2 * * * *", "minute: \"\" is not a number"},
        {"1, * * * *", "minute: \"\" is not a number"},
        {"-1 * * * *", "minute: \"\" is not a number"},
        {"*-5 * * * *", "minute: \"*\" is not a number"},
        {"*5 * * * *", "minute: \"*5\" is not a number"},
        {"mon * * * *", "minute: \"mon\" is not a number"},
        {"* * * monday *", "month: \"monday\" is not a number or a name like jan"},
        {"* * * * monday", "day of week: \"monday\" is not a number or a name like sun"},
        {"* * L * *", "day of month: \"L\" is not a number"},
        {"* * ? * *", "day of month: \"?\" is not a number"},
        {"@reboot", "@reboot is not a time; enable the service to start it at boot"},
        {"@every 5m", "\"@every 5m\" is not one of @yearly @annually @monthly @weekly @daily "
                      "@midnight @hourly"},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_free_ char *reason = NULL;
        char **calendars = NULL;

        assert_int_equal(cron_to_calendar(cases[i].cron, &calendars, &reason), -EINVAL);
        assert_string_equal(reason, cases[i].reason);
        assert_null(calendars);
        assert_int_equal(cron_to_calendar(cases[i].cron, &calendars, NULL), -EINVAL);
    }
}

static void test_looks_like(void **state)
{
    static const char *const calendars[] = {
        "",
        " ",
        "daily",
        "Mon *-*-* 10:00 Europe/Madrid",
        "*-*-* 10:00",
        "10:00",
        "@1395716396",
        "Mon..Fri *-*-* 9:00",
        "*:0/15",
        "0 9 * *",
        "0 0 0 9 * *",
        "Mon *-02~01 10:00",
        "@",
    };
    static const char *const crons[] = {
        "* * * * *",  "0 9 * * mon-fri", "@daily",      "@reboot",      "@every 5m",
        "61 * * * *", "0 0 L * ?",       "0 0 ? * 6#3", " 1\t2 3 4 5 ",
    };

    for (size_t i = 0; i < ELEMENTSOF(calendars); i++)
        assert_false(cron_looks_like(calendars[i]));
    for (size_t i = 0; i < ELEMENTSOF(crons); i++)
        assert_true(cron_looks_like(crons[i]));
}

/* A fixed sequence of numbers (Knuth's MMIX generator), so that a failure can be had again. */
static unsigned next_random(uint64_t *seed, unsigned below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((*seed >> 33) % below);
}

/* A cron field as the test means it. */
typedef struct Meaning {
    bool values[64];
    bool star;
} Meaning;

/* Appends a random item of a field and marks its values. */
static void random_item(Text *t, uint64_t *seed, unsigned first, unsigned last, Meaning *m)
{
    unsigned a = first + next_random(seed, last - first + 1), b = a, step = 1;

    switch (next_random(seed, 3)) {
    case 0:
        a = first;
        b = last;
        text_add_char(t, '*');
        break;
    case 1:
        b = a + next_random(seed, last - a + 1);
        text_addf(t, "%u-%u", a, b);
        break;
    default:
        text_addf(t, "%u", a);
    }
    if (t->data[t->size - 1] == '*' || b > a)
        if (next_random(seed, 2)) {
            step = 1 + next_random(seed, 9);
            text_addf(t, "/%u", step);
        }
    for (unsigned v = a; v <= b; v += step)
        m->values[v] = true;
}

static Meaning random_field(Text *t, uint64_t *seed, unsigned first, unsigned last)
{
    Meaning m = {0};
    size_t start = t->size;

    do {
        if (t->size > start)
            text_add_char(t, ',');
        random_item(t, seed, first, last, &m);
    } while (next_random(seed, 3) == 0);
    m.star = t->data[start] == '*';
    text_add_char(t, ' ');
    return m;
}

static unsigned weekday_number(const char *name)
{
    static const char *const names[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

    for (unsigned i = 0; i < ELEMENTSOF(names); i++)
        if (strncmp(name, names[i], 3) == 0)
            return i + 1;
    return (unsigned)atoi(name);
}

/* The values of one field of an expression: "*", or values and ranges. */
static Meaning read_list(const char *list, size_t n)
{
    _cleanup_free_ char *copy = strndup(list, n);
    _cleanup_strv_free_ char **items = NULL;
    Meaning m = {0};

    assert_int_equal(strv_split(copy, ",", &items), 0);
    STRV_FOREACH (p, items) {
        const char *end = strstr(*p, "..");
        unsigned a = weekday_number(*p), b = end ? weekday_number(end + 2) : a;

        for (unsigned v = streq(*p, "*") ? 0 : a; v <= (streq(*p, "*") ? 63 : b); v++)
            m.values[v] = true;
    }
    return m;
}

typedef struct Expression {
    Meaning weekday, month, day, hour, minute;
} Expression;

static Expression read_expression(const char *s)
{
    Expression e = {.weekday = read_list("*", 1)};
    const char *end;

    if (*s != '*') {
        e.weekday = read_list(s, strcspn(s, " "));
        s += strcspn(s, " ") + 1;
    }
    assert_int_equal(strncmp(s, "*-", 2), 0);
    s += 2;
    e.month = read_list(s, strcspn(s, "-"));
    s += strcspn(s, "-") + 1;
    e.day = read_list(s, strcspn(s, " "));
    s += strcspn(s, " ") + 1;
    e.hour = read_list(s, strcspn(s, ":"));
    s += strcspn(s, ":") + 1;
    end = strchr(s, ':');
    assert_string_equal(end, ":00");
    e.minute = read_list(s, (size_t)(end - s));
    return e;
}

typedef struct Schedule {
    char *cron;
    Meaning minute, hour, day, month, weekday;
} Schedule;

static Schedule random_schedule(uint64_t *seed)
{
    _cleanup_text_ Text t = {0};
    Schedule s = {0};

    s.minute = random_field(&t, seed, 0, 59);
    s.hour = random_field(&t, seed, 0, 23);
    s.day = random_field(&t, seed, 1, 31);
    s.month = random_field(&t, seed, 1, 12);
    s.weekday = random_field(&t, seed, 0, 7);
    assert_int_equal(text_take(&t, &s.cron), 0);
    return s;
}

/* Whether cron would run on such a day (weekday: 0 is Sunday). */
static bool cron_runs(const Schedule *s, unsigned month, unsigned day, unsigned weekday)
{
    bool date = s->day.values[day];
    bool week = s->weekday.values[weekday] || (weekday == 0 && s->weekday.values[7]);

    if (!s->month.values[month])
        return false;
    return s->day.star || s->weekday.star ? date && week : date || week;
}

static bool calendars_run(const Expression *e, size_t n, unsigned month, unsigned day,
                          unsigned weekday)
{
    for (size_t i = 0; i < n; i++)
        if (e[i].month.values[month] && e[i].day.values[day] &&
            e[i].weekday.values[weekday == 0 ? 7 : weekday])
            return true;
    return false;
}

static void expect_same(const Schedule *s, char *const *calendars)
{
    Expression e[2];
    size_t n = strv_length(calendars);

    assert_in_range(n, 1, 2);
    for (size_t i = 0; i < n; i++)
        e[i] = read_expression(calendars[i]);

    for (size_t i = 0; i < n; i++) {
        for (unsigned v = 0; v < 24; v++)
            assert_int_equal(e[i].hour.values[v], s->hour.values[v]);
        for (unsigned v = 0; v < 60; v++)
            assert_int_equal(e[i].minute.values[v], s->minute.values[v]);
    }
    for (unsigned month = 1; month <= 12; month++)
        for (unsigned day = 1; day <= 31; day++)
            for (unsigned weekday = 0; weekday < 7; weekday++)
                assert_int_equal(calendars_run(e, n, month, day, weekday),
                                 cron_runs(s, month, day, weekday));
}

static void test_random_schedules(void **state)
{
    uint64_t seed = 1975;
    unsigned pairs = 0;

    for (unsigned i = 0; i < 3000; i++) {
        Schedule s = random_schedule(&seed);
        _cleanup_strv_free_ char **calendars = NULL;
        _cleanup_free_ char *cron = s.cron;

        assert_int_equal(cron_to_calendar(cron, &calendars, NULL), 0);
        STRV_FOREACH (p, calendars)
            assert_int_equal(calendar_check(*p, NULL), 0);
        expect_same(&s, calendars);
        pairs += strv_length(calendars) == 2;
    }
    assert_in_range(pairs, 300, 2700);
}

static void test_as_systemd(void **state)
{
    uint64_t seed = 252;

    for (unsigned batch = 0; batch < 4; batch++) {
        _cleanup_(analysis_done) Analysis analysis = {0};
        _cleanup_strv_free_ char **all = NULL;
        int r;

        while (strv_length(all) < 120) {
            Schedule s = random_schedule(&seed);
            _cleanup_strv_free_ char **calendars = NULL;
            _cleanup_free_ char *cron = s.cron;

            assert_int_equal(cron_to_calendar(cron, &calendars, NULL), 0);
            STRV_FOREACH (p, calendars)
                assert_int_equal(strv_push(&all, *p), 0);
        }
        r = analyze_calendar(all, &analysis);
        if (r == -ENOENT) {
            print_message("no systemd-analyze here\n");
            all = strv_free(all);
            skip();
        }
        assert_int_equal(r, 0);
        STRV_FOREACH (p, all)
            if (!analysis_accepts(&analysis, *p) || !analysis_is_normalized(&analysis, *p))
                fail_msg("not systemd's own form: %s", *p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_translation), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_looks_like),  cmocka_unit_test(test_random_schedules),
        cmocka_unit_test(test_as_systemd),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
