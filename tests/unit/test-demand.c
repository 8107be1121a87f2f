/* SPDX-License-Identifier: MIT */
/*
 * What "listen" asks for and means: addresses, published ports, where a proxy finds its service,
 * the rules between the keys, and the check that nobody wrote.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "base/text.h"
#include "spec/demand.h"
#include "spec/publish.h"
#include "spec/read.h"

#define DOCKER(more) "{'type': 'docker', 'image': 'x'" more "}"
#define BINARY(more) "{'type': 'binary', 'image': '/bin/x'" more "}"
#define LISTEN       ", 'listen': 80"

/* Reads a spec, in which "'" stands for a quote. */
static int read_quoted(const char *text, DiagList *diags, Spec **ret)
{
    _cleanup_free_ char *json = strdup(text);

    for (char *p = json; (p = strchr(p, '\'')); p++)
        *p = '"';
    return spec_read(json, strlen(json), "/etc/phoenix.d/web.json", diags, ret);
}

static Spec *good(const char *text)
{
    _cleanup_diag_list_ DiagList diags = {0};
    Spec *spec = NULL;

    int r = read_quoted(text, &diags, &spec);
    for (size_t i = 0; i < diags.n; i++)
        if (diags.items[i].severity != DIAG_NOTE)
            fail_msg("%s: %s: %s", text, diags.items[i].key, diags.items[i].message);
    assert_int_equal(r, 0);
    return spec;
}

/* There is one finding, of this severity, at this key, with this in its message. */
static void expect(DiagSeverity severity, const char *key, const char *part, const char *text)
{
    _cleanup_diag_list_ DiagList diags = {0};
    _cleanup_spec_free_ Spec *spec = NULL;

    int r = read_quoted(text, &diags, &spec);
    if (diags.n != 1)
        fail_msg("%s: %zu findings", text, diags.n);
    assert_int_equal(diags.items[0].severity, severity);
    assert_string_equal(diags.items[0].key, key);
    if (!strstr(diags.items[0].message, part))
        fail_msg("\"%s\" is not in: %s", part, diags.items[0].message);
    assert_int_equal(r, severity == DIAG_ERROR ? SPEC_INVALID : 0);
}

#define ERROR(...)   expect(DIAG_ERROR, __VA_ARGS__)
#define WARNING(...) expect(DIAG_WARNING, __VA_ARGS__)

static void assert_address(const char *stream, ListenFamily family, unsigned port, bool wildcard)
{
    ListenAddress address;

    assert_int_equal(listen_address_parse(stream, &address), 0);
    assert_int_equal(address.family, family);
    assert_int_equal(address.port, port);
    assert_int_equal(listen_address_is_wildcard(&address), wildcard);
}

static void test_addresses(void **state)
{
    static const char *const wrong[] = {"",      "0",     "65536", "x",  "1.2.3:80", "::1:80",
                                        "[::1]", "[x]:1", ":80",   "-1", "80 "};
    ListenAddress address;

    assert_address("8080", LISTEN_ANY, 8080, true);
    assert_address("0.0.0.0:1", LISTEN_IPV4, 1, true);
    assert_address("127.0.0.1:65535", LISTEN_IPV4, 65535, false);
    assert_address("[::]:80", LISTEN_IPV6, 80, true);
    assert_address("[::1]:80", LISTEN_IPV6, 80, false);
    assert_address("[::ffff:10.0.0.1]:80", LISTEN_IPV4, 80, false);
    assert_address("/run/x:1", LISTEN_UNIX, 0, false);
    assert_address("@x", LISTEN_UNIX, 0, false);
    assert_int_equal(listen_address_parse("[::ffff:10.0.0.1]:80", &address), 0);
    assert_memory_equal(address.address, ((unsigned char[16]){10, 0, 0, 1}), 16);
    for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
        assert_int_equal(listen_address_parse(wrong[i], &address), -EINVAL);
}

