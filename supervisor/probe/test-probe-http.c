/* SPDX-License-Identifier: MIT */
/* http and https against a server that behaves in all the ways that servers do. */
#include "test-fixture.h"

#include <errno.h>
#include <sys/resource.h>

#include "base/text.h"

/* More turns of the loop than a check can take. */
#define TURNS_MAX 1000U

static SpecProbe http(const char *path)
{
    SpecProbe spec = spec_of(SPEC_PROBE_HTTP, "http");

    spec.path = (char *)path;
    return spec;
}

/* Checks a path and expects "GET PATH: ...". */
static void expect(Fixture *f, SpecProbe spec, ProbeOutcome outcome, const char *what)
{
    _cleanup_free_ char *reason = text_printf("%s %s: %s", spec.method, spec.path, what);

    check_once(f, &spec);
    assert_result(f, outcome, reason);
}

static void test_status(void **state)
{
    Fixture *f = *state;
    char range[] = "200-204", code[] = "503", *accepted[] = {range, code, NULL};

    expect(f, http("/ok"), PROBE_PASS, "200 OK");
    assert_int_equal(f->result.value, 200);
    assert_true(f->result.latency_usec > 0 && f->result.latency_usec < TIMEOUT_USEC);
    assert_string_equal(probe_label(f->probe), "http GET /ok");
    expect(f, http("/503"), PROBE_FAIL, "503 Service Unavailable");
    assert_int_equal(f->result.value, 503);
    expect(f, http("/204"), PROBE_FAIL, "204 No Content");
    SpecProbe spec = http("/204");
    spec.status = accepted;
    expect(f, spec, PROBE_PASS, "204 No Content");
    spec.path = (char *)"/503";
    expect(f, spec, PROBE_PASS, "503 Service Unavailable");
}

static void test_again(void **state)
{
    Fixture *f = *state;
    SpecProbe spec = http("/ok");

    make_probe(f, &spec);
    size_t before = open_descriptors();
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(probe_run(f->probe), 0);
        assert_int_equal(probe_run(f->probe), -EBUSY);
        wait_result(f);
        assert_result(f, PROBE_PASS, "GET /ok: 200 OK");
    }
    assert_int_equal(f->n_results, 20);
    assert_int_equal(f->door.n_requests, 20);
    assert_int_equal(open_descriptors(), before);
}

static void test_shared_network(void **state)
{
    Fixture *f = *state;

    f->door.shares = 1;
    expect(f, http("/ok"), PROBE_PASS, "200 OK");
    assert_int_equal(f->door.n_requests, 0);
}

static void test_no_connection(void **state)
{
    Fixture *f = *state;
    SpecProbe spec = http("/ok");

    spec.port = server_port("closed");
    expect(f, spec, PROBE_FAIL, "connection refused");
    assert_int_equal(f->door.n_requests, 2); /* 127.0.0.1, then ::1 */
    assert_int_equal(f->door.request.domain, AF_INET6);
    spec.host = (char *)"127.0.0.1";
    expect(f, spec, PROBE_FAIL, "connection refused");
    assert_int_equal(f->door.n_requests, 3);
}

static void test_ipv6_only(void **state)
{
    Fixture *f = *state;
    SpecProbe spec = http("/ok");

    if (server_port("v6") == 0)
        skip_without("::1");
    spec.port = server_port("v6");
    expect(f, spec, PROBE_PASS, "200 OK");
    spec.host = (char *)"::1";
    expect(f, spec, PROBE_PASS, "200 OK");
    assert_int_equal(f->door.n_requests, 3);
}

static void test_other_host(void **state)
{
    Fixture *f = *state;
    SpecProbe spec = http("/ok");

    spec.host = (char *)"no-such-host.invalid";
    spec.port = 80;
    check_once(f, &spec);
    assert_result(f, PROBE_FAIL, "GET no-such-host.invalid:80/ok: host name not found");
    assert_string_equal(probe_label(f->probe), "http GET no-such-host.invalid:80/ok");
    assert_int_equal(f->door.n_requests, 0);
}

static void test_late(void **state)
{
    static const char *const paths[] = {"/midheader", "/drip", "/drip-header"};
    Fixture *f = *state;
    SpecProbe spec = http("/hang");

    spec.timeout_usec = 150 * USEC_PER_MSEC;
    expect(f, spec, PROBE_FAIL, "no answer within 150ms");
    assert_true(f->result.latency_usec >= spec.timeout_usec);
    for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
        char reason[64];

        spec.path = (char *)paths[i];
        spec.timeout_usec = 50 * USEC_PER_MSEC;
        /* On a busy machine the server may need a while for its first line. */
        do {
            spec.timeout_usec *= 2;
            check_once(f, &spec);
            assert_true(f->result.latency_usec >= spec.timeout_usec);
        } while (strstr(f->result.reason, ": no answer") && spec.timeout_usec < TIMEOUT_USEC);
        snprintf(reason, sizeof(reason), "GET %s: the answer did not end within ", paths[i]);
        assert_int_equal(f->result.outcome, PROBE_FAIL);
        assert_memory_equal(f->result.reason, reason, strlen(reason));
    }
}

