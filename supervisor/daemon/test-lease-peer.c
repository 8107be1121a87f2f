/* SPDX-License-Identifier: MIT */
/* One connection of a lease, with a lease at its other end that does as it likes. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/macros.h"
#include "supervisor/daemon/lease-peer.h"
#include "supervisor/probe/test-descriptors.h"

#define PATIENCE_USEC (10 * USEC_PER_SEC)
#define REQUESTS_MAX  256 /* as lease-peer.c has it */

/* Answers and what became of them. */
typedef struct Asked {
    unsigned n;
    DoorAnswer answer;
    char text[LEASE_TEXT_MAX + 1];
    bool keep; /* the descriptor */
    int kept;
    LeasePeer *again; /* asked once more from inside the answer */
    int again_result;
} Asked;

typedef struct Fixture {
    sd_event *event;
    LeasePeer *peer;
    int lease; /* the lease's end */
    unsigned n_hello, n_gone;
    struct lease_hello hello;
    char why[64];
    size_t descriptors; /* before */
} Fixture;

static void on_hello(LeasePeer *peer, const struct lease_hello *hello, void *userdata)
{
    Fixture *f = userdata;

    assert_ptr_equal(peer, f->peer);
    f->hello = *hello;
    f->n_hello++;
}

static void on_gone(LeasePeer *peer, const char *why, void *userdata)
{
    Fixture *f = userdata;

    assert_ptr_equal(peer, f->peer);
    snprintf(f->why, sizeof(f->why), "%s", why);
    f->n_gone++;
    f->peer = lease_peer_free(peer);
}

static const LeasePeerHandlers handlers = {.hello = on_hello, .gone = on_gone};

static int setup(void **state)
{
    const Identity identity = {.pid = 42, .unit = "phoenix@web.service"};
    Fixture *f = calloc(1, sizeof(*f));
    int ends[2];

    assert_non_null(f);
    f->descriptors = open_descriptors();
    assert_int_equal(sd_event_new(&f->event), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends),
                     0);
    f->lease = ends[1];
    assert_int_equal(lease_peer_new(f->event, ends[0], &identity, &handlers, f, &f->peer), 0);
    *state = f;
    return 0;
}

/* No test leaves a descriptor behind, whatever the lease sent. */
static int teardown(void **state)
{
    Fixture *f = *state;

    lease_peer_free(f->peer);
    if (f->lease >= 0)
        close(f->lease);
    sd_event_unref(f->event);
    assert_int_equal(open_descriptors(), f->descriptors);
    free(f);
    return 0;
}

/* All that is there to be done now. */
static void settle(Fixture *f)
{
    while (sd_event_run(f->event, 0) > 0)
        ;
}

static void wait_gone(Fixture *f)
{
    while (f->n_gone == 0)
        assert_true(sd_event_run(f->event, PATIENCE_USEC) > 0);
}

static void on_answer(DoorAnswer *answer, void *userdata)
{
    Asked *asked = userdata;
    DoorRequest request = {.op = LEASE_OP_SOCKET, .domain = AF_INET};
    uint32_t id;

    asked->n++;
    asked->answer = *answer;
    snprintf(asked->text, sizeof(asked->text), "%s", answer->text);
    if (asked->keep)
        asked->kept = TAKE_FD(answer->fd);
    if (asked->again)
        asked->again_result = lease_peer_request(asked->again, &request, on_answer, asked, &id);
}

static uint32_t ask(Fixture *f, enum lease_op op, Asked *asked)
{
    static char word[] = "/bin/true", argument[] = "-v", *argv[] = {word, argument, NULL};
    DoorRequest request = {.op = op,
                           .domain = AF_INET6,
                           .path = "/run/x.sock",
                           .argv = argv,
                           .timeout_usec = USEC_PER_SEC};
    uint32_t id = 0;

    assert_int_equal(lease_peer_request(f->peer, &request, on_answer, asked, &id), 0);
    assert_true(id > 0);
    return id;
}

/* The next packet at the lease's end, checked as the lease does. */
typedef struct Received {
    _Alignas(uint64_t) char packet[LEASE_MESSAGE_MAX + 1];
    struct lease_message message;
} Received;

static void receive(Fixture *f, enum lease_type type, Received *r)
{
    ssize_t n = recv(f->lease, r->packet, LEASE_MESSAGE_MAX, MSG_DONTWAIT);

    assert_true(n > 0);
    assert_int_equal(lease_parse(r->packet, (size_t)n, LEASE_END_LEASE, &r->message), 0);
    assert_int_equal(r->message.type, type);
    r->packet[n] = '\0';
}