static void test_published(void **state)
{
    Published published;

    assert_int_equal(publish_parse("80", &published), 0);
    assert_int_equal(publish_parse("127.0.0.1::80", &published), 0);
    assert_int_equal(publish_parse("8000-8010:80-90/udp", &published), 1);
    assert_int_equal(published.protocol, PUBLISH_UDP);
    assert_int_equal(published.first, 8000);
    assert_int_equal(published.last, 8010);
    assert_true(published.ipv4 && published.ipv6);
    assert_int_equal(publish_parse("10.0.0.1:8080:80", &published), 1);
    assert_true(published.ipv4 && !published.ipv6);
    assert_memory_equal(published.address, ((unsigned char[16]){10, 0, 0, 1}), 16);
    assert_int_equal(publish_parse("[::1]:8080:80/tcp", &published), 1);
    assert_true(!published.ipv4 && published.ipv6);
    assert_memory_equal(published.address, ((unsigned char[16]){[15] = 1}), 16);
    assert_int_equal(publish_parse("8080:80/icmp", &published), -EINVAL);
    assert_int_equal(publish_parse("70000:80", &published), -EINVAL);
    assert_int_equal(publish_parse("x:80:80", &published), -EINVAL);
}

static void assert_target(SpecTarget target, const char *text)
{
    _cleanup_spec_free_ Spec *spec = good(text);

    assert_int_equal(spec_target(spec), target);
}

static void test_targets(void **state)
{
    assert_target(SPEC_TARGET_PUBLISHED, DOCKER(LISTEN));
    assert_target(SPEC_TARGET_PUBLISHED, DOCKER(LISTEN ", 'network': 'pasta:-T,1'"));
    assert_target(SPEC_TARGET_PUBLISHED, DOCKER(LISTEN ", 'network': ['a', 'b.network']"));
    assert_target(SPEC_TARGET_HOST, DOCKER(LISTEN ", 'network': 'host'"));
    assert_target(SPEC_TARGET_HOST, BINARY(LISTEN));
    assert_target(SPEC_TARGET_NAMESPACE, BINARY(LISTEN ", 'network': 'none'"));
    assert_target(SPEC_TARGET_SOCKET, DOCKER(LISTEN ", 'network': 'none', 'proxysocket': '/a/b'"));
    assert_target(SPEC_TARGET_SOCKET,
                  DOCKER(LISTEN ", 'network': 'container:x', 'proxysocket': '/a/b'"));
    ERROR("network", "no port", DOCKER(LISTEN ", 'network': 'none'"));
    ERROR("network", "another container", DOCKER(LISTEN ", 'network': 'container:x'"));
    ERROR("network", "another container", DOCKER(LISTEN ", 'network': 'db.container'"));
    ERROR("network", "another container", DOCKER(LISTEN ", 'network': 'ns:/run/netns/x'"));
    /* The sockets themselves need no network. */
    spec_free(good(DOCKER(LISTEN ", 'network': 'none', 'activation': 'native'")));
}

/* Where the host has the socket; NULL is a folder of its own, "" is nowhere. */
static void assert_place(const char *place, SpecScope scope, const char *text)
{
    _cleanup_spec_free_ Spec *spec = good(text);
    _cleanup_free_ char *found = NULL;
    const char *reason = NULL;

    assert_int_equal(spec_proxysocket_on_host(spec, scope, &found, &reason), 0);
    if (place)
        assert_string_equal(found, place);
    else
        assert_null(found);
}

#define SOCKET(path) LISTEN ", 'proxysocket': '" path "'"

