/* SPDX-License-Identifier: MIT */
/* Descriptors behind one source, and members that change each other while they are served. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/macros.h"
#include "supervisor/loop/ready.h"

#define MANY  200
#define BATCH 64 /* as ready.c has it */

typedef struct Fixture Fixture;
typedef struct Member Member;

struct Member {
    Ready ready;
    Fixture *fixture;
    int fd;
    unsigned n_called;
    uint32_t events; /* of the last call */
    void (*then)(Member *member);
};

struct Fixture {
    sd_event *event;
    ReadySet *set;
    Member *members[MANY]; /* each allocated, so that a sanitizer sees who uses one that is gone */
    Member *served[MANY];
    size_t n_members, n_served;
};

static int setup(void **state)
{
    Fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_int_equal(sd_event_new(&f->event), 0);
    assert_int_equal(ready_set_new(f->event, "test", SD_EVENT_PRIORITY_NORMAL, &f->set), 0);
    *state = f;
    return 0;
}

static void drop(Member *member)
{
    Fixture *f = member->fixture;

    for (size_t i = 0; i < f->n_members; i++)
        if (f->members[i] == member)
            f->members[i] = NULL;
    ready_remove(f->set, &member->ready);
    close(member->fd);
    free(member);
}

static int teardown(void **state)
{
    Fixture *f = *state;

    for (size_t i = 0; i < f->n_members; i++)
        if (f->members[i])
            drop(f->members[i]);
    assert_null(ready_set_free(f->set));
    sd_event_unref(f->event);
    free(f);
    return 0;
}

static void on_member(Ready *ready, uint32_t events)
{
    Member *member = (Member *)ready; /* its first field */
    Fixture *f = member->fixture;

    assert_true(ready->added);
    member->n_called++;
    member->events = events;
    if (f->n_served < MANY)
        f->served[f->n_served++] = member;
    if (member->then)
        member->then(member);
}

static Member *make(Fixture *f, int fd)
{
    Member *member = calloc(1, sizeof(*member));

    assert_non_null(member);
    assert_true(fd >= 0);
    *member = (Member){.fixture = f, .fd = fd};
    assert_true(f->n_members < MANY);
    f->members[f->n_members++] = member;
    return member;
}

static Member *add(Fixture *f, uint32_t events, unsigned count)
{
    Member *member = make(f, eventfd(count, EFD_CLOEXEC | EFD_NONBLOCK));

    assert_int_equal(ready_add(f->set, &member->ready, member->fd, events, on_member), 0);
    return member;
}

static void drain(Member *member)
{
    uint64_t count;

    assert_int_equal(read(member->fd, &count, sizeof(count)), sizeof(count));
}

static void add_many(Fixture *f, size_t n, void (*then)(Member *))
{
    for (size_t i = 0; i < n; i++)
        add(f, EPOLLIN, 1)->then = then;
}

/* One turn: true when there was something to be done. */
static bool turn(Fixture *f)
{
    f->n_served = 0;
    int r = sd_event_run(f->event, 0);
    assert_true(r >= 0);
    return r > 0;
}

/* ---- the basics ---- */

static void test_only_who_is_ready(void **state)
{
    Fixture *f = *state;
    Member *quiet = add(f, EPOLLIN, 0), *ready = add(f, EPOLLIN, 1);

    assert_true(turn(f));
    assert_int_equal(quiet->n_called, 0);
    assert_int_equal(ready->n_called, 1);
    assert_int_equal(ready->events, EPOLLIN);
    assert_true(turn(f)); /* level-triggered: nobody read it */
    assert_int_equal(ready->n_called, 2);
    drain(ready);
    assert_false(turn(f));
    assert_int_equal(ready->n_called, 2);
}

static void test_events(void **state)
{
    Fixture *f = *state;
    Member *member = add(f, EPOLLOUT, 1);

    assert_true(turn(f));
    assert_int_equal(member->events, EPOLLOUT);
    assert_int_equal(ready_change(f->set, &member->ready, EPOLLIN | EPOLLOUT), 0);
    assert_true(turn(f));
    assert_int_equal(member->events, EPOLLIN | EPOLLOUT);
    assert_int_equal(ready_change(f->set, &member->ready, 0), 0);
    assert_false(turn(f));
    assert_int_equal(ready_change(f->set, &member->ready, EPOLLIN), 0);
    assert_true(turn(f));
    assert_int_equal(member->events, EPOLLIN);
    assert_int_equal(member->n_called, 3);
}

