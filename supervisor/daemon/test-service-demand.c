/* SPDX-License-Identifier: MIT */
/* A service that is started by its connections: which starts and stops are counted as what, and
 * told. Times are systemd's, so the test has them all. */
#include "test-service-fake.h"

#include <errno.h>
#include <signal.h>

#define SECOND USEC_PER_SEC
#define MSEC   USEC_PER_MSEC

/* ---- what systemd says ---- */

static void socket_is(Fixture *f, const char *sub, uint64_t at)
{
    fake.socket.state.known = true;
    fake.socket.state.active = UNIT_ACTIVE;
    fake.socket.state.sub = sub;
    fake.socket.state.changed_usec = at;
    service_follow_demand(f->service);
}

static void proxy_starts(Fixture *f, uint64_t left, uint64_t active)
{
    fake.proxy.state.known = true;
    fake.proxy.state.active = UNIT_ACTIVE;
    fake.proxy.state.left_usec = left;
    fake.proxy.state.active_usec = active;
    fake.proxy.state.exit_code = 0;
    service_follow_demand(f->service);
}

static void proxy_ends(Fixture *f, uint64_t at, uint32_t code)
{
    fake.proxy.state.active = UNIT_INACTIVE;
    fake.proxy.state.ended_usec = at;
    fake.proxy.state.exit_code = code;
    service_follow_demand(f->service);
}

static void unit_starts(Fixture *f, uint64_t left)
{
    fake.watch.state.left_usec = left;
    unit_is(f, UNIT_ACTIVATING, "start-post", "success", 0);
}

static void unit_is_up(Fixture *f, uint64_t active)
{
    fake.watch.state.active_usec = active;
    unit_is(f, UNIT_ACTIVE, "running", "success", fake.watch.state.n_restarts);
}

static void unit_stops(Fixture *f, uint64_t at)
{
    fake.watch.state.ended_usec = at;
    unit_is(f, UNIT_DEACTIVATING, "stop-sigterm", "success", 0);
    drop_lease(f);
    unit_is(f, UNIT_INACTIVE, "dead", "success", 0);
}

/* ---- scenes ---- */

static void make_on_demand(Fixture *f)
{
    f->on_demand = true;
    make_service(f);
    unit_is(f, UNIT_INACTIVE, "dead", "success", 0);
    socket_is(f, "listening", SECOND);
}

/* A connection at `at` starts it; up 150 ms later, served 30 ms after that. */
static void start_on_demand(Fixture *f, uint64_t at, uint64_t n_waiting)
{
    static pid_t lease = 100;

    socket_is(f, "running", at);
    unit_starts(f, at + MSEC);
    come(f, ++lease, LEASE_PHASE_WAITING);
    fake.n_waiting = n_waiting;
    give(f, 0, PROBE_PASS, "tcp 80: open");
    fake.n_waiting = 0;
    unit_is_up(f, at + 151 * MSEC);
    proxy_starts(f, at + 152 * MSEC, at + 181 * MSEC);
    socket_is(f, "running", at + 182 * MSEC);
}

static const Event *last_event(void)
{
    assert_true(fake.n_events > 0);
    return &fake.events[fake.n_events - 1];
}

static void test_start_for_a_connection(void **state)
{
    Fixture *f = *state;
    ServiceView view;

    make_on_demand(f);
    service_view(f->service, &view);
    assert_true(view.on_demand && view.demand.listening && view.demand.idle);
    assert_string_equal(view.demand.listen[0], "8080");
    assert_string_equal(view.demand.idle_action, "stop");
    start_on_demand(f, 100 * SECOND, 3);
    tells(EVENT_STARTING, "");
    tells(EVENT_HEALTHY, NULL);
    tells(EVENT_DEMAND_STARTED, "3 connections held, served after 180ms");
    tells_nothing();
    assert_int_equal(last_event()->latency_usec, 180 * MSEC);
    assert_int_equal(fake.demand.starts, 1);
    assert_int_equal(fake.demand.held, 3);
    assert_int_equal(cold_starts_count(&fake.demand.cold), 1);
    assert_int_equal(fake.demand.cold.sum_usec, 180 * MSEC);
    service_view(f->service, &view);
    assert_false(view.demand.idle);
    assert_int_equal(view.demand.starts_today, 1);
    /* It is told once. */
    proxy_starts(f, 100 * SECOND + 152 * MSEC, 100 * SECOND + 181 * MSEC);
    unit_is_up(f, 100 * SECOND + 151 * MSEC);
    tells_nothing();
}

