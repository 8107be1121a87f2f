/* SPDX-License-Identifier: MIT */
/*
 * Tests of what units say of a service that its connections start, where the golden tests do not
 * show it: old and new systemd, both managers, and the addresses that are given out.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file.h"
#include "emit-unit.h"
#include "spec/demand.h"

#define LISTEN ", 'listen': 80"
#define FREEZE LISTEN ", 'idle': {'after': 9, 'action': 'freeze'}"
#define END_OF_PROXY(prefix, user)                                                                 \
    "ExecStopPost=" prefix "systemctl" user " --quiet kill phoenix-proxy@web.service"

static Loopback loopback = {.name = "web", .address = 0x7f400102, .port = 61003};
static const Loopbacks loopbacks = {.items = &loopback, .n = 1};

static int reset_all(void **state)
{
    context.loopbacks = &loopbacks;
    return reset(state);
}

static void test_ties(void **state)
{
    static const char *const proxied[] = {"Wants=phoenix@web.socket", "After=phoenix@web.socket",
                                          "PartOf=phoenix@web.socket", END_OF_PROXY("-+", "")};

    for (size_t i = 0; i < ELEMENTSOF(proxied); i++) {
        expect(BINARY(LISTEN), proxied[i]);
        expect(DOCKER(LISTEN), proxied[i]);
    }
    expect_not(BINARY(""), "phoenix@web.socket");
    expect_not(BINARY(LISTEN ", 'activation': 'native'"), "phoenix-proxy@");
    expect_not(BINARY(LISTEN), "StopWhenUnneeded");
    expect(BINARY(LISTEN ", 'idle': 9"), "StopWhenUnneeded=yes");
    expect(BINARY(LISTEN ", 'idle': 9"), "Wants=phoenix-up@web.timer");
    expect(BINARY(LISTEN ", 'idle': 9, 'activation': 'native'"), "Wants=phoenix-idle@web.service");
    expect(BINARY(FREEZE), "Wants=phoenix-idle@web.service");
    expect_not(BINARY(FREEZE), "StopWhenUnneeded");
    expect_not(BINARY(LISTEN ", 'idle': 9"), "Wants=phoenix-proxy@web.service");
    expect_not(BINARY(FREEZE ", 'activation': 'native'"), "phoenix-proxy@");
    for (size_t i = 0; i < 2; i++) {
        const char *frozen = i == 0 ? BINARY(FREEZE) : DOCKER(FREEZE);
        expect(frozen, "Wants=phoenix-proxy@web.service");
        /* What is frozen hears the first one when the second one has thawed it. */
        expect(frozen, END_OF_PROXY("-+", "") " phoenix-idle@web.service");
    }
    expect(BINARY(LISTEN ", 'idle': {'after': 9, 'action': 'freeze', 'stop': '1h'}"),
           "StopWhenUnneeded=yes");
    expect(DOCKER(LISTEN ", 'proxyport': 81"), "PublishPort=127.64.1.2:61003:81");
    expect_not(DOCKER(LISTEN ", 'activation': 'native'"), "PublishPort");
}

