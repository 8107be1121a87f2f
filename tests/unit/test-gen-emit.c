/* SPDX-License-Identifier: MIT */

/* Tests of what units say, where it depends on more than the spec: the manager, the versions, the
 * folder the spec lies in. What specs become as a whole is in tests/golden. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/macros.h"
#include "base/timespan.h"
#include "emit-unit.h"
#include "generator/links.h"

static void test_growing_delay(void **state)
{
    expect(BINARY(""), "RestartSteps=12"); /* 20 ms doubled to a minute: 2^11.55 */
    expect(BINARY(", 'restart': {'jitter': '0%'}"), "RestartMaxDelaySec=1min");
    expect(BINARY(", 'restart': {'delay': '1s', 'max': '8s'}"), "RestartSteps=3");
    expect(BINARY(", 'restart': {'delay': '1s', 'max': '1100ms'}"), "RestartSteps=1");
    expect(BINARY(", 'restart': {'delay': '0', 'max': '1s'}"), "RestartSec=1ms");
    expect(BINARY(", 'restart': {'delay': '5s', 'max': '5s', 'jitter': '0%'}"), "RestartSec=5s");
    expect_not(BINARY(", 'restart': {'delay': '5s', 'max': '5s'}"), "RestartSteps");
    expect_not(BINARY(", 'restart': 'no'"), "RestartSec");
    platform.systemd = 253;
    expect(BINARY(", 'restart': {'jitter': '0%'}"), "RestartSec=1s");
    expect(BINARY(", 'restart': {'delay': '2s', 'jitter': '0%'}"), "RestartSec=2s");
    expect_not(BINARY(""), "RestartSteps");
}

/* RestartMaxDelaySec= (or RestartSec=) in microseconds. */
static uint64_t emitted_span(const char *spec, const char *key)
{
    _cleanup_free_ char *unit = emit(spec);
    _cleanup_free_ char *wanted = text_printf("\n%s=", key), *value = NULL;
    uint64_t usec = 0;

    const char *found = strstr(unit, wanted);
    assert_non_null(found);
    found += strlen(wanted);
    value = strndup(found, strcspn(found, "\n"));
    assert_int_equal(timespan_parse(value, &usec), 0);
    return usec;
}

static void test_jitter_is_fixed_and_spread(void **state)
{
    uint64_t least = UINT64_MAX, most = 0;

    for (int i = 0; i < 200; i++) {
        _cleanup_free_ char *spec = text_printf(
            BINARY(", 'name': 's%d', 'restart': {'delay': '1s', 'max': '100s', 'jitter': '20%%'}"),
            i);
        uint64_t max = emitted_span(spec, "RestartMaxDelaySec");
        assert_int_equal(max, emitted_span(spec, "RestartMaxDelaySec"));
        assert_int_equal(max % USEC_PER_MSEC, 0);
        least = MIN(least, max);
        most = MAX(most, max);
    }
    assert_in_range(least, 80 * USEC_PER_SEC, 83 * USEC_PER_SEC);
    assert_in_range(most, 117 * USEC_PER_SEC, 120 * USEC_PER_SEC);

    static const char web[] = BINARY(", 'restart': {'jitter': '50%'}");
    uint64_t here = emitted_span(web, "RestartMaxDelaySec");
    platform.machine_id = (char *)"0123456789abcdef0123456789abcdef";
    assert_int_not_equal(here, emitted_span(web, "RestartMaxDelaySec"));
}

static void test_jitter_spares_short_delays(void **state)
{
    for (int i = 0; i < 20; i++) {
        _cleanup_free_ char *tight = text_printf(
            BINARY(", 'name': 's%d', 'restart': {'delay': '9s', 'max': '10s', 'jitter': '100%%'}"),
            i);
        _cleanup_free_ char *fixed = text_printf(
            BINARY(", 'name': 's%d', 'restart': {'delay': '9s', 'max': '9s', 'jitter': '10%%'}"),
            i);
        assert_int_equal(emitted_span(tight, "RestartSec"), 9 * USEC_PER_SEC);
        assert_in_range(emitted_span(tight, "RestartMaxDelaySec"), 9 * USEC_PER_SEC,
                        20 * USEC_PER_SEC);
        assert_in_range(emitted_span(fixed, "RestartSec"), 8100 * USEC_PER_MSEC,
                        9900 * USEC_PER_MSEC);
    }
    expect(BINARY(", 'restart': {'delay': '999ms', 'max': '999ms', 'jitter': '50%'}"),
           "RestartSec=999ms");
}

