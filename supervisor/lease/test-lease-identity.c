/* SPDX-License-Identifier: MIT */

/* Who the service is, read from texts of the kernel. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "identity.h"

#define STATUS                                                                                     \
    "Name:\tUid:\nUid:\t1\t1000\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t4 27 1000 \n"                    \
    "NSpid:\t77\t1\nCapBnd:\t00000000a80425fb\nNoNewPrivs:\t1\n"

static struct identity identity;

static void test_status(void **state)
{
    assert_int_equal(identity_parse_status(STATUS, &identity), 0);
    assert_int_equal(identity.uid, 1000);
    assert_int_equal(identity.gid, 6);
    assert_int_equal(identity.n_groups, 3);
    assert_int_equal(identity.groups[2], 1000);
    assert_true(identity.bounding == UINT64_C(0xa80425fb));
    assert_true(identity.no_new_privs);
}

static void test_no_groups(void **state)
{
    assert_int_equal(identity_parse_status("Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t\n"
                                           "CapBnd:\t0\nNoNewPrivs:\t0\n",
                                           &identity),
                     0);
    assert_int_equal(identity.n_groups, 0);
    assert_false(identity.no_new_privs);
    assert_true(identity.bounding == 0);
}

/* A program with more rights than the service is not an answer to a text we do not understand. */
static void test_incomplete_status(void **state)
{
    static const char *const keys[] = {"Uid:", "Gid:", "Groups:", "CapBnd:", "NoNewPrivs:"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char text[] = STATUS, line[16] = "\n";
        strcat(line, keys[i]);
        *(strstr(text, line) + 1) = '?';
        assert_int_equal(identity_parse_status(text, &identity), -EBADMSG);
    }
    assert_int_equal(identity_parse_status("", &identity), -EBADMSG);
}

static void test_environ(void **state)
{
    static const char text[] = "A=1\0NOTIFY_SOCKET=/x\0\0WATCHDOG_USEC=5\0PATH=/bin";

    memcpy(identity.environ_buf, text, sizeof(text));
    identity_split_environ(&identity, sizeof(text) - 1);
    assert_string_equal(identity.environment[0], "A=1");
    assert_string_equal(identity.environment[1], "PATH=/bin");
    assert_null(identity.environment[2]);
}

static void test_environ_is_bounded(void **state)
{
    size_t size = sizeof(identity.environ_buf) - 1;

    for (size_t i = 0; i < size; i += 2)
        memcpy(identity.environ_buf + i, "x", 2);
    identity_split_environ(&identity, size);
    assert_null(identity.environment[ENVIRON_MAX]);
    assert_non_null(identity.environment[ENVIRON_MAX - 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_no_groups),
        cmocka_unit_test(test_incomplete_status),
        cmocka_unit_test(test_environ),
        cmocka_unit_test(test_environ_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
