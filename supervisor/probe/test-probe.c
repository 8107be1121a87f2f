/* SPDX-License-Identifier: MIT */
/* The kinds that need no HTTP server, and what is true for checks of every kind. */
#include "test-fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

static void test_tcp(void **state)
{
    Fixture *f = *state;
    SpecProbe spec = spec_of(SPEC_PROBE_TCP, "http");
    char reason[64];

    snprintf(reason, sizeof(reason), "tcp %d: connected", (int)spec.port);
    check_once(f, &spec);
    assert_result(f, PROBE_PASS, reason);
    f->door.shares = 1;
    check_once(f, &spec);
    assert_result(f, PROBE_PASS, reason);
    assert_int_equal(f->door.n_requests, 1);

    spec.port = server_port("closed");
    snprintf(reason, sizeof(reason), "tcp %d: connection refused", (int)spec.port);
    check_once(f, &spec);
    assert_result(f, PROBE_FAIL, reason);
    f->door.shares = 0;
    check_once(f, &spec);
    assert_result(f, PROBE_FAIL, reason);
    assert_int_equal(f->door.n_requests, 3);
    snprintf(reason, sizeof(reason), "tcp %d", (int)spec.port);
    assert_string_equal(probe_label(f->probe), reason);
}

/* So that who counts connections can tell those of checks. */
static void test_tcp_source(void **state)
{
    Fixture *f = *state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SpecProbe spec = spec_of(SPEC_PROBE_TCP, "http");

    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 5), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    spec.port = ntohs(address.sin_port);
    f->door.shares = 1;
    f->door.door.source = inet_addr("127.32.0.1");
    for (int i = 0; i < 2; i++) {
        check_once(f, &spec);
        assert_int_equal(f->result.outcome, PROBE_PASS);
        size = sizeof(address);
        int accepted = accept4(listener, (struct sockaddr *)&address, &size, SOCK_CLOEXEC);
        assert_true(accepted >= 0);
        assert_int_equal(address.sin_addr.s_addr, inet_addr("127.32.0.1"));
        close(accepted);
    }
    close(listener);
    /* Nothing of the kind is for IPv6: it refuses, as nobody is there. */
    check_once(f, &spec);
    assert_int_equal(f->result.outcome, PROBE_FAIL);
}

/* IPv6 has one loopback address: they are told by their ports, which are used again. */
static void test_tcp_source_ports(void **state)
{
    Fixture *f = *state;
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SpecProbe spec = spec_of(SPEC_PROBE_TCP, "http");

    if (spec_of(SPEC_PROBE_TCP, "v6").port == 0)
        skip_without("::1");
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 5), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    spec.port = ntohs(address.sin6_port);
    f->door.shares = 1;
    f->door.door.port_first = 64900;
    f->door.door.port_last = 64903;
    for (unsigned i = 0; i < 4; i++) {
        check_once(f, &spec);
        assert_int_equal(f->result.outcome, PROBE_PASS);
        size = sizeof(address);
        int accepted = accept4(listener, (struct sockaddr *)&address, &size, SOCK_CLOEXEC);
        assert_true(accepted >= 0);
        assert_int_equal(ntohs(address.sin6_port), 64900 + i);
        close(accepted);
    }
    /* Somebody else listens on such a port: any other will do. */
    int other = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(64901)};
    f->door.door.n_ports_used = 1;
    if (bind(other, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(other, 1) == 0) {
        check_once(f, &spec);
        assert_int_equal(f->result.outcome, PROBE_PASS);
    }
    close(other);
    close(listener);
}

static void test_tcp_ipv6(void **state)
{
    Fixture *f = *state;
    SpecProbe spec = spec_of(SPEC_PROBE_TCP, "v6");

    if (spec.port == 0)
        skip_without("::1");
    for (unsigned i = 0; i < 2; i++) {
        check_once(f, &spec);
        assert_int_equal(f->result.outcome, PROBE_PASS);
        spec.host = (char *)"[::1]";
    }
    assert_int_equal(f->door.n_requests, 3);
}

/* 127.0.0.1 by other spellings is another host that is always there: one is an address, the other a
 * name that libcurl finds out. */
