/* SPDX-License-Identifier: MIT */

/* Times of RFC 3339 against the C library's calendar, and what must not pass for one. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/macros.h"
#include "collector/rfc3339.h"

static uint64_t usec_of(const char *s)
{
    uint64_t usec = 0;

    assert_int_equal(rfc3339_parse(s, &usec), 0);
    return usec;
}

static void test_known_times(void **state)
{
    assert_int_equal(usec_of("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(usec_of("2023-01-01T00:00:00Z"), UINT64_C(1672531200000000));
    assert_int_equal(usec_of("2000-02-29T12:00:00.5Z"), UINT64_C(951825600500000));
    assert_int_equal(usec_of("2026-11-23T18:20:00.123456789+01:00"), UINT64_C(1795454400123456));
    assert_int_equal(usec_of("2026-11-23t18:20:00z"), usec_of("2026-11-23 18:20:00Z"));
    assert_int_equal(usec_of("2016-12-31T23:59:60Z"), usec_of("2017-01-01T00:00:00Z"));
    assert_int_equal(usec_of("1970-01-01T00:30:00-00:30"), UINT64_C(3600000000));
}

static void test_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "now",
        "2026-11-23",
        "2026-11-23T18:20:00",
        "2026-11-23T18:20Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-11-31T00:00:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T18:60:00Z",
        "2026-11-23T18:20:61Z",
        "2026-11-23T18:20:00.Z",
        "2026-11-23T18:20:00.1234567890Z",
        "2026-11-23T18:20:00+24:00",
        "2026-11-23T18:20:00+0100",
        "2026-11-23T18:20:00Z ",
        " 2026-11-23T18:20:00Z",
        "26-11-23T18:20:00Z",
        "0000-01-01T00:00:00Z",
    };
    uint64_t usec = 7;

    for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
        assert_int_equal(rfc3339_parse(wrong[i], &usec), -EINVAL);
    assert_int_equal(rfc3339_parse("1969-12-31T23:59:59Z", &usec), -ERANGE);
    assert_int_equal(rfc3339_parse("1970-01-01T00:00:00+00:01", &usec), -ERANGE);
    assert_int_equal(rfc3339_parse("2200-01-01T00:00:00Z", &usec), -ERANGE);
    assert_int_equal(usec, 7);
}

/* Day by day over all years that are accepted, against the C library's calendar. */
static void test_there_and_back(void **state)
{
    for (time_t t = 0; t < (time_t)7258118400; t += 86400 + 3607) {
        char text[RFC3339_SIZE], expected[64];
        struct tm tm;
        rfc3339_format((uint64_t)t * USEC_PER_SEC + 42, text);
        assert_non_null(gmtime_r(&t, &tm));
        assert_true(strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.000042Z", &tm) > 0);
        assert_string_equal(text, expected);
        assert_int_equal(usec_of(text), (uint64_t)t * USEC_PER_SEC + 42);
    }
}

static void test_beyond(void **state)
{
    char text[RFC3339_SIZE];

    rfc3339_format(UINT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.000000Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_times),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_beyond),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