static void assert_silent(Fixture *f)
{
    char byte;

    assert_int_equal(recv(f->lease, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
}

static void send_with(Fixture *f, const void *packet, size_t size, const int *fds, size_t n_fds)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(16 * sizeof(int))] = {0};
    struct iovec iov = {.iov_base = (void *)packet, .iov_len = size};
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};

    if (n_fds > 0) {
        header.msg_control = control;
        header.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&header);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
    }
    assert_int_equal(sendmsg(f->lease, &header, 0), size);
}

static void send_answer(Fixture *f, uint32_t id, int32_t error, const char *text, const int *fds,
                        size_t n_fds)
{
    _Alignas(uint64_t) char packet[LEASE_MESSAGE_MAX] = {0};
    struct lease_answer *answer = (struct lease_answer *)packet;
    size_t size = lease_add_text(packet, sizeof(*answer), text, strlen(text));

    answer->id = id;
    answer->error = error;
    answer->exit_code = 3;
    answer->elapsed_usec = 1234;
    answer->mtime_usec = 5678;
    lease_header_init(&answer->header, LEASE_ANSWER, size);
    send_with(f, packet, size, fds, n_fds);
}

static void send_hello(Fixture *f, const int *fds, size_t n_fds)
{
    struct lease_hello hello = {
        .role = LEASE_ROLE_SERVICE, .phase = LEASE_PHASE_WAITING, .main_pid = 7};

    lease_header_init(&hello.header, LEASE_HELLO, sizeof(hello));
    send_with(f, &hello, sizeof(hello), fds, n_fds);
}

/* ---- what is said ---- */

static void test_says(void **state)
{
    Fixture *f = *state;
    Received r;

    assert_int_equal(lease_peer_say(f->peer, LEASE_PET), 0);
    receive(f, LEASE_PET, &r);
    assert_int_equal(lease_peer_say_text(f->peer, LEASE_STATUS, "failing: tcp 80, 1 of 3"), 0);
    receive(f, LEASE_STATUS, &r);
    assert_string_equal(r.message.text, "failing: tcp 80, 1 of 3");
    assert_int_equal(lease_peer_end_payload(f->peer, LEASE_TRIGGER, 500000, "GET /: 503"), 0);
    receive(f, LEASE_TRIGGER, &r);
    assert_int_equal(r.message.trigger->grace_usec, 500000);
    assert_string_equal(r.message.text, "GET /: 503");
    assert_int_equal(lease_peer_identity(f->peer)->pid, 42);
    lease_peer_set_tag(f->peer, f);
    assert_ptr_equal(lease_peer_tag(f->peer), f);
}

static void test_long_texts_are_cut(void **state)
{
    char text[3 * LEASE_MESSAGE_MAX];
    Fixture *f = *state;
    Received r;

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(lease_peer_say_text(f->peer, LEASE_FAIL, text), 0);
    receive(f, LEASE_FAIL, &r);
    assert_int_equal(r.message.text_size, LEASE_TEXT_MAX);
}

static void test_hello(void **state)
{
    Fixture *f = *state;

    send_hello(f, NULL, 0);
    send_hello(f, NULL, 0);
    settle(f);
    assert_int_equal(f->n_hello, 2);
    assert_int_equal(f->hello.main_pid, 7);
}

static void test_gone_when_the_lease_ends(void **state)
{
    Fixture *f = *state;
    Asked asked = {0};
    Received r;

    ask(f, LEASE_OP_STAT, &asked);
    receive(f, LEASE_REQUEST, &r);
    close(f->lease);
    f->lease = -1;
    wait_gone(f);
    assert_int_equal(f->n_gone, 1);
    assert_string_equal(f->why, "the lease has ended");
    assert_int_equal(asked.n, 1);
    assert_int_equal(asked.answer.error, -ENOTCONN);
}

/* ---- requests ---- */

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

/* ---- leases that are none ---- */

static void assert_cut_off(Fixture *f, const char *why)
{
    wait_gone(f);
    assert_string_equal(f->why, why);
    assert_int_equal(f->n_gone, 1);
    assert_null(f->peer);
    settle(f);
}

static void test_wrong_packets(void **state)
{
    struct lease_hello hello = {.role = LEASE_ROLE_SERVICE, .phase = LEASE_PHASE_READY};
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    lease_header_init(&hello.header, LEASE_HELLO, sizeof(hello));
    for (int i = 0; i < 8; i++) {
        Fixture *f = *state;
        struct lease_hello bad = hello;
        size_t size = sizeof(bad);
        if (i == 0)
            size = 1;
        else if (i == 1)
            size = sizeof(struct lease_header) - 1;
        else if (i == 2)
            size = sizeof(bad) - 1;
        else if (i == 3)
            bad.header.size = 4096;
        else if (i == 4)
            bad.header.version = 9;
        else if (i == 5)
            bad.header.type = LEASE_TRIGGER;
        else if (i == 6)
            bad.role = 0;
        else
            bad.phase = 99;
        send_with(f, &bad, size, &fd, 1);
        assert_cut_off(f, "the lease broke the protocol");
        assert_int_equal(f->n_hello, 0);
        if (i < 7) {
            close(fd);
            teardown(state);
            setup(state);
            fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        }
    }
    close(fd);
}