static void test_tcp_other_host(void **state)
{
    static const char *const hosts[] = {"::ffff:127.0.0.1", "127.1"}, *const names[] = {
                                                                          "[::ffff:127.0.0.1]",
                                                                          "127.1"};
    Fixture *f = *state;
    size_t before = 0;

    for (size_t i = 0; i < 2 * ELEMENTSOF(hosts); i++) {
        SpecProbe spec = spec_of(SPEC_PROBE_TCP, "http");
        char reason[64];

        spec.host = (char *)hosts[i % 2];
        snprintf(reason, sizeof(reason), "tcp %s:%d: connected", names[i % 2], (int)spec.port);
        check_once(f, &spec);
        assert_result(f, PROBE_PASS, reason);
        spec.port = server_port("closed");
        snprintf(reason, sizeof(reason), "tcp %s:%d: connection refused", names[i % 2],
                 (int)spec.port);
        check_once(f, &spec);
        assert_result(f, PROBE_FAIL, reason);
        /* The first round leaves the timers of the loop, and libcurl's own. */
        if (i == ELEMENTSOF(hosts) - 1)
            before = open_descriptors();
    }
    assert_int_equal(open_descriptors(), before);
    assert_int_equal(f->door.n_requests, 0);
}

/* A queue of connections that is full: nobody answers. */
typedef struct FullQueue {
    int listener, filler[4], port;
} FullQueue;

