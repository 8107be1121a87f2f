/* SPDX-License-Identifier: MIT */

/* Packets of sock_diag(7), made here, as the kernel never sends the wrong ones; and which sockets
 * count as use. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <string.h>

#include "supervisor/idle/diag.h"

static struct {
    _Alignas(uint64_t) char bytes[2048];
    size_t size, at;
} packet;

static void clear(void)
{
    memset(&packet, 0, sizeof(packet));
}

static void add_bytes(const void *bytes, size_t size)
{
    assert_true(packet.size + size <= sizeof(packet.bytes));
    memcpy(packet.bytes + packet.size, bytes, size);
    packet.size += NLMSG_ALIGN(size);
}

/* Returns where its length is. */
static size_t add_header(uint16_t type, size_t body)
{
    struct nlmsghdr header = {.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + body), .nlmsg_type = type};
    size_t at = packet.size;

    add_bytes(&header, sizeof(header));
    return at;
}

static void set_length(size_t at, uint32_t length)
{
    memcpy(packet.bytes + at, &length, sizeof(length));
}

static void add_tcp(uint8_t family, uint16_t port, const char *address, const char *peer)
{
    struct inet_diag_msg message = {
        .idiag_family = family,
        .idiag_state = TCP_ESTABLISHED,
        .id.idiag_sport = htons(port),
        .id.idiag_dport = htons(40000),
        .idiag_inode = 77,
    };

    assert_int_equal(inet_pton(family, address, message.id.idiag_src), 1);
    assert_int_equal(inet_pton(family, peer, message.id.idiag_dst), 1);
    add_header(SOCK_DIAG_BY_FAMILY, sizeof(message));
    add_bytes(&message, sizeof(message));
}

static void add_attribute(uint16_t type, const void *value, size_t size)
{
    struct rtattr attribute = {.rta_type = type, .rta_len = (uint16_t)RTA_LENGTH(size)};

    add_bytes(&attribute, sizeof(attribute));
    add_bytes(value, size);
}

static void add_unix(uint8_t state, const char *name, size_t name_size)
{
    const struct unix_diag_msg message = {
        .udiag_family = AF_UNIX, .udiag_state = state, .udiag_ino = 78};
    const struct unix_diag_rqlen queue = {.udiag_rqueue = 3, .udiag_wqueue = 64};
    const struct unix_diag_vfs file = {.udiag_vfs_ino = 5, .udiag_vfs_dev = 6};
    size_t at = add_header(SOCK_DIAG_BY_FAMILY, 0);

    add_bytes(&message, sizeof(message));
    add_attribute(99, "ignored", 7);
    add_attribute(UNIX_DIAG_NAME, name, name_size);
    add_attribute(UNIX_DIAG_VFS, &file, sizeof(file));
    add_attribute(UNIX_DIAG_RQLEN, &queue, sizeof(queue));
    set_length(at, (uint32_t)(packet.size - at));
}

static int next(struct diag_socket *ret)
{
    return diag_next(packet.bytes, packet.size, &packet.at, ret);
}

