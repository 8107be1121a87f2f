/* SPDX-License-Identifier: MIT */
/*
 * Timers behind one source. No test waits for a time to pass but for a few milliseconds, and none
 * says how long anything may take.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#include <cmocka.h>

#include "base/macros.h"
#include "supervisor/loop/timers.h"

#define PATIENCE_USEC (10 * USEC_PER_SEC)
#define MANY          200
#define BATCH         64 /* as timers.c has it */

/* Stands in for the one of libc: counted, and out of memory when told so. */
static unsigned n_allocations;
static bool no_memory;

void *reallocarray(void *p, size_t n, size_t size)
{
    n_allocations++;
    if (no_memory || (size > 0 && n > SIZE_MAX / size)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(p, n * size);
}

typedef struct Fixture Fixture;
typedef struct Alarm Alarm;

struct Alarm {
    Timer timer;
    Fixture *fixture;
    unsigned n_elapsed;
    void (*then)(Alarm *alarm);
};

struct Fixture {
    sd_event *event;
    Timers *timers;
    Alarm *alarms[MANY]; /* each allocated, so that a sanitizer sees who uses one that is gone */
    Alarm *elapsed[2 * MANY];
    size_t n_alarms, n_elapsed;
};

static int setup(void **state)
{
    Fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    no_memory = false;
    assert_int_equal(sd_event_new(&f->event), 0);
    assert_int_equal(timers_new(f->event, "test", SD_EVENT_PRIORITY_NORMAL, &f->timers), 0);
    *state = f;
    return 0;
}

static void drop(Alarm *alarm)
{
    Fixture *f = alarm->fixture;

    for (size_t i = 0; i < f->n_alarms; i++)
        if (f->alarms[i] == alarm)
            f->alarms[i] = NULL;
    timer_done(f->timers, &alarm->timer);
    free(alarm);
}

static int teardown(void **state)
{
    Fixture *f = *state;

    for (size_t i = 0; i < f->n_alarms; i++)
        if (f->alarms[i])
            drop(f->alarms[i]);
    assert_null(timers_free(f->timers));
    sd_event_unref(f->event);
    free(f);
    return 0;
}

static uint64_t now_of(Fixture *f)
{
    uint64_t now;

    assert_true(sd_event_now(f->event, CLOCK_MONOTONIC, &now) >= 0);
    return now;
}

static void on_elapsed(Timer *timer)
{
    Alarm *alarm = (Alarm *)timer; /* its first field */
    Fixture *f = alarm->fixture;

    assert_false(timer_is_armed(timer));
    assert_true(timer->at_usec <= now_of(f)); /* never too early */
    alarm->n_elapsed++;
    assert_true(f->n_elapsed < ELEMENTSOF(f->elapsed));
    f->elapsed[f->n_elapsed++] = alarm;
    if (alarm->then)
        alarm->then(alarm);
}

static Alarm *make(Fixture *f)
{
    Alarm *alarm = calloc(1, sizeof(*alarm));

    assert_non_null(alarm);
    alarm->fixture = f;
    assert_true(f->n_alarms < MANY);
    f->alarms[f->n_alarms++] = alarm;
    assert_int_equal(timer_init(f->timers, &alarm->timer, on_elapsed), 0);
    return alarm;
}

static void arm(Alarm *alarm, uint64_t after_usec)
{
    timer_arm(alarm->fixture->timers, &alarm->timer, after_usec, 0);
}

static Alarm *make_armed(Fixture *f, uint64_t after_usec)
{
    Alarm *alarm = make(f);

    arm(alarm, after_usec);
    return alarm;
}

/* One turn: true when there was something to be done. */
static bool turn(Fixture *f)
{
    f->n_elapsed = 0;
    int r = sd_event_run(f->event, 0);
    assert_true(r >= 0);
    return r > 0;
}

static void wait_turn(Fixture *f)
{
    f->n_elapsed = 0;
    assert_true(sd_event_run(f->event, PATIENCE_USEC) > 0);
}

/* ---- the basics ---- */

static void test_elapses_once(void **state)
{
    Fixture *f = *state;
    Alarm *alarm = make_armed(f, 2 * USEC_PER_MSEC), *never = make(f);

    assert_true(timer_is_armed(&alarm->timer));
    assert_false(timer_is_armed(&never->timer));
    wait_turn(f);
    assert_int_equal(alarm->n_elapsed, 1);
    assert_false(turn(f));
    assert_int_equal(never->n_elapsed, 0);
}

static void test_disarmed(void **state)
{
    Fixture *f = *state;
    Alarm *first = make_armed(f, 0), *second = make_armed(f, 0);

    timer_disarm(f->timers, &first->timer);
    timer_disarm(f->timers, &first->timer);
    assert_false(timer_is_armed(&first->timer));
    assert_true(turn(f));
    assert_int_equal(first->n_elapsed, 0);
    assert_int_equal(second->n_elapsed, 1);
    arm(first, 0);
    timer_disarm(f->timers, &first->timer);
    assert_false(turn(f)); /* the source is off: nothing wakes */
}

static void test_armed_anew(void **state)
{
    Fixture *f = *state;
    Alarm *later = make_armed(f, 0), *sooner = make_armed(f, USEC_PER_HOUR);

    arm(later, USEC_PER_HOUR);
    assert_false(turn(f));
    arm(sooner, 0);
    assert_true(turn(f));
    assert_int_equal(later->n_elapsed, 0);
    assert_int_equal(sooner->n_elapsed, 1);
    assert_true(timer_is_armed(&later->timer));
    arm(later, UINT64_MAX);
    assert_false(timer_is_armed(&later->timer));
    assert_false(turn(f));
}

static void test_times_without_end(void **state)
{
    const uint64_t spans[] = {UINT64_MAX, UINT64_MAX - 1, UINT64_MAX / 2, UINT64_MAX / 2 + 1};
    Fixture *f = *state;
    Alarm *alarm = make(f);

    for (size_t i = 0; i < ELEMENTSOF(spans); i++)
        for (size_t k = 0; k < ELEMENTSOF(spans); k++) {
            timer_arm(f->timers, &alarm->timer, spans[i], spans[k]);
            assert_int_equal(timer_is_armed(&alarm->timer), spans[i] < UINT64_MAX - now_of(f));
            assert_true(!timer_is_armed(&alarm->timer) || alarm->timer.at_usec >= spans[i]);
            assert_false(turn(f));
        }
    /* Any slack is no reason to forget it. */
    timer_arm(f->timers, &alarm->timer, USEC_PER_SEC, UINT64_MAX);
    assert_true(timer_is_armed(&alarm->timer));
    assert_true(alarm->timer.at_usec >= now_of(f) + USEC_PER_SEC);
}

static void test_done_is_harmless(void **state)
{
    Fixture *f = *state;
    Timer zeroed = {0};

    timer_done(f->timers, &zeroed);
    Alarm *alarm = make_armed(f, 0);
    timer_done(f->timers, &alarm->timer);
    timer_done(f->timers, &alarm->timer);
    assert_false(turn(f));
    assert_int_equal(alarm->n_elapsed, 0);
}

/* ---- order, and others beside them ---- */

static void test_order(void **state)
{
    const unsigned after_msec[] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8};
    Fixture *f = *state;
    uint64_t last = 0;
    size_t n = 0;

    for (size_t i = 0; i < ELEMENTSOF(after_msec); i++)
        make_armed(f, after_msec[i] * USEC_PER_MSEC);
    while (n < ELEMENTSOF(after_msec)) {
        wait_turn(f);
        n += f->n_elapsed;
        for (size_t i = 0; i < f->n_elapsed; i++) {
            assert_true(f->elapsed[i]->timer.at_usec >= last);
            last = f->elapsed[i]->timer.at_usec;
        }
    }
    assert_false(turn(f));
}

