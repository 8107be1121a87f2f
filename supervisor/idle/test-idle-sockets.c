/* SPDX-License-Identifier: MIT */

/* Against the kernel itself: sockets of this test, asked after as those of a service. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "supervisor/idle/sockets.h"

/* The kernel tells of an end from a worker thread, so it takes a moment. */
#define LONG_MSEC 20000

static struct sockets sockets;

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
};

static union address make_address(int family, const char *text)
{
    union address address = {.any.sa_family = (sa_family_t)family};
    void *to = family == AF_INET ? (void *)&address.in.sin_addr : (void *)&address.in6.sin6_addr;

    assert_int_equal(inet_pton(family, text, to), 1);
    return address;
}

static socklen_t size_of(const union address *address)
{
    return address->any.sa_family == AF_UNIX ? sizeof(address->un) : sizeof(address->in6);
}

static int listen_on(union address *address)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t size = size_of(address);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, &address->any, size), 0);
    assert_int_equal(listen(fd, 64), 0);
    size = sizeof(*address);
    assert_int_equal(getsockname(fd, &address->any, &size), 0);
    return fd;
}

static int connect_from(const union address *to, const union address *from)
{
    int fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    if (from)
        assert_int_equal(bind(fd, &from->any, size_of(from)), 0);
    assert_int_equal(connect(fd, &to->any, size_of(to)), 0);
    return fd;
}

static int accept_one(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static void make_text(const union address *address, char ret[256])
{
    char ip[INET6_ADDRSTRLEN];
    bool ipv6 = address->any.sa_family == AF_INET6;

    if (address->any.sa_family == AF_UNIX) {
        snprintf(ret, 256, "%s%s", address->un.sun_path[0] ? "" : "@",
                 address->un.sun_path + !address->un.sun_path[0]);
        return;
    }
    assert_non_null(inet_ntop(address->any.sa_family,
                              ipv6 ? (const void *)&address->in6.sin6_addr
                                   : (const void *)&address->in.sin_addr,
                              ip, sizeof(ip)));
    snprintf(ret, 256, ipv6 ? "[%s]:%u" : "%s:%u", ip, ntohs(address->in.sin_port));
}

static void open_sockets(const union address *address, const char *except)
{
    char text[256];

    make_text(address, text);
    sockets_init(&sockets);
    if (except)
        assert_int_equal(sockets_except(&sockets, except), 0);
    assert_int_equal(sockets_add(&sockets, text), 0);
    assert_int_equal(sockets_open(&sockets), 0);
}

static void check_inode(int listener)
{
    struct stat st;
    uint32_t inode;

    assert_int_equal(fstat(listener, &st), 0);
    assert_int_equal(sockets_inode(&sockets, 0, &inode), 0);
    assert_int_equal(inode, st.st_ino);
}

/* Whether the kernel tells of the end of one of ours. */
static bool wait_ended(void)
{
    struct pollfd fd = {.fd = sockets.ended_fd, .events = POLLIN};

    assert_int_equal(poll(&fd, 1, LONG_MSEC), 1);
    return sockets_have_ended(&sockets);
}

static void check_tcp(int family, const char *listen_address, const char *connect_address)
{
    union address at = make_address(family, listen_address), to;
    int listener = listen_on(&at);

    open_sockets(&at, NULL);
    assert_false(sockets_need_looks(&sockets));
    assert_int_equal(sockets_look(&sockets), IDLE_EVENT_ABSENT);
    check_inode(listener);

    to = make_address(strchr(connect_address, ':') ? AF_INET6 : AF_INET, connect_address);
    to.in.sin_port = at.in.sin_port; /* at the same place for both */
    int client = connect_from(&to, NULL);
    /* It waits to be accepted. */
    assert_int_equal(sockets_look(&sockets), IDLE_EVENT_PRESENT);
    int served = accept_one(listener);
    assert_int_equal(sockets_look(&sockets), IDLE_EVENT_PRESENT);
    /* The client is gone, the service has not noticed yet. */
    close(client);
    assert_int_equal(sockets_look(&sockets), IDLE_EVENT_PRESENT);
    close(served);
    assert_true(wait_ended());
    assert_int_equal(sockets_look(&sockets), IDLE_EVENT_ABSENT);
    sockets_close(&sockets);
    close(listener);
}

static void test_tcp(void **state)
{
    check_tcp(AF_INET, "127.0.0.1", "127.0.0.1");
    check_tcp(AF_INET, "0.0.0.0", "127.0.0.1");
}

static bool has_ipv6(void)
{
    union address at = make_address(AF_INET6, "::1");
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, &at.any, sizeof(at.in6)) == 0;

    if (fd >= 0)
        close(fd);
    return has;
}

static void test_tcp6(void **state)
{
    if (!has_ipv6())
        skip();
    check_tcp(AF_INET6, "::1", "::1");
    check_tcp(AF_INET6, "::", "::1");
    /* Of both families at once. */
    check_tcp(AF_INET6, "::", "127.0.0.1");
}

static void end_one(const union address *to, const union address *from, int listener)
{
    int client = connect_from(to, from), served = accept_one(listener);

    /* From the service's end, as that is the one that is told. */
    close(served);
    close(client);
}