static void test_packet_that_is_too_long(void **state)
{
    static char packet[2 * LEASE_MESSAGE_MAX];
    Fixture *f = *state;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    lease_header_init((struct lease_header *)packet, LEASE_ANSWER, LEASE_MESSAGE_MAX);
    ((struct lease_header *)packet)->size = sizeof(packet);
    send_with(f, packet, sizeof(packet), &fd, 1);
    assert_cut_off(f, "the lease broke the protocol");
    close(fd);
}

static void test_several_descriptors(void **state)
{
    Fixture *f = *state;
    Asked asked = {.keep = true, .kept = -1};
    int fds[4];

    for (size_t i = 0; i < ELEMENTSOF(fds); i++)
        fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    send_answer(f, ask(f, LEASE_OP_SOCKET, &asked), 0, "", fds, ELEMENTSOF(fds));
    send_hello(f, fds, ELEMENTSOF(fds));
    settle(f);
    if (asked.kept >= 0)
        close(asked.kept);
    for (size_t i = 0; i < ELEMENTSOF(fds); i++)
        close(fds[i]);
}

static void test_more_descriptors_than_there_is_room_for(void **state)
{
    Fixture *f = *state;
    Asked asked = {0};
    int fds[16];

    for (size_t i = 0; i < ELEMENTSOF(fds); i++)
        fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    send_answer(f, ask(f, LEASE_OP_SOCKET, &asked), 0, "", fds, ELEMENTSOF(fds));
    assert_cut_off(f, "the lease broke the protocol");
    assert_int_equal(asked.answer.error, -ENOTCONN);
    for (size_t i = 0; i < ELEMENTSOF(fds); i++)
        close(fds[i]);
}

static void test_lease_that_does_not_read(void **state)
{
    Fixture *f = *state;
    int r = 0;

    for (unsigned i = 0; r == 0; i++) {
        assert_true(i < 100000);
        r = lease_peer_say_text(f->peer, LEASE_STATUS, "x");
    }
    assert_int_equal(r, -EAGAIN);
    assert_int_equal(f->n_gone, 0); /* not under the caller's feet */
    assert_int_equal(lease_peer_say(f->peer, LEASE_PET), -ENOTCONN);
    assert_cut_off(f, "the lease does not read");
}

/* What it had sent before it was cut off is not looked at any more. */
static void test_nothing_after_the_end(void **state)
{
    Fixture *f = *state;

    send_with(f, "x", 1, NULL, 0);
    send_hello(f, NULL, 0);
    assert_cut_off(f, "the lease broke the protocol");
    assert_int_equal(f->n_hello, 0);
}

static void test_texts_of_services_are_cleaned(void **state)
{
    _Alignas(uint64_t) char packet[sizeof(struct lease_answer) + 32] = {0};
    struct lease_answer *answer = (struct lease_answer *)packet;
    Fixture *f = *state;
    Asked asked = {0};
    const char text[] = "a\x1b[31mb\nc\r\n";

    answer->id = ask(f, LEASE_OP_EXEC, &asked);
    memcpy(packet + sizeof(*answer), text, strlen(text));
    lease_header_init(&answer->header, LEASE_ANSWER, sizeof(*answer) + strlen(text));
    send_with(f, packet, sizeof(*answer) + strlen(text), NULL, 0);
    settle(f);
    assert_int_equal(asked.n, 1);
    assert_string_equal(asked.text, "a [31mb c");
}

static void test_freed_with_its_end_pending(void **state)
{
    Fixture *f = *state;
    Asked asked = {0};

    ask(f, LEASE_OP_STAT, &asked);
    send_with(f, "x", 1, NULL, 0);
    assert_true(sd_event_run(f->event, PATIENCE_USEC) > 0);
    f->peer = lease_peer_free(f->peer);
    settle(f);
    assert_int_equal(f->n_gone, 0);
    assert_int_equal(asked.n, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_says),
        TEST(test_long_texts_are_cut),
        TEST(test_hello),
        TEST(test_gone_when_the_lease_ends),
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
        TEST(test_wrong_packets),
        TEST(test_packet_that_is_too_long),
        TEST(test_several_descriptors),
        TEST(test_more_descriptors_than_there_is_room_for),
        TEST(test_lease_that_does_not_read),
        TEST(test_nothing_after_the_end),
        TEST(test_texts_of_services_are_cleaned),
        TEST(test_freed_with_its_end_pending),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
