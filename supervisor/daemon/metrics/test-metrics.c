/* SPDX-License-Identifier: MIT */

/* The exposition as text, and the responder with clients that behave, that do not, and that do
 * nothing. With an argument N: writes the exposition of N services, for test-metrics.py. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <cmocka.h>

#include "base/macros.h"
#include "supervisor/daemon/metrics/metrics-request.h"
#include "supervisor/daemon/metrics/metrics.h"
#include "supervisor/daemon/test-manager.h"

#define GET "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"

typedef struct Fixture {
    sd_event *event;
    Manager *manager;
    MetricsServer *server;
    struct sockaddr_un address;
} Fixture;

/* Long enough for a machine under load, reached only when something is wrong. */
#define PATIENCE_USEC (20 * USEC_PER_SEC)

static uint64_t monotonic_usec(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

static int set_up_n(void **state, size_t n_services)
{
    Fixture *f = calloc(1, sizeof(Fixture));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t length = sizeof(f->address);

    assert_int_equal(sd_event_new(&f->event), 0);
    assert_int_equal(test_manager_new(f->event, n_services, &f->manager), 0);
    /* The kernel gives an address when there is only the family. */
    f->address.sun_family = AF_UNIX;
    assert_int_equal(bind(fd, (struct sockaddr *)&f->address, sizeof(sa_family_t)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&f->address, &length), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(metrics_server_new(f->event, f->manager, &fd, 1, &f->server), 0);
    *state = f;
    return 0;
}

static int set_up(void **state)
{
    return set_up_n(state, 3);
}

static int set_up_many(void **state)
{
    return set_up_n(state, 1000);
}

static int tear_down(void **state)
{
    Fixture *f = *state;

    metrics_server_free(f->server);
    test_manager_free(f->manager);
    sd_event_unref(f->event);
    free(f);
    return 0;
}

static int client(Fixture *f)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t length = sizeof(sa_family_t) + 6; /* an autobound name has 5 digits */

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&f->address, length), 0);
    return fd;
}

static void say(int fd, const char *text, size_t n)
{
    assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), n);
}

/* Runs the loop until it has nothing to do at the moment. */
static void settle(Fixture *f)
{
    while (sd_event_run(f->event, 0) > 0)
        ;
}

/* Reads to the end of the connection; the loop runs meanwhile. Never more than `step` bytes at a
 * time. */
static void read_answer(Fixture *f, int fd, size_t step, Text *ret)
{
    uint64_t until = monotonic_usec() + PATIENCE_USEC;
    char buf[65536];

    for (;;) {
        ssize_t n = recv(fd, buf, MIN(step, sizeof(buf)), 0);

        if (n > 0) {
            text_add_n(ret, buf, (size_t)n);
        } else if (n == 0 || errno == ECONNRESET) {
            break;
        } else {
            assert_int_equal(errno, EAGAIN);
            assert_true(monotonic_usec() < until);
            assert_true(sd_event_run(f->event, 100 * USEC_PER_MSEC) >= 0);
        }
    }
    close(fd);
    assert_int_equal(ret->error, 0);
}