static void test_start_limit(void **state)
{
    expect(BINARY(""), "StartLimitIntervalSec=0");
    expect(BINARY(", 'restart': {'burst': 5, 'reset': '1min'}"), "StartLimitIntervalSec=1min");
    expect(BINARY(", 'restart': {'burst': 5}"), "StartLimitBurst=6");
}

static void test_scopes_of_a_program(void **state)
{
    expect(BINARY(""), "DynamicUser=yes");
    expect(BINARY(""), "ProtectHome=yes");
    expect(BINARY(", 'user': 'a:b'"), "User=a");
    expect(BINARY(", 'user': 'a:b'"), "Group=b");
    expect_not(BINARY(""), "PrivateUsers");
    context.scope = SPEC_SCOPE_USER;
    expect_not(BINARY(""), "DynamicUser");
    expect_not(BINARY(", 'user': 'a:b'"), "User=a");
    expect(BINARY(""), "ProtectHome=read-only");
    expect(BINARY(""), "PrivateUsers=yes");
    expect_not(BINARY(", 'hardening': 'none'"), "PrivateUsers");
}

/* Two services must never share a dynamic user, nor have one with a name that systemd refuses. */
static void test_names_of_dynamic_users(void **state)
{
    expect(BINARY(""), "User=phoenix-web");
    expect(BINARY(", 'name': 'a.b'"), "User=phoenix-e61d99190466522c");
    expect(BINARY(", 'name': 'abcdefghijklmnopqrstuvw'"), "User=phoenix-abcdefghijklmnopqrstuvw");
    expect_not(BINARY(", 'name': 'abcdefghijklmnopqrstuvwx'"), "User=phoenix-abc");
    expect(BINARY(", 'user': 'a'"), "User=a");
    expect_not(BINARY(", 'user': 'a'"), "DynamicUser");
    expect_not(BINARY(", 'hardening': 'none'"), "User=");
}

static void test_homes(void **state)
{
    expect("{'type': 'binary', 'image': '/home/a/x'}", "ProtectHome=read-only");
    expect("{'type': 'binary', 'image': '/homes/x'}", "ProtectHome=yes");
    expect(BINARY(", 'volumes': ['/root/d:/d']"), "ProtectHome=read-only");
    expect(BINARY(", 'volumes': ['/d:/root/d']"), "ProtectHome=yes");
    expect(BINARY(", 'hardening': {'home': 'writable'}"),
           "ReadWritePaths=-/home -/root -/run/user");
    expect_not(BINARY(", 'hardening': 'none'"), "Protect");
}

static void test_capabilities(void **state)
{
    expect(BINARY(""), "CapabilityBoundingSet=");
    expect(BINARY(", 'hardening': {'capabilities': ['NET_RAW']}"),
           "CapabilityBoundingSet=CAP_NET_RAW");
    expect(BINARY(", 'hardening': {'capabilities': ['NET_RAW']}"),
           "AmbientCapabilities=CAP_NET_RAW");
    expect(BINARY(", 'hardening': {'capabilities': ['NET_RAW']}"),
           "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET");
    expect_not(BINARY(", 'hardening': {'capabilities': ['all']}"), "Capabilit");
    context.scope = SPEC_SCOPE_USER;
    expect_not(BINARY(", 'hardening': {'capabilities': ['NET_RAW']}"), "Ambient");
}