static void test_short_connections_are_told(void **state)
{
    union address at = make_address(AF_INET, "127.0.0.1");
    int listener = listen_on(&at);

    open_sockets(&at, NULL);
    end_one(&at, NULL, listener);
    assert_true(wait_ended());
    /* More than fit into the buffer. */
    for (int i = 0; i < 300; i++)
        end_one(&at, NULL, listener);
    assert_true(wait_ended());
    sockets_close(&sockets);
    close(listener);
}

/* Two services on one port, and one whose connections begin where ours end. */
static void test_others_are_not_ours(void **state)
{
    union address ours = make_address(AF_INET, "127.0.0.1"), other;
    int listener = listen_on(&ours);

    other = make_address(AF_INET, "127.0.0.2");
    other.in.sin_port = ours.in.sin_port;
    int other_listener = listen_on(&other);
    open_sockets(&ours, NULL);
    int client = connect_from(&other, NULL), served = accept_one(other_listener);
    assert_int_equal(sockets_look(&sockets), IDLE_EVENT_ABSENT);
    close(served);
    close(client);
    /* It passes the filter, which knows ports only, and is told from ours then. */
    assert_false(wait_ended());
    end_one(&ours, NULL, listener);
    assert_true(wait_ended());
    sockets_close(&sockets);
    close(listener);
    close(other_listener);
}

static void test_reset_is_ours(void **state)
{
    const struct linger at_once = {.l_onoff = 1};
    union address at = make_address(AF_INET, "127.0.0.1");
    int listener = listen_on(&at);

    open_sockets(&at, NULL);
    int client = connect_from(&at, NULL), served = accept_one(listener);
    assert_int_equal(setsockopt(served, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    close(served);
    assert_true(wait_ended());
    close(client);
    sockets_close(&sockets);
    close(listener);
}

static void test_except(void **state)
{
    union address at = make_address(AF_INET, "0.0.0.0"), to = make_address(AF_INET, "127.0.0.1"),
                  checker = make_address(AF_INET, "127.1.2.3");
    int listener = listen_on(&at);

    to.in.sin_port = at.in.sin_port;
    open_sockets(&at, "127.1.2.3");
    int client = connect_from(&to, &checker), served = accept_one(listener);
    assert_int_equal(sockets_look(&sockets), IDLE_EVENT_ABSENT);
    close(served);
    close(client);
    assert_false(wait_ended());
    end_one(&to, NULL, listener);
    assert_true(wait_ended());
    sockets_close(&sockets);
    close(listener);
}

static void test_except_mapped(void **state)
{
    union address at = make_address(AF_INET6, "::"), to = make_address(AF_INET, "127.0.0.1"),
                  checker = make_address(AF_INET, "127.1.2.3");

    if (!has_ipv6())
        skip();
    int listener = listen_on(&at);
    to.in.sin_port = at.in6.sin6_port;
    open_sockets(&at, "127.1.2.3");
    int client = connect_from(&to, &checker), served = accept_one(listener);
    assert_int_equal(sockets_look(&sockets), IDLE_EVENT_ABSENT);
    close(client);
    client = connect_from(&to, NULL);
    assert_int_equal(sockets_look(&sockets), IDLE_EVENT_PRESENT);
    close(served);
    close(client);
    sockets_close(&sockets);
    close(listener);
}

/* Checks that speak IPv6, and a server of another machine's that happens to use such a port. */
static void test_except_ports(void **state)
{
    union address at = make_address(AF_INET6, "::1"), checker = make_address(AF_INET6, "::1"),
                  mapped = make_address(AF_INET, "127.0.0.1"), any = make_address(AF_INET6, "::"),
                  other = make_address(AF_INET, "127.0.0.9");

    if (!has_ipv6())
        skip();
    int listener = listen_on(&at);
    open_sockets(&at, NULL);
    assert_int_equal(sockets_except_ports(&sockets, "64900-64910"), 0);
    checker.in6.sin6_port = htons(64910);
    int client = connect_from(&at, &checker), served = accept_one(listener);
    assert_int_equal(sockets_look(&sockets), IDLE_EVENT_ABSENT);
    close(served);
    close(client);
    assert_false(wait_ended());
    checker.in6.sin6_port = htons(64911);
    client = connect_from(&at, &checker);
    assert_int_equal(sockets_look(&sockets), IDLE_EVENT_PRESENT);
    close(client);
    sockets_close(&sockets);
    close(listener);

    listener = listen_on(&any);
    open_sockets(&any, NULL);
    assert_int_equal(sockets_except_ports(&sockets, "64900-64910"), 0);
    mapped.in.sin_port = any.in6.sin6_port;
    other.in.sin_port = htons(64905);
    client = connect_from(&mapped, &other);
    assert_int_equal(sockets_look(&sockets), IDLE_EVENT_PRESENT);
    close(client);
    sockets_close(&sockets);
    close(listener);
}

static void check_unix(const char *folder, const char *name, bool traceless)
{
    union address at = {.un.sun_family = AF_UNIX};
    size_t size = offsetof(struct sockaddr_un, sun_path);

    if (folder)
        size += (size_t)snprintf(at.un.sun_path, sizeof(at.un.sun_path), "%s/%s", folder, name);
    else
        size += 1 + (size_t)snprintf(at.un.sun_path + 1, sizeof(at.un.sun_path) - 1, "%s-%d", name,
                                     (int)getpid());
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, &at.any, (socklen_t)size), 0);
    assert_int_equal(listen(listener, 16), 0);

    open_sockets(&at, NULL);
    assert_true(sockets_need_looks(&sockets));
    assert_int_equal(sockets.places[0].traceless, traceless);
    assert_int_equal(sockets_look(&sockets), IDLE_EVENT_ABSENT);
    check_inode(listener);
    for (int i = 0; i < 3; i++) {
        int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(client, &at.any, (socklen_t)size), 0);
        assert_int_equal(sockets_look(&sockets), IDLE_EVENT_PRESENT);
        int served = accept_one(listener);
        assert_int_equal(sockets_look(&sockets), IDLE_EVENT_PRESENT);
        close(client);
        close(served);
        assert_int_equal(sockets_look(&sockets), IDLE_EVENT_ABSENT);
        /* One of a moment, between two looks. */
        client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(client, &at.any, (socklen_t)size), 0);
        close(accept_one(listener));
        close(client);
        assert_int_equal(sockets_look(&sockets), traceless ? IDLE_EVENT_ABSENT : IDLE_EVENT_PASSED);
        assert_int_equal(sockets_look(&sockets), IDLE_EVENT_ABSENT);
    }
    sockets_close(&sockets);
    close(listener);
    if (folder)
        unlink(at.un.sun_path);
}

