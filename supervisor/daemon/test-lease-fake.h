/* SPDX-License-Identifier: MIT */
/*
 * One connection of a lease, with a lease at its other end that does as it likes: what the tests of
 * lease-peer.c have in common.
 */
#pragma once

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
    LeasePeers *peers;
    LeasePeer *peer;
    int lease; /* the lease's end */
    unsigned n_hello, n_frozen, n_gone;
    bool frozen; /* as told last */
    struct lease_hello hello;
    char why[64];
    size_t descriptors; /* before */
} Fixture;

static inline void on_hello(LeasePeer *peer, const struct lease_hello *hello, void *userdata)
{
    Fixture *f = userdata;

    assert_ptr_equal(peer, f->peer);
    f->hello = *hello;
    f->n_hello++;
}

static inline void on_gone(LeasePeer *peer, const char *why, void *userdata)
{
    Fixture *f = userdata;

    assert_ptr_equal(peer, f->peer);
    snprintf(f->why, sizeof(f->why), "%s", why);
    f->n_gone++;
    f->peer = lease_peer_free(peer);
}

static inline void on_frozen(LeasePeer *peer, bool frozen, void *userdata)
{
    Fixture *f = userdata;

    assert_ptr_equal(peer, f->peer);
    f->frozen = frozen;
    f->n_frozen++;
}

static const LeasePeerHandlers handlers = {.hello = on_hello, .frozen = on_frozen, .gone = on_gone};

static inline int setup(void **state)
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
    assert_int_equal(lease_peers_new(f->event, &handlers, f, &f->peers), 0);
    assert_int_equal(lease_peer_new(f->peers, ends[0], &identity, &f->peer), 0);
    *state = f;
    return 0;
}

/* No test leaves a descriptor behind, whatever the lease sent. */
static inline int teardown(void **state)
{
    Fixture *f = *state;

    lease_peer_free(f->peer);
    lease_peers_free(f->peers);
    if (f->lease >= 0)
        close(f->lease);
    sd_event_unref(f->event);
    assert_int_equal(open_descriptors(), f->descriptors);
    free(f);
    return 0;
}

/* All that is there to be done now. */
static inline void settle(Fixture *f)
{
    while (sd_event_run(f->event, 0) > 0)
        ;
}

static inline void wait_gone(Fixture *f)
{
    while (f->n_gone == 0)
        assert_true(sd_event_run(f->event, PATIENCE_USEC) > 0);
}

static inline void on_answer(DoorAnswer *answer, void *userdata)
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

static inline uint32_t ask(Fixture *f, enum lease_op op, Asked *asked)
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

static inline void receive(Fixture *f, enum lease_type type, Received *r)
{
    ssize_t n = recv(f->lease, r->packet, LEASE_MESSAGE_MAX, MSG_DONTWAIT);

    assert_true(n > 0);
    assert_int_equal(lease_parse(r->packet, (size_t)n, LEASE_END_LEASE, &r->message), 0);
    assert_int_equal(r->message.type, type);
    r->packet[n] = '\0';
}

static inline void assert_silent(Fixture *f)
{
    char byte;

    assert_int_equal(recv(f->lease, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
}

static inline void send_with(Fixture *f, const void *packet, size_t size, const int *fds,
                             size_t n_fds)
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

static inline void send_answer(Fixture *f, uint32_t id, int32_t error, const char *text,
                               const int *fds, size_t n_fds)
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

static inline void send_hello(Fixture *f, const int *fds, size_t n_fds)
{
    struct lease_hello hello = {
        .role = LEASE_ROLE_SERVICE, .phase = LEASE_PHASE_WAITING, .main_pid = 7};

    lease_header_init(&hello.header, LEASE_HELLO, sizeof(hello));
    send_with(f, &hello, sizeof(hello), fds, n_fds);
}

static inline void send_word(Fixture *f, enum lease_type type)
{
    struct lease_header header;

    lease_header_init(&header, type, sizeof(header));
    send_with(f, &header, sizeof(header), NULL, 0);
}

static inline void assert_cut_off(Fixture *f, const char *why)
{
    wait_gone(f);
    assert_string_equal(f->why, why);
    assert_int_equal(f->n_gone, 1);
    assert_null(f->peer);
    settle(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
