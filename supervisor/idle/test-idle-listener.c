/* SPDX-License-Identifier: MIT */

/* What is taken for the address of a listening socket, and which of the kernel's sockets belong to
 * it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "supervisor/idle/listener.h"

static struct listener listener;

static void parse(const char *text)
{
    assert_int_equal(listener_parse(text, true, &listener), 0);
}

static void check_tcp(const char *text, int family, const char *address, uint16_t port)
{
    uint8_t bytes[16] = {0};

    parse(text);
    assert_int_equal(inet_pton(family, address, bytes), 1);
    assert_int_equal(listener.family, family);
    assert_int_equal(listener.port, port);
    assert_memory_equal(listener.address, bytes, sizeof(bytes));
}

static void test_tcp(void **state)
{
    check_tcp("8080", AF_INET6, "::", 8080);
    assert_true(listener.any);
    check_tcp("127.0.0.1:65535", AF_INET, "127.0.0.1", 65535);
    assert_false(listener.any);
    check_tcp("0.0.0.0:1", AF_INET, "0.0.0.0", 1);
    assert_true(listener.any);
    check_tcp("[::]:80", AF_INET6, "::", 80);
    assert_true(listener.any);
    check_tcp("[2001:db8::1]:80", AF_INET6, "2001:db8::1", 80);
    assert_false(listener.any);
    check_tcp("[fe80::1%eth0]:80", AF_INET6, "fe80::1", 80);
}

static void test_port_without_ipv6(void **state)
{
    assert_int_equal(listener_parse("8080", false, &listener), 0);
    assert_int_equal(listener.family, AF_INET);
    assert_true(listener.any);
    assert_int_equal(listener.port, 8080);
}

static void test_unix(void **state)
{
    parse("/run/a b.sock");
    assert_int_equal(listener.family, AF_UNIX);
    assert_int_equal(listener.name_size, 13);
    assert_string_equal(listener.name, "/run/a b.sock");
    parse("@name:80");
    assert_int_equal(listener.name_size, 8);
    assert_memory_equal(listener.name, "\0name:80", 9);
}

static void test_lengths(void **state)
{
    char text[110];

    memset(text, 'x', sizeof(text));
    text[0] = '/';
    text[107] = '\0';
    parse(text);
    text[107] = 'x';
    text[108] = '\0';
    assert_int_equal(listener_parse(text, true, &listener), -ENAMETOOLONG);
    text[0] = '@';
    parse(text);
    assert_int_equal(listener.name_size, 108);
    text[108] = 'x';
    text[109] = '\0';
    assert_int_equal(listener_parse(text, true, &listener), -ENAMETOOLONG);
}

static void test_no_addresses(void **state)
{
    static const char *const texts[] = {
        "",
        "0",
        "65536",
        "-1",
        " 80",
        "80 ",
        "80x",
        "0x50",
        "localhost",
        "a:80",
        "1.2.3:80",
        "1.2.3.4:",
        ":80",
        "1.2.3.4:0",
        "::1:80",
        "[::1]",
        "[::1]80",
        "[::1:80",
        "[]:80",
        "[1.2.3.4]:80",
        "@",
        "vsock:2:80",
        "99999999999",
        "1.2.3.4:080x",
        "[1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111]:80",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct listener untouched = {.port = 4711};
        if (listener_parse(texts[i], true, &untouched) != -EINVAL)
            fail_msg("\"%s\" was taken for an address", texts[i]);
        assert_int_equal(untouched.port, 4711);
    }
}

static struct diag_socket make_socket(int family, const char *address, uint16_t port)
{
    struct diag_socket socket = {.family = (uint8_t)family, .port = port};

    assert_int_equal(inet_pton(family, address, socket.address), 1);
    return socket;
}

static bool has(struct diag_socket socket)
{
    return listener_has(&listener, &socket, NULL);
}

static void test_has_tcp(void **state)
{
    parse("127.0.0.1:80");
    assert_true(has(make_socket(AF_INET, "127.0.0.1", 80)));
    assert_false(has(make_socket(AF_INET, "127.0.0.2", 80)));
    assert_false(has(make_socket(AF_INET, "127.0.0.1", 81)));
    assert_false(has(make_socket(AF_INET6, "::ffff:127.0.0.1", 80)));
    assert_true(has(make_socket(AF_INET, "0.0.0.0", 80)));
    parse("80");
    assert_true(has(make_socket(AF_INET6, "::1", 80)));
    assert_true(has(make_socket(AF_INET6, "::ffff:10.0.0.1", 80)));
    assert_false(has(make_socket(AF_INET6, "::1", 8080)));
    assert_false(has(make_socket(AF_INET, "10.0.0.1", 80)));
}

static struct diag_socket make_unix(const char *name, size_t size, const struct stat *file)
{
    struct diag_socket socket = {.family = AF_UNIX, .name_size = size};

    memcpy(socket.name, name, size);
    if (file) {
        socket.has_file = true;
        socket.file_inode = (uint32_t)file->st_ino;
        socket.file_device = major(file->st_dev) << 20 | minor(file->st_dev);
    }
    return socket;
}

static void test_has_unix(void **state)
{
    const struct stat file = {.st_ino = UINT64_C(0x100000005), .st_dev = makedev(8, 300)},
                      other = {.st_ino = 6, .st_dev = makedev(8, 300)},
                      elsewhere = {.st_ino = 5, .st_dev = makedev(0, 300)};
    struct diag_socket socket = make_unix("/run/a", 6, &file);

    parse("/run/a");
    assert_true(listener_has(&listener, &socket, &file));
    assert_false(listener_has(&listener, &socket, &other));
    assert_false(listener_has(&listener, &socket, &elsewhere));
    /* Who cannot see the file has the name to go by. */
    assert_true(listener_has(&listener, &socket, NULL));
    socket = make_unix("/run/a", 6, NULL);
    assert_true(listener_has(&listener, &socket, &file));
    socket = make_unix("/run/ab", 7, NULL);
    assert_false(listener_has(&listener, &socket, &file));
    socket = make_unix("", 0, NULL);
    assert_false(listener_has(&listener, &socket, &file));
    socket = make_unix("\0run/a", 6, NULL);
    assert_false(listener_has(&listener, &socket, &file));
    parse("@run/a");
    assert_true(listener_has(&listener, &socket, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp),          cmocka_unit_test(test_port_without_ipv6),
        cmocka_unit_test(test_unix),         cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_no_addresses), cmocka_unit_test(test_has_tcp),
        cmocka_unit_test(test_has_unix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
