/* SPDX-License-Identifier: MIT */

/* The pure rules of phoenix-abort, held against texts of real kernels and against hostile ones. */

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "abort.h"
#include "parse.h"

static void test_span(void **state)
{
    static const struct {
        const char *text;
        int r;
        uint64_t usec;
    } cases[] = {
        {"500ms", 0, 500000},
        {"10s", 0, 10000000},
        {"2", 0, 2000000},
        {"0", 0, 0},
        {"1min 30s", 0, 90000000},
        {"1min30s", 0, 90000000},
        {" 5 s ", 0, 5000000},
        {"20us", 0, 20},
        {"24h", 0, UINT64_C(86400000000)},
        {"25h", -ERANGE, 0},
        {"24h 1us", -ERANGE, 0},
        {"99999999999999999999s", -ERANGE, 0},
        {"86400000000h", -ERANGE, 0},
        {"", -EINVAL, 0},
        {" ", -EINVAL, 0},
        {"ms", -EINVAL, 0},
        {"-1s", -EINVAL, 0},
        {"5 parsecs", -EINVAL, 0},
        {"5s,", -EINVAL, 0},
        {"1.5s", -EINVAL, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t usec = 77;
        assert_int_equal(parse_span(cases[i].text, &usec), cases[i].r);
        assert_int_equal(usec, cases[i].r < 0 ? 77 : cases[i].usec);
    }
}

static void test_span_with_another_limit(void **state)
{
    const uint64_t year = UINT64_C(31622400000000);
    uint64_t usec = 77;

    assert_int_equal(parse_span_up_to("31622400000000us", year, &usec), 0);
    assert_true(usec == year);
    assert_int_equal(parse_span_up_to("8784h", year, &usec), 0);
    assert_true(usec == year);
    assert_int_equal(parse_span_up_to("8784h 1us", year, &usec), -ERANGE);
    assert_int_equal(parse_span_up_to("2s", 1000000, &usec), -ERANGE);
    assert_true(usec == year);
}

static void test_proc_cgroup(void **state)
{
    char path[64];

    assert_int_equal(parse_proc_cgroup("0::/a.slice/b.service\n", path, sizeof(path)), 0);
    assert_string_equal(path, "/a.slice/b.service");
    assert_int_equal(
        parse_proc_cgroup("9:name=systemd:/x\n1:cpu:/\n0::/y/.control", path, sizeof(path)), 0);
    assert_string_equal(path, "/y/.control");
    assert_int_equal(parse_proc_cgroup("0::/\n", path, sizeof(path)), 0);
    assert_string_equal(path, "/");
    assert_int_equal(parse_proc_cgroup("0::/...three..dots/ok\n", path, sizeof(path)), 0);

    assert_int_equal(parse_proc_cgroup("", path, sizeof(path)), -ENODATA);
    assert_int_equal(parse_proc_cgroup("1:cpu:/0::/x\n", path, sizeof(path)), -ENODATA);
    assert_int_equal(parse_proc_cgroup("0::/../other\n", path, sizeof(path)), -EINVAL);
    assert_int_equal(parse_proc_cgroup("0::/a/..\n", path, sizeof(path)), -EINVAL);
    assert_int_equal(parse_proc_cgroup("0::/a/./b\n", path, sizeof(path)), -EINVAL);
    assert_int_equal(parse_proc_cgroup("0::a\n", path, sizeof(path)), -EINVAL);
    assert_int_equal(
        parse_proc_cgroup("0::/1234567890123456789012345678901234567890123456789012345678901234\n",
                          path, sizeof(path)),
        -ENAMETOOLONG);
}

static void test_unit(void **state)
{
    char unit[64];

    assert_int_equal(unit_cgroup_of("/u/phoenix@web.service", unit, sizeof(unit)), 0);
    assert_string_equal(unit, "/u/phoenix@web.service");
    assert_int_equal(unit_cgroup_of("/u/phoenix@web.service/.control", unit, sizeof(unit)), 0);
    assert_string_equal(unit, "/u/phoenix@web.service");

    assert_int_equal(unit_cgroup_of("/", unit, sizeof(unit)), -EPERM);
    assert_int_equal(unit_cgroup_of("/.control", unit, sizeof(unit)), -EPERM);
    assert_int_equal(unit_cgroup_of("/.service", unit, sizeof(unit)), -EPERM);
    assert_int_equal(unit_cgroup_of("/user.slice/session-2.scope", unit, sizeof(unit)), -EPERM);
    assert_int_equal(unit_cgroup_of("/u/a.service/payload", unit, sizeof(unit)), -EPERM);
    assert_int_equal(unit_cgroup_of("/u/a.service/.control/.control", unit, sizeof(unit)), -EPERM);
}

static void test_within(void **state)
{
    assert_true(cgroup_is_within("/a/b", "/a/b"));
    assert_true(cgroup_is_within("/a/b/c", "/a/b"));
    assert_true(cgroup_is_within("/a", "/"));
    assert_false(cgroup_is_within("/a/bc", "/a/b"));
    assert_false(cgroup_is_within("/a", "/a/b"));
}

static void test_names(void **state)
{
    assert_true(cgroup_name_is_container("libpod-payload-0123"));
    assert_false(cgroup_name_is_container("supervisor"));
    assert_true(cgroup_name_is_overhead(".control"));
    assert_true(cgroup_name_is_overhead("supervisor"));
    assert_true(cgroup_name_is_overhead("runtime"));
    assert_false(cgroup_name_is_overhead("runtime2"));
}

static void test_events(void **state)
{
    struct cgroup_events events;

    parse_cgroup_events("populated 1\nfrozen 0\n", &events);
    assert_true(events.populated);
    assert_false(events.frozen);
    parse_cgroup_events("populated 0\nfrozen 1\n", &events);
    assert_false(events.populated);
    assert_true(events.frozen);
    parse_cgroup_events("", &events);
    assert_false(events.populated);
}

static void test_status(void **state)
{
    struct proc_status status;

    parse_proc_status(
        "Name:\tsh\nState:\tS (sleeping)\nNSpid:\t812\nCoreDumping:\t0\n"
        "SigBlk:\t0000000000004000\nSigIgn:\t0000000000000020\nSigCgt:\t0000000000000002\n",
        &status);
    assert_false(status.zombie);
    assert_false(status.ns_init);
    assert_false(status.core_dumping);
    assert_int_equal(status.blocked, 0x4000);
    assert_int_equal(status.ignored, 0x20);
    assert_int_equal(status.caught, 0x2);

    parse_proc_status("Name:\tx\nState:\tZ (zombie)\nNSpid:\t4711\t12\t1\nCoreDumping:\t1\n",
                      &status);
    assert_true(status.zombie);
    assert_true(status.ns_init);
    assert_true(status.core_dumping);

    parse_proc_status("NSpid:\t4711\t11\n", &status);
    assert_false(status.ns_init);
    parse_proc_status("NSpid:\t1\n", &status); /* the machine's own init is nobody's payload */
    assert_false(status.ns_init);
    /* The kernel escapes newlines in names, so a name cannot forge a field; one inside of a line
     * does not count. */
    parse_proc_status("Name:\tCoreDumping: 1\\nNSpid: 2 1\n", &status);
    assert_false(status.core_dumping);
    assert_false(status.ns_init);
    parse_proc_status("", &status);
    assert_false(status.zombie);
}

static void test_effect(void **state)
{
    const uint64_t abrt = UINT64_C(1) << (SIGABRT - 1);

    assert_true(signal_has_effect(&(struct proc_status){}, SIGABRT));
    assert_false(signal_has_effect(&(struct proc_status){.ignored = abrt}, SIGABRT));
    assert_false(signal_has_effect(&(struct proc_status){.ns_init = true}, SIGABRT));
    assert_true(signal_has_effect(&(struct proc_status){.ns_init = true, .caught = abrt}, SIGABRT));
    assert_true(
        signal_has_effect(&(struct proc_status){.ns_init = true, .blocked = abrt}, SIGABRT));
    assert_false(signal_has_effect(&(struct proc_status){.zombie = true}, SIGABRT));

    assert_true(signal_is_for(&(struct proc_status){}, SIGABRT, false));
    assert_false(signal_is_for(&(struct proc_status){.ns_init = true}, SIGABRT, false));
    assert_true(signal_is_for(&(struct proc_status){.ns_init = true}, SIGABRT, true));
    assert_true(
        signal_is_for(&(struct proc_status){.ns_init = true, .caught = abrt}, SIGABRT, false));
}

static void test_pids(void **state)
{
    const char *text = "12\n0\n345\nx\n-6\n 7\n99999999999\n8";

    assert_int_equal(parse_next_pid(&text), 12);
    assert_int_equal(parse_next_pid(&text), 345);
    assert_int_equal(parse_next_pid(&text), 8);
    assert_int_equal(parse_next_pid(&text), 0);
    assert_int_equal(parse_next_pid(&text), 0);
}

static void test_describe(void **state)
{
    const struct abort_policy abort = {.signal = SIGABRT}, term = {.signal = SIGTERM};
    char text[256];

    abort_describe(&(struct abort_report){.found = 2, .signalled = 2, .elapsed_usec = 12345},
                   "watchdog", &abort, text, sizeof(text));
    assert_string_equal(text, "watchdog: SIGABRT to 2 processes of the payload, gone after 12 ms");
    abort_describe(&(struct abort_report){.found = 1,
                                          .signalled = 1,
                                          .killed = true,
                                          .killed_usec = 500900,
                                          .elapsed_usec = 502000},
                   "exit-code", &term, text, sizeof(text));
    assert_string_equal(
        text,
        "exit-code: SIGTERM to 1 process of the payload, SIGKILL after 500 ms, gone after 502 ms");
    abort_describe(&(struct abort_report){.found = 1,
                                          .ineffective = true,
                                          .only_init = true,
                                          .killed = true,
                                          .left = 1,
                                          .elapsed_usec = 1000000},
                   "watchdog", &abort, text, sizeof(text));
    assert_string_equal(
        text, "watchdog: SIGABRT cannot end the payload (PID 1 of a container, with no handler: "
              "run it with an init), SIGKILL at once, 1 still there after 1000 ms");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_span),        cmocka_unit_test(test_span_with_another_limit),
        cmocka_unit_test(test_proc_cgroup), cmocka_unit_test(test_unit),
        cmocka_unit_test(test_within),      cmocka_unit_test(test_names),
        cmocka_unit_test(test_events),      cmocka_unit_test(test_status),
        cmocka_unit_test(test_effect),      cmocka_unit_test(test_pids),
        cmocka_unit_test(test_describe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
