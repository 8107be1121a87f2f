/* SPDX-License-Identifier: MIT */
/* The queue of notifications and its folder, with a clock of the test's own. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/macros.h"
#include "base/text.h"
#include "supervisor/daemon/notify/notify-queue.h"

#define T0   (1000 * USEC_PER_SEC)
#define REAL UINT64_C(1700000000000000)

typedef struct Fixture {
    char base[64], folder[80];
    NotifyQueue *queue;
    NotifyRules rules;
    uint64_t now, realtime;
} Fixture;

static void open_queue(Fixture *f)
{
    assert_int_equal(notify_queue_new(f->folder, &f->rules, &f->queue), 0);
}

/* What a kill -9 leaves: nothing in memory, everything on disk as it is. */
static void reopen(Fixture *f)
{
    f->queue = notify_queue_free(f->queue);
    open_queue(f);
}

static int setup(void **state)
{
    Fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    strcpy(f->base, "/tmp/test-notify-queue-XXXXXX");
    assert_non_null(mkdtemp(f->base));
    snprintf(f->folder, sizeof(f->folder), "%s/state/notify", f->base);
    f->rules = notify_rules;
    f->now = T0;
    f->realtime = REAL;
    open_queue(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;

    notify_queue_free(f->queue);
    dir_remove_tree(f->base);
    free(f);
    return 0;
}

static void add(Fixture *f, const char *service, NotifyKind kind, bool url, bool exec)
{
    Notification *n;

    f->realtime++;
    assert_int_equal(notification_new(service, kind, f->realtime,
                                      json_pack("{s:s}", "reason", "it is broken"), &n),
                     0);
    n->to[NOTIFY_TO_URL].wanted = url;
    n->to[NOTIFY_TO_EXEC].wanted = exec;
    notify_queue_add(f->queue, n);
}

static Notification *next(Fixture *f, uint64_t *ret_due)
{
    NotifyTarget target;
    uint64_t due = 0;
    Notification *n = notify_queue_next(f->queue, f->now, &target, &due);

    if (n)
        assert_int_equal(target, NOTIFY_TO_URL);
    if (ret_due)
        *ret_due = due;
    return n;
}

static bool done(Fixture *f, Notification *n, NotifyTarget target, NotifyVerdict verdict)
{
    return notify_queue_done(f->queue, n, target,
                             &(NotifyResult){.verdict = verdict,
                                             .now_usec = f->now,
                                             .realtime_usec = f->realtime,
                                             .random = USEC_PER_SEC / 10});
}

static NotifyQueueState state_of(Fixture *f)
{
    NotifyQueueState state;

    notify_queue_state(f->queue, &state);
    return state;
}

/* Files of this ending. */
static size_t n_files(Fixture *f, const char *suffix)
{
    _cleanup_closedir_ DIR *dir = opendir(f->folder);
    struct dirent *de;
    size_t n = 0;

    assert_non_null(dir);
    while ((de = readdir(dir))) {
        size_t length = strlen(de->d_name);

        if (length >= strlen(suffix) && streq(de->d_name + length - strlen(suffix), suffix) &&
            !streq(de->d_name, ".") && !streq(de->d_name, ".."))
            n++;
    }
    return n;
}

static void put(Fixture *f, const char *name, const char *data)
{
    _cleanup_free_ char *path = text_printf("%s/%s", f->folder, name);

    assert_int_equal(file_write_atomic(AT_FDCWD, path, data, strlen(data), 0600, false), 0);
}

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

static void test_resume(void **state)
{
    Fixture *f = *state;
    char id[SD_ID128_UUID_STRING_MAX];
    Notification *n;

    add(f, "web", NOTIFY_UNHEALTHY, true, false);
    add(f, "web", NOTIFY_UNHEALTHY, true, false);
    add(f, "web", NOTIFY_RECOVERED, true, false);
    n = next(f, NULL); /* under way when the kill comes */
    memcpy(id, n->id, sizeof(id));
    reopen(f);
    assert_int_equal(state_of(f).waiting, 2);
    n = next(f, NULL);
    assert_string_equal(n->id, id);
    assert_string_equal(n->service, "web");
    assert_int_equal(n->kind, NOTIFY_UNHEALTHY);
    assert_int_equal(n->count, 2);
    assert_int_equal(n->realtime_usec, REAL + 2);
    assert_string_equal(json_string_value(json_object_get(n->facts, "reason")), "it is broken");
    done(f, n, NOTIFY_TO_URL, NOTIFY_DELIVERED);
    n = next(f, NULL);
    assert_int_equal(n->kind, NOTIFY_RECOVERED);
    done(f, n, NOTIFY_TO_URL, NOTIFY_DELIVERED);
    reopen(f);
    assert_int_equal(state_of(f).waiting, 0);
}

/* Killed with one under way and one of the same kind behind it: one is left, no event is lost. */
static void test_resume_merges(void **state)
{
    Fixture *f = *state;
    Notification *n;

    add(f, "web", NOTIFY_UNHEALTHY, true, false);
    (void)next(f, NULL);
    add(f, "web", NOTIFY_UNHEALTHY, true, false);
    reopen(f);
    assert_int_equal(state_of(f).waiting, 1);
    assert_int_equal(n_files(f, ".json"), 1);
    n = next(f, NULL);
    assert_int_equal(n->count, 2);
    reopen(f);
    n = next(f, NULL);
    assert_int_equal(n->count, 2);
}

#define ID "01234567-89ab-cdef-0123-456789abcdef"
#define GOOD                                                                                       \
    "{\"format\":1,\"id\":\"" ID "\",\"service\":\"web\",\"kind\":\"held\",\"count\":1,"           \
    "\"time_usec\":5,\"url\":true,\"exec\":false,\"facts\":{}}"

static void test_corrupt(void **state)
{
    static const struct {
        const char *from, *to;
    } edits[] = {
        {GOOD, ""},
        {GOOD, "{"},
        {GOOD, "[]"},
        {"\"format\":1", "\"format\":2"},
        {"\"web\"", "\"../../etc\""},
        {"\"web\"", "\"\""},
        {"\"web\"", "7"},
        {"\"held\"", "\"eaten\""},
        {"\"count\":1", "\"count\":0"},
        {"\"count\":1", "\"count\":-1"},
        {"\"count\":1", "\"count\":1,\"count\":2"},
        {"\"time_usec\":5", "\"time_usec\":-5"},
        {"\"url\":true", "\"url\":false"},
        {"\"facts\":{}", "\"facts\":[]"},
        {"01234567", "11234567"},
        {"01234567", "../../x/"},
        {ID, "x"},
        {"{}}", "{}"},
    };
    Fixture *f = *state;

    put(f, ID ".json", GOOD);
    reopen(f);
    assert_int_equal(state_of(f).waiting, 1);
    for (size_t i = 0; i < ELEMENTSOF(edits); i++) {
        _cleanup_text_ Text text = {0};
        const char *at = strstr(GOOD, edits[i].from);

        assert_non_null(at);
        text_add_n(&text, GOOD, (size_t)(at - GOOD));
        text_add(&text, edits[i].to);
        text_add(&text, at + strlen(edits[i].from));
        put(f, ID ".json", text.size > 0 ? text.data : "");
        reopen(f);
        if (state_of(f).waiting != 0)
            fail_msg("taken: %s", text.data);
        assert_int_equal(n_files(f, ".json"), 0);
        assert_int_equal(n_files(f, ".json.bad"), 1);
    }
}

static void test_litter(void **state)
{
    Fixture *f = *state;
    char name[64];

    put(f, ".#" ID, "half");
    put(f, "README", "not ours");
    for (unsigned i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "%08u-89ab-cdef-0123-456789abcdef.json", i);
        put(f, name, "broken");
    }
    reopen(f);
    assert_int_equal(state_of(f).waiting, 0);
    assert_int_equal(n_files(f, ".json"), 0);
    assert_in_range(n_files(f, ".bad"), 1, 16); /* evidence, but not without end */
    assert_int_equal(n_files(f, "README"), 1);
    assert_int_equal(n_files(f, ID), 0);
}

