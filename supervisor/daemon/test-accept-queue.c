/* SPDX-License-Identifier: MIT */
/* Connections that nobody accepts, on sockets of all kinds. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macros.h"
#include "supervisor/daemon/accept-queue.h"

#define CLIENTS 3

typedef union Address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
} Address;

/* A socket that listens there, and as many that are connected to it. */
typedef struct Listener {
    int fd, clients[CLIENTS];
} Listener;

static Listener listen_at(Address *address, socklen_t size)
{
    int family = address->any.sa_family;
    Listener listener = {.fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)};

    assert_true(listener.fd >= 0);
    assert_int_equal(bind(listener.fd, &address->any, size), 0);
    assert_int_equal(listen(listener.fd, 10), 0);
    socklen_t bound = sizeof(*address);
    assert_int_equal(getsockname(listener.fd, &address->any, &bound), 0);
    for (size_t i = 0; i < CLIENTS; i++) {
        listener.clients[i] = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(listener.clients[i], &address->any, bound), 0);
    }
    return listener;
}

static void drop(Listener *listener)
{
    close(listener->fd);
    for (size_t i = 0; i < CLIENTS; i++)
        close(listener->clients[i]);
}

static uint64_t length_at(const char *address)
{
    char *addresses[] = {(char *)address, NULL};
    uint64_t n = UINT64_MAX;

    assert_int_equal(accept_queue_length(addresses, &n), 0);
    return n;
}

static void test_tcp(void **state)
{
    Address address = {.in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    Listener listener = listen_at(&address, sizeof(address.in));
    char text[64];

    snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(address.in.sin_port));
    assert_int_equal(length_at(text), CLIENTS);
    int accepted = accept4(listener.fd, NULL, NULL, SOCK_CLOEXEC);
    assert_true(accepted >= 0);
    assert_int_equal(length_at(text), CLIENTS - 1);
    snprintf(text, sizeof(text), "127.0.0.2:%u", ntohs(address.in.sin_port));
    assert_int_equal(length_at(text), 0);
    snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(address.in.sin_port));
    close(accepted);
    drop(&listener);
    assert_int_equal(length_at(text), 0);
}

/* As systemd listens on a port alone. */
static void test_any(void **state)
{
    Address address = {.in6 = {.sin6_family = AF_INET6}};
    char text[64];

    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 && errno == EAFNOSUPPORT)
        address.in = (struct sockaddr_in){.sin_family = AF_INET};
    close(fd);
    Listener listener = listen_at(&address, sizeof(address.in6));
    snprintf(text, sizeof(text), "%u", ntohs(address.in.sin_port)); /* at the same place in both */
    assert_int_equal(length_at(text), CLIENTS);
    drop(&listener);
}

static void test_unix(void **state)
{
    char folder[] = "/tmp/test-accept-XXXXXX", path[64];
    Address address = {.un = {.sun_family = AF_UNIX}};

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/socket", folder);
    snprintf(address.un.sun_path, sizeof(address.un.sun_path), "%s", path);
    Listener listener = listen_at(&address, sizeof(address.un));
    assert_int_equal(length_at(path), CLIENTS);
    unlink(path);
    rmdir(folder);
    drop(&listener);
}

static void test_abstract(void **state)
{
    Address address = {.un = {.sun_family = AF_UNIX}};
    char name[64];

    int n = snprintf(name, sizeof(name), "@phoenix-test-accept-%d", (int)getpid());
    memcpy(address.un.sun_path + 1, name + 1, (size_t)n - 1);
    Listener listener =
        listen_at(&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n));
    assert_int_equal(length_at(name), CLIENTS);
    drop(&listener);
}

static void test_several(void **state)
{
    Address a = {.in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}}, b = a;
    Listener first = listen_at(&a, sizeof(a.in)), second = listen_at(&b, sizeof(b.in));
    char texts[2][64];
    char *addresses[] = {texts[0], texts[1], NULL};
    uint64_t n;

    snprintf(texts[0], sizeof(texts[0]), "127.0.0.1:%u", ntohs(a.in.sin_port));
    snprintf(texts[1], sizeof(texts[1]), "127.0.0.1:%u", ntohs(b.in.sin_port));
    assert_int_equal(accept_queue_length(addresses, &n), 0);
    assert_int_equal(n, 2 * CLIENTS);
    addresses[1] = (char *)"nowhere";
    n = 77;
    assert_int_equal(accept_queue_length(addresses, &n), -EINVAL);
    assert_int_equal(n, 77);
    drop(&first);
    drop(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp),     cmocka_unit_test(test_any),
        cmocka_unit_test(test_unix),    cmocka_unit_test(test_abstract),
        cmocka_unit_test(test_several),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