static int count_call(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    ++*(unsigned *)userdata;
    return 0;
}

static void test_all_in_one_turn_but_no_more_than_a_batch(void **state)
{
    _cleanup_close_ int fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    Fixture *f = *state;
    sd_event_source *other;
    unsigned n_calls = 0;

    for (size_t i = 0; i < MANY; i++)
        make_armed(f, 0);
    assert_true(sd_event_add_io(f->event, &other, fd, EPOLLIN, count_call, &n_calls) >= 0);
    for (size_t left = MANY; left > 0;) {
        assert_true(turn(f));
        assert_true(f->n_elapsed == 0 || f->n_elapsed == MIN(left, (size_t)BATCH));
        left -= f->n_elapsed;
    }
    assert_true(n_calls >= MANY / BATCH - 1); /* had its turns in between */
    sd_event_source_disable_unref(other);
    assert_false(turn(f));
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(f->alarms[i]->n_elapsed, 1);
}

/* ---- from callbacks ---- */

static void arm_again(Alarm *alarm)
{
    if (alarm->n_elapsed < 3)
        arm(alarm, USEC_PER_MSEC);
}

static void test_arms_itself(void **state)
{
    Fixture *f = *state;
    Alarm *alarm = make_armed(f, 0), *far = make_armed(f, USEC_PER_HOUR);

    alarm->then = arm_again;
    for (unsigned i = 1; i <= 3; i++) {
        wait_turn(f);
        assert_int_equal(alarm->n_elapsed, i);
    }
    assert_false(turn(f));
    assert_int_equal(far->n_elapsed, 0);
}