static void test_in_a_user_manager(void **state)
{
    context.scope = SPEC_SCOPE_USER;
    expect(BINARY(LISTEN), END_OF_PROXY("-+", " --user"));
    /* Where "+" would be refused: also the lease goes without it. */
    expect(BINARY(LISTEN ", 'volumes': ['/a:/b']"), END_OF_PROXY("-", " --user"));
    expect(BINARY(LISTEN ", 'tmpfs': ['/b']"), END_OF_PROXY("-", " --user"));
    expect(BINARY(LISTEN), "ExecStartPost=+/usr/libexec/phoenix/phoenix-lease --watchdog=39s "
                           "--socket=%t/phoenix/lease.sock web");
    expect(BINARY(LISTEN ", 'volumes': ['/a:/b']"),
           "ExecStartPost=/usr/libexec/phoenix/phoenix-lease --watchdog=39s "
           "--socket=%t/phoenix/lease.sock web");
    expect(DOCKER(LISTEN ", 'proxysocket': '/a/b c'"),
           "ExecStartPost=-nsenter --user --target=${MAINPID} chmod 0666 %t/phoenix-web\"/b c\"");
    expect(DOCKER(LISTEN ", 'proxysocket': '/a/b'"), "RuntimeDirectoryMode=0777");
    expect(DOCKER(LISTEN ", 'proxysocket': '/a/b'"), "Volume=%t/phoenix-web:/a:z");
    expect_not(DOCKER(LISTEN ", 'proxysocket': '/a/b', 'volumes': ['/c:/a']"), "nsenter");
    expect_not(BINARY(LISTEN ", 'proxysocket': '/a/b'"), "BindPaths");
    context.scope = SPEC_SCOPE_SYSTEM;
    expect_not(DOCKER(LISTEN ", 'proxysocket': '/a/b'"), "nsenter");
    expect_not(DOCKER(LISTEN ", 'proxysocket': '/a/b'"), "0777");
    expect(DOCKER(LISTEN ", 'proxysocket': '/a/b'"), "Volume=%t/phoenix-web:/a:z,U");
    expect(BINARY(LISTEN ", 'proxysocket': '/a/b'"), "BindPaths=%t/phoenix-web:/a");
    expect_not(BINARY(LISTEN ", 'proxysocket': '/run/phoenix-web/b'"), "BindPaths");
}

static void test_old_systemd(void **state)
{
    expect(BINARY(FREEZE), "DelegateSubgroup=payload");
    expect(BINARY(LISTEN), "RestartMode=direct");
    expect(BINARY(LISTEN), "JobRunningTimeoutSec=2min 14s");
    expect(BINARY(LISTEN ", 'unit': {'Service': {'TimeoutStartSec': '20s'}}"),
           "JobRunningTimeoutSec=25s");
    expect_not(BINARY(LISTEN ", 'unit': {'Service': {'TimeoutStartSec': 'infinity'}}"),
               "JobRunningTimeoutSec");
    expect_not(BINARY(LISTEN ", 'restart': 'no'"), "RestartMode");
    expect_not(BINARY(LISTEN ", 'restart': 'no'"), "JobRunningTimeoutSec");
    expect_not(BINARY(""), "RestartMode");
    platform.systemd = 253;
    expect_not(BINARY(FREEZE), "Delegate");
    expect_not(DOCKER(FREEZE), "Wants=phoenix-proxy@web.service");
    expect(DOCKER(FREEZE), END_OF_PROXY("-+", ""));
    expect(BINARY(FREEZE), "Wants=phoenix-up@web.timer");
    expect(BINARY(FREEZE), "StopWhenUnneeded=yes");
    expect_not(BINARY(LISTEN), "RestartMode");
    expect_not(BINARY(LISTEN), "JobRunningTimeoutSec");
    expect(DOCKER(FREEZE), "Wants=phoenix-idle@web.service");
}

static void test_stop_timeouts(void **state)
{
    expect(BINARY(LISTEN), "TimeoutStopSec=30s");
    expect(BINARY(FREEZE), "TimeoutStopSec=30s");
    expect(BINARY(LISTEN ", 'idle': 9"), "TimeoutStopSec=2s");
    expect(DOCKER(LISTEN ", 'idle': 9"), "PodmanArgs=--stop-timeout=2");
    expect(DOCKER(LISTEN ", 'idle': 9"), "TimeoutStopSec=10s");
    expect_not(DOCKER(FREEZE), "--stop-timeout");
    /* The user has the last word. */
    expect(BINARY(LISTEN ", 'idle': 9, 'unit': {'Service': {'TimeoutStopSec': '20s'}}"),
           "TimeoutStopSec=20s");
}

static void test_program_that_is_not_there(void **state)
{
    expect(BINARY(""), "RestartPreventExitStatus=203");
    expect_not(BINARY(LISTEN), "RestartPreventExitStatus");
}

