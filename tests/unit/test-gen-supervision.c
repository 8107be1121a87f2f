/* SPDX-License-Identifier: MIT */

/* Tests of what ties a service to its supervisor: the lease, the gate, and the times that go with
 * them. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "emit-unit.h"

#define CHECK ", 'healthcheck': '/health'"
#define LEASE_WITH(option)                                                                         \
    "ExecStartPost=/usr/libexec/phoenix/phoenix-lease " option "--socket=%t/phoenix/lease.sock "   \
    "web"
#define LEASE LEASE_WITH("--watchdog=39s ")
#define GATE                                                                                       \
    "ExecStartPre=-/usr/libexec/phoenix/phoenix-lease --gate --socket=%t/phoenix/lease.sock web"

static void expect_order(const char *spec, const char *first, const char *second)
{
    _cleanup_free_ char *unit = emit(spec);
    const char *one = strstr(unit, first), *two = strstr(unit, second);

    if (!one || !two || one > two)
        fail_msg("\"%s\" does not come before \"%s\" in:\n%s", first, second, unit);
}

static void test_lease(void **state)
{
    expect(BINARY(CHECK), LEASE);
    expect(BINARY(", 'readiness': '/'"), LEASE);
    expect(DOCKER(CHECK), LEASE);
    expect(BINARY(CHECK), "Wants=phoenixd.socket");
    expect(BINARY(CHECK), "After=phoenixd.socket");
    expect(BINARY(CHECK), "NotifyAccess=all");
    expect_not(BINARY(""), "phoenixd");
    expect_not(BINARY(""), "NotifyAccess");
    expect_not(BINARY(CHECK ", 'duration': 'oneshot'"), "phoenix-lease");
    expect_order(BINARY(CHECK ", 'hooks': {'started': [['/bin/s']]}"), LEASE, "/bin/s");
    /* What runs inside the container before it counts as started may be what makes it healthy. */
    expect_order(DOCKER(CHECK ", 'hooks': {'always': [{'run': ['/bin/in'], 'in': 'container'}]}"),
                 "/bin/in", LEASE);
}

static void test_who_beats(void **state)
{
    expect(BINARY(CHECK ", 'watchdog': '5s'"), LEASE_WITH(""));
    expect(BINARY(", 'healthcheck': {'path': '/', 'interval': '4750ms'}"),
           LEASE_WITH("--watchdog=23250000us "));
    expect(BINARY(CHECK ", 'unit': {'Service': {'WatchdogSec': '2min'}}"),
           LEASE_WITH("--watchdog=120s "));
    expect(BINARY(CHECK ", 'unit': {'Service': {'WatchdogSec': '0'}}"), LEASE_WITH(""));
    expect(BINARY(CHECK ", 'unit': {'Service': {'WatchdogSec': 'soon'}}"), LEASE);
    expect(BINARY(", 'healthcheck': {'path': '/', 'interval': '1d'}"),
           LEASE_WITH("--watchdog=86400s "));
}

static void test_gate(void **state)
{
    expect(DOCKER(""), GATE);
    expect(DOCKER(""), "Wants=phoenixd.socket");
    expect(DOCKER(""), "After=phoenixd.socket");
    expect_order(DOCKER(", 'hooks': {'once': [['/bin/h']]}"), GATE, "/bin/h");
    expect_not(DOCKER(", 'duration': 'oneshot'"), "phoenix-lease");
    expect_not(BINARY(CHECK), "--gate");
    /* Somebody waits for the start. */
    expect_not(DOCKER(", 'listen': 80, 'network': 'host'"), "--gate");
    expect_not(DOCKER(", 'listen': 80, 'activation': 'native'"), "--gate");
}

static void test_who_needs_phoenixd(void **state)
{
    expect(BINARY(", 'restart': {'burst': 1}"), "Wants=phoenixd.service");
    expect(BINARY(", 'onfailure': {'url': 'http://x'}"), "Wants=phoenixd.service");
    expect_not(BINARY(CHECK), "phoenixd.service");
}

