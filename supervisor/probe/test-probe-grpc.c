/* SPDX-License-Identifier: MIT */
/* The messages of the gRPC health protocol, and the check against a real gRPC server. */
#include "test-fixture.h"

#include <errno.h>

#include "supervisor/probe/grpc-message.h"

static void test_request(void **state)
{
    _cleanup_text_ Text text = {0};

    assert_int_equal(grpc_add_request(&text, NULL), 0);
    assert_int_equal(text.size, 5);
    assert_memory_equal(text.data, "\0\0\0\0\0", 5);
    text_truncate(&text, 0);
    assert_int_equal(grpc_add_request(&text, "web"), 0);
    assert_int_equal(text.size, 10);
    assert_memory_equal(text.data, "\0\0\0\0\5\12\3web", 10);

    char name[300];
    memset(name, 'x', sizeof(name));
    name[299] = '\0';
    text_truncate(&text, 0);
    assert_int_equal(grpc_add_request(&text, name), 0);
    assert_int_equal(text.size, 5 + 3 + 299);
    assert_memory_equal(text.data, "\0\0\0\1\x2e\12\xab\2x", 9);
}

static void test_answers(void **state)
{
#define GOOD(bytes, expected)                                                                      \
    do {                                                                                           \
        uint64_t status = 77;                                                                      \
        assert_int_equal(grpc_read_answer(bytes, sizeof(bytes) - 1, &status), 0);                  \
        assert_int_equal(status, expected);                                                        \
    } while (0)
#define BAD(bytes)                                                                                 \
    do {                                                                                           \
        uint64_t status = 77;                                                                      \
        assert_int_equal(grpc_read_answer(bytes, sizeof(bytes) - 1, &status), -EBADMSG);           \
        assert_int_equal(status, 77);                                                              \
    } while (0)
    GOOD("\0\0\0\0\2\10\1", GRPC_HEALTH_SERVING);
    GOOD("\0\0\0\0\0", GRPC_HEALTH_UNKNOWN);
    GOOD("\0\0\0\0\3\10\x81\0", GRPC_HEALTH_SERVING);
    GOOD("\0\0\0\0\5\22\1x\10\2", GRPC_HEALTH_NOT_SERVING);
    GOOD("\0\0\0\0\x13\x15xxxx\x19yyyyyyyy\x20\x80\1\10\1", GRPC_HEALTH_SERVING);
    BAD("");
    BAD("\0\0\0\0");
    BAD("\1\0\0\0\2\10\1");
    BAD("\0\0\0\0\3\10\1");
    BAD("\0\0\0\0\1\10\1");
    BAD("\0\0\0\0\1\10");
    BAD("\0\0\0\0\2\10\x81");
    BAD("\0\0\0\0\3\22\5x");
    BAD("\0\0\0\0\2\13\1");
    BAD("\0\0\0\0\x0c\10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
    BAD("\xff\xff\xff\xff\xff\10\1");
    assert_null(grpc_health_word(_GRPC_HEALTH_MAX));
    assert_null(grpc_status_word(17));
}

static void expect(Fixture *f, const char *server, const char *service, ProbeOutcome outcome,
                   const char *reason)
{
    SpecProbe spec = spec_of(SPEC_PROBE_GRPC, server);

    if (spec.port == 0)
        skip_without("python3-grpcio");
    spec.service = (char *)service;
    check_once(f, &spec);
    assert_result(f, outcome, reason);
}

static void test_server(void **state)
{
    Fixture *f = *state;

    expect(f, "grpc", NULL, PROBE_PASS, "grpc: SERVING");
    assert_string_equal(probe_label(f->probe), "grpc");
    expect(f, "grpc", "more", PROBE_PASS, "grpc more: SERVING");
    expect(f, "grpc", "down", PROBE_FAIL, "grpc down: NOT_SERVING");
    expect(f, "grpc", "odd", PROBE_FAIL, "grpc odd: health status 99");
    expect(f, "grpc", "rubbish", PROBE_FAIL, "grpc rubbish: the answer is no health status");
    expect(f, "grpc", "who", PROBE_FAIL, "grpc who: NOT_FOUND: no such service 100%");
    expect(f, "grpc-bare", NULL, PROBE_FAIL, "grpc: UNIMPLEMENTED: Method not found!");
}

static void test_late(void **state)
{
    Fixture *f = *state;
    SpecProbe spec = spec_of(SPEC_PROBE_GRPC, "grpc");

    if (spec.port == 0)
        skip_without("python3-grpcio");
    spec.service = (char *)"hang";
    spec.timeout_usec = 150 * USEC_PER_MSEC;
    check_once(f, &spec);
    assert_result(f, PROBE_FAIL, "grpc hang: no answer within 150ms");
}

static void test_no_grpc(void **state)
{
    Fixture *f = *state;

    expect(f, "closed", NULL, PROBE_FAIL, "grpc: connection refused");
    /* A server that closes with unread data resets the connection, now and then in time; who writes
     * after that has a broken pipe. */
    SpecProbe spec = spec_of(SPEC_PROBE_GRPC, "http");
    check_once(f, &spec);
    if (!strstr(f->result.reason, "connection reset") && !strstr(f->result.reason, "broken pipe"))
        assert_result(f, PROBE_FAIL, "grpc: no answer in HTTP/2");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_answers),
        TEST(test_server),
        TEST(test_late),
        TEST(test_no_grpc),
    };

    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
