/* SPDX-License-Identifier: MIT */

/* Posts through the thread that stores: what comes back, in which order, and how few commits it
 * took. */

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include <cmocka.h>

#include "base/file.h"
#include "collector/reader.h"
#include "collector/writer.h"

#define WAIT_MSEC 60000

typedef struct Fixture {
    char folder[32], *path;
    int fd;
    Writer *writer;
} Fixture;

static int setup(void **state)
{
    Fixture *f = calloc(1, sizeof(*f));
    const WriterOptions options = {.keep = {.raw_usec = USEC_PER_DAY,
                                            .minute_usec = USEC_PER_WEEK,
                                            .hour_usec = USEC_PER_YEAR,
                                            .key_usec = USEC_PER_DAY,
                                            .max_bytes = UINT64_C(1) << 30},
                                   .clean_usec = USEC_PER_MINUTE,
                                   .max_waiting = 100000};
    Store *store = NULL;
    char *aside = NULL;

    assert_non_null(f);
    (void)strcpy(f->folder, "/tmp/test-writer.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    assert_int_equal(store_open(f->folder, &store, &aside), 0);
    f->path = strdup(store_path(store));
    f->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_true(f->fd >= 0);
    *state = f;
    return writer_new(store, &options, f->fd, &f->writer);
}

static int teardown(void **state)
{
    Fixture *f = *state;

    writer_free(f->writer);
    close(f->fd);
    int r = dir_remove_tree(f->folder);
    free(f->path);
    free(f);
    return r;
}

static PostJob *job_new(const char *body)
{
    PostJob *job = calloc(1, sizeof(*job));

    assert_non_null(job);
    job->owner = job;
    job->body = strdup(body);
    job->size = strlen(body);
    job->sender = "sender";
    job->arrived_usec = UINT64_C(1795456800) * USEC_PER_SEC;
    return job;
}

static void job_free(PostJob *job)
{
    announcements_free(job->announcements);
    free(job->last_of);
    free(job->body);
    free(job);
}

/* Waits until n jobs are back, in the order in which they were pushed. */
static void take_back(Fixture *f, PostJob *const *pushed, size_t n)
{
    size_t have = 0;

    while (have < n) {
        struct pollfd poll_fd = {.fd = f->fd, .events = POLLIN};
        eventfd_t count;
        assert_int_equal(poll(&poll_fd, 1, WAIT_MSEC), 1);
        (void)eventfd_read(f->fd, &count);
        for (PostJob *job = writer_take_done(f->writer); job; job = job->next)
            assert_ptr_equal(job, pushed[have++]);
    }
}

#define ENTRY(number)                                                                              \
    "{\"timestamp\": \"2023-01-01T00:00:0" number "Z\", \"sysinfo\": {\"n\": " number "}}"

static void test_each_gets_its_own_answer(void **state)
{
    Fixture *f = *state;
    static const char *const bodies[] = {
        "{\"key\": \"a\", \"timestamp\": \"2023-01-01T00:00:00Z\", \"sysinfo\": {}}",
        "{\"key\": \"a\", \"timestamp\": \"2023-01-01T00:00:00Z\", \"sysinfo\": {}}",
        "{\"key\": \"b\", \"timestamp\": \"yesterday\", \"sysinfo\": {}}",
        "{\"key\": \"b\", \"timestamp\": \"2023-01-01T00:00:00Z\", \"sysinfo\": {}}",
        "no JSON",
        "{\"host\": \"h\", \"last\": true, \"samples\": [" ENTRY("2") ", " ENTRY(
            "1") "], \"events\": [{\"timestamp\": "
                 "\"2023-01-01T00:00:00Z\", \"event\": \"first\"}, {\"timestamp\": "
                 "\"2023-01-01T00:00:00Z\", \"event\": "
                 "\"second\"}]}",
    };
    static const PostOutcome outcomes[] = {POST_STORED, POST_WAS_STORED, POST_REFUSED,
                                           POST_STORED, POST_REFUSED,    POST_STORED};
    PostJob *jobs[ELEMENTSOF(bodies)];

    for (size_t i = 0; i < ELEMENTSOF(bodies); i++) {
        jobs[i] = job_new(bodies[i]);
        assert_int_equal(writer_push(f->writer, jobs[i]), 0);
    }
    take_back(f, jobs, ELEMENTSOF(jobs));
    for (size_t i = 0; i < ELEMENTSOF(jobs); i++)
        assert_int_equal(jobs[i]->outcome, outcomes[i]);
    assert_string_equal(jobs[2]->fault.path, "/timestamp");
    assert_null(jobs[1]->announcements);
    /* The newest sample, then the events in their order. */
    const Announcement *a = jobs[5]->announcements;
    assert_string_equal(a->kind, "sample");
    assert_non_null(strstr(a->json, "00:00:02"));
    assert_non_null(strstr(a->next->json, "\"first\""));
    assert_non_null(strstr(a->next->next->json, "\"second\""));
    assert_null(a->next->next->next);
    assert_string_equal(jobs[5]->last_of, "h");
    assert_null(jobs[0]->last_of);

    WriterStats stats;
    writer_stats(f->writer, &stats);
    assert_int_equal(stats.posts, 3);
    assert_int_equal(stats.samples, 4);
    assert_int_equal(stats.events, 2);
    assert_int_equal(stats.duplicates, 1);
    assert_int_equal(stats.refused, 2);
    assert_int_equal(stats.waiting, 0);
    assert_int_equal(stats.waiting_bytes, 0);
    for (size_t i = 0; i < ELEMENTSOF(jobs); i++)
        job_free(jobs[i]);
}

static void test_many_posts_share_a_commit(void **state)
{
    Fixture *f = *state;
    PostJob *jobs[500];
    WriterStats stats;

    for (size_t i = 0; i < ELEMENTSOF(jobs); i++) {
        jobs[i] = job_new(ENTRY("1"));
        assert_int_equal(writer_push(f->writer, jobs[i]), 0);
    }
    take_back(f, jobs, ELEMENTSOF(jobs));
    writer_stats(f->writer, &stats);
    assert_int_equal(stats.posts, 500);
    /* Pushing one takes microseconds, a commit far longer. */
    assert_true(stats.commits <= 250);
    for (size_t i = 0; i < ELEMENTSOF(jobs); i++)
        job_free(jobs[i]);
}

static void test_too_much_is_refused(void **state)
{
    Fixture *f = *state;
    PostJob *jobs[2000];
    char body[1001];
    size_t n = 0;
    PostJob *refused = NULL;

    memset(body, ' ', sizeof(body) - 1);
    body[sizeof(body) - 1] = '\0';
    while (n < ELEMENTSOF(jobs)) {
        PostJob *job = job_new(body);
        if (writer_push(f->writer, job) < 0) {
            refused = job;
            break;
        }
        jobs[n++] = job;
    }
    take_back(f, jobs, n);
    /* A thread as fast as we are might have kept up; what waits is bounded all the same. */
    if (refused) {
        assert_true(n >= 99);
        assert_int_equal(writer_push(f->writer, refused), 0);
        take_back(f, &refused, 1);
        job_free(refused);
    }
    for (size_t i = 0; i < n; i++)
        job_free(jobs[i]);
}

static void test_stop_stores_what_waits(void **state)
{
    Fixture *f = *state;
    PostJob *jobs[50];
    Reader *reader = NULL;
    Totals totals;

    for (size_t i = 0; i < ELEMENTSOF(jobs); i++) {
        jobs[i] = job_new(ENTRY("1"));
        assert_int_equal(writer_push(f->writer, jobs[i]), 0);
    }
    writer_stop(f->writer);
    take_back(f, jobs, ELEMENTSOF(jobs));
    assert_int_equal(reader_new(f->path, &reader), 0);
    assert_int_equal(reader_totals(reader, &totals), 0);
    assert_int_equal(totals.entries, 50);
    reader_free(reader);
    for (size_t i = 0; i < ELEMENTSOF(jobs); i++) {
        assert_int_equal(jobs[i]->outcome, POST_STORED);
        job_free(jobs[i]);
    }
}

static void test_damage_that_another_thread_found(void **state)
{
    Fixture *f = *state;
    PostJob *before = job_new(ENTRY("1")), *after = job_new(ENTRY("2"));
    Reader *reader = NULL;
    Totals totals;
    WriterStats stats;

    assert_int_equal(writer_push(f->writer, before), 0);
    take_back(f, &before, 1);
    writer_report_damage(f->writer);
    for (int i = 0; writer_generation(f->writer) == 0 && i < WAIT_MSEC; i++)
        (void)usleep(1000);
    assert_int_equal(writer_generation(f->writer), 1);
    assert_int_equal(writer_push(f->writer, after), 0);
    take_back(f, &after, 1);
    assert_int_equal(after->outcome, POST_STORED);
    assert_int_equal(reader_new(f->path, &reader), 0);
    assert_int_equal(reader_totals(reader, &totals), 0);
    assert_int_equal(totals.entries, 1);
    reader_free(reader);
    writer_stats(f->writer, &stats);
    assert_int_equal(stats.set_aside, 1);
    job_free(before);
    job_free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_gets_its_own_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_posts_share_a_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_much_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_stores_what_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage_that_another_thread_found, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