static FullQueue fill_queue(void)
{
    FullQueue queue = {.listener = socket(AF_INET, SOCK_STREAM, 0)};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    assert_int_equal(bind(queue.listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(queue.listener, 0), 0);
    assert_int_equal(getsockname(queue.listener, (struct sockaddr *)&address, &size), 0);
    for (size_t i = 0; i < ELEMENTSOF(queue.filler); i++) {
        queue.filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(queue.filler[i], (struct sockaddr *)&address, size);
    }
    queue.port = ntohs(address.sin_port);
    return queue;
}

static void close_fillers(FullQueue *queue)
{
    for (size_t i = 0; i < ELEMENTSOF(queue->filler); i++)
        close(queue->filler[i]);
}

static void test_tcp_late(void **state)
{
    Fixture *f = *state;
    SpecProbe spec = spec_of(SPEC_PROBE_TCP, NULL);
    FullQueue queue = fill_queue();
    char reason[64];

    spec.port = queue.port;
    spec.timeout_usec = 100 * USEC_PER_MSEC;
    snprintf(reason, sizeof(reason), "tcp %d: no connection within 100ms", (int)spec.port);
    check_once(f, &spec);
    assert_result(f, PROBE_FAIL, reason);
    spec.type = SPEC_PROBE_HTTP;
    check_once(f, &spec);
    assert_result(f, PROBE_FAIL, "GET /: no answer within 100ms");
    close_fillers(&queue);
    close(queue.listener);
}

/* The kernel knows nothing at once, and then the connection stands, or does not. */
static void test_tcp_slow(void **state)
{
    Fixture *f = *state;

    f->door.shares = 1;
    for (int refuses = 0; refuses < 2; refuses++) {
        SpecProbe spec = spec_of(SPEC_PROBE_TCP, NULL);
        FullQueue queue = fill_queue();

        spec.port = queue.port;
        make_probe(f, &spec);
        assert_int_equal(probe_run(f->probe), 0);
        assert_int_equal(sd_event_run(f->context.event, 0), 0);
        assert_true(probe_is_running(f->probe));
        if (refuses)
            close(queue.listener);
        else /* room for the one who waits; it asks again within a second */
            while (accept4(queue.listener, NULL, NULL, SOCK_CLOEXEC) < 0)
                assert_int_equal(errno, EINTR);
        close_fillers(&queue);
        wait_result(f);
        assert_int_equal(f->result.outcome, refuses ? PROBE_FAIL : PROBE_PASS);
        assert_non_null(strstr(f->result.reason, refuses ? "connection refused" : "connected"));
        if (!refuses)
            close(queue.listener);
    }
}

static void test_unix(void **state)
{
    Fixture *f = *state;
    SpecProbe spec = spec_of(SPEC_PROBE_UNIX, NULL);

    spec.socket = (char *)"/run/web.sock";
    size_t before = open_descriptors();
    check_once(f, &spec);
    assert_result(f, PROBE_PASS, "unix /run/web.sock: connected");
    assert_int_equal(f->door.request.op, LEASE_OP_CONNECT);
    f->door.answer.error = -ENOENT;
    check_once(f, &spec);
    assert_result(f, PROBE_FAIL, "unix /run/web.sock: no such file or directory");
    f->door.answer.error = -ECONNREFUSED;
    check_once(f, &spec);
    assert_result(f, PROBE_FAIL, "unix /run/web.sock: connection refused");
    f->door.answer.error = -ETIMEDOUT;
    check_once(f, &spec);
    assert_result(f, PROBE_FAIL, "unix /run/web.sock: no connection within 10s");
    assert_true(open_descriptors() <= before + 4);
}

static void test_exec(void **state)
{
    char path[] = "/usr/bin/pg_isready", option[] = "-q", *argv[] = {path, option, NULL};
    Fixture *f = *state;
    SpecProbe spec = spec_of(SPEC_PROBE_EXEC, NULL);

    spec.exec = argv;
    f->door.answer.text = "";
    check_once(f, &spec);
    assert_result(f, PROBE_PASS, "exec pg_isready: exit status 0");
    assert_ptr_equal(f->door.request.argv, argv);
    assert_string_equal(probe_label(f->probe), "exec pg_isready");
    f->door.answer.exit_code = 2;
    f->door.answer.text = "no \x1b[1mresponse\r\n\xff";
    check_once(f, &spec);
    assert_result(f, PROBE_FAIL, "exec pg_isready: exit status 2: no [1mresponse ?");
    assert_int_equal(f->result.value, 2);
    f->door.answer.exit_code = 137;
    f->door.answer.text = NULL;
    check_once(f, &spec);
    assert_result(f, PROBE_FAIL, "exec pg_isready: exit status 137 (SIGKILL)");
    f->door.answer.error = -ETIMEDOUT;
    check_once(f, &spec);
    assert_result(f, PROBE_FAIL, "exec pg_isready: did not end within 10s");
    f->door.answer.error = -ENOENT;
    check_once(f, &spec);
    assert_result(f, PROBE_FAIL, "exec pg_isready: could not be run: no such file or directory");
}

static void test_file(void **state)
{
    Fixture *f = *state;
    SpecProbe spec = spec_of(SPEC_PROBE_FILE, NULL);
    uint64_t now = (uint64_t)time(NULL) * USEC_PER_SEC;

    spec.file = (char *)"/run/beat";
    f->door.answer.mtime_usec = now - 20 * USEC_PER_SEC;
    check_once(f, &spec);
    assert_int_equal(f->result.outcome, PROBE_PASS);
    assert_in_range(f->result.value, 20 * USEC_PER_SEC, 25 * USEC_PER_SEC);
    f->door.answer.mtime_usec = now - 3 * USEC_PER_HOUR - USEC_PER_SEC;
    check_once(f, &spec);
    assert_result(f, PROBE_FAIL, "file /run/beat: 3h old, 30s allowed");
    f->door.answer.mtime_usec = now + 5 * USEC_PER_SEC;
    check_once(f, &spec);
    assert_result(f, PROBE_PASS, "file /run/beat: 0 old, 30s allowed");
    f->door.answer.mtime_usec = now + 5 * USEC_PER_DAY;
    check_once(f, &spec);
    assert_int_equal(f->result.outcome, PROBE_FAIL);
    assert_non_null(strstr(f->result.reason, "ahead of the clock"));
    f->door.answer.error = -ENOENT;
    check_once(f, &spec);
    assert_result(f, PROBE_FAIL, "file /run/beat: no such file");
}

static SpecProbe any_spec(int type)
{
    static char word[] = "/x", *argv[] = {word, NULL};
    SpecProbe spec = spec_of(type, "http");

    spec.socket = spec.file = spec.match = word;
    spec.exec = argv;
    if (type == SPEC_PROBE_HTTPS) /* the server waits for a request that it can read */
        spec.timeout_usec = 100 * USEC_PER_MSEC;
    return spec;
}

/* For reasons of ours nothing is said about the service. */
static void test_void(void **state)
{
    static const int errors[] = {-ENOTCONN, -EMFILE, -ENOMEM};
    Fixture *f = *state;

    for (int type = 0; type < _SPEC_PROBE_MAX; type++) {
        SpecProbe spec = any_spec(type);

        for (size_t i = 0; type != SPEC_PROBE_LOG && i < 2 * ELEMENTSOF(errors); i++) {
            f->door.answer.error = i % 2 ? errors[i / 2] : 0;
            f->door.refusal = i % 2 ? 0 : errors[i / 2];
            check_once(f, &spec);
            assert_int_equal(f->result.outcome, PROBE_VOID);
            assert_non_null(strstr(f->result.reason, ": not checked: "));
        }
    }
    assert_string_equal(f->result.reason, "grpc: not checked: out of memory");
}

/* What is no socket of the right kind is not used. */
static void test_wrong_descriptor(void **state)
{
    static const int types[] = {SPEC_PROBE_TCP, SPEC_PROBE_HTTP, SPEC_PROBE_GRPC};
    Fixture *f = *state;
    int file = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    int datagram = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    for (size_t i = 0; i < 2 * ELEMENTSOF(types); i++) {
        SpecProbe spec = any_spec(types[i / 2]);

        f->door.answer.fd = i % 2 ? file : datagram;
        check_once(f, &spec);
        assert_int_equal(f->result.outcome, PROBE_VOID);
    }
    close(file);
    close(datagram);
}

/* The lease does not answer: that says something about the service only when it was to do there
 * what the service may hang in. */
static void test_silent_door(void **state)
{
    static const ProbeOutcome expected[_SPEC_PROBE_MAX] = {
        [SPEC_PROBE_HTTP] = PROBE_VOID, [SPEC_PROBE_HTTPS] = PROBE_VOID,
        [SPEC_PROBE_TCP] = PROBE_VOID,  [SPEC_PROBE_UNIX] = PROBE_FAIL,
        [SPEC_PROBE_EXEC] = PROBE_FAIL, [SPEC_PROBE_FILE] = PROBE_FAIL,
        [SPEC_PROBE_GRPC] = PROBE_VOID,
    };
    Fixture *f = *state;
    unsigned cancels = 0;

    f->door.silent = true;
    for (int type = 0; type < _SPEC_PROBE_MAX; type++) {
        SpecProbe spec = any_spec(type);

        if (type == SPEC_PROBE_LOG)
            continue;
        spec.timeout_usec = 20 * USEC_PER_MSEC;
        check_once(f, &spec);
        assert_int_equal(f->result.outcome, expected[type]);
        assert_int_equal(f->door.n_cancels, ++cancels);
    }
}

static void test_cancel(void **state)
{
    Fixture *f = *state;

    for (int type = 0; type < _SPEC_PROBE_MAX; type++)
        for (unsigned turns = 0; turns < 6; turns++) {
            SpecProbe spec = any_spec(type);

            make_probe(f, &spec);
            assert_int_equal(probe_run(f->probe), 0);
            for (unsigned i = 0; i < turns && probe_is_running(f->probe); i++)
                assert_true(sd_event_run(f->context.event, USEC_PER_SEC) >= 0);
            unsigned before = f->n_results;
            probe_cancel(f->probe);
            probe_cancel(f->probe);
            assert_false(probe_is_running(f->probe));
            assert_null(f->door.done);
            while (sd_event_run(f->context.event, 0) > 0)
                ;
            assert_int_equal(f->n_results, before);
            assert_int_equal(probe_run(f->probe), 0);
            wait_result(f);
        }
}

typedef struct Chain {
    Fixture *fixture;
    Probe *probes[3];
    unsigned n_left;
} Chain;

/* The first that ends frees itself and cancels the others, from inside its result. */
static void end_all(Probe *probe, const ProbeResult *result, void *userdata)
{
    Chain *chain = userdata;

    assert_true(chain->n_left > 0);
    for (size_t i = 0; i < ELEMENTSOF(chain->probes); i++)
        chain->probes[i] = probe_free(chain->probes[i]);
    chain->n_left = 0;
}

static void test_free_inside_result(void **state)
{
    Fixture *f = *state;

    f->door.shares = 1; /* the fake door knows one question at a time */
    for (int type = 0; type < _SPEC_PROBE_MAX; type++) {
        Chain chain = {.fixture = f, .n_left = 3};
        SpecProbe spec = any_spec(type);
        bool asks = type == SPEC_PROBE_UNIX || type == SPEC_PROBE_EXEC || type == SPEC_PROBE_FILE;

        for (size_t i = 0; i < (asks ? 1 : ELEMENTSOF(chain.probes)); i++) {
            assert_int_equal(probe_new(&f->context, &spec, "phoenix@web.service", &f->door.door,
                                       end_all, &chain, &chain.probes[i]),
                             0);
            assert_int_equal(probe_run(chain.probes[i]), 0);
        }
        while (chain.n_left > 0)
            assert_true(sd_event_run(f->context.event, 20 * USEC_PER_SEC) > 0);
        while (sd_event_run(f->context.event, 0) > 0)
            ;
    }
}

static void test_unusable(void **state)
{
    Fixture *f = *state;
    SpecProbe spec = any_spec(_SPEC_PROBE_MAX);
    Probe *probe = NULL;

    assert_int_equal(
        probe_new(&f->context, &spec, "u", &f->door.door, (probe_done_t)abort, f, &probe),
        -EOPNOTSUPP);
    spec = spec_of(SPEC_PROBE_TCP, NULL);
    assert_int_equal(
        probe_new(&f->context, &spec, "u", &f->door.door, (probe_done_t)abort, f, &probe), -EINVAL);
    assert_null(probe);
    assert_null(probe_free(NULL));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_tcp),         TEST(test_tcp_source),     TEST(test_tcp_source_ports),
        TEST(test_tcp_ipv6),    TEST(test_tcp_other_host), TEST(test_tcp_late),
        TEST(test_tcp_slow),    TEST(test_unix),           TEST(test_exec),
        TEST(test_file),        TEST(test_void),           TEST(test_wrong_descriptor),
        TEST(test_silent_door), TEST(test_cancel),         TEST(test_free_inside_result),
        TEST(test_unusable),
    };

    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