static void arm_at_once(Alarm *alarm)
{
    arm(alarm, 0);
}

/* Bad manners of one keep neither the loop nor the timers that were due before it. */
static void test_arms_itself_at_once_for_ever(void **state)
{
    Fixture *f = *state;
    Alarm *greedy = make_armed(f, 0), *other = make_armed(f, USEC_PER_MSEC);

    greedy->then = arm_at_once;
    assert_true(turn(f));
    assert_int_equal(greedy->n_elapsed, BATCH);
    while (other->n_elapsed == 0)
        assert_true(turn(f));
}

static void drop_others(Alarm *alarm)
{
    for (size_t i = 0; i < alarm->fixture->n_alarms; i++)
        if (alarm->fixture->alarms[i] && alarm->fixture->alarms[i] != alarm)
            drop(alarm->fixture->alarms[i]);
}

static void test_frees_all_others_of_the_turn(void **state)
{
    Fixture *f = *state;

    for (size_t i = 0; i < MANY; i++)
        make_armed(f, i % 2 ? USEC_PER_HOUR : 0)->then = drop_others;
    assert_true(turn(f));
    assert_int_equal(f->n_elapsed, 1);
    assert_false(turn(f));
}

static void test_frees_itself(void **state)
{
    Fixture *f = *state;

    for (size_t i = 0; i < BATCH; i++)
        make_armed(f, 0)->then = drop;
    Alarm *last = make_armed(f, USEC_PER_HOUR);
    assert_true(turn(f));
    assert_int_equal(f->n_elapsed, BATCH);
    assert_false(turn(f));
    assert_true(timer_is_armed(&last->timer));
}

static void postpone_others(Alarm *alarm)
{
    for (size_t i = 0; i < alarm->fixture->n_alarms; i++)
        if (alarm->fixture->alarms[i] != alarm)
            arm(alarm->fixture->alarms[i], USEC_PER_HOUR);
}

static void test_postpones_others_of_the_turn(void **state)
{
    Fixture *f = *state;

    for (size_t i = 0; i < BATCH; i++)
        make_armed(f, 0)->then = postpone_others;
    assert_true(turn(f));
    assert_int_equal(f->n_elapsed, 1);
    assert_false(turn(f));
}

static void make_another(Alarm *alarm)
{
    while (alarm->fixture->n_alarms < MANY) /* more than there was room for */
        make_armed(alarm->fixture, USEC_PER_HOUR);
}

static void test_made_from_a_callback(void **state)
{
    Fixture *f = *state;

    make_armed(f, 0)->then = make_another;
    make_armed(f, 0);
    assert_true(turn(f));
    assert_int_equal(f->n_elapsed, 2);
    assert_int_equal(f->n_alarms, MANY);
    assert_false(turn(f));
}

