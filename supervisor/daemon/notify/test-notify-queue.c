/* SPDX-License-Identifier: MIT */
/* The queue of notifications: whose turn it is, when it is tried again, what is dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "supervisor/daemon/notify/test-notify-queue.h"

static void test_delivered(void **state)
{
    Fixture *f = *state;
    struct stat st;
    Notification *n;
    uint64_t due;

    assert_null(next(f, &due));
    assert_int_equal(due, USEC_INFINITY);
    add(f, "web", NOTIFY_UNHEALTHY, true, false);
    assert_int_equal(n_files(f, ".json"), 1);
    assert_int_equal(stat(f->folder, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    n = next(f, NULL);
    assert_non_null(n);
    assert_int_equal(strlen(n->id), 36);
    assert_int_equal(n->count, 1);
    assert_null(next(f, &due));
    assert_int_equal(due, USEC_INFINITY);
    assert_false(done(f, n, NOTIFY_TO_URL, NOTIFY_DELIVERED));
    assert_int_equal(n_files(f, ".json"), 0);
    assert_int_equal(state_of(f).delivered, 1);
    assert_int_equal(state_of(f).waiting, 0);
}

static void test_order(void **state)
{
    Fixture *f = *state;
    Notification *a, *b;

    add(f, "web", NOTIFY_UNHEALTHY, true, false);
    add(f, "web", NOTIFY_RESTARTED, true, false);
    add(f, "db", NOTIFY_HELD, true, false);
    a = next(f, NULL);
    assert_string_equal(a->service, "web");
    assert_int_equal(a->kind, NOTIFY_UNHEALTHY);
    b = next(f, NULL); /* not the other one of web */
    assert_string_equal(b->service, "db");
    assert_null(next(f, NULL));
    done(f, a, NOTIFY_TO_URL, NOTIFY_DELIVERED);
    a = next(f, NULL);
    assert_int_equal(a->kind, NOTIFY_RESTARTED);
    done(f, a, NOTIFY_TO_URL, NOTIFY_DELIVERED);
    done(f, b, NOTIFY_TO_URL, NOTIFY_DELIVERED);
}

static void test_replaced(void **state)
{
    Fixture *f = *state;
    char id[SD_ID128_UUID_STRING_MAX];
    Notification *n;
    uint64_t due;

    add(f, "web", NOTIFY_UNHEALTHY, true, false);
    n = next(f, NULL);
    memcpy(id, n->id, sizeof(id));
    /* One is under way: it stays, and one other collects the rest. */
    add(f, "web", NOTIFY_UNHEALTHY, true, false);
    add(f, "web", NOTIFY_UNHEALTHY, true, false);
    add(f, "web", NOTIFY_UNHEALTHY, true, false);
    assert_int_equal(state_of(f).waiting, 2);
    assert_int_equal(n_files(f, ".json"), 2);
    assert_string_equal(n->id, id);
    done(f, n, NOTIFY_TO_URL, NOTIFY_DELIVERED);

    assert_null(next(f, &due));
    assert_int_equal(due, T0 + USEC_PER_MINUTE);
    f->now = due;
    n = next(f, NULL);
    assert_int_equal(n->count, 3);
    assert_int_equal(n->realtime_usec, f->realtime);
    assert_string_not_equal(n->id, id);
    done(f, n, NOTIFY_TO_URL, NOTIFY_DELIVERED);
    assert_int_equal(state_of(f).delivered, 2);
    assert_int_equal(state_of(f).dropped, 0);
}

