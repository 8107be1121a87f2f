/* SPDX-License-Identifier: MIT */

/* Tests of time spans, the last one beside systemd's own reading of them. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/macros.h"
#include "base/process.h"
#include "base/text.h"
#include "base/timespan.h"

static void test_accepted(void **state)
{
    static const struct {
        const char *s;
        uint64_t usec;
    } cases[] = {
        {"0", 0},
        {"5", 5 * USEC_PER_SEC},
        {"500ms", 500 * USEC_PER_MSEC},
        {"10s", 10 * USEC_PER_SEC},
        {" 10 s ", 10 * USEC_PER_SEC},
        {"1min 30s", 90 * USEC_PER_SEC},
        {"1min30s", 90 * USEC_PER_SEC},
        {"1min 30", 90 * USEC_PER_SEC},
        {"1h", USEC_PER_HOUR},
        {"2d 3h", 2 * USEC_PER_DAY + 3 * USEC_PER_HOUR},
        {"1.5h", 90 * USEC_PER_MINUTE},
        {"0.001s", 1000},
        {"0.0000001s", 0},
        {"1.0000019s", 1000001},
        {"3us", 3},
        {"3\xC2\xB5s", 3},
        {"3\xCE\xBCs", 3},
        {"1M", USEC_PER_MONTH},
        {"1m", USEC_PER_MINUTE},
        {"1month 1y", USEC_PER_MONTH + USEC_PER_YEAR},
        {"300000y", 300000 * USEC_PER_YEAR},
        {"infinity", USEC_INFINITY},
        {" infinity ", USEC_INFINITY},
        {"584541y 8765h", 584541 * USEC_PER_YEAR + 8765 * USEC_PER_HOUR},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        uint64_t usec = 1234567;

        if (timespan_parse(cases[i].s, &usec) != 0 || usec != cases[i].usec)
            fail_msg("\"%s\": %ju, not %ju", cases[i].s, (uintmax_t)usec, (uintmax_t)cases[i].usec);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *s;
        int error;
    } cases[] = {
        {"", -EINVAL},
        {"  ", -EINVAL},
        {"s", -EINVAL},
        {"5 parsecs", -EINVAL},
        {"5x", -EINVAL},
        {"1.2.3", -EINVAL},
        {"5.", -EINVAL},
        {".s", -EINVAL},
        {"1,5s", -EINVAL},
        {"infinity 5s", -EINVAL},
        {"infinit", -EINVAL},
        {"5S", -EINVAL},
        {"0x5s", -EINVAL},
        {"-5s", -ERANGE},
        {"1h -5s", -ERANGE},
        {"600000y", -ERANGE},
        {"300000y 300000y", -ERANGE},
        {"584542y", -ERANGE},
        {"584541y 8766h", -ERANGE},
        {"18446744073709.551615s", -ERANGE},
        {"99999999999999999999us", -ERANGE},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        uint64_t usec = 1234567;
        int r = timespan_parse(cases[i].s, &usec);

        if (r != cases[i].error || usec != 1234567)
            fail_msg("\"%s\": %d, not %d", cases[i].s, r, cases[i].error);
    }
}

static void test_format(void **state)
{
    static const struct {
        uint64_t usec;
        const char *expected;
    } cases[] = {
        {0, "0"},
        {1, "1us"},
        {20 * USEC_PER_MSEC, "20ms"},
        {1500 * USEC_PER_MSEC, "1s 500ms"},
        {90 * USEC_PER_SEC, "1min 30s"},
        {36 * USEC_PER_HOUR, "1d 12h"},
        {14 * USEC_PER_DAY, "2w"},
        {15 * USEC_PER_DAY, "15d"},
        {USEC_PER_MONTH, "1month"},
        {2 * USEC_PER_YEAR, "2y"},
        {400 * USEC_PER_DAY, "400d"},
        {USEC_PER_DAY + 2 * USEC_PER_HOUR + 3 * USEC_PER_MINUTE + 4005006, "1d 2h 3min 4s 5ms 6us"},
        {USEC_INFINITY, "infinity"},
        {584541 * USEC_PER_YEAR, "584541y"},
        {584542 * USEC_PER_YEAR - 1, "213503965d 11h 59min 59s 999ms 999us"},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_free_ char *s = timespan_format(cases[i].usec);
        uint64_t usec = 0;

        assert_string_equal(s, cases[i].expected);
        assert_int_equal(timespan_parse(s, &usec), 0);
        assert_true(usec == cases[i].usec);
    }
}

/* The number after "us:" (spelled with a mu) in what `systemd-analyze timespan` prints. */
static uint64_t reported_usec(const char *output)
{
    const char *at = strstr(output, "s: ");

    assert_non_null(at);
    return strtoull(at + 3, NULL, 10);
}

static void test_as_systemd(void **state)
{
    static const char *const spans[] = {
        "5",
        "5s",
        "5 s",
        "5sec",
        "5second",
        "5seconds",
        "5m",
        "5min",
        "5minute",
        "5minutes",
        "5M",
        "5month",
        "5months",
        "5ms",
        "5msec",
        "5h",
        "5hr",
        "5hour",
        "5hours",
        "5d",
        "5day",
        "5days",
        "5w",
        "5week",
        "5weeks",
        "5y",
        "5year",
        "5years",
        "5us",
        "5usec",
        "5\xC2\xB5s",
        "5\xCE\xBCs",
        "1h 30",
        "1h30",
        "30 1h",
        ".5h",
        "5.",
        "5.s",
        ".",
        ". 5",
        "1.5",
        "1.5s",
        "1.25w",
        "1.333333y",
        "1.9999999s",
        "1.2.3",
        "1.2 .3",
        "1.2s.3",
        "1..2",
        "+5",
        "+5s",
        "++5",
        "+ 5",
        "-5",
        "- 5",
        "5s -5s",
        "5s5s",
        "5mins",
        "5mon",
        "5secs",
        "5hrs",
        "5 parsecs",
        "5S",
        "5MIN",
        "\t5s\n",
        "",
        " ",
        "s",
        "5,5s",
        "1e3",
        "0x10",
        "infinity",
        " infinity ",
        "infinitys",
        "infinity5",
        "5infinity",
        "5 infinity",
        "5 5 5",
        "1d2h3min4s5ms6us",
        "000005s",
        "9223372036854775807us",
        "9223372036854775808us",
        "584542y",
        "584543y",
        "1y 1month 1w 1d",
        "18446744073709s",
        "18446744073710s",
        "0.1us",
        "0.9us",
        "1.55us",
        "0.000001s",
        "0.0000009s",
    };
    unsigned differences = 0;

    for (size_t i = 0; i < ELEMENTSOF(spans); i++) {
        char *const argv[] = {
            (char *)"systemd-analyze", (char *)"timespan", (char *)"--", (char *)spans[i], NULL,
        };
        _cleanup_free_ char *output = NULL, *ignored = NULL;
        uint64_t ours = 0, theirs = 0;
        int r, status;

        status = process_run(argv, NULL, NULL, 30 * USEC_PER_SEC, 64 * 1024, &output, &ignored);
        if (status == -ENOENT) {
            print_message("no systemd-analyze here\n");
            skip();
        }
        assert_true(status >= 0);
        r = timespan_parse(spans[i], &ours);
        if (status == 0)
            theirs = reported_usec(output);
        if ((r == 0) == (status == 0) && ours == theirs)
            continue;
        print_error("\"%s\": we say %d, %ju; systemd %d, %ju\n", spans[i], r, (uintmax_t)ours,
                    status, (uintmax_t)theirs);
        differences++;
    }
    assert_int_equal(differences, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_as_systemd),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
