/* SPDX-License-Identifier: MIT */
/* What phoenixd says to a lease, what a lease says by itself, and the end of the connection. */
#include "supervisor/daemon/test-lease-fake.h"

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

static void test_frozen(void **state)
{
    Fixture *f = *state;

    send_word(f, LEASE_FROZEN);
    settle(f);
    assert_int_equal(f->n_frozen, 1);
    assert_true(f->frozen);
    send_word(f, LEASE_THAWED);
    send_word(f, LEASE_THAWED);
    settle(f);
    assert_int_equal(f->n_frozen, 3);
    assert_false(f->frozen);
    assert_int_equal(f->n_hello, 0);
    /* What only phoenixd says. */
    send_word(f, LEASE_PET);
    assert_cut_off(f, "the lease broke the protocol");
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

/* ---- many of them ---- */

#define MANY 200

typedef struct Crowd {
    LeasePeers *peers;
    LeasePeer *peer[MANY]; /* NULL: freed */
    int lease[MANY];
    unsigned n_gone;
    const char *why; /* they are gone */
    bool spiteful;   /* the first that ends takes all others with it */
} Crowd;

static void on_crowd_gone(LeasePeer *peer, const char *why, void *userdata)
{
    Crowd *crowd = userdata;

    crowd->n_gone++;
    assert_string_equal(why, crowd->why);
    for (size_t i = 0; i < MANY; i++)
        if (crowd->peer[i] == peer || crowd->spiteful)
            crowd->peer[i] = lease_peer_free(crowd->peer[i]);
}

static const LeasePeerHandlers crowd_handlers = {.hello = on_hello, .gone = on_crowd_gone};

static void gather(Fixture *f, Crowd *crowd)
{
    assert_int_equal(lease_peers_new(f->event, &crowd_handlers, crowd, &crowd->peers), 0);
    for (size_t i = 0; i < MANY; i++) {
        char unit[IDENTITY_UNIT_MAX];
        int ends[2];
        snprintf(unit, sizeof(unit), "phoenix@web%zu.service", i);
        assert_int_equal(
            socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
        crowd->lease[i] = ends[1];
        assert_int_equal(lease_peer_new(crowd->peers, ends[0], &(Identity){.pid = 7, .unit = unit},
                                        &crowd->peer[i]),
                         0);
    }
}

static void test_many_end_at_once(void **state)
{
    Fixture *f = *state;
    Crowd crowd = {.why = "the lease has ended"};

    gather(f, &crowd);
    assert_string_equal(lease_peer_identity(crowd.peer[0])->unit, "phoenix@web0.service");
    assert_string_equal(lease_peer_identity(crowd.peer[199])->unit, "phoenix@web199.service");
    for (size_t i = 0; i < MANY; i += 2)
        close(crowd.lease[i]);
    settle(f);
    assert_int_equal(crowd.n_gone, MANY / 2);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(crowd.peer[i] != NULL, i % 2);
    for (size_t i = 1; i < MANY; i += 2) {
        assert_int_equal(lease_peer_say(crowd.peer[i], LEASE_PET), 0);
        lease_peer_free(crowd.peer[i]);
        close(crowd.lease[i]);
    }
    lease_peers_free(crowd.peers);
}

/* More than one turn ends. */
static void test_many_are_found_broken_at_once(void **state)
{
    Fixture *f = *state;
    Crowd crowd = {.why = "the connection is broken"};

    gather(f, &crowd);
    for (size_t i = 0; i < MANY; i++) {
        close(crowd.lease[i]);
        assert_int_equal(lease_peer_say(crowd.peer[i], LEASE_PET), -EPIPE);
    }
    assert_int_equal(crowd.n_gone, 0);
    settle(f);
    assert_int_equal(crowd.n_gone, MANY);
    lease_peers_free(crowd.peers);
}

static void test_freed_by_another_that_ends(void **state)
{
    Fixture *f = *state;
    Crowd crowd = {.why = "the lease has ended", .spiteful = true};

    gather(f, &crowd);
    for (size_t i = 0; i < MANY; i++)
        close(crowd.lease[i]);
    settle(f);
    assert_int_equal(crowd.n_gone, 1);
    for (size_t i = 0; i < MANY; i++)
        assert_null(crowd.peer[i]);
    lease_peers_free(crowd.peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_says),
        TEST(test_long_texts_are_cut),
        TEST(test_hello),
        TEST(test_frozen),
        TEST(test_gone_when_the_lease_ends),
        TEST(test_freed_with_its_end_pending),
        TEST(test_many_end_at_once),
        TEST(test_many_are_found_broken_at_once),
        TEST(test_freed_by_another_that_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
