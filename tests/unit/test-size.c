/* SPDX-License-Identifier: MIT */

/* Tests of byte sizes and percentages. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/macros.h"
#include "base/size.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define EIB (1024 * 1024 * GIB * 1024)

static void test_accepted(void **state)
{
    static const struct {
        const char *s;
        uint64_t bytes;
    } cases[] = {
        {"0", 0},
        {"512", 512},
        {"512B", 512},
        {"512 B", 512},
        {"0K", 0},
        {"1K", KIB},
        {"50M", 50 * MIB},
        {" 50M", 50 * MIB},
        {"50 M", 50 * MIB},
        {"64MiB", 64 * MIB},
        {"1.5G", GIB + GIB / 2},
        {"1.5GiB", GIB + GIB / 2},
        {"0.5K", 512},
        {"1.3K", 1331}, /* 1331.2 */
        {"0.0009765625K", 1},
        {"0.0009K", 0},
        {"2T", 2048 * GIB},
        {"3P", 3 * 1024 * 1024 * GIB},
        {"15E", 15 * EIB},
        {"15.999999999999999999999999999999999999E", UINT64_MAX},
        {"1.00000000000000000086736173798840354720596224069595336914062500000E", EIB + 1},
        {"18446744073709551615", UINT64_MAX},
        {"007", 7},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        uint64_t bytes = 1234567;

        if (size_parse(cases[i].s, &bytes) != 0 || bytes != cases[i].bytes)
            fail_msg("\"%s\": %ju, not %ju", cases[i].s, (uintmax_t)bytes,
                     (uintmax_t)cases[i].bytes);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *s;
        int error;
    } cases[] = {
        {"", -EINVAL},
        {" ", -EINVAL},
        {"K", -EINVAL},
        {"-1", -EINVAL},
        {"+1", -EINVAL},
        {"50m", -EINVAL},
        {"50k", -EINVAL},
        {"64MB", -EINVAL},
        {"64Mi", -EINVAL},
        {"64Mib", -EINVAL},
        {"64iB", -EINVAL},
        {"64MiBx", -EINVAL},
        {"1.5", -EINVAL},
        {"1.5B", -EINVAL},
        {"1.G", -EINVAL},
        {".5G", -EINVAL},
        {"1,5G", -EINVAL},
        {"1G ", -EINVAL},
        {"1G 512M", -EINVAL},
        {"0x10", -EINVAL},
        {"1.5.5G", -EINVAL},
        {"50%", -EINVAL},
        {"infinity", -EINVAL},
        {"1e3", -EINVAL},
        {"16E", -ERANGE},
        {"16384P", -ERANGE},
        {"18446744073709551616", -ERANGE},
        {"99999999999999999999999999M", -ERANGE},
        {"99999999999999999999999999x", -EINVAL},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        uint64_t bytes = 1234567;
        int r = size_parse(cases[i].s, &bytes);

        if (r != cases[i].error || bytes != 1234567)
            fail_msg("\"%s\": %d, not %d", cases[i].s, r, cases[i].error);
    }
}

static void test_format(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *expected;
    } cases[] = {
        {0, "0"},          {1, "1"},
        {1000, "1000"},    {1023, "1023"},
        {KIB, "1K"},       {1536 * KIB, "1536K"},
        {50 * MIB, "50M"}, {1024 * MIB, "1G"},
        {15 * EIB, "15E"}, {UINT64_MAX, "18446744073709551615"},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_free_ char *s = size_format(cases[i].bytes);
        uint64_t bytes = 0;

        assert_string_equal(s, cases[i].expected);
        assert_int_equal(size_parse(s, &bytes), 0);
        assert_true(bytes == cases[i].bytes);
    }
}

static void test_percent(void **state)
{
    static const struct {
        const char *s;
        int result;
        uint32_t permyriad;
    } cases[] = {
        {"0%", 0, 0},
        {"50%", 0, 5000},
        {"12.5%", 0, 1250},
        {"12.50%", 0, 1250},
        {"0.01%", 0, 1},
        {"100%", 0, 10000},
        {"250%", 0, 25000},
        {"42949672.95%", 0, UINT32_MAX},
        {"42949672.96%", -ERANGE, 0},
        {"99999999999999999999999%", -ERANGE, 0},
        {"", -EINVAL, 0},
        {"%", -EINVAL, 0},
        {"50", -EINVAL, 0},
        {"-5%", -EINVAL, 0},
        {"5 %", -EINVAL, 0},
        {"5%%", -EINVAL, 0},
        {"5.%", -EINVAL, 0},
        {".5%", -EINVAL, 0},
        {"0.125%", -EINVAL, 0},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        uint32_t permyriad = 77;
        int r = percent_parse(cases[i].s, &permyriad);

        if (r != cases[i].result || permyriad != (r < 0 ? 77 : cases[i].permyriad))
            fail_msg("\"%s\": %d, %u", cases[i].s, r, permyriad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_percent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