static void test_hang_up_is_always_told(void **state)
{
    Fixture *f = *state;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    Member *member = make(f, ends[0]);
    assert_int_equal(ready_add(f->set, &member->ready, member->fd, 0, on_member), 0);
    assert_false(turn(f));
    close(ends[1]);
    assert_true(turn(f));
    assert_int_equal(member->events & EPOLLHUP, EPOLLHUP);
}

static void test_removed_and_added_again(void **state)
{
    Fixture *f = *state;
    Member *member = add(f, EPOLLIN, 1);

    ready_remove(f->set, &member->ready);
    assert_false(member->ready.added);
    assert_false(turn(f));
    ready_remove(f->set, &member->ready);
    assert_int_equal(ready_add(f->set, &member->ready, member->fd, EPOLLIN, on_member), 0);
    assert_true(turn(f));
    assert_int_equal(member->n_called, 1);
    ready_remove(f->set, &(Ready){0}); /* never added */
}

static void test_failed_add_adds_nothing(void **state)
{
    Fixture *f = *state;
    Member *member = add(f, EPOLLIN, 1);
    Ready bad = {0}, twice = {0};

    assert_int_equal(ready_add(f->set, &bad, -1, EPOLLIN, on_member), -EBADF);
    assert_false(bad.added);
    assert_int_equal(ready_add(f->set, &twice, member->fd, EPOLLIN, on_member), -EEXIST);
    assert_false(twice.added);
    ready_remove(f->set, &twice); /* leaves the first one where it is */
    assert_true(turn(f));
    assert_int_equal(member->n_called, 1);
}

/* ---- many, and others beside them ---- */

static void test_all_in_one_turn(void **state)
{
    Fixture *f = *state;

    add_many(f, BATCH, drain);
    assert_true(turn(f));
    assert_int_equal(f->n_served, BATCH);
    for (size_t i = 0; i < BATCH; i++)
        assert_int_equal(f->members[i]->n_called, 1);
    assert_false(turn(f));
}

/* Nobody is served twice before all were served once, though all stay ready. */
static void test_more_than_a_batch_take_turns(void **state)
{
    const size_t turns = (MANY + BATCH - 1) / BATCH;
    Fixture *f = *state;

    add_many(f, MANY, NULL);
    for (size_t i = 0; i < turns; i++) {
        assert_true(turn(f));
        assert_int_equal(f->n_served, BATCH);
        if (i + 1 < turns)
            for (size_t k = 0; k < MANY; k++)
                assert_true(f->members[k]->n_called <= 1);
    }
    for (size_t k = 0; k < MANY; k++)
        assert_true(f->members[k]->n_called >= 1);
}

static int count_call(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    ++*(unsigned *)userdata;
    return 0;
}

/* How often a source of its own, always ready, gets its turn beside the set. */
static unsigned count_in_turns(Fixture *f, int64_t priority, unsigned n)
{
    _cleanup_close_ int fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    sd_event_source *source;
    unsigned n_calls = 0;

    assert_true(sd_event_add_io(f->event, &source, fd, EPOLLIN, count_call, &n_calls) >= 0);
    assert_true(sd_event_source_set_priority(source, priority) >= 0);
    for (unsigned i = 0; i < n; i++)
        assert_true(turn(f));
    sd_event_source_disable_unref(source);
    return n_calls;
}

static void test_priority(void **state)
{
    Fixture *f = *state;

    add_many(f, MANY, NULL);
    assert_int_equal(count_in_turns(f, SD_EVENT_PRIORITY_IMPORTANT, 10), 10);
    assert_int_equal(count_in_turns(f, SD_EVENT_PRIORITY_IDLE, 10), 0);
    /* Of the same priority: by turns. */
    assert_in_range(count_in_turns(f, SD_EVENT_PRIORITY_NORMAL, 10), 4, 6);
}

/* ---- members that change each other while they are served ---- */