static void test_starts_of_another_day(void **state)
{
    Fixture *f = *state;
    ServiceView view;

    fake.demand = (DemandRecord){.starts = 20, .day = 20200101, .starts_that_day = 14};
    make_on_demand(f);
    service_view(f->service, &view);
    assert_int_equal(view.demand.starts, 20);
    assert_int_equal(view.demand.starts_today, 0);
    start_on_demand(f, 100 * SECOND, 0);
    assert_int_equal(fake.demand.starts, 21);
    assert_int_equal(fake.demand.starts_that_day, 1);
    assert_true(fake.demand.day > 20200101);
    tells(EVENT_STARTING, NULL);
    tells(EVENT_HEALTHY, NULL);
    tells(EVENT_DEMAND_STARTED, "served after 180ms");
}

static void test_start_by_hand(void **state)
{
    Fixture *f = *state;

    make_on_demand(f);
    unit_starts(f, 100 * SECOND);
    come(f, 100, LEASE_PHASE_WAITING);
    /* Somebody connects while it starts: that did not start it. */
    socket_is(f, "running", 100 * SECOND + MSEC);
    give(f, 0, PROBE_PASS, "tcp 80: open");
    unit_is_up(f, 101 * SECOND);
    proxy_starts(f, 101 * SECOND + MSEC, 101 * SECOND + 2 * MSEC);
    assert_int_equal(fake.demand.starts, 0);
    tells(EVENT_STARTING, NULL);
    tells(EVENT_HEALTHY, NULL);
    tells_nothing();
}

/* The connections have waited since the first try. */
static void test_second_try(void **state)
{
    Fixture *f = *state;

    make_on_demand(f);
    socket_is(f, "running", 100 * SECOND);
    unit_starts(f, 100 * SECOND + MSEC);
    unit_is(f, UNIT_ACTIVATING, "auto-restart", "exit-code", 0);
    socket_is(f, "listening", 101 * SECOND);
    fake.watch.state.left_usec = 102 * SECOND;
    unit_is(f, UNIT_ACTIVATING, "start-post", "success", 1);
    come(f, 100, LEASE_PHASE_WAITING);
    fake.n_waiting = 1;
    give(f, 0, PROBE_PASS, "tcp 80: open");
    fake.watch.state.active_usec = 103 * SECOND;
    unit_is(f, UNIT_ACTIVE, "running", "success", 1);
    assert_int_equal(fake.demand.starts, 0);
    proxy_starts(f, 103 * SECOND + MSEC, 103 * SECOND + 101 * MSEC);
    assert_int_equal(fake.demand.starts, 1);
    assert_int_equal(fake.demand.cold.sum_usec, 3 * SECOND + 100 * MSEC);
    assert_string_equal(fake.reasons[fake.n_events - 1],
                        "1 connection held, served after 3s 100ms");
    /* A crash later on is no start on demand. */
    unit_is(f, UNIT_ACTIVATING, "auto-restart", "signal", 1);
    fake.watch.state.left_usec = 110 * SECOND;
    unit_is(f, UNIT_ACTIVATING, "start-post", "success", 2);
    fake.watch.state.active_usec = 111 * SECOND;
    unit_is(f, UNIT_ACTIVE, "running", "success", 2);
    assert_int_equal(fake.demand.starts, 1);
}