/* Cut off anywhere, as a power failure leaves it. */
static void test_cut_off(void **state)
{
    Fixture *f = *state;

    for (size_t n = 0; n < strlen(GOOD); n++) {
        _cleanup_free_ char *half = strndup(GOOD, n);

        put(f, ID ".json", half);
        reopen(f);
        assert_int_equal(state_of(f).waiting, 0);
    }
    put(f, ID ".json", GOOD);
    reopen(f);
    assert_int_equal(state_of(f).waiting, 1);
}

/* More than fit: the newest stay. */
static void test_load_bounds(void **state)
{
    Fixture *f = *state;
    char name[8];

    for (unsigned i = 0; i < 50; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        add(f, name, NOTIFY_HELD, true, false);
    }
    f->rules.n_max = 10;
    reopen(f);
    assert_int_equal(state_of(f).waiting, 10);
    assert_int_equal(state_of(f).dropped, 40);
    assert_true(state_of(f).overflow);
    assert_int_equal(n_files(f, ".json"), 10);
    assert_string_equal(next(f, NULL)->service, "s40");
}

/* No disk: goes on in memory, and writes when it can again. */
static void test_no_disk(void **state)
{
    Fixture *f = *state;
    Notification *n;

    notify_queue_free(f->queue);
    dir_remove_tree(f->folder);
    assert_int_equal(file_write_atomic(AT_FDCWD, f->folder, "", 0, 0600, false), 0);
    open_queue(f);
    assert_true(state_of(f).disk_error < 0);
    add(f, "web", NOTIFY_HELD, true, false);
    add(f, "db", NOTIFY_HELD, true, false);
    assert_true(state_of(f).disk_error < 0);
    notify_queue_save(f->queue);
    assert_true(state_of(f).disk_error < 0);
    n = next(f, NULL);
    done(f, n, NOTIFY_TO_URL, NOTIFY_DELIVERED);

    assert_int_equal(unlink(f->folder), 0);
    notify_queue_save(f->queue);
    assert_int_equal(state_of(f).disk_error, 0);
    assert_int_equal(n_files(f, ".json"), 1);
    reopen(f);
    assert_string_equal(next(f, NULL)->service, "db");
}

/* The folder vanishes under us. */
static void test_folder_removed(void **state)
{
    Fixture *f = *state;

    dir_remove_tree(f->folder);
    add(f, "web", NOTIFY_HELD, true, false);
    assert_int_equal(state_of(f).disk_error, -ENOENT);
    notify_queue_save(f->queue);
    assert_int_equal(state_of(f).disk_error, 0);
    assert_int_equal(n_files(f, ".json"), 1);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_delivered),      T(test_order),
        T(test_replaced),       T(test_replaced_after_failure),
        T(test_retry),          T(test_retry_after),
        T(test_refused),        T(test_targets),
        T(test_targets_spaced), T(test_parallel),
        T(test_bounds),         T(test_bytes),
        T(test_resume),         T(test_resume_merges),
        T(test_corrupt),        T(test_litter),
        T(test_load_bounds),    T(test_no_disk),
        T(test_folder_removed), T(test_cut_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