static void check_answer(Fixture *f, const char *request, size_t n, const char *status)
{
    _cleanup_text_ Text answer = {0};
    int fd = client(f);

    say(fd, request, n);
    read_answer(f, fd, SIZE_MAX, &answer);
    if (!answer.data || strncmp(answer.data, status, strlen(status)) != 0)
        fail_msg("%.40s... gave %.40s", request, answer.data ?: "nothing");
}

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        MetricsAnswer answer;
    } cases[] = {
        {GET, METRICS_ANSWER_OK},
        {"HEAD /metrics HTTP/1.1\r\n\r\n", METRICS_ANSWER_OK},
        {"GET /metrics?name[]=x HTTP/1.0\r\n\r\n", METRICS_ANSWER_OK},
        {"GET /metrics HTTP/1.1\n\n", METRICS_ANSWER_OK},
        {GET "GET /metrics HTTP/1.1\r\n\r\nrubbish", METRICS_ANSWER_OK},
        {"", METRICS_ANSWER_NOT_YET},
        {"GET /metrics HTTP/1.1", METRICS_ANSWER_NOT_YET},
        {"GET /metrics HTTP/1.1\r\n", METRICS_ANSWER_NOT_YET},
        {"GET /metrics HTTP/1.1\r\n\r", METRICS_ANSWER_NOT_YET},
        {"GET /metrics HTTP/1.1\r\nHost: x\r\n", METRICS_ANSWER_NOT_YET},
        {"GET / HTTP/1.1\r\n\r\n", METRICS_ANSWER_NOT_FOUND},
        {"GET /metricsx HTTP/1.1\r\n\r\n", METRICS_ANSWER_NOT_FOUND},
        {"GET /metrics/../etc/passwd HTTP/1.1\r\n\r\n", METRICS_ANSWER_NOT_FOUND},
        {"GET /metric HTTP/1.1\r\n\r\n", METRICS_ANSWER_NOT_FOUND},
        {"POST /metrics HTTP/1.1\r\n\r\n", METRICS_ANSWER_METHOD},
        {"get /metrics HTTP/1.1\r\n\r\n", METRICS_ANSWER_METHOD},
        {"GETX /metrics HTTP/1.1\r\n\r\n", METRICS_ANSWER_METHOD},
        {"\r\n\r\n", METRICS_ANSWER_BAD},
        {"\n\n", METRICS_ANSWER_BAD},
        {" \r\n\r\n", METRICS_ANSWER_BAD},
        {"GET\r\n\r\n", METRICS_ANSWER_BAD},
        {"GET /metrics\r\n\r\n", METRICS_ANSWER_BAD},
        {"GET  /metrics HTTP/1.1\r\n\r\n", METRICS_ANSWER_BAD},
        {"GET /metrics HTTP/1.1 \r\n\r\n", METRICS_ANSWER_BAD},
        {"GET /metrics HTTP/2.0\r\n\r\n", METRICS_ANSWER_BAD},
        {"GET metrics HTTP/1.1\r\n\r\n", METRICS_ANSWER_BAD},
        {"GET http://x/metrics HTTP/1.1\r\n\r\n", METRICS_ANSWER_BAD},
        {"G\x01T /metrics HTTP/1.1\r\n\r\n", METRICS_ANSWER_BAD},
        {"GET /met\x7frics HTTP/1.1\r\n\r\n", METRICS_ANSWER_BAD},
        {"GET /\xff HTTP/1.1\r\n\r\n", METRICS_ANSWER_BAD},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", METRICS_ANSWER_BAD},
        {"\x16\x03\x01\x02\r\n\r\n", METRICS_ANSWER_BAD}, /* TLS */
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++)
        if (metrics_request_parse(cases[i].text, strlen(cases[i].text)) != cases[i].answer)
            fail_msg("case %zu: %s", i, cases[i].text);
}

static void test_parse_bytes(void **state)
{
    static const char nul[] = "GET /metrics HTTP/1.1\r\nA: \0\r\n\r\n";
    char large[METRICS_REQUEST_MAX];

    assert_int_equal(metrics_request_parse(nul, sizeof(nul) - 1), METRICS_ANSWER_BAD);
    memset(large, 'x', sizeof(large));
    assert_int_equal(metrics_request_parse(large, sizeof(large) - 1), METRICS_ANSWER_NOT_YET);
    assert_int_equal(metrics_request_parse(large, sizeof(large)), METRICS_ANSWER_LARGE);
    memcpy(large, GET, strlen(GET) - 4);
    memcpy(large + sizeof(large) - 4, "\r\n\r\n", 4);
    assert_int_equal(metrics_request_parse(large, sizeof(large)), METRICS_ANSWER_OK);
}