static void test_start_that_fails(void **state)
{
    Fixture *f = *state;
    ServiceView view;

    make_on_demand(f);
    socket_is(f, "running", 100 * SECOND);
    unit_starts(f, 100 * SECOND + MSEC);
    unit_is(f, UNIT_FAILED, "failed", "exit-code", 0);
    tells(EVENT_STOPPED, "one of its commands failed (exit-code)");
    tells_nothing();
    assert_int_equal(fake.demand.starts + fake.demand.stops + fake.demand.idle_stops, 0);
    fake.n_waiting = 7;
    service_view(f->service, &view);
    assert_false(view.demand.idle);
    assert_int_equal(service_count_waiting(f->service), 7);
    /* Nobody is asked where nothing can wait. */
    unit_is(f, UNIT_INACTIVE, "dead", "success", 0);
    socket_is(f, "listening", 101 * SECOND);
    service_view(f->service, &view);
    assert_true(view.demand.idle);
    assert_int_equal(service_count_waiting(f->service), 0);
}

static void test_idle_stop(void **state)
{
    Fixture *f = *state;

    make_on_demand(f);
    start_on_demand(f, 100 * SECOND, 1);
    fake.n_told = fake.n_events;
    proxy_ends(f, 160 * SECOND, CLD_EXITED);
    unit_stops(f, 160 * SECOND + 4 * MSEC);
    tells(EVENT_IDLE_STOPPED, "not used for 30s");
    tells_nothing();
    assert_int_equal(fake.demand.idle_stops, 1);
    assert_int_equal(fake.demand.stops, 0);
    /* And again. */
    start_on_demand(f, 200 * SECOND, 1);
    proxy_ends(f, 260 * SECOND, CLD_EXITED);
    unit_stops(f, 260 * SECOND + 4 * MSEC);
    assert_int_equal(fake.demand.idle_stops, 2);
    assert_int_equal(fake.demand.starts, 2);
}

static void test_stop_by_hand(void **state)
{
    Fixture *f = *state;

    make_on_demand(f);
    start_on_demand(f, 100 * SECOND, 1);
    fake.n_told = fake.n_events;
    proxy_ends(f, 160 * SECOND, CLD_KILLED);
    unit_stops(f, 160 * SECOND + 4 * MSEC);
    tells(EVENT_STOPPED, "");
    tells_nothing();
    assert_int_equal(fake.demand.idle_stops, 0);
    assert_int_equal(fake.demand.stops, 1);
}

static void test_end_that_was_missed(void **state)
{
    Fixture *f = *state;

    make_on_demand(f);
    start_on_demand(f, 100 * SECOND, 1);
    start_on_demand(f, 200 * SECOND, 1);
    assert_int_equal(fake.demand.starts, 2);
    assert_int_equal(fake.demand.stops, 1);
}

static void test_native(void **state)
{
    Fixture *f = *state;

    f->native = true;
    f->n_health = 0;
    make_on_demand(f);
    fake.idle.state.known = true;
    socket_is(f, "running", 100 * SECOND);
    fake.n_waiting = 2;
    unit_starts(f, 100 * SECOND + MSEC);
    fake.n_waiting = 0;
    unit_is_up(f, 100 * SECOND + 41 * MSEC);
    tells(EVENT_DEMAND_STARTED, "2 connections held, served after 40ms");
    /* phoenix-idle has ended, and says why. */
    fake.idle.state.word = UNIT_WORD_IDLE;
    unit_stops(f, 200 * SECOND);
    tells(EVENT_IDLE_STOPPED, "not used for 30s");
    assert_int_equal(fake.demand.idle_stops, 1);
    /* And has not: somebody stops it. */
    fake.idle.state.word = UNIT_WORD_AWAKE;
    unit_starts(f, 300 * SECOND);
    unit_is_up(f, 301 * SECOND);
    unit_stops(f, 302 * SECOND);
    tells(EVENT_STOPPED, "");
    tells_nothing();
    assert_int_equal(fake.demand.stops, 1);
}