static void test_place_of_the_socket(void **state)
{
    SpecScope user = SPEC_SCOPE_USER, system = SPEC_SCOPE_SYSTEM;

    assert_place(NULL, user, DOCKER(SOCKET("/run/x/s")));
    assert_place(NULL, user, DOCKER(SOCKET("/tmp/s")));
    assert_place("/srv/s", user, DOCKER(SOCKET("/x/s") ", 'volumes': ['/srv:/x']"));
    assert_place("/srv/y/s", user, DOCKER(SOCKET("/x/y/s") ", 'volumes': ['/srv/:/x/:rw']"));
    assert_place("/b/s", user,
                 DOCKER(SOCKET("/x/y/s") ", 'volumes': ['/a:/x', '/b:/x/y', '/c:/xy']"));
    assert_place(NULL, user, DOCKER(SOCKET("/x/y/s") ", 'volumes': ['/a:/x/z', '/b:/xy']"));
    assert_place(NULL, user, DOCKER(SOCKET("/run/x/s") ", 'tmpfs': ['/run']"));
    assert_place(NULL, user,
                 DOCKER(SOCKET("/a/b/c/s") ", 'volumes': ['/v:/a'], 'tmpfs': ['/a/b']"));
    /* A program sees the host as it is, but for what is mounted. */
    assert_place(NULL, system, BINARY(SOCKET("/run/x/s")));
    assert_place("/run/x/s", user, BINARY(SOCKET("/run/x/s")));
    assert_place("/srv/s", user, BINARY(SOCKET("/x/s") ", 'volumes': ['/srv:/x']"));
    assert_place("/srv/s", user, BINARY(SOCKET("/tmp/s") ", 'volumes': ['/srv:/tmp']"));
    ERROR("proxysocket", "no folder of the host", DOCKER(SOCKET("/x/s") ", 'volumes': ['v:/x']"));
    ERROR("proxysocket", "no folder of the host", DOCKER(SOCKET("/x/s") ", 'volumes': ['/x']"));
    ERROR("proxysocket", "tmpfs", DOCKER(SOCKET("/run/s") ", 'tmpfs': ['/run:size=1M']"));
    ERROR("proxysocket", "own /tmp", BINARY(SOCKET("/tmp/s")));
    ERROR("proxysocket", "own /tmp", BINARY(SOCKET("/var/tmp/a/s")));
    ERROR("proxysocket", "root folder", DOCKER(SOCKET("/s")));
    ERROR("proxysocket", "plain path", DOCKER(SOCKET("/s/")));
    ERROR("proxysocket", "plain path", DOCKER(SOCKET("/a//s")));
    ERROR("proxysocket", "too long",
          DOCKER(SOCKET("/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/"
                        "0123456789/0123456789/0123456789/01234567")));
}

static void test_settings_that_addresses_share(void **state)
{
    _cleanup_spec_free_ Spec *spec =
        good(BINARY(", 'listen': [80, {'stream': '/run/a', 'mode': '0600'}, {'stream': '[::]:81', "
                    "'backlog': 5, 'bindipv6only': 'both', 'maxconnections': 9}, '/run/b']"));
    const SpecListen *listens = spec->listen.items;

    for (size_t i = 0; i < spec->listen.n; i++) {
        assert_int_equal(listens[i].backlog, 5);
        assert_int_equal(listens[i].maxconnections, 9);
    }
    assert_string_equal(listens[0].bindipv6only, "both");
    assert_int_equal(listens[0].freebind, 0);
    assert_null(listens[0].mode);
    assert_null(listens[3].bindipv6only);
    assert_string_equal(listens[3].mode, "0600");
    assert_null(listens[3].user);
    ERROR("listen[1].backlog", "listen[0]",
          BINARY(", 'listen': [{'stream': 80, 'backlog': 1}, {'stream': 81, 'backlog': 2}]"));
    ERROR("listen[1].mode", "listen[0]",
          BINARY(", 'listen': [{'stream': '/a/a', 'mode': '0600'}, {'stream': '/a/b', 'mode': "
                 "'0666'}]"));
    WARNING("listen[0].mode", "no effect", BINARY(", 'listen': {'stream': 80, 'mode': '0600'}"));
    WARNING("listen[0].group", "no effect", BINARY(", 'listen': {'stream': '@x', 'group': 'a'}"));
    WARNING("listen[0].freebind", "no effect",
            BINARY(", 'listen': {'stream': '/a/b', 'freebind': true}"));
    WARNING("listen[0].maxconnections", "without a proxy",
            BINARY(", 'activation': 'native', 'listen': {'stream': 80, 'maxconnections': 5}"));
    ERROR("listen.user", "is not a user or a group",
          BINARY(", 'listen': {'stream': '/a/b', 'user': 'a:b'}"));
}

static void test_rules(void **state)
{
    WARNING("activation", "without \"listen\"", BINARY(", 'activation': 'native'"));
    WARNING("proxysocket", "without \"listen\"", BINARY(", 'proxysocket': '/a/b'"));
    WARNING("proxysocket", "without a proxy",
            BINARY(LISTEN ", 'proxysocket': '/a/b', 'activation': 'native'"));
    WARNING("idle", "without \"listen\"", BINARY(", 'idle': 10"));
    WARNING("idle.reclaim", "that is stopped",
            BINARY(LISTEN ", 'idle': {'after': 10, 'reclaim': true}"));
    ERROR("idle.stop", "freeze", BINARY(LISTEN ", 'idle': {'after': 10, 'stop': 10}"));
    ERROR("idle.action", "heartbeats",
          BINARY(LISTEN ", 'watchdog': 10, 'idle': {'after': 10, 'action': 'freeze'}"));
    spec_free(good(BINARY(LISTEN ", 'watchdog': 10, 'idle': 10")));
    ERROR("listen", "oneshot", BINARY(LISTEN ", 'duration': 'oneshot'"));
    ERROR("listen", "oneshot", BINARY(LISTEN ", 'schedule': 'daily'"));
}