static void test_bad_answers(void **state)
{
    Fixture *f = *state;

    expect(f, http("/empty"), PROBE_FAIL, "connection closed without an answer");
    expect(f, http("/short"), PROBE_FAIL, "connection closed inside the answer");
    expect(f, http("/noise"), PROBE_FAIL, "the answer is not HTTP");
    expect(f, http("/rude"), PROBE_FAIL, "500 [31mred?");
    expect(f, http("/endless-header"), PROBE_FAIL, "the header of the answer is longer than 64K");
    expect(f, http("/bad-length"), PROBE_FAIL, "the answer is not HTTP");
    expect(f, http("/bad-chunks"), PROBE_FAIL, "the chunks of the answer are malformed");
    expect(f, http("/reset"), PROBE_FAIL, "connection reset by peer");
    /* Its body would not be looked at. */
    expect(f, http("/stalled-503"), PROBE_FAIL, "503 Busy");
}

static void test_body(void **state)
{
    Fixture *f = *state;
    SpecProbe spec = http("/ok");

    spec.body = (char *)"fine";
    expect(f, spec, PROBE_PASS, "200 OK");
    spec.body = (char *)"bad\nnews";
    expect(f, spec, PROBE_FAIL, "200 OK, without \"bad news\" in the body");
    spec.path = (char *)"/503";
    spec.body = (char *)"down";
    expect(f, spec, PROBE_FAIL, "503 Service Unavailable");
    spec.path = (char *)"/split";
    spec.body = (char *)"needle in hay";
    expect(f, spec, PROBE_PASS, "200 OK");
    spec.path = (char *)"/binary";
    spec.body = (char *)"needle";
    expect(f, spec, PROBE_PASS, "200 OK");
}

static void test_framings(void **state)
{
    char switching[] = "101", *accepted[] = {switching, NULL};
    Fixture *f = *state;
    SpecProbe spec = http("/bytewise");

    expect(f, spec, PROBE_PASS, "200 OK");
    spec.body = (char *)"needle";
    expect(f, spec, PROBE_PASS, "200 OK");
    spec.path = (char *)"/until-close";
    spec.body = (char *)"all of it";
    expect(f, spec, PROBE_PASS, "200 OK");
    spec.body = NULL;
    spec.path = (char *)"/upgrade";
    spec.status = accepted;
    expect(f, spec, PROBE_PASS, "101 Switching Protocols");
}

/* Of another host, by its address (our own way) and by a name (libcurl): the same is said. */
static void test_same_words(void **state)
{
    static const struct {
        const char *path, *words;
        ProbeOutcome outcome;
    } rows[] = {
        {"/ok", "200 OK", PROBE_PASS},
        {"/bytewise", "200 OK", PROBE_PASS},
        {"/until-close", "200 OK", PROBE_PASS},
        {"/503", "503 Service Unavailable", PROBE_FAIL},
        {"/rude", "500 [31mred?", PROBE_FAIL},
        {"/empty", "connection closed without an answer", PROBE_FAIL},
        {"/short", "connection closed inside the answer", PROBE_FAIL},
        {"/noise", "the answer is not HTTP", PROBE_FAIL},
        {"/bad-length", "the answer is not HTTP", PROBE_FAIL},
        {"/endless-header", "the header of the answer is longer than 64K", PROBE_FAIL},
        {"/huge", "200 OK", PROBE_PASS},
        {"/reset", "connection reset by peer", PROBE_FAIL},
    };
    /* The second is the same address as libcurl's resolver reads it, and nobody else. */
    static const char *const hosts[] = {"::ffff:127.0.0.1", "127.1"};
    Fixture *f = *state;

    for (size_t i = 0; i < ELEMENTSOF(rows) * ELEMENTSOF(hosts); i++) {
        SpecProbe spec = http(rows[i / 2].path);
        char reason[128];

        spec.host = (char *)hosts[i % 2];
        snprintf(reason, sizeof(reason), "GET %s%s%s:%d%s: %s", i % 2 ? "" : "[", spec.host,
                 i % 2 ? "" : "]", (int)spec.port, spec.path, rows[i / 2].words);
        check_once(f, &spec);
        assert_result(f, rows[i / 2].outcome, reason);
    }
    assert_int_equal(f->door.n_requests, 0);
}