static void test_volumes_of_a_program(void **state)
{
    expect(BINARY(", 'volumes': ['/a:/b:ro']"), "BindReadOnlyPaths=/a:/b");
    expect(BINARY(", 'volumes': ['/a:/b:z,ro']"), "BindReadOnlyPaths=/a:/b");
    expect(BINARY(", 'volumes': ['/a:/b:rox']"), "BindPaths=/a:/b");
    expect(BINARY(", 'volumes': ['/a b:/b c']"), "BindPaths=\"/a b\":\"/b c\"");
    expect(BINARY(", 'volumes': ['/a']"), "TemporaryFileSystem=/a");
    expect(BINARY(", 'tmpfs': ['/a:size=1M']"), "TemporaryFileSystem=/a:size=1M");
}

static void test_types(void **state)
{
    expect(BINARY(""), "Type=exec");
    expect(BINARY(", 'watchdog': '1s'"), "Type=notify");
    expect(BINARY(", 'duration': 'oneshot'"), "Type=oneshot");
    expect_not(DOCKER(""), "Type=exec");
    expect(DOCKER(", 'duration': 'oneshot'"), "Type=oneshot");
    expect(DOCKER(", 'duration': 'oneshot'"), "LogDriver=none");
    expect_not(DOCKER(""), "Notify=");
    expect(DOCKER(", 'watchdog': '1s'"), "Notify=true");
    expect(DOCKER(", 'watchdog': '1s'"), "Environment=WATCHDOG_USEC=1000000");
    expect(DOCKER(", 'watchdog': '1s', 'env': ['WATCHDOG_USEC=5']"), "Environment=WATCHDOG_USEC=5");
    expect_not(DOCKER(", 'watchdog': '1s', 'env': ['WATCHDOG_USEC=5']"), "WATCHDOG_USEC=1000000");
}

static void test_network_order(void **state)
{
    expect(DOCKER(""), "After=network.target");
    expect_not(DOCKER(""), "network-online");
    expect("{'type': 'docker', 'image': 'quay.io/x'}", "Wants=network-online.target");
    expect_not("{'type': 'docker', 'image': 'quay.io/x', 'network': 'none'}", "network-online");
    expect("{'type': 'docker', 'image': 'quay.io/x'}", "TimeoutStartSec=15min");
    context.scope = SPEC_SCOPE_USER;
    expect_not("{'type': 'docker', 'image': 'quay.io/x'}", "network-online");
    expect(DOCKER(""), "DefaultDependencies=false");
    context.quadlet = PODMAN_VERSION(5, 2);
    expect_not(DOCKER(""), "DefaultDependencies");
}

static void test_old_quadlets(void **state)
{
    expect(DOCKER(", 'workdir': '/a b'"), "WorkingDir=/a b");
    expect(DOCKER(", 'limits': {'files': 9}"), "Ulimit=nofile=9");
    context.quadlet = PODMAN_VERSION(4, 4);
    expect(DOCKER(", 'workdir': '/a b'"), "PodmanArgs=--workdir \"/a b\"");
    expect(DOCKER(", 'limits': {'files': 9}"), "PodmanArgs=--ulimit nofile=9");
    expect(DOCKER(", 'autoupdate': 'local'"), "Label=io.containers.autoupdate=local");
    assert_false(emit_has_image_units(&context));
}

static void test_what_quadlet_would_spoil(void **state)
{
    expect(DOCKER(", 'args': ['', ';']"), "Exec=${PHOENIX_EMPTY} ${PHOENIX_EMPTY};");
    expect(DOCKER(", 'args': ['', ';']"), "Environment=PHOENIX_EMPTY=");
    expect_not(DOCKER(", 'args': ['a']"), "PHOENIX_EMPTY");
    expect(DOCKER(", 'volumes': ['/a b:/c']"), "PodmanArgs=--volume \"/a b:/c\"");
    expect(DOCKER(", 'volumes': ['/a b:/c']"), "RequiresMountsFor=\"/a b\"");
    expect(DOCKER(", 'volumes': ['/a%:/c']"), "Volume=/a%%:/c");
}