static void test_settings_go_to_the_socket(void **state)
{
    expect_not(BINARY(LISTEN ", 'unit': {'Socket': {'Priority': 6}}"), "Priority");
}

/* The unit of one emitter, rendered. */
static char *emit_with(void (*emitter)(const EmitContext *, const Spec *, UnitFile *),
                       const char *text)
{
    _cleanup_free_ char *json = strdup(text);
    _cleanup_unit_ UnitFile unit = {0};
    _cleanup_text_ Text result = {0};
    char *ret = NULL;

    for (char *p = json; (p = strchr(p, '\''));)
        *p = '"';
    _cleanup_spec_free_ Spec *spec = read_spec(json);
    emitter(&context, spec, &unit);
    assert_int_equal(unit_render(&unit, NULL, &result), 0);
    assert_int_equal(text_take(&result, &ret), 0);
    return ret;
}

static void expect_with(void (*emitter)(const EmitContext *, const Spec *, UnitFile *),
                        const char *spec, const char *line)
{
    _cleanup_free_ char *unit = emit_with(emitter, spec);
    _cleanup_free_ char *wanted = text_printf("\n%s\n", line);

    if (!strstr(unit, wanted))
        fail_msg("\"%s\" is missing in:\n%s", line, unit);
}

#define PROXYD                                                                                     \
    "ExecStart=/usr/libexec/phoenix/phoenix-drain --time 10s --if-needed "                         \
    "--service phoenix@web.service --supervised -- "                                               \
    "/usr/lib/systemd/systemd-socket-proxyd "

static void test_proxy(void **state)
{
    expect_with(emit_proxy, BINARY(LISTEN), PROXYD "--connections-max=256 127.0.0.1:8000");
    expect_with(emit_proxy, DOCKER(LISTEN ", 'idle': '1500ms'"),
                PROXYD "--exit-idle-time=1500000us --connections-max=256 127.64.1.2:61003");
    expect_with(emit_proxy, DOCKER(LISTEN ", 'proxysocket': '/a/b%$ c'"),
                PROXYD "--connections-max=256 %t/phoenix-web\"/b%%$$ c\"");
    expect_with(emit_proxy, BINARY(LISTEN ", 'network': 'none'"),
                "JoinsNamespaceOf=phoenix@web.service");
    expect_with(emit_proxy, BINARY(LISTEN), "Slice=system-phoenix.slice");
    expect_with(emit_proxy, BINARY(LISTEN ", 'unit': {'Service': {'Slice': 'a.slice'}}"),
                "Slice=a.slice");
    context.scope = SPEC_SCOPE_USER;
    expect_with(emit_proxy, BINARY(LISTEN), "Slice=app-phoenix.slice");
    expect_with(emit_proxy, BINARY(LISTEN), "PrivateUsers=yes");
    expect_with(emit_proxy, DOCKER(LISTEN ", 'proxysocket': '/a/b', 'volumes': ['/home/x y:/a']"),
                "BindReadOnlyPaths=\"/home/x y\"");
}

static void expect_not_with(void (*emitter)(const EmitContext *, const Spec *, UnitFile *),
                            const char *spec, const char *text)
{
    _cleanup_free_ char *unit = emit_with(emitter, spec);

    if (strstr(unit, text))
        fail_msg("\"%s\" is in:\n%s", text, unit);
}