static void test_replaced_after_failure(void **state)
{
    Fixture *f = *state;
    Notification *n;
    uint64_t due;

    add(f, "web", NOTIFY_UNHEALTHY, true, false);
    n = next(f, NULL);
    add(f, "web", NOTIFY_UNHEALTHY, true, false);
    assert_false(done(f, n, NOTIFY_TO_URL, NOTIFY_RETRY));
    /* The newer one stands for both now, and waits as the older one would have. */
    assert_int_equal(state_of(f).waiting, 1);
    assert_int_equal(n_files(f, ".json"), 1);
    assert_null(next(f, &due));
    assert_int_equal(due, T0 + USEC_PER_SEC);
    f->now = due;
    n = next(f, NULL);
    assert_int_equal(n->count, 2);
    assert_int_equal(n->to[NOTIFY_TO_URL].attempts, 2);
    done(f, n, NOTIFY_TO_URL, NOTIFY_DELIVERED);
}

static void test_retry(void **state)
{
    Fixture *f = *state;
    char id[SD_ID128_UUID_STRING_MAX] = "";
    uint64_t delay = USEC_PER_SEC, due;
    Notification *n;

    add(f, "web", NOTIFY_HELD, true, false);
    for (unsigned i = 0; i < 20; i++) {
        n = next(f, NULL);
        assert_non_null(n);
        if (i > 0)
            assert_string_equal(n->id, id);
        memcpy(id, n->id, sizeof(id));
        assert_false(done(f, n, NOTIFY_TO_URL, NOTIFY_RETRY));
        assert_null(next(f, &due));
        assert_in_range(due - f->now, delay - delay / 10, delay + delay / 10);
        f->now = due;
        delay = MIN(delay * 2, 15 * USEC_PER_MINUTE);
    }
    /* A day later the next failure is the last. */
    f->realtime += USEC_PER_DAY;
    n = next(f, NULL);
    assert_true(done(f, n, NOTIFY_TO_URL, NOTIFY_RETRY));
    assert_int_equal(state_of(f).dropped, 1);
    assert_int_equal(n_files(f, ".json"), 0);
}

static void test_retry_after(void **state)
{
    Fixture *f = *state;
    uint64_t waits[] = {5 * USEC_PER_SEC, USEC_PER_DAY}, due;

    add(f, "web", NOTIFY_HELD, true, false);
    for (size_t i = 0; i < ELEMENTSOF(waits); i++) {
        Notification *n = next(f, NULL);

        notify_queue_done(f->queue, n, NOTIFY_TO_URL,
                          &(NotifyResult){.verdict = NOTIFY_RETRY,
                                          .wait_usec = waits[i],
                                          .now_usec = f->now,
                                          .realtime_usec = f->realtime});
        assert_null(next(f, &due));
        assert_int_equal(due - f->now, MIN(waits[i], 15 * USEC_PER_MINUTE));
        f->now = due;
    }
}

static void test_refused(void **state)
{
    Fixture *f = *state;

    add(f, "web", NOTIFY_HELD, true, false);
    assert_true(done(f, next(f, NULL), NOTIFY_TO_URL, NOTIFY_REFUSED));
    assert_int_equal(state_of(f).dropped, 1);
    add(f, "db", NOTIFY_HELD, true, false);
    assert_false(done(f, next(f, NULL), NOTIFY_TO_URL, NOTIFY_UNWANTED));
    assert_int_equal(state_of(f).dropped, 1);
    assert_int_equal(state_of(f).waiting, 0);
    assert_int_equal(n_files(f, ".json"), 0);
}

/* The two targets do not wait for each other, and what is done is not done again. */
static void test_targets(void **state)
{
    Fixture *f = *state;
    NotifyTarget target;
    Notification *n;
    uint64_t due;

    add(f, "web", NOTIFY_HELD, true, true);
    n = notify_queue_next(f->queue, f->now, &target, &due);
    assert_int_equal(target, NOTIFY_TO_URL);
    assert_ptr_equal(notify_queue_next(f->queue, f->now, &target, &due), n);
    assert_int_equal(target, NOTIFY_TO_EXEC);
    done(f, n, NOTIFY_TO_URL, NOTIFY_RETRY);
    done(f, n, NOTIFY_TO_EXEC, NOTIFY_DELIVERED);
    assert_int_equal(state_of(f).delivered, 1);

    reopen(f);
    n = next(f, NULL);
    assert_non_null(n);
    assert_false(n->to[NOTIFY_TO_EXEC].wanted);
    done(f, n, NOTIFY_TO_URL, NOTIFY_DELIVERED);
    assert_int_equal(n_files(f, ".json"), 0);
}