static void test_requests(void **state)
{
    _Alignas(uint32_t) char buf[DIAG_REQUEST_SIZE];
    struct nlmsghdr header;
    struct inet_diag_req_v2 tcp;
    struct unix_diag_req local;

    size_t size = diag_request_tcp(buf, DIAG_CONNECTIONS, AF_INET6, 8080);
    memcpy(&header, buf, sizeof(header));
    memcpy(&tcp, buf + NLMSG_HDRLEN, sizeof(tcp));
    assert_int_equal(header.nlmsg_len, size);
    assert_int_equal(size, NLMSG_HDRLEN + sizeof(tcp));
    assert_int_equal(header.nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
    assert_int_equal(tcp.sdiag_family, AF_INET6);
    assert_int_equal(tcp.sdiag_protocol, IPPROTO_TCP);
    assert_int_equal(ntohs(tcp.id.idiag_sport), 8080);
    assert_true(tcp.idiag_states & (1 << TCP_ESTABLISHED));
    assert_true(tcp.idiag_states & (1 << TCP_CLOSE_WAIT));
    assert_false(tcp.idiag_states & (1 << TCP_LISTEN));
    assert_false(tcp.idiag_states & (1 << TCP_TIME_WAIT));

    size = diag_request_unix(buf, DIAG_CONNECTIONS);
    memcpy(&header, buf, sizeof(header));
    memcpy(&local, buf + NLMSG_HDRLEN, sizeof(local));
    assert_int_equal(header.nlmsg_len, size);
    assert_int_equal(local.sdiag_family, AF_UNIX);
    assert_int_equal(local.udiag_states, 1 << TCP_ESTABLISHED | 1 << TCP_LISTEN);
    assert_int_equal(local.udiag_show, UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_RQLEN);

    diag_request_tcp(buf, DIAG_LISTENERS, AF_INET, 80);
    memcpy(&tcp, buf + NLMSG_HDRLEN, sizeof(tcp));
    assert_int_equal(tcp.idiag_states, 1 << TCP_LISTEN);
    diag_request_unix(buf, DIAG_LISTENERS);
    memcpy(&local, buf + NLMSG_HDRLEN, sizeof(local));
    assert_int_equal(local.udiag_states, 1 << TCP_LISTEN);
}

static void test_sockets(void **state)
{
    static const uint8_t mapped[16] = {[10] = 0xff, 0xff, 10, 0, 0, 1};
    struct diag_socket socket;

    clear();
    add_tcp(AF_INET, 80, "127.0.0.1", "127.0.0.2");
    add_tcp(AF_INET6, 65535, "::1", "::ffff:10.0.0.1");
    add_unix(TCP_ESTABLISHED, "/run/a.sock", 12);
    add_unix(TCP_ESTABLISHED, "\0abstract", 9);
    add_unix(TCP_LISTEN, "/run/a.sock", 12);
    add_header(NLMSG_DONE, 0);

    assert_int_equal(next(&socket), 1);
    assert_int_equal(socket.family, AF_INET);
    assert_int_equal(socket.state, TCP_ESTABLISHED);
    assert_int_equal(socket.port, 80);
    assert_int_equal(socket.inode, 77);
    assert_memory_equal(socket.address, ((uint8_t[16]){127, 0, 0, 1}), 16);
    assert_memory_equal(socket.peer, ((uint8_t[16]){127, 0, 0, 2}), 16);

    assert_int_equal(next(&socket), 1);
    assert_int_equal(socket.family, AF_INET6);
    assert_int_equal(socket.port, 65535);
    assert_memory_equal(socket.address, ((uint8_t[16]){[15] = 1}), 16);
    assert_memory_equal(socket.peer, mapped, 16);

    assert_int_equal(next(&socket), 1);
    assert_int_equal(socket.family, AF_UNIX);
    assert_int_equal(socket.inode, 78);
    assert_int_equal(socket.name_size, 11);
    assert_memory_equal(socket.name, "/run/a.sock", 11);
    assert_true(socket.has_file);
    assert_int_equal(socket.file_inode, 5);
    assert_int_equal(socket.file_device, 6);
    /* What has arrived there, not who. */
    assert_int_equal(socket.waiting, 0);

    assert_int_equal(next(&socket), 1);
    assert_int_equal(socket.name_size, 9);
    assert_memory_equal(socket.name, "\0abstract", 9);

    assert_int_equal(next(&socket), 1);
    assert_int_equal(socket.state, TCP_LISTEN);
    assert_int_equal(socket.waiting, 3);

    assert_int_equal(next(&socket), -ENODATA);
}

static void test_several_packets(void **state)
{
    struct diag_socket socket;

    clear();
    add_tcp(AF_INET, 80, "127.0.0.1", "127.0.0.2");
    assert_int_equal(next(&socket), 1);
    assert_int_equal(next(&socket), 0);
}

static void add_error(uint16_t type, int32_t error)
{
    clear();
    add_header(type, sizeof(error));
    add_bytes(&error, sizeof(error));
}

static void test_errors(void **state)
{
    struct diag_socket socket;

    add_error(NLMSG_ERROR, -ENOENT);
    assert_int_equal(next(&socket), -ENOENT);
    add_error(NLMSG_DONE, -EACCES);
    assert_int_equal(next(&socket), -EACCES);
    add_error(NLMSG_DONE, 0);
    assert_int_equal(next(&socket), -ENODATA);
    /* An acknowledgement is no answer to a dump, and a positive number is no error. */
    add_error(NLMSG_ERROR, 0);
    assert_int_equal(next(&socket), -EBADMSG);
    add_error(NLMSG_ERROR, 5);
    assert_int_equal(next(&socket), -EBADMSG);
    add_error(NLMSG_ERROR, INT32_MIN);
    assert_int_equal(next(&socket), -EBADMSG);
}

static void test_skipped(void **state)
{
    const struct inet_diag_msg other = {.idiag_family = AF_PACKET};
    struct diag_socket socket = {.port = 4711};

    clear();
    add_header(NLMSG_NOOP, 0);
    add_header(4711, 0);
    add_header(SOCK_DIAG_BY_FAMILY, 0);
    add_header(SOCK_DIAG_BY_FAMILY, sizeof(other));
    add_bytes(&other, sizeof(other));
    /* Too short for its family. */
    size_t at = packet.size;
    add_tcp(AF_INET, 80, "127.0.0.1", "127.0.0.2");
    set_length(at, (uint32_t)(packet.size - at - 4));
    packet.size -= 4;
    add_header(NLMSG_DONE, 0);
    assert_int_equal(next(&socket), -ENODATA);
    assert_int_equal(socket.port, 4711);
}

static void test_wrong_lengths(void **state)
{
    struct diag_socket socket;

    clear();
    add_tcp(AF_INET, 80, "127.0.0.1", "127.0.0.2");
    set_length(0, (uint32_t)packet.size + 1);
    assert_int_equal(next(&socket), -EBADMSG);
    set_length(0, NLMSG_HDRLEN - 1);
    assert_int_equal(next(&socket), -EBADMSG);
    set_length(0, 0);
    assert_int_equal(next(&socket), -EBADMSG);
    set_length(0, UINT32_MAX);
    assert_int_equal(next(&socket), -EBADMSG);
    /* Less than a header is nothing. */
    packet.size = NLMSG_HDRLEN - 1;
    assert_int_equal(next(&socket), 0);
}

static void check_wrong_attribute(uint16_t length)
{
    struct diag_socket socket;
    size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct unix_diag_msg));

    clear();
    add_unix(TCP_ESTABLISHED, "/run/a.sock", 12);
    memcpy(packet.bytes + at, &length, sizeof(length));
    assert_int_equal(next(&socket), 0);
}

