/* SPDX-License-Identifier: MIT */
/* At the other end something that is no lease, or one that does not behave: it is cut off. */
#include "supervisor/daemon/test-lease-fake.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_wrong_packets),
        TEST(test_packet_that_is_too_long),
        TEST(test_several_descriptors),
        TEST(test_more_descriptors_than_there_is_room_for),
        TEST(test_lease_that_does_not_read),
        TEST(test_nothing_after_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