static void test_unix(void **state)
{
    char folder[] = "/tmp/phoenix-test-idle-XXXXXX";

    assert_non_null(mkdtemp(folder));
    check_unix(folder, "a.sock", false);
    rmdir(folder);
}

static void test_abstract(void **state)
{
    check_unix(NULL, "phoenix-test-idle", true);
}

/* A socket of the same name that is another one. */
static void test_replaced_file(void **state)
{
    char folder[] = "/tmp/phoenix-test-idle-XXXXXX", kept[64];
    union address at = {.un.sun_family = AF_UNIX};

    assert_non_null(mkdtemp(folder));
    snprintf(at.un.sun_path, sizeof(at.un.sun_path), "%s/a.sock", folder);
    snprintf(kept, sizeof(kept), "%s/kept", folder);
    int old = listen_on(&at);
    int client = connect_from(&at, NULL), served = accept_one(old);
    /* So that the new file does not get the number of the old one. */
    assert_int_equal(rename(at.un.sun_path, kept), 0);
    int listener = listen_on(&at);
    open_sockets(&at, NULL);
    assert_int_equal(sockets_look(&sockets), IDLE_EVENT_ABSENT);
    sockets_close(&sockets);
    close(client);
    close(served);
    close(old);
    close(listener);
    unlink(kept);
    unlink(at.un.sun_path);
    rmdir(folder);
}

static void test_limits(void **state)
{
    union address at = make_address(AF_INET, "127.0.0.1");
    int listener = listen_on(&at);
    char text[256];
    uint32_t inode = 4711;

    make_text(&at, text);
    sockets_init(&sockets);
    assert_int_equal(sockets_except(&sockets, "localhost"), -EINVAL);
    assert_int_equal(sockets_except(&sockets, ""), -EINVAL);
    assert_false(sockets.has_except);
    static const char *const not_ports[] = {"",    "80",   "80-",      "-90",   "90-80",
                                            "0-9", "8-9-", "80-65536", "80- 9", "80-+90"};
    for (size_t i = 0; i < sizeof(not_ports) / sizeof(not_ports[0]); i++)
        assert_int_equal(sockets_except_ports(&sockets, not_ports[i]), -EINVAL);
    assert_int_equal(sockets.except_last, 0);
    assert_int_equal(sockets_add(&sockets, "localhost:80"), -EINVAL);
    for (size_t i = 0; i < SOCKETS_MAX; i++)
        assert_int_equal(sockets_add(&sockets, text), 0);
    assert_int_equal(sockets_add(&sockets, text), -E2BIG);
    assert_int_equal(sockets_open(&sockets), 0);
    assert_int_equal(sockets_look(&sockets), IDLE_EVENT_ABSENT);
    end_one(&at, NULL, listener);
    assert_true(wait_ended());
    close(listener);
    /* Nobody listens any more. */
    assert_int_equal(sockets_inode(&sockets, 31, &inode), -ENOENT);
    assert_int_equal(inode, 4711);
    sockets_close(&sockets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_tcp6),
        cmocka_unit_test(test_short_connections_are_told),
        cmocka_unit_test(test_others_are_not_ours),
        cmocka_unit_test(test_reset_is_ours),
        cmocka_unit_test(test_except),
        cmocka_unit_test(test_except_mapped),
        cmocka_unit_test(test_except_ports),
        cmocka_unit_test(test_unix),
        cmocka_unit_test(test_abstract),
        cmocka_unit_test(test_replaced_file),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
