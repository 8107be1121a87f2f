/* SPDX-License-Identifier: MIT */

/* Tests of cutting work into slices. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/macros.h"
#include "generator/parallel.h"

static int count(void *context, size_t first, size_t end)
{
    unsigned *done = context;

    for (size_t i = first; i < end; i++)
        done[i]++;
    return 0;
}

static void test_every_item_once(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 7, 99, 100, 101, 1000};

    for (size_t s = 0; s < ELEMENTSOF(sizes); s++) {
        unsigned done[1000] = {0};
        assert_int_equal(parallel_for(sizes[s], 10, count, done), 0);
        for (size_t i = 0; i < ELEMENTSOF(done); i++)
            assert_int_equal(done[i], i < sizes[s]);
    }
}

static int fail_at(void *context, size_t first, size_t end)
{
    size_t bad = *(size_t *)context;

    return bad >= first && bad < end ? -EIO : 0;
}

static void test_failure_of_any_slice(void **state)
{
    for (size_t bad = 0; bad < 100; bad += 9)
        assert_int_equal(parallel_for(100, 10, fail_at, &bad), -EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_item_once),
        cmocka_unit_test(test_failure_of_any_slice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