static void test_answers(void **state)
{
    Fixture *f = *state;
    static const struct {
        const char *request, *status;
    } cases[] = {
        {GET, "HTTP/1.1 200 OK\r\n"},
        {GET GET "rubbish", "HTTP/1.1 200 OK\r\n"},
        {"GET /x HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found\r\n"},
        {"PUT /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 405 Method Not Allowed\r\n"},
        {"rubbish\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
    };
    char large[METRICS_REQUEST_MAX + 1000];

    for (size_t i = 0; i < ELEMENTSOF(cases); i++)
        check_answer(f, cases[i].request, strlen(cases[i].request), cases[i].status);
    memset(large, 'x', sizeof(large));
    check_answer(f, large, sizeof(large), "HTTP/1.1 431 ");
}

static void test_body(void **state)
{
    Fixture *f = *state;
    _cleanup_text_ Text answer = {0}, body = {0};
    unsigned long length = 0;
    int fd = client(f);

    say(fd, GET, strlen(GET));
    read_answer(f, fd, SIZE_MAX, &answer);
    assert_int_equal(metrics_write(f->manager, &body), 0);
    const char *field = strstr(answer.data, "\r\nContent-Length: ");
    const char *end = strstr(answer.data, "\r\n\r\n");
    assert_true(field && end);
    assert_int_equal(sscanf(field, "\r\nContent-Length: %lu", &length), 1);
    assert_int_equal(length, body.size);
    assert_string_equal(end + 4, body.data);
    assert_non_null(strstr(answer.data, "application/openmetrics-text; version=1.0.0"));
    assert_string_equal(body.data + body.size - 6, "# EOF\n");
}

static void test_head(void **state)
{
    Fixture *f = *state;
    static const char *const paths[] = {"/metrics", "/x"};

    for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
        _cleanup_text_ Text request = {0}, answer = {0};
        int fd = client(f);

        text_addf(&request, "HEAD %s HTTP/1.1\r\n\r\n", paths[i]);
        say(fd, request.data, request.size);
        read_answer(f, fd, SIZE_MAX, &answer);
        assert_string_equal(answer.data + answer.size - 4, "\r\n\r\n");
        assert_null(strstr(answer.data, "Content-Length: 0"));
    }
}

/* One byte at a time is a request like any other. */
static void test_bytewise(void **state)
{
    Fixture *f = *state;
    _cleanup_text_ Text answer = {0};
    int fd = client(f);

    for (const char *p = GET; *p; p++) {
        say(fd, p, 1);
        settle(f);
    }
    read_answer(f, fd, SIZE_MAX, &answer);
    assert_memory_equal(answer.data, "HTTP/1.1 200", 12);
}

static void test_half_request(void **state)
{
    Fixture *f = *state;
    _cleanup_text_ Text answer = {0}, nothing = {0};
    int fd;

    metrics_server_set_timeout(f->server, 50 * USEC_PER_MSEC);
    fd = client(f);
    say(fd, GET, 10);
    read_answer(f, fd, SIZE_MAX, &answer);
    assert_memory_equal(answer.data, "HTTP/1.1 408", 12);

    /* Half a request and then its end gets no answer. */
    fd = client(f);
    say(fd, GET, 10);
    shutdown(fd, SHUT_WR);
    read_answer(f, fd, SIZE_MAX, &nothing);
    assert_int_equal(nothing.size, 0);
}

static void test_too_many(void **state)
{
    Fixture *f = *state;
    _cleanup_text_ Text refused = {0}, answer = {0}, again = {0};
    int fds[16], fd;

    for (size_t i = 0; i < ELEMENTSOF(fds); i++)
        fds[i] = client(f);
    settle(f);
    fd = client(f);
    say(fd, GET, strlen(GET));
    read_answer(f, fd, SIZE_MAX, &refused);
    assert_memory_equal(refused.data, "HTTP/1.1 503", 12);

    /* Those before it are served, and when one has gone there is room. */
    say(fds[0], GET, strlen(GET));
    read_answer(f, fds[0], SIZE_MAX, &answer);
    assert_memory_equal(answer.data, "HTTP/1.1 200", 12);
    settle(f);
    fd = client(f);
    say(fd, GET, strlen(GET));
    read_answer(f, fd, SIZE_MAX, &again);
    assert_memory_equal(again.data, "HTTP/1.1 200", 12);
    for (size_t i = 1; i < ELEMENTSOF(fds); i++)
        close(fds[i]);
}

/* Who reads slowly gets all of it, and others are served meanwhile. */
static void test_slow_reader(void **state)
{
    Fixture *f = *state;
    _cleanup_text_ Text slow = {0}, body = {0};
    int small = 4096, fd = client(f);

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    say(fd, GET, strlen(GET));
    settle(f);
    check_answer(f, GET, strlen(GET), "HTTP/1.1 200 OK\r\n");
    read_answer(f, fd, 1000, &slow);
    assert_int_equal(metrics_write(f->manager, &body), 0);
    assert_true(slow.size > body.size && body.size > 1000000);
    assert_string_equal(slow.data + slow.size - body.size, body.data);
}

