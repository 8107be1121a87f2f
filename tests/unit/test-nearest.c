/* SPDX-License-Identifier: MIT */

/* Tests of the near-miss suggestions, on words people mistype in specs. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/macros.h"
#include "base/nearest.h"

static const char *const keys[] = {
    "name",     "image", "healthcheck", "readiness", "restart",
    "duration", "args",  "env",         "after",     NULL,
};

static void expect(const char *word, const char *expected)
{
    const char *found = nearest(word, keys);

    if (!expected)
        assert_null(found);
    else {
        assert_non_null(found);
        assert_string_equal(found, expected);
    }
}

static void test_slips(void **state)
{
    expect("healthcheck", "healthcheck");
    expect("helthcheck", "healthcheck");
    expect("healthchekc", "healthcheck");
    expect("healthchecks", "healthcheck");
    expect("health-check", "healthcheck");
    expect("healtcheck", "healthcheck");
    expect("imgae", "image");
    expect("Image", "image");
    expect("nmae", "name");
    expect("arg", "args");
    expect("aenv", "env");
    expect("resart", "restart");
}

static void test_too_far(void **state)
{
    expect("", NULL);
    expect("e", NULL);
    expect("en", NULL);
    expect("xyz", NULL);
    expect("umbrella", NULL);
    expect("memory", NULL);
    expect("naem2", NULL); /* two slips in five bytes */
    expect("nxyme", NULL);
}

static void test_first_of_equals(void **state)
{
    static const char *const same[] = {"cat", "bat", "hat", NULL};

    assert_ptr_equal(nearest("rat", same), same[0]);
    assert_ptr_equal(nearest("hats", same), same[2]);
}

static void test_bounds(void **state)
{
    static const char *const none[] = {NULL};
    char word[66], close[66];
    const char *const candidates[] = {close, NULL};

    assert_null(nearest("word", none));

    memset(word, 'a', sizeof(word));
    memset(close, 'a', sizeof(close));
    word[65] = close[65] = '\0';
    assert_null(nearest(word, candidates)); /* 65 bytes */
    word[64] = '\0';
    assert_null(nearest(word, candidates)); /* the candidate is still too long */
    close[64] = '\0';
    close[0] = 'b';
    assert_ptr_equal(nearest(word, candidates), close);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slips),
        cmocka_unit_test(test_too_far),
        cmocka_unit_test(test_first_of_equals),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