static void drop_others(Member *member)
{
    for (size_t i = 0; i < member->fixture->n_members; i++)
        if (member->fixture->members[i] && member->fixture->members[i] != member)
            drop(member->fixture->members[i]);
}

static void test_frees_all_others_of_the_turn(void **state)
{
    Fixture *f = *state;

    add_many(f, BATCH, drop_others);
    assert_true(turn(f));
    assert_int_equal(f->n_served, 1); /* whoever was first */
    assert_int_equal(f->served[0]->n_called, 1);
    assert_true(turn(f));
    assert_int_equal(f->n_served, 1);
}

static void test_frees_itself(void **state)
{
    Fixture *f = *state;

    add_many(f, MANY, drop);
    for (size_t left = MANY; left > 0; left -= MIN(left, (size_t)BATCH)) {
        assert_true(turn(f));
        assert_int_equal(f->n_served, MIN(left, (size_t)BATCH));
    }
    assert_false(turn(f));
}

/* Its memory and its descriptor go, and a new member gets both: it was not ready in this turn. */
static void replace_other(Member *member)
{
    Fixture *f = member->fixture;
    Member *other = f->members[f->members[0] == member];

    other->then = NULL;
    ready_remove(f->set, &other->ready);
    drain(other);
    assert_int_equal(ready_add(f->set, &other->ready, other->fd, EPOLLIN, on_member), 0);
}

static void test_replaced_in_the_same_turn(void **state)
{
    Fixture *f = *state;

    add_many(f, 2, replace_other);
    assert_true(turn(f));
    assert_int_equal(f->n_served, 1);
    Member *first = f->served[0];
    first->then = drain;
    assert_true(turn(f));
    assert_int_equal(f->n_served, 1);
    assert_ptr_equal(f->served[0], first);
    assert_false(turn(f));
}

static void silence_others(Member *member)
{
    Fixture *f = member->fixture;

    for (size_t i = 0; i < f->n_members; i++)
        if (f->members[i] != member)
            assert_int_equal(ready_change(f->set, &f->members[i]->ready, 0), 0);
}

static void test_changed_in_the_same_turn(void **state)
{
    Fixture *f = *state;

    add_many(f, BATCH, silence_others);
    assert_true(turn(f));
    assert_int_equal(f->n_served, 1);
}

static void narrow_others(Member *member)
{
    Fixture *f = member->fixture;

    for (size_t i = 0; i < f->n_members; i++)
        if (f->members[i] != member)
            assert_int_equal(ready_change(f->set, &f->members[i]->ready, EPOLLOUT), 0);
    member->then = NULL;
}

static void test_narrowed_in_the_same_turn(void **state)
{
    Fixture *f = *state;

    for (size_t i = 0; i < 3; i++)
        add(f, EPOLLIN | EPOLLOUT, 1);
    f->members[0]->then = f->members[1]->then = f->members[2]->then = narrow_others;
    assert_true(turn(f));
    assert_int_equal(f->n_served, 3);
    assert_int_equal(f->served[0]->events, EPOLLIN | EPOLLOUT);
    assert_int_equal(f->served[1]->events, EPOLLOUT);
}

static void add_another(Member *member)
{
    member->then = NULL;
    add(member->fixture, EPOLLIN, 1);
}

static void test_added_from_a_callback(void **state)
{
    Fixture *f = *state;

    add_many(f, 1, add_another);
    assert_true(turn(f));
    assert_int_equal(f->n_served, 1);
    assert_int_equal(f->n_members, 2);
    assert_true(turn(f));
    assert_int_equal(f->n_served, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_only_who_is_ready),
        TEST(test_events),
        TEST(test_hang_up_is_always_told),
        TEST(test_removed_and_added_again),
        TEST(test_failed_add_adds_nothing),
        TEST(test_all_in_one_turn),
        TEST(test_more_than_a_batch_take_turns),
        TEST(test_priority),
        TEST(test_frees_all_others_of_the_turn),
        TEST(test_frees_itself),
        TEST(test_replaced_in_the_same_turn),
        TEST(test_changed_in_the_same_turn),
        TEST(test_narrowed_in_the_same_turn),
        TEST(test_added_from_a_callback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