/* It stays, also without a connection, and is frozen with its service. */
static void test_frozen_proxy(void **state)
{
    static const char *const lines[] = {"Delegate=yes", "DelegateSubgroup=payload",
                                        "Slice=system-phoenix.slice",
                                        "Wants=phoenix-idle@web.service", "Restart=on-failure"};
    static const char *const watch[] = {
        "PartOf=phoenix-proxy@web.service", "After=phoenix-proxy@web.service",
        "CapabilityBoundingSet=CAP_DAC_OVERRIDE CAP_SYS_PTRACE CAP_KILL",
        "ExecStart=/usr/libexec/phoenix/phoenix-idle --after=9s --action=freeze --listen=80 "
        "--with-proxy web"};

    for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
        expect_with(emit_proxy, BINARY(FREEZE), lines[i]);
        expect_with(emit_proxy, DOCKER(FREEZE), lines[i]);
    }
    for (size_t i = 0; i < ELEMENTSOF(watch); i++) {
        expect_with(emit_idle_watch, BINARY(FREEZE), watch[i]);
        expect_with(emit_idle_watch, DOCKER(FREEZE), watch[i]);
    }
    expect_not_with(emit_idle_watch, DOCKER(FREEZE), ".slice\nAfter=");
    expect_not_with(emit_proxy, BINARY(FREEZE), "--if-needed");
    expect_not_with(emit_proxy, BINARY(FREEZE), "--exit-idle-time");
    expect_not_with(emit_proxy, BINARY(LISTEN ", 'idle': 9"), "Delegate");
    expect_not_with(emit_proxy, BINARY(LISTEN ", 'idle': 9"), "Restart=");
    expect_with(emit_idle_watch,
                BINARY(", 'listen': {'stream': '/a/b', 'user': 'x'}, 'idle': {'after': 9, "
                       "'action': 'freeze'}"),
                "CapabilityBoundingSet=CAP_DAC_OVERRIDE CAP_SYS_PTRACE CAP_KILL CAP_FOWNER");
}

/* Before systemd 254 it has no group that could be frozen: it comes and goes. */
static void test_proxy_in_its_own_slice(void **state)
{
    platform.systemd = 253;
    expect_with(emit_proxy, DOCKER(FREEZE ", 'name': 'a-b', 'network': 'host'"),
                "Slice=system-phoenix-a\\x2db.slice");
    expect_with(emit_proxy, DOCKER(FREEZE ", 'unit': {'Service': {'Slice': '-.slice'}}"),
                "Slice=web.slice");
    expect_with(emit_proxy, DOCKER(FREEZE),
                PROXYD "--exit-idle-time=9s --connections-max=256 127.64.1.2:61003");
    expect_not_with(emit_proxy, DOCKER(FREEZE), "Delegate");
    expect_with(emit_idle_watch, DOCKER(FREEZE), "Requires=system-phoenix-web.slice");
    expect_with(emit_idle_watch, DOCKER(FREEZE),
                "ExecStart=/usr/libexec/phoenix/phoenix-idle --after=9s --action=freeze "
                "--proxy=system-phoenix-web.slice web");
}

static void test_socket(void **state)
{
    expect_with(emit_socket, BINARY(", 'listen': '/a/b%'"), "ListenStream=/a/b%%");
    expect_with(emit_socket, BINARY(", 'listen': {'stream': '/a/b', 'user': 'x'}"), "SocketUser=x");
    expect_with(emit_socket, BINARY(LISTEN ", 'unit': {'Socket': {'Priority': 6}}"), "Priority=6");
    expect_with(emit_socket, BINARY(LISTEN ", 'idle': 9"), "KeepAlive=yes");
    context.scope = SPEC_SCOPE_USER;
    _cleanup_free_ char *socket =
        emit_with(emit_socket, BINARY(", 'listen': {'stream': '/a/b', 'user': 'x'}"));
    assert_null(strstr(socket, "SocketUser"));
}

static void test_time_to_stay_up(void **state)
{
    expect_with(emit_up_timer, BINARY(LISTEN ", 'idle': 9"), "OnActiveSec=9s");
    expect_with(emit_up_timer, BINARY(LISTEN ", 'idle': {'after': 9, 'min': '1min'}"),
                "OnActiveSec=60s");
    expect_with(emit_idle_watch,
                BINARY(", 'listen': [80, '/a b'], 'activation': 'native', 'idle': 9"),
                "ExecStart=/usr/libexec/phoenix/phoenix-idle --after=9s --action=stop --listen=80 "
                "\"--listen=/a b\" web");
    expect_with(emit_idle_watch,
                DOCKER(LISTEN ", 'idle': {'after': 9, 'action': 'freeze', 'reclaim': true, 'min': "
                              "1, 'stop': 60}"),
                "ExecStart=/usr/libexec/phoenix/phoenix-idle --after=9s --min=1s --action=freeze "
                "--stop=60s --reclaim --listen=80 --with-proxy web");
}