/* ---- a supervisor that is killed ---- */

/* The next one: the units are as they were, but not known yet. */
static void take_over(Fixture *f)
{
    f->service = service_free(f->service);
    f->peer = lease_peer_free(f->peer);
    if (f->lease >= 0)
        close(f->lease);
    f->lease = -1;
    memset(&fake.demand, 0, sizeof(fake.demand)); /* the disk did not have it yet */
    fake.watch.unread = fake.socket.unread = fake.proxy.unread = true;
    make_service(f);
}

static void read_all(Fixture *f)
{
    const UnitState none = UNIT_STATE_NONE;

    fake.watch.unread = false;
    service_unit_changed(f->service, &none, &fake.watch.state);
    fake.socket.unread = fake.proxy.unread = false;
    service_follow_demand(f->service);
}

static void test_killed_while_it_starts(void **state)
{
    Fixture *f = *state;

    make_on_demand(f);
    fake.n_waiting = 2;
    socket_is(f, "running", 100 * SECOND);
    unit_starts(f, 100 * SECOND + MSEC);
    fake.n_waiting = 0;
    come(f, 100, LEASE_PHASE_WAITING);
    take_over(f);
    read_all(f);
    come(f, 100, LEASE_PHASE_WAITING);
    give(f, 0, PROBE_PASS, "tcp 80: open");
    unit_is_up(f, 101 * SECOND);
    /* When the proxy runs, the socket gets to "running" once more. */
    socket_is(f, "running", 102 * SECOND);
    take_over(f);
    read_all(f);
    proxy_starts(f, 101 * SECOND, 102 * SECOND + MSEC);
    assert_int_equal(fake.demand.starts, 1);
    assert_int_equal(fake.demand.held, 2);
    assert_string_equal(fake.reasons[fake.n_events - 1], "2 connections held, served after 2s");
    take_over(f);
    read_all(f);
    assert_int_equal(fake.demand.starts, 1);
}

static void test_killed_while_it_stops(void **state)
{
    Fixture *f = *state;

    make_on_demand(f);
    start_on_demand(f, 100 * SECOND, 0);
    fake.n_told = fake.n_events;
    take_over(f);
    proxy_ends(f, 160 * SECOND, CLD_EXITED);
    fake.watch.state.active = UNIT_INACTIVE;
    fake.watch.state.sub = "dead";
    fake.watch.state.ended_usec = 160 * SECOND + MSEC;
    tells_nothing(); /* what is not known is not judged */
    read_all(f);
    tells(EVENT_IDLE_STOPPED, "not used for 30s");
    tells_nothing();
    assert_int_equal(fake.demand.idle_stops, 1);
    take_over(f);
    read_all(f);
    tells_nothing();
    assert_int_equal(fake.demand.idle_stops, 1);
    assert_int_equal(fake.demand.starts, 1);
}

/* The lease of the first start starts the supervisor, and is quicker than the bus. */
static void first_start(Fixture *f, uint64_t n_waiting)
{
    f->on_demand = true;
    make_service(f);
    fake.watch.unread = fake.socket.unread = fake.proxy.unread = true;
    come(f, 100, LEASE_PHASE_WAITING);
    fake.n_waiting = n_waiting;
    give(f, 0, PROBE_PASS, "tcp 80: open");
    fake.n_waiting = 0;
    fake.watch.state.left_usec = 100 * SECOND;
    fake.watch.state.active_usec = 100 * SECOND + 50 * MSEC;
    fake.watch.state.known = fake.socket.state.known = fake.proxy.state.known = true;
    fake.watch.state.active = fake.socket.state.active = fake.proxy.state.active = UNIT_ACTIVE;
    fake.watch.state.sub = fake.socket.state.sub = "running";
    fake.socket.state.changed_usec = 100 * SECOND + 81 * MSEC;
    fake.proxy.state.left_usec = 100 * SECOND + 51 * MSEC;
    fake.proxy.state.active_usec = 100 * SECOND + 80 * MSEC;
    read_all(f);
}