static void test_tmp_of_a_container(void **state)
{
    expect(DOCKER(""), "Tmpfs=/tmp");
    expect(DOCKER(", 'tmpfs': ['/tmp:size=1M']"), "Tmpfs=/tmp:size=1M");
    expect_not(DOCKER(", 'tmpfs': ['/tmp:size=1M']"), "Tmpfs=/tmp\n");
    expect_not(DOCKER(", 'volumes': ['/x:/tmp:ro']"), "Tmpfs=/tmp\n");
    expect(DOCKER(", 'volumes': ['/x:/tmpx']"), "Tmpfs=/tmp");
}

static void test_init(void **state)
{
    expect(DOCKER(""), "RunInit=true");
    expect_not(DOCKER(", 'hardening': {'init': false}"), "RunInit");
    platform.catatonit = false;
    expect_not(DOCKER(""), "RunInit");
}

static void test_healthcheck_of_podman(void **state)
{
    expect(DOCKER(""), "PodmanArgs=--no-healthcheck");
    expect_not(DOCKER(", 'unit': {'Container': {'HealthCmd': 'true'}}"), "--no-healthcheck");
}

static void test_passthrough_has_the_last_word(void **state)
{
    _cleanup_free_ char *unit = emit(
        BINARY(", 'unit': {'Service': {'Type': 'simple', 'Nice': [' 5 ', '']}, 'X-My': {'A': 1}}"));

    assert_true(strstr(unit, "Type=exec") < strstr(unit, "Type=simple"));
    assert_non_null(strstr(unit, "\nNice=5\nNice=\n"));
    assert_non_null(strstr(unit, "\n[X-My]\nA=1\n"));
    expect_not(BINARY(", 'unit': {'Install': {'WantedBy': 'a.target'}}"), "[Install]");
}

static void expect_enabled(const char *text, const char *path, bool expected)
{
    _cleanup_free_ char *json = strdup(text);

    for (char *p = json; (p = strchr(p, '\''));)
        *p = '"';
    _cleanup_spec_free_ Spec *spec = read_spec(json);
    const SpecEntry entry = {.spec = spec, .file = {.path = (char *)path}};
    assert_int_equal(links_enabled(&context, &entry), expected);
}

static void test_who_starts_a_spec(void **state)
{
    static const char any[] = BINARY(", 'enable': true"), off[] = BINARY("");
    static const char user[] = BINARY(", 'enable': true, 'scope': 'user'");
    static const char shared[] = "/etc/phoenix.d/a.json",
                      own[] = "/home/a/.config/phoenix.d/a.json";

    expect_enabled(any, shared, true);
    expect_enabled(off, shared, false);
    context.scope = SPEC_SCOPE_USER;
    expect_enabled(any, shared, false);
    expect_enabled(any, own, true);
    expect_enabled(off, own, false);
    expect_enabled(user, shared, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_growing_delay, reset),
        cmocka_unit_test_setup(test_jitter_is_fixed_and_spread, reset),
        cmocka_unit_test_setup(test_jitter_spares_short_delays, reset),
        cmocka_unit_test_setup(test_start_limit, reset),
        cmocka_unit_test_setup(test_scopes_of_a_program, reset),
        cmocka_unit_test_setup(test_names_of_dynamic_users, reset),
        cmocka_unit_test_setup(test_homes, reset),
        cmocka_unit_test_setup(test_capabilities, reset),
        cmocka_unit_test_setup(test_volumes_of_a_program, reset),
        cmocka_unit_test_setup(test_types, reset),
        cmocka_unit_test_setup(test_network_order, reset),
        cmocka_unit_test_setup(test_old_quadlets, reset),
        cmocka_unit_test_setup(test_what_quadlet_would_spoil, reset),
        cmocka_unit_test_setup(test_tmp_of_a_container, reset),
        cmocka_unit_test_setup(test_init, reset),
        cmocka_unit_test_setup(test_healthcheck_of_podman, reset),
        cmocka_unit_test_setup(test_passthrough_has_the_last_word, reset),
        cmocka_unit_test_setup(test_who_starts_a_spec, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
