/* SPDX-License-Identifier: MIT */

/* Tests of what the generator learns about the machine, all of it told by environment. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/macros.h"
#include "generator/platform.h"

static void expect_quadlet_version(const char *set, int expected, unsigned expected_version)
{
    Platform platform = {0};
    unsigned version = 0;

    setenv("PHOENIX_QUADLET_VERSION", set, 1);
    assert_int_equal(platform_quadlet_version(&platform, &version), expected);
    assert_int_equal(version, expected_version);
    unsetenv("PHOENIX_QUADLET_VERSION");
}

static void test_environment_rules(void **state)
{
    _cleanup_platform_ Platform platform = {0};

    setenv("PHOENIX_SYSTEMD_VERSION", "254", 1);
    setenv("PHOENIX_QUADLET", "/bin/sh", 1);
    setenv("PHOENIX_CATATONIT", "yes", 1);
    setenv("PHOENIX_LIBEXEC", "/opt/libexec", 1);
    setenv("PHOENIX_MACHINE_ID", "0f", 1);
    assert_int_equal(platform_probe(&platform), 0);
    assert_int_equal(platform.systemd, 254);
    assert_string_equal(platform.quadlet, "/bin/sh");
    assert_true(platform.catatonit);
    assert_string_equal(platform.libexec, "/opt/libexec");
    assert_string_equal(platform.machine_id, "0f");
    platform_done(&platform);

    setenv("PHOENIX_QUADLET", "", 1);
    setenv("PHOENIX_CATATONIT", "no", 1);
    assert_int_equal(platform_probe(&platform), 0);
    assert_null(platform.quadlet);
    assert_false(platform.catatonit);
}

static void test_this_machine(void **state)
{
    _cleanup_platform_ Platform platform = {0};

    unsetenv("PHOENIX_SYSTEMD_VERSION");
    unsetenv("PHOENIX_MACHINE_ID");
    assert_int_equal(platform_probe(&platform), 0);
    assert_true(platform.systemd >= 200);
    assert_true(strlen(platform.machine_id) == 0 || strlen(platform.machine_id) == 32);
}

static void test_versions_of_quadlet(void **state)
{
    expect_quadlet_version("5.4.2", 0, PODMAN_VERSION(5, 4));
    expect_quadlet_version("quadlet version 4.9.3-dev", 0, PODMAN_VERSION(4, 9));
    expect_quadlet_version("4.4", 0, PODMAN_VERSION(4, 4));
    expect_quadlet_version("10.12.1", 0, PODMAN_VERSION(10, 12));
    expect_quadlet_version("", -EINVAL, 0);
    expect_quadlet_version("five", -EINVAL, 0);
    expect_quadlet_version("5", -EINVAL, 0);
    assert_true(PODMAN_VERSION(4, 10) > PODMAN_VERSION(4, 9));
    assert_true(PODMAN_VERSION(5, 0) > PODMAN_VERSION(4, 99));
}

static void test_no_quadlet(void **state)
{
    Platform none = {0}, gone = {.quadlet = (char *)"/nowhere/quadlet"};
    unsigned version = 7;

    unsetenv("PHOENIX_QUADLET_VERSION");
    assert_int_equal(platform_quadlet_version(&none, &version), -ENOENT);
    assert_int_equal(platform_quadlet_version(&gone, &version), -ENOENT);
    assert_int_equal(version, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_environment_rules),
        cmocka_unit_test(test_this_machine),
        cmocka_unit_test(test_versions_of_quadlet),
        cmocka_unit_test(test_no_quadlet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