static void test_long_body(void **state)
{
    Fixture *f = *state;
    SpecProbe spec = http("/huge");

    expect(f, spec, PROBE_PASS, "200 OK");
    spec.body = (char *)"needle";
    expect(f, spec, PROBE_FAIL, "200 OK, without \"needle\" in the first 64K of the body");
    spec.path = (char *)"/huge-hit";
    expect(f, spec, PROBE_PASS, "200 OK");
}

static void test_request(void **state)
{
    Fixture *f = *state;
    char host[] = "Host: web.example", own[] = "X-Test: yes", *headers[] = {host, own, NULL};
    SpecProbe spec = http("/echo");

    setenv("http_proxy", "http://127.0.0.1:1", 1);
    spec.headers = headers;
    spec.body = (char *)"\r\nHost: web.example\r\n";
    expect(f, spec, PROBE_PASS, "200 OK");
    spec.body = (char *)"\r\nX-Test: yes\r\n";
    expect(f, spec, PROBE_PASS, "200 OK");
    spec.body = (char *)"\r\nUser-Agent: phoenix-probe/" PHOENIX_VERSION "\r\n";
    expect(f, spec, PROBE_PASS, "200 OK");
    spec.headers = NULL;
    spec.body = (char *)"\r\nHost: localhost:";
    expect(f, spec, PROBE_PASS, "200 OK");
    spec.method = (char *)"POST";
    spec.body = (char *)"\r\nContent-Length: 0\r\n";
    expect(f, spec, PROBE_PASS, "200 OK");
    spec.body = NULL;
    spec.path = (char *)"/head";
    spec.method = (char *)"HEAD";
    expect(f, spec, PROBE_PASS, "200 Method");
    unsetenv("http_proxy");
}

/* More than goes out at once. */
static void test_long_request(void **state)
{
    enum { SIZE = 8 << 20 };
    Fixture *f = *state;
    SpecProbe spec = http("/ok");
    char *header = malloc(SIZE), *headers[] = {header, NULL};

    assert_non_null(header);
    memset(header, 'x', SIZE);
    memcpy(header, "X-Long: ", strlen("X-Long: "));
    header[SIZE - 1] = '\0';
    spec.headers = headers;
    expect(f, spec, PROBE_PASS, "200 OK");
    free(header);
}

static void test_injection(void **state)
{
    Fixture *f = *state;
    char bad[] = "X: y\r\nEvil: yes", *headers[] = {bad, NULL};
    SpecProbe spec = http("/ok HTTP/1.1\r\nEvil: yes\r\n");

    Probe *probe = NULL;
    assert_int_equal(
        probe_new(&f->context, &spec, "u", &f->door.door, (probe_done_t)abort, f, &probe), -EINVAL);
    spec = http("/ok");
    spec.headers = headers;
    assert_int_equal(
        probe_new(&f->context, &spec, "u", &f->door.door, (probe_done_t)abort, f, &probe), -EINVAL);
    spec = http("/ok");
    spec.method = (char *)"GET /x\r\n";
    assert_int_equal(
        probe_new(&f->context, &spec, "u", &f->door.door, (probe_done_t)abort, f, &probe), -EINVAL);
    assert_null(probe);
}

static void test_redirects(void **state)
{
    Fixture *f = *state;
    char host[] = "host:  web.example:80", *headers[] = {host, NULL};
    SpecProbe spec = http("/to-ok");

    expect(f, spec, PROBE_FAIL, "302 Found");
    spec.redirects = 1;
    expect(f, spec, PROBE_PASS, "200 OK");
    spec.path = (char *)"/to-503";
    expect(f, spec, PROBE_FAIL, "503 Service Unavailable");
    spec.path = (char *)"/to-name";
    expect(f, spec, PROBE_PASS, "200 OK");
    spec.path = (char *)"/loop";
    expect(f, spec, PROBE_FAIL, "more than 5 redirects");
    spec.path = (char *)"/to-other";
    expect(f, spec, PROBE_FAIL, "redirect to another host: http://elsewhere.example/ok");
    spec.path = (char *)"/to-file";
    expect(f, spec, PROBE_FAIL, "redirect to another host: file:///etc/passwd");
    spec.path = (char *)"/to-nothing";
    expect(f, spec, PROBE_FAIL, "redirect without a place to go");
    spec.path = (char *)"/to-nonsense";
    expect(f, spec, PROBE_FAIL, "redirect to another host: http://a b/");
    spec.path = (char *)"/deep/er/to-side"; /* to where it is relative */
    expect(f, spec, PROBE_PASS, "200 Side");
    spec.headers = headers;
    spec.path = (char *)"/to-own";
    expect(f, spec, PROBE_PASS, "200 OK");
}

