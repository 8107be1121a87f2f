/* SPDX-License-Identifier: MIT */
/* What phoenixd asks of a lease, and what becomes of the answers. */
#include "supervisor/daemon/test-lease-fake.h"

#define REQUESTS_MAX 256 /* as lease-peer.c has it */

static void test_request_and_answer(void **state)
{
    Fixture *f = *state;
    Asked asked = {0};
    Received r;
    uint32_t id = ask(f, LEASE_OP_EXEC, &asked);

    receive(f, LEASE_REQUEST, &r);
    assert_int_equal(r.message.request->id, id);
    assert_int_equal(r.message.request->op, LEASE_OP_EXEC);
    assert_int_equal(r.message.text_size, sizeof("/bin/true") + sizeof("-v"));
    assert_int_equal(asked.n, 0);
    send_answer(f, id, 0, "no database", NULL, 0);
    settle(f);
    assert_int_equal(asked.n, 1);
    assert_int_equal(asked.answer.error, 0);
    assert_int_equal(asked.answer.exit_code, 3);
    assert_int_equal(asked.answer.elapsed_usec, 1234);
    assert_int_equal(asked.answer.mtime_usec, 5678);
    assert_string_equal(asked.text, "no database");
    assert_int_equal(f->n_gone, 0);
}

static void test_answers_bring_descriptors(void **state)
{
    Fixture *f = *state;
    Asked kept = {.keep = true, .kept = -1}, left = {0};
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    uint32_t id = ask(f, LEASE_OP_SOCKET, &kept);
    send_answer(f, id, 0, "", &fd, 1);
    id = ask(f, LEASE_OP_CONNECT, &left);
    send_answer(f, id, 0, "", &fd, 1);
    settle(f);
    assert_int_equal(kept.n, 1);
    assert_true(kept.kept >= 0);
    assert_int_equal(fcntl(kept.kept, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    close(kept.kept);
    assert_int_equal(left.n, 1); /* and teardown sees that it was closed */
    assert_true(left.answer.fd >= 0);
    close(fd);
}

static void test_answer_without_its_descriptor(void **state)
{
    Fixture *f = *state;
    Asked asked = {0};

    send_answer(f, ask(f, LEASE_OP_SOCKET, &asked), 0, "", NULL, 0);
    settle(f);
    assert_int_equal(asked.answer.error, -EBADMSG);
    send_answer(f, ask(f, LEASE_OP_SOCKET, &asked), -EACCES, "", NULL, 0);
    settle(f);
    assert_int_equal(asked.answer.error, -EACCES);
    assert_int_equal(asked.n, 2);
}

/* A positive number is no errno: who sends that speaks another protocol. */
static void test_positive_error(void **state)
{
    Fixture *f = *state;
    Asked asked = {0};

    send_answer(f, ask(f, LEASE_OP_STAT, &asked), 77, "", NULL, 0);
    wait_gone(f);
    assert_string_equal(f->why, "the lease broke the protocol");
    assert_int_equal(asked.answer.error, -ENOTCONN);
}

static void test_cancelled_is_forgotten(void **state)
{
    Fixture *f = *state;
    Asked asked = {0};
    Received r;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    uint32_t id = ask(f, LEASE_OP_CONNECT, &asked);

    receive(f, LEASE_REQUEST, &r);
    lease_peer_cancel(f->peer, id);
    receive(f, LEASE_CANCEL, &r);
    assert_int_equal(r.message.cancel->id, id);
    send_answer(f, id, 0, "", &fd, 1); /* was on its way already */
    settle(f);
    assert_int_equal(asked.n, 0);
    assert_int_equal(f->n_gone, 0);
    lease_peer_cancel(f->peer, id);
    lease_peer_cancel(f->peer, 0);
    assert_silent(f);
    close(fd);
}

static void test_answers_of_unknown_requests(void **state)
{
    Fixture *f = *state;
    Asked asked = {0};
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    uint32_t id = ask(f, LEASE_OP_STAT, &asked);

    send_answer(f, id + 1, 0, "", &fd, 1);
    send_answer(f, 0, 0, "", NULL, 0);
    send_answer(f, UINT32_MAX, 0, "", NULL, 0);
    send_answer(f, id, 0, "", &fd, 1); /* a descriptor that nobody wanted */
    send_answer(f, id, 0, "", NULL, 0);
    settle(f);
    assert_int_equal(asked.n, 1);
    assert_int_equal(f->n_gone, 0);
    close(fd);
}

static void test_timeout(void **state)
{
    Fixture *f = *state;
    DoorRequest request = {.op = LEASE_OP_STAT, .path = "/x", .timeout_usec = 0};
    Asked asked = {0};
    Received r;
    uint32_t id;

    /* The least there is: its own time and a second. */
    assert_int_equal(lease_peer_request(f->peer, &request, on_answer, &asked, &id), 0);
    receive(f, LEASE_REQUEST, &r);
    while (asked.n == 0)
        assert_true(sd_event_run(f->event, PATIENCE_USEC) > 0);
    assert_int_equal(asked.answer.error, -ETIMEDOUT);
    assert_string_equal(asked.text, "");
    receive(f, LEASE_CANCEL, &r);
    assert_int_equal(r.message.cancel->id, id);
    send_answer(f, id, 0, "", NULL, 0); /* too late */
    settle(f);
    assert_int_equal(asked.n, 1);
    assert_int_equal(f->n_gone, 0);
}

static void test_too_many_requests(void **state)
{
    Fixture *f = *state;
    DoorRequest request = {.op = LEASE_OP_SOCKET, .domain = AF_INET, .timeout_usec = USEC_PER_SEC};
    Asked asked = {0};
    Received r;
    uint32_t id = 0;

    for (unsigned i = 0; i < REQUESTS_MAX; i++) {
        assert_int_equal(lease_peer_request(f->peer, &request, on_answer, &asked, &id), 0);
        receive(f, LEASE_REQUEST, &r);
    }
    assert_int_equal(lease_peer_request(f->peer, &request, on_answer, &asked, &id), -EBUSY);
    lease_peer_cancel(f->peer, id);
    assert_int_equal(lease_peer_request(f->peer, &request, on_answer, &asked, &id), 0);
    f->peer = lease_peer_free(f->peer); /* all are told */
    assert_int_equal(asked.n, REQUESTS_MAX);
    assert_int_equal(asked.answer.error, -ENOTCONN);
}

static void test_requests_that_do_not_fit(void **state)
{
    static char word[LEASE_MESSAGE_MAX];
    Fixture *f = *state;
    char *argv[] = {word, NULL};
    DoorRequest run = {.op = LEASE_OP_EXEC, .argv = argv},
                look = {.op = LEASE_OP_STAT, .path = word};
    Asked asked = {0};
    uint32_t id = 1234;

    memset(word, 'w', sizeof(word) - 1);
    word[0] = '/';
    assert_int_equal(lease_peer_request(f->peer, &run, on_answer, &asked, &id), -E2BIG);
    assert_int_equal(lease_peer_request(f->peer, &look, on_answer, &asked, &id), -ENAMETOOLONG);
    assert_int_equal(id, 1234);
    settle(f);
    assert_int_equal(asked.n, 0);
    assert_silent(f);
}

/* Who asks again when told that the connection is over is refused, not asked for ever. */
static void test_asking_again_at_the_end(void **state)
{
    Fixture *f = *state;
    Asked asked = {.again = f->peer};

    ask(f, LEASE_OP_STAT, &asked);
    close(f->lease);
    f->lease = -1;
    wait_gone(f);
    assert_int_equal(asked.n, 1);
    assert_int_equal(asked.again_result, -ENOTCONN);
}

static void test_asking_again_when_freed(void **state)
{
    Fixture *f = *state;
    Asked asked = {.again = f->peer};

    ask(f, LEASE_OP_STAT, &asked);
    f->peer = lease_peer_free(f->peer);
    assert_int_equal(asked.n, 1);
    assert_int_equal(asked.again_result, -ENOTCONN);
    settle(f);
}

static void test_texts_of_services_are_cleaned(void **state)
{
    _Alignas(uint64_t) char packet[sizeof(struct lease_answer) + 32] = {0};
    struct lease_answer *answer = (struct lease_answer *)packet;
    Fixture *f = *state;
    Asked asked = {0};
    const char text[] = "a\x1b[31mb\n\xffx \xc2\x9b\xc3\xa9\r\n";

    answer->id = ask(f, LEASE_OP_EXEC, &asked);
    memcpy(packet + sizeof(*answer), text, strlen(text));
    lease_header_init(&answer->header, LEASE_ANSWER, sizeof(*answer) + strlen(text));
    send_with(f, packet, sizeof(*answer) + strlen(text), NULL, 0);
    settle(f);
    assert_int_equal(asked.n, 1);
    assert_string_equal(asked.text, "a [31mb ?x ?\xc3\xa9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_request_and_answer),
        TEST(test_answers_bring_descriptors),
        TEST(test_answer_without_its_descriptor),
        TEST(test_positive_error),
        TEST(test_cancelled_is_forgotten),
        TEST(test_answers_of_unknown_requests),
        TEST(test_timeout),
        TEST(test_too_many_requests),
        TEST(test_requests_that_do_not_fit),
        TEST(test_asking_again_at_the_end),
        TEST(test_asking_again_when_freed),
        TEST(test_texts_of_services_are_cleaned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