static void test_first_start(void **state)
{
    Fixture *f = *state;

    first_start(f, 2);
    assert_int_equal(fake.demand.starts, 1);
    assert_string_equal(fake.reasons[fake.n_events - 1], "2 connections held, served after 80ms");
    /* One that is restarted by hand is not for those. */
    unit_stops(f, 200 * SECOND);
    socket_is(f, "listening", 200 * SECOND);
    unit_starts(f, 300 * SECOND);
    come(f, 101, LEASE_PHASE_WAITING);
    give(f, 0, PROBE_PASS, "tcp 80: open");
    unit_is_up(f, 301 * SECOND);
    assert_int_equal(fake.demand.starts, 1);
}

static void test_first_start_by_hand(void **state)
{
    Fixture *f = *state;

    first_start(f, 0);
    assert_int_equal(fake.demand.starts, 0);
    assert_true(service_demand_is_up(f->service));
}

/* One that is up since before there was a supervisor is not counted. */
static void test_found_running(void **state)
{
    Fixture *f = *state;

    f->on_demand = true;
    make_service(f);
    fake.watch.state.left_usec = 100 * SECOND;
    fake.watch.state.active_usec = 101 * SECOND;
    fake.socket.state.known = true;
    fake.socket.state.active = UNIT_ACTIVE;
    fake.socket.state.sub = "running";
    fake.socket.state.changed_usec = 102 * SECOND;
    fake.proxy.state.known = true;
    fake.proxy.state.active = UNIT_ACTIVE;
    fake.proxy.state.active_usec = 102 * SECOND;
    unit_is(f, UNIT_ACTIVE, "running", "success", 0);
    assert_int_equal(fake.demand.starts, 0);
    assert_true(service_demand_is_up(f->service));
}

/* ---- the start gate ---- */

static void test_settled(void **state)
{
    Fixture *f = *state;

    make_service(f);
    /* Asked for before it began to start, perhaps. */
    unit_is(f, UNIT_INACTIVE, "dead", "success", 0);
    assert_int_equal(fake.n_settled, 0);
    fake.watch.state.changed_usec++;
    unit_is(f, UNIT_INACTIVE, "dead", "success", 0);
    assert_int_equal(fake.n_settled, 0);
    unit_is(f, UNIT_ACTIVATING, "start-pre", "success", 0);
    assert_int_equal(fake.n_settled, 0);
    unit_is(f, UNIT_FAILED, "failed", "exit-code", 0);
    assert_int_equal(fake.n_settled, 1);
    /* All of a start that failed at once. */
    fake.watch.state.invocation.bytes[0]++;
    UnitState before = fake.watch.state;
    fake.watch.state.invocation.bytes[0]++;
    service_unit_changed(f->service, &before, &fake.watch.state);
    assert_int_equal(fake.n_settled, 2);
    unit_is(f, UNIT_ACTIVATING, "start-pre", "success", 0);
    unit_is(f, UNIT_DEACTIVATING, "stop-sigterm", "success", 0);
    assert_int_equal(fake.n_settled, 3);
    unit_is(f, UNIT_ACTIVATING, "auto-restart", "success", 0);
    assert_int_equal(fake.n_settled, 3);
    unit_is(f, UNIT_ACTIVE, "running", "success", 1);
    assert_int_equal(fake.n_settled, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_start_for_a_connection),
        TEST(test_starts_of_another_day),
        TEST(test_start_by_hand),
        TEST(test_second_try),
        TEST(test_start_that_fails),
        TEST(test_idle_stop),
        TEST(test_stop_by_hand),
        TEST(test_end_that_was_missed),
        TEST(test_native),
        TEST(test_killed_while_it_starts),
        TEST(test_killed_while_it_stops),
        TEST(test_first_start),
        TEST(test_first_start_by_hand),
        TEST(test_found_running),
        TEST(test_settled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