static SpecProbe https(const char *server)
{
    SpecProbe spec = spec_of(SPEC_PROBE_HTTPS, server);

    if (spec.port == 0)
        skip_without("openssl(1)");
    spec.path = (char *)"/ok";
    return spec;
}

static void test_tls(void **state)
{
    Fixture *f = *state;
    SpecProbe spec = https("https");

    expect(f, spec, PROBE_PASS, "200 OK");
    assert_in_range(f->result.value, 363, 365);
    SpecProbe wrong = https("https-wrong");
    check_once(f, &wrong); /* the words are libcurl's */
    assert_int_equal(f->result.outcome, PROBE_FAIL);
    assert_non_null(strstr(f->result.reason, "GET /ok: SSL: "));
    f->context.ca_file = NULL;
    check_once(f, &spec);
    assert_int_equal(f->result.outcome, PROBE_FAIL);
    assert_non_null(strstr(f->result.reason, "certificate"));
    spec.insecure = 1;
    expect(f, spec, PROBE_PASS, "200 OK");
    spec.port = server_port("http"); /* it waits for more, as we do */
    spec.timeout_usec = 150 * USEC_PER_MSEC;
    expect(f, spec, PROBE_FAIL, "no answer within 150ms");
}

static void test_certificate_days(void **state)
{
    Fixture *f = *state;
    SpecProbe spec = https("https-short");

    spec.certdays = 1;
    expect(f, spec, PROBE_PASS, "200 OK");
    spec.certdays = 30;
    expect(f, spec, PROBE_FAIL, "the certificate is valid for 2 more days, 30 wanted");
    assert_int_equal(f->result.value, 2);
}

static void test_no_descriptors(void **state)
{
    static const char *const hosts[] = {"localhost", "::ffff:127.0.0.1"};
    Fixture *f = *state;
    struct rlimit old, none = {0};
    SpecProbe spec = http("/ok");

    f->door.shares = 1;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none.rlim_max = old.rlim_max;
    for (size_t i = 0; i < ELEMENTSOF(hosts); i++) {
        spec.host = (char *)hosts[i];
        make_probe(f, &spec);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        assert_int_equal(probe_run(f->probe), 0);
        wait_result(f);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
        assert_int_equal(f->result.outcome, PROBE_VOID);
        assert_non_null(strstr(f->result.reason, ": not checked: no file descriptors left"));
        assert_int_equal(probe_run(f->probe), 0);
        wait_result(f);
        assert_int_equal(f->result.outcome, PROBE_PASS);
    }
}

/* Cancels after each number of turns of the loop until the check is faster than that, then looks
 * whether anything is left. */
static void test_cancel(void **state)
{
    Fixture *f = *state;
    SpecProbe spec = http("/to-ok");

    spec.redirects = 1;
    check_once(f, &spec); /* libcurl, which follows, is loaded */
    assert_result(f, PROBE_PASS, "GET /to-ok: 200 OK");
    size_t before = open_descriptors();
    f->n_results = 0;
    for (unsigned turns = 0; f->n_results == 0; turns++) {
        assert_true(turns < TURNS_MAX);
        make_probe(f, &spec);
        assert_int_equal(probe_run(f->probe), 0);
        for (unsigned i = 0; i < turns && f->n_results == 0; i++)
            assert_true(sd_event_run(f->context.event, USEC_PER_SEC) >= 0);
        unsigned n_results = f->n_results;
        if (turns % 2)
            probe_cancel(f->probe);
        else
            f->probe = probe_free(f->probe);
        while (sd_event_run(f->context.event, 0) > 0)
            ;
        assert_int_equal(f->n_results, n_results);
        assert_int_equal(open_descriptors(), before);
    }
    assert_result(f, PROBE_PASS, "GET /to-ok: 200 OK");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_status),         TEST(test_again),        TEST(test_shared_network),
        TEST(test_no_connection),  TEST(test_ipv6_only),    TEST(test_other_host),
        TEST(test_late),           TEST(test_bad_answers),  TEST(test_body),
        TEST(test_framings),       TEST(test_same_words),   TEST(test_long_body),
        TEST(test_request),        TEST(test_long_request), TEST(test_injection),
        TEST(test_redirects),      TEST(test_tls),          TEST(test_certificate_days),
        TEST(test_no_descriptors), TEST(test_cancel),
    };

    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