static void test_watchdog_of_checks(void **state)
{
    expect(BINARY(CHECK), "WatchdogSec=39s"); /* 3 x (10 s + 3 s) */
    expect(BINARY(", 'healthcheck': {'path': '/', 'interval': '1s'}"), "WatchdogSec=15s");
    expect(BINARY(CHECK ", 'readiness': {'path': '/', 'interval': '1min'}"), "WatchdogSec=3min 9s");
    expect(BINARY(CHECK ", 'watchdog': '5s'"), "WatchdogSec=5s");
    expect(BINARY(CHECK ", 'watchdog': '5s'"), "Type=notify");
    expect(BINARY(CHECK), "Type=exec");
    expect_not(BINARY(""), "WatchdogSec");
}

static void test_start_waits_for_health(void **state)
{
    expect(BINARY(CHECK), "TimeoutStartSec=2min 9s"); /* 1min + 3 x 13 s + 30 s */
    expect(BINARY(", 'healthcheck': {'path': '/', 'interval': '1s', 'grace': '1s'}"),
           "TimeoutStartSec=1min 30s");
    expect(DOCKER(CHECK), "TimeoutStartSec=2min 9s");
    expect("{'type': 'docker', 'image': 'quay.io/x'" CHECK "}", "TimeoutStartSec=15min");
    expect("{'type': 'docker', 'image': 'quay.io/x', 'healthcheck': {'path': '/', 'grace': "
           "'20min'}}",
           "TimeoutStartSec=21min 9s");
    expect_not(BINARY(""), "TimeoutStartSec");
    expect_not(DOCKER(""), "TimeoutStartSec");
}

/* systemd's signal must not reach conmon before the lease has ended the payload. */
static void test_who_ends_a_container(void **state)
{
    expect(DOCKER(CHECK), "WatchdogSignal=SIGCONT");
    expect(DOCKER(CHECK), "TimeoutAbortSec=2s");
    expect_not(DOCKER(CHECK ", 'watchdog': '5s'"), "WatchdogSignal");
    expect_not(DOCKER(""), "WatchdogSignal");
    expect_not(BINARY(CHECK), "WatchdogSignal");
    expect_order(DOCKER(CHECK ", 'unit': {'Service': {'WatchdogSignal': 'SIGABRT'}}"),
                 "WatchdogSignal=SIGCONT", "WatchdogSignal=SIGABRT");
}

static void test_lease_in_the_sandbox(void **state)
{
    static const char families[] =
        BINARY(CHECK ", 'hardening': 'none', 'unit': {'Service': {'RestrictAddressFamilies': "
                     "'AF_INET'}}");

    expect_order(families, "RestrictAddressFamilies=AF_INET", "RestrictAddressFamilies=AF_UNIX");
    expect_not(BINARY(CHECK ", 'hardening': 'none', 'unit': {'Service': "
                            "{'RestrictAddressFamilies': ''}}"),
               "RestrictAddressFamilies=AF_UNIX");
    expect(BINARY(CHECK ", 'tmpfs': ['/run:size=1M']"),
           "BindReadOnlyPaths=-%t/phoenix -%t/systemd/notify");
}

/* In a user's manager the lease of a program cannot be inside: a user namespace of its own would
 * keep it from the service's. A container's is in the user's own anyway. */
static void test_lease_outside_the_sandbox(void **state)
{
    context.scope = SPEC_SCOPE_USER;
    expect(BINARY(CHECK), "ExecStartPost=+/usr/libexec/phoenix/phoenix-lease --watchdog=39s "
                          "--socket=%t/phoenix/lease.sock web");
    expect_not(BINARY(CHECK), "-%t/phoenix");
    expect(DOCKER(CHECK), LEASE);
    /* A user's manager refuses "+" for a command of a unit with such mounts. */
    expect(BINARY(CHECK ", 'volumes': ['/a:/b']"), LEASE);
    expect(BINARY(CHECK ", 'tmpfs': ['/run:size=1M']"), LEASE);
    expect(BINARY(CHECK ", 'tmpfs': ['/run:size=1M']"),
           "BindReadOnlyPaths=-%t/phoenix -%t/systemd/notify");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_lease, reset),
        cmocka_unit_test_setup(test_who_beats, reset),
        cmocka_unit_test_setup(test_gate, reset),
        cmocka_unit_test_setup(test_who_needs_phoenixd, reset),
        cmocka_unit_test_setup(test_watchdog_of_checks, reset),
        cmocka_unit_test_setup(test_start_waits_for_health, reset),
        cmocka_unit_test_setup(test_who_ends_a_container, reset),
        cmocka_unit_test_setup(test_lease_in_the_sandbox, reset),
        cmocka_unit_test_setup(test_lease_outside_the_sandbox, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