/* ---- slack ---- */

static void test_slack(void **state)
{
    const uint64_t slacks[] = {0, 1, 2, 3, 4, 1000, 1024, 100 * USEC_PER_MSEC, 3 * USEC_PER_SEC};
    const uint64_t after = 7 * USEC_PER_SEC + 1;
    Fixture *f = *state;
    Alarm *alarm = make(f);

    turn(f); /* from now on the clock stands still until the next turn */
    for (size_t i = 0; i < ELEMENTSOF(slacks); i++) {
        timer_arm(f->timers, &alarm->timer, after, slacks[i]);
        uint64_t at = alarm->timer.at_usec, grid = at & (~at + 1);
        assert_in_range(at, now_of(f) + after, now_of(f) + after + slacks[i]);
        assert_true(slacks[i] < 2 || grid > slacks[i] / 2);
    }
    timer_arm(f->timers, &alarm->timer, 0, USEC_PER_HOUR); /* at once is at once */
    assert_true(turn(f));
    assert_int_equal(alarm->n_elapsed, 1);
}

/* Times of 50 ms next to each other that may be 100 ms late share at most two wakeups. */
static void test_slack_shares_wakeups(void **state)
{
    Fixture *f = *state;
    size_t n_times = 0;

    turn(f);
    for (size_t i = 0; i < 50; i++) {
        Alarm *alarm = make(f);
        timer_arm(f->timers, &alarm->timer, USEC_PER_HOUR + i * USEC_PER_MSEC, 100 * USEC_PER_MSEC);
    }
    for (size_t i = 0; i < 50; i++) {
        bool seen = false;
        for (size_t k = 0; k < i; k++)
            seen = seen || f->alarms[k]->timer.at_usec == f->alarms[i]->timer.at_usec;
        n_times += !seen;
    }
    assert_in_range(n_times, 1, 2);
}

/* ---- room ---- */

static void test_arming_allocates_nothing(void **state)
{
    Fixture *f = *state;

    for (size_t i = 0; i < MANY; i++)
        make(f);
    unsigned before = n_allocations;
    for (size_t i = 0; i < MANY; i++)
        arm(f->alarms[i], i % 2 ? USEC_PER_HOUR - i : 0);
    assert_int_equal(n_allocations, before);
    while (turn(f))
        ;
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(f->alarms[i]->n_elapsed, i % 2 == 0);
}

static void test_room_is_given_back(void **state)
{
    Fixture *f = *state;
    Timer timer;
    unsigned before = n_allocations;

    for (size_t i = 0; i < 10 * (size_t)MANY; i++) {
        assert_int_equal(timer_init(f->timers, &timer, on_elapsed), 0);
        timer_done(f->timers, &timer);
    }
    assert_int_equal(n_allocations, before + 1);
}

static void test_without_memory(void **state)
{
    Fixture *f = *state;
    Timer timer = {0};

    no_memory = true;
    assert_int_equal(timer_init(f->timers, &timer, on_elapsed), -ENOMEM);
    timer_done(f->timers, &timer); /* was never made */
    no_memory = false;
    Alarm *alarm = make_armed(f, 0);
    assert_true(turn(f));
    assert_int_equal(alarm->n_elapsed, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_elapses_once),
        TEST(test_disarmed),
        TEST(test_armed_anew),
        TEST(test_times_without_end),
        TEST(test_done_is_harmless),
        TEST(test_order),
        TEST(test_all_in_one_turn_but_no_more_than_a_batch),
        TEST(test_arms_itself),
        TEST(test_arms_itself_at_once_for_ever),
        TEST(test_frees_all_others_of_the_turn),
        TEST(test_frees_itself),
        TEST(test_postpones_others_of_the_turn),
        TEST(test_made_from_a_callback),
        TEST(test_slack),
        TEST(test_slack_shares_wakeups),
        TEST(test_arming_allocates_nothing),
        TEST(test_room_is_given_back),
        TEST(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