/* Who does not read at all is let go when the time is over. */
static void test_no_reader(void **state)
{
    Fixture *f = *state;
    _cleanup_text_ Text answer = {0};
    uint64_t until = monotonic_usec() + PATIENCE_USEC;
    int fd;

    metrics_server_set_timeout(f->server, 50 * USEC_PER_MSEC);
    fd = client(f);
    say(fd, GET, strlen(GET));
    /* Closed by the server: the client cannot send any more. */
    while (send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0 || errno == EAGAIN) {
        assert_true(monotonic_usec() < until);
        assert_true(sd_event_run(f->event, 10 * USEC_PER_MSEC) >= 0);
    }
    assert_true(errno == EPIPE || errno == ECONNRESET);
    read_answer(f, fd, SIZE_MAX, &answer);
    assert_null(strstr(answer.data, "# EOF"));
}

static void test_vanishing(void **state)
{
    Fixture *f = *state;

    for (size_t i = 0; i < 40; i++) {
        int fd = client(f);

        if (i % 4 > 0)
            say(fd, GET, i % 4 == 1 ? 5 : strlen(GET));
        if (i % 4 == 3)
            settle(f); /* in the middle of the answer */
        close(fd);
        settle(f);
    }
    check_answer(f, GET, strlen(GET), "HTTP/1.1 200 OK\r\n");
}

/* Sixteen at once cost one exposition. */
static void test_shared_body(void **state)
{
    Fixture *f = *state;
    size_t before, once;
    int fds[16];

    _cleanup_text_ Text body = {0};
    before = test_manager_n_views(f->manager);
    assert_int_equal(metrics_write(f->manager, &body), 0);
    once = test_manager_n_views(f->manager) - before;

    before = test_manager_n_views(f->manager);
    for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
        fds[i] = client(f);
        say(fds[i], GET, strlen(GET));
    }
    settle(f); /* nobody reads, so all of them hold it */
    size_t times = (test_manager_n_views(f->manager) - before) / once;
    assert_in_range(times, 1, 8); /* not 16, however slow this machine is */
    for (size_t i = 0; i < ELEMENTSOF(fds); i++)
        close(fds[i]);
}

/* Without descriptors the listener pauses instead of turning in circles, and goes on by itself. */
static void test_no_descriptors(void **state)
{
    Fixture *f = *state;
    _cleanup_text_ Text answer = {0};
    struct rlimit limit, tight;
    int fd = client(f), turns = 0;

    say(fd, GET, strlen(GET));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    tight = limit;
    tight.rlim_cur = (rlim_t)fd;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    while (sd_event_run(f->event, 0) > 0 && turns < 100)
        turns++;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_in_range(turns, 1, 10);
    read_answer(f, fd, SIZE_MAX, &answer);
    assert_memory_equal(answer.data, "HTTP/1.1 200", 12);
}

static void test_write_speed(void **state)
{
    Fixture *f = *state;
    _cleanup_text_ Text body = {0};
    uint64_t begin = monotonic_usec();

    assert_int_equal(metrics_write(f->manager, &body), 0);
    uint64_t took_usec = monotonic_usec() - begin;
    print_message("1,000 services: %zu bytes in %ju us\n", body.size, (uintmax_t)took_usec);
    assert_true(took_usec < 2 * USEC_PER_SEC);
}

static int dump(const char *number)
{
    _cleanup_text_ Text text = {0};
    sd_event *event = NULL;
    Manager *manager = NULL;
    int r = sd_event_new(&event);

    if (r >= 0)
        r = test_manager_new(event, strtoul(number, NULL, 10), &manager);
    if (r >= 0)
        r = metrics_write(manager, &text);
    if (r >= 0)
        fputs(text.data, stdout);
    test_manager_free(manager);
    sd_event_unref(event);
    return r < 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_bytes),
        cmocka_unit_test_setup_teardown(test_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_body, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_head, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bytewise, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_half_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slow_reader, set_up_many, tear_down),
        cmocka_unit_test_setup_teardown(test_no_reader, set_up_many, tear_down),
        cmocka_unit_test_setup_teardown(test_vanishing, set_up_many, tear_down),
        cmocka_unit_test_setup_teardown(test_shared_body, set_up_many, tear_down),
        cmocka_unit_test_setup_teardown(test_no_descriptors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_write_speed, set_up_many, tear_down),
    };

    return argc > 1 ? dump(argv[1]) : cmocka_run_group_tests(tests, NULL, NULL);
}