static void test_wrong_attributes(void **state)
{
    char name[200];
    struct diag_socket socket;

    check_wrong_attribute(0);
    check_wrong_attribute(sizeof(struct rtattr) - 1);
    check_wrong_attribute(UINT16_MAX);
    /* Longer than any address. */
    memset(name, 'x', sizeof(name));
    clear();
    add_unix(TCP_ESTABLISHED, name, sizeof(name));
    assert_int_equal(next(&socket), 1);
    assert_int_equal(socket.name_size, 0);
}

static void test_use_of_listeners(void **state)
{
    struct diag_socket socket = {.state = TCP_LISTEN, .inode = 5};

    assert_false(diag_is_use(&socket));
    socket.waiting = 1;
    assert_true(diag_is_use(&socket));
}

static void test_use(void **state)
{
    static const struct {
        uint8_t state;
        uint32_t inode;
        bool use;
    } cases[] = {
        {TCP_ESTABLISHED, 5, true},
        {TCP_CLOSE_WAIT, 5, true},
        {TCP_FIN_WAIT2, 5, true},
        /* Waits to be accepted. */
        {TCP_ESTABLISHED, 0, true},
        {TCP_CLOSE_WAIT, 0, true},
        /* Closed by the service; the rest is between the kernels. */
        {TCP_FIN_WAIT1, 0, false},
        {TCP_FIN_WAIT2, 0, false},
        {TCP_LAST_ACK, 0, false},
        {TCP_CLOSING, 0, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct diag_socket socket = {.state = cases[i].state, .inode = cases[i].inode};
        assert_int_equal(diag_is_use(&socket), cases[i].use);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),         cmocka_unit_test(test_sockets),
        cmocka_unit_test(test_several_packets),  cmocka_unit_test(test_errors),
        cmocka_unit_test(test_skipped),          cmocka_unit_test(test_wrong_lengths),
        cmocka_unit_test(test_wrong_attributes), cmocka_unit_test(test_use),
        cmocka_unit_test(test_use_of_listeners),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