static void assert_only_check(const char *text, SpecProbeType type, int64_t port,
                              const char *socket)
{
    _cleanup_spec_free_ Spec *spec = good(text);

    assert_int_equal(spec->healthcheck.n, 1);
    assert_int_equal(spec->healthcheck.items[0].type, type);
    assert_int_equal(spec->healthcheck.items[0].restart, 0);
    assert_int_equal(spec->healthcheck.items[0].retries, 3);
    if (socket)
        assert_string_equal(spec->healthcheck.items[0].socket, socket);
    else
        assert_int_equal(spec->healthcheck.items[0].port, port);
}

static void test_check_that_nobody_wrote(void **state)
{
    assert_only_check(DOCKER(LISTEN), SPEC_PROBE_TCP, 8000, NULL);
    assert_only_check(DOCKER(LISTEN ", 'proxyport': 5, 'ports': ['1:2']"), SPEC_PROBE_TCP, 5, NULL);
    assert_only_check(DOCKER(SOCKET("/a/b")), SPEC_PROBE_UNIX, 0, "/a/b");

    _cleanup_spec_free_ Spec *native = good(BINARY(LISTEN ", 'activation': 'native'"));
    assert_int_equal(native->healthcheck.n, 0);
    _cleanup_spec_free_ Spec *beats = good(BINARY(LISTEN ", 'watchdog': 10"));
    assert_int_equal(beats->healthcheck.n, 0);
    _cleanup_spec_free_ Spec *own = good(BINARY(LISTEN ", 'healthcheck': '/h'"));
    assert_int_equal(own->healthcheck.n, 1);
    assert_int_equal(own->healthcheck.items[0].type, SPEC_PROBE_HTTP);
    assert_int_equal(own->healthcheck.items[0].restart, 1);
}

#define NATIVE(listen) BINARY(", 'activation': 'native', 'healthcheck': '/h', 'listen': " listen)

static void assert_goes_to(const char *text, const char *host, int64_t port, bool outside)
{
    _cleanup_spec_free_ Spec *spec = good(text);

    assert_string_equal(spec->healthcheck.items[0].host, host);
    assert_int_equal(spec->healthcheck.items[0].port, port);
    assert_int_equal(spec_probe_is_outside(spec, &spec->healthcheck.items[0]), outside);
}

static void test_checks_of_native_services(void **state)
{
    assert_goes_to(NATIVE("8080"), "localhost", 8080, true);
    assert_goes_to(NATIVE("['/run/x', '10.0.0.1:81', 82]"), "10.0.0.1", 81, true);
    assert_goes_to(NATIVE("'[::1]:81'"), "::1", 81, true);
    assert_goes_to(BINARY(LISTEN ", 'healthcheck': '/h'"), "localhost", 8000, false);
    assert_goes_to(BINARY(LISTEN ", 'activation': 'native', 'healthcheck': {'port': 9}"),
                   "localhost", 9, false);
    WARNING("healthcheck[0].port", "\"listen\" has none", NATIVE("'/run/x'"));
}

static void test_what_stops(void **state)
{
    _cleanup_spec_free_ Spec *stop = good(BINARY(LISTEN ", 'idle': 5"));
    _cleanup_spec_free_ Spec *freeze =
        good(BINARY(LISTEN ", 'idle': {'after': 5, 'action': 'freeze'}"));
    _cleanup_spec_free_ Spec *both =
        good(BINARY(LISTEN ", 'idle': {'after': 5, 'action': 'freeze', 'stop': '1h'}"));
    _cleanup_spec_free_ Spec *none = good(BINARY(LISTEN));

    assert_true(spec_stops_when_idle(stop));
    assert_false(spec_stops_when_idle(freeze));
    assert_true(spec_stops_when_idle(both));
    assert_false(spec_has_idle(none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_place_of_the_socket),
        cmocka_unit_test(test_settings_that_addresses_share),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_check_that_nobody_wrote),
        cmocka_unit_test(test_checks_of_native_services),
        cmocka_unit_test(test_what_stops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