/* A target that works is held to its minute although the other one is being retried. */
static void test_targets_spaced(void **state)
{
    Fixture *f = *state;
    NotifyTarget target;
    Notification *n;
    uint64_t due;

    add(f, "web", NOTIFY_HELD, true, true);
    n = notify_queue_next(f->queue, f->now, &target, &due);
    n = notify_queue_next(f->queue, f->now, &target, &due);
    done(f, n, NOTIFY_TO_EXEC, NOTIFY_DELIVERED);
    done(f, n, NOTIFY_TO_URL, NOTIFY_RETRY);
    add(f, "web", NOTIFY_HELD, true, true);
    f->now += 5 * USEC_PER_SEC;
    n = notify_queue_next(f->queue, f->now, &target, &due);
    assert_int_equal(target, NOTIFY_TO_URL);
    assert_null(notify_queue_next(f->queue, f->now, &target, &due));
    assert_int_equal(due, T0 + USEC_PER_MINUTE);
    done(f, n, NOTIFY_TO_URL, NOTIFY_DELIVERED);
}

static void test_parallel(void **state)
{
    Fixture *f = *state;
    Notification *running[8];
    char name[8];

    for (unsigned i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        add(f, name, NOTIFY_HELD, true, false);
    }
    for (unsigned i = 0; i < 8; i++)
        assert_non_null(running[i] = next(f, NULL));
    assert_null(next(f, NULL));
    done(f, running[3], NOTIFY_TO_URL, NOTIFY_DELIVERED);
    assert_non_null(next(f, NULL));
    assert_null(next(f, NULL));
}

static void test_bounds(void **state)
{
    Fixture *f = *state;
    Notification *n;
    char name[8];

    for (unsigned i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        add(f, name, NOTIFY_HELD, true, false);
    }
    assert_int_equal(state_of(f).waiting, 256);
    assert_int_equal(state_of(f).dropped, 44);
    assert_true(state_of(f).overflow);
    assert_int_equal(n_files(f, ".json"), 256);
    n = next(f, NULL);
    assert_string_equal(n->service, "s44");
    done(f, n, NOTIFY_TO_URL, NOTIFY_DELIVERED);
    assert_true(state_of(f).overflow);
    for (unsigned i = 0; i < 127; i++) {
        f->now += USEC_PER_SEC;
        done(f, next(f, NULL), NOTIFY_TO_URL, NOTIFY_DELIVERED);
    }
    assert_false(state_of(f).overflow);
}

static void test_bytes(void **state)
{
    Fixture *f = *state;
    uint64_t due;

    f->rules.size_max = 1000;
    for (unsigned i = 0; i < 20; i++) {
        char name[8];

        snprintf(name, sizeof(name), "s%u", i);
        add(f, name, NOTIFY_HELD, true, false);
    }
    assert_in_range(state_of(f).waiting, 3, 6);
    assert_int_equal(state_of(f).dropped + state_of(f).waiting, 20);
    /* Bytes are given back: the queue empties to nothing and takes new ones. */
    while (state_of(f).waiting > 0)
        done(f, next(f, &due), NOTIFY_TO_URL, NOTIFY_DELIVERED);
    add(f, "new", NOTIFY_HELD, true, false);
    assert_int_equal(state_of(f).waiting, 1);
    assert_false(state_of(f).overflow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_delivered),      T(test_order),
        T(test_replaced),       T(test_replaced_after_failure),
        T(test_retry),          T(test_retry_after),
        T(test_refused),        T(test_targets),
        T(test_targets_spaced), T(test_parallel),
        T(test_bounds),         T(test_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