/* ---- addresses ---- */

static SpecSet *load(const char *folder, const char *const *names, const char *more)
{
    char *folders[] = {(char *)folder, NULL};
    SpecSet *set = NULL;

    for (; *names; names++) {
        _cleanup_free_ char *path = text_printf("%s/%s.json", folder, *names);
        _cleanup_fclose_ FILE *file = fopen(path, "w");
        assert_non_null(file);
        fprintf(file, "{\"type\": \"docker\", \"image\": \"x\", \"listen\": \"@%s\"%s}", *names,
                more);
    }
    assert_int_equal(spec_set_load(SPEC_SCOPE_SYSTEM, folders, "host", &set), 0);
    return set;
}

static void test_addresses(void **state)
{
    static const char *const names[] = {"a", "b", "web", NULL};
    char folder[] = "/tmp/phoenix-loopback-XXXXXX";
    Loopbacks root = {0}, user = {0};

    assert_non_null(mkdtemp(folder));
    _cleanup_spec_set_free_ SpecSet *set = load(folder, names, "");
    dir_remove_tree(folder);
    assert_int_equal(loopbacks_assign(set, 0, &root), 0);
    assert_int_equal(loopbacks_assign(set, 1000, &user), 0);
    assert_int_equal(root.n, 3);
    for (size_t i = 0; i < root.n; i++) {
        const Loopback *found = loopbacks_find(&root, names[i]);
        assert_string_equal(found->name, names[i]);
        assert_int_equal(found->address >> 22, 0x7f400000 >> 22);
        assert_true((found->address & 255) != 0 && (found->address & 255) != 255);
        assert_true(found->port >= 61000);
        assert_true(found->address != loopbacks_find(&user, names[i])->address);
    }
    loopbacks_done(&root);
    loopbacks_done(&user);
}

/* A port that a spec takes itself is not given out. */
static void test_ports_that_are_taken(void **state)
{
    static const char *const names[] = {"web", NULL};
    char folder[] = "/tmp/phoenix-loopback-XXXXXX";
    Loopbacks free_one = {0}, moved = {0};

    assert_non_null(mkdtemp(folder));
    _cleanup_spec_set_free_ SpecSet *set = load(folder, names, "");
    assert_int_equal(loopbacks_assign(set, 0, &free_one), 0);
    unsigned port = loopbacks_find(&free_one, "web")->port;
    _cleanup_free_ char *more = text_printf(", \"ports\": [\"%u:1\"]", port);
    _cleanup_spec_set_free_ SpecSet *taken = load(folder, names, more);
    dir_remove_tree(folder);
    assert_int_equal(loopbacks_assign(taken, 0, &moved), 0);
    assert_int_equal(loopbacks_find(&moved, "web")->port, port == 65535 ? 61000 : port + 1);
    assert_int_equal(loopbacks_find(&moved, "web")->address,
                     loopbacks_find(&free_one, "web")->address);
    loopbacks_done(&free_one);
    loopbacks_done(&moved);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, reset_all)
    const struct CMUnitTest tests[] = {
        TEST(test_ties),
        TEST(test_in_a_user_manager),
        TEST(test_old_systemd),
        TEST(test_stop_timeouts),
        TEST(test_program_that_is_not_there),
        TEST(test_settings_go_to_the_socket),
        TEST(test_proxy),
        TEST(test_frozen_proxy),
        TEST(test_proxy_in_its_own_slice),
        TEST(test_socket),
        TEST(test_time_to_stay_up),
        TEST(test_addresses),
        TEST(test_ports_that_are_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
