/* SPDX-License-Identifier: MIT */
/* One check over time, made on sockets of this machine: when it is due, what is counted. */
#include "supervisor/probe/test-fixture.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/macros.h"
#include "supervisor/daemon/runner.h"

#define PATIENCE_USEC (10 * USEC_PER_SEC)
#define RESULTS_MAX   64

typedef struct Run {
    Fixture *fixture;
    RunnerContext context;
    Runner *runner;
    SpecProbe spec;
    int server, port;
    size_t n_results, n_now, n_now_void;
    Verdict before, after; /* the last result */
    ProbeOutcome outcome;
    uint64_t next_usec[RESULTS_MAX]; /* to the next check, right after a result */
    bool stop;                       /* in the result */
} Run;

/* How much later than it should be a check may be due. */
static uint64_t slack(uint64_t usec)
{
    return MIN(usec / 10, 250 * USEC_PER_MSEC);
}

static void on_result(Runner *runner, Verdict before, const ProbeResult *result, void *userdata)
{
    Run *run = userdata;
    ProbeView view;
    uint64_t now = 0;

    assert_true(run->n_results < RESULTS_MAX);
    runner_view(runner, &view);
    sd_event_now(run->fixture->context.event, CLOCK_REALTIME, &now);
    run->next_usec[run->n_results++] = view.next_usec - now;
    run->before = before;
    run->after = runner_verdict(runner);
    run->outcome = result->outcome;
    if (run->stop)
        runner_stop(runner);
}

static int listen_on(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void serve(Run *run, bool yes)
{
    /* Bound but not listening: refused, and nobody else can take the port meanwhile. */
    if (yes) {
        assert_int_equal(listen(run->server, 64), 0);
    } else {
        close(run->server);
        run->server = listen_on(run->port);
    }
}

static void on_answer(Runner *runner, const ProbeSample *sample, void *userdata)
{
    Run *run = userdata;

    run->n_now++;
    run->n_now_void += sample == NULL;
}

static void make_runner_in(Run *run, CheckpointCheck *check)
{
    run->runner = runner_free(run->runner);
    assert_int_equal(runner_new(&run->context, &run->spec, false, "phoenix@web.service",
                                &run->fixture->door.door, check, run, &run->runner),
                     0);
}

static void make_runner(Run *run)
{
    make_runner_in(run, NULL);
}

static int setup(void **state)
{
    Run *run = calloc(1, sizeof(*run));
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    void *fixture;

    assert_non_null(run);
    fixture_setup(&fixture);
    run->fixture = fixture;
    run->fixture->door.shares = 1;
    run->server = listen_on(0);
    assert_int_equal(getsockname(run->server, (struct sockaddr *)&address, &size), 0);
    run->port = ntohs(address.sin_port);
    run->spec = spec_of(SPEC_PROBE_TCP, NULL);
    run->spec.port = run->port;
    run->spec.interval_usec = USEC_PER_SEC;
    run->spec.retries = 3;
    run->spec.successes = 1;
    run->spec.restart = 1;
    runner_context_init(&run->context, &run->fixture->context, on_result, on_answer);
    make_runner(run);
    *state = run;
    return 0;
}

static int teardown(void **state)
{
    Run *run = *state;
    void *fixture = run->fixture;

    runner_free(run->runner);
    close(run->server);
    fixture_teardown(&fixture);
    free(run);
    return 0;
}

static void await_result(Run *run)
{
    size_t before = run->n_results;

    while (run->n_results == before)
        assert_true(sd_event_run(run->fixture->context.event, PATIENCE_USEC) > 0);
}

/* The next check at once, instead of when it is due. */
static void check_now(Run *run)
{
    assert_int_equal(runner_probe_now(run->runner), 0);
    await_result(run);
}

static void test_counts(void **state)
{
    Run *run = *state;
    ProbeSample first, last;
    ProbeView view;

    assert_false(runner_is_active(run->runner));
    serve(run, true);
    runner_start(run->runner);
    assert_true(runner_is_active(run->runner));
    await_result(run);
    assert_int_equal(run->before, VERDICT_UNKNOWN);
    assert_int_equal(run->after, VERDICT_PASSING);
    serve(run, false);
    for (unsigned i = 1; i <= 3; i++) {
        check_now(run);
        assert_int_equal(runner_failures(run->runner), i);
        assert_int_equal(run->after, i < 3 ? VERDICT_FAILING : VERDICT_EXHAUSTED);
    }
    runner_view(run->runner, &view);
    assert_string_equal(view.verdict, "exhausted");
    assert_int_equal(view.n_pass, 1);
    assert_int_equal(view.n_fail, 3);
    assert_int_equal(history_count(view.history), 4);
    history_get(view.history, 0, &last);
    history_get(view.history, 2, &first);
    assert_int_equal(last.outcome, PROBE_FAIL);
    assert_true(strstr(last.reason, "refused"));
    assert_ptr_equal(first.reason, last.reason); /* said once */
    history_get(view.history, 3, &first);
    assert_int_equal(first.outcome, PROBE_PASS);
    assert_true(first.realtime_usec > 0 && first.realtime_usec <= last.realtime_usec);
    serve(run, true);
    check_now(run);
    assert_int_equal(run->after, VERDICT_PASSING);
}

static void assert_due_after(const Run *run, size_t i, uint64_t usec)
{
    assert_true(run->next_usec[i] >= usec);
    assert_true(run->next_usec[i] <= usec + slack(usec));
}

static void assert_steps(Run *run, const uint64_t *expected_usec, size_t n)
{
    run->n_results = 0;
    make_runner(run);
    runner_start(run->runner);
    await_result(run);
    for (size_t i = 0; i < n; i++) {
        assert_due_after(run, i, expected_usec[i]);
        check_now(run);
    }
}

/* A cheap check comes soon again, for as long as it has not passed. */
static void test_cadence_of_a_start(void **state)
{
    static const uint64_t expected[] = {5000, 6250, 7812, 9765};
    Run *run = *state;

    run->spec.grace_usec = USEC_PER_HOUR;
    assert_steps(run, expected, ELEMENTSOF(expected));
    assert_int_equal(run->after, VERDICT_UNKNOWN);
    /* A new start begins quickly again; a pass ends the quick ones. */
    run->n_results = 0;
    runner_start(run->runner);
    await_result(run);
    assert_due_after(run, 0, expected[0]);
    serve(run, true);
    check_now(run);
    assert_due_after(run, 1, USEC_PER_SEC);
}

/* 100 ms, doubling to the interval: where failures count, where successes in a row are asked for
 * and one was there, and where a check is work for the service. */
static void test_cadence_of_a_start_in_large_steps(void **state)
{
    static char nowhere[] = "/nowhere";
    static const uint64_t expected[] = {100000, 200000, 400000, 800000, 1000000, 1000000};
    Run *run = *state;

    run->spec.retries = 100;
    assert_steps(run, expected, ELEMENTSOF(expected));
    run->spec.grace_usec = USEC_PER_HOUR;
    run->spec.successes = 100;
    serve(run, true);
    assert_steps(run, expected, ELEMENTSOF(expected));
    run->spec.type = SPEC_PROBE_FILE;
    run->spec.file = nowhere;
    assert_steps(run, expected, ELEMENTSOF(expected));
}

/* Its second check comes by itself. */
static void test_due_by_itself(void **state)
{
    Run *run = *state;

    runner_start(run->runner);
    await_result(run);
    await_result(run);
    assert_int_equal(runner_failures(run->runner), 2);
}

static void test_jitter(void **state)
{
    static char jitter[] = "50%";
    bool differs = false;
    Run *run = *state;

    run->spec.jitter = jitter;
    make_runner(run);
    serve(run, true);
    runner_start(run->runner);
    await_result(run);
    for (size_t i = 1; i < 16; i++) {
        check_now(run);
        assert_true(run->next_usec[i] >= USEC_PER_SEC / 2);
        assert_true(run->next_usec[i] <= USEC_PER_SEC * 3 / 2 + slack(USEC_PER_SEC * 3 / 2));
        differs |= run->next_usec[i] != run->next_usec[i - 1];
    }
    assert_true(differs);
}

static void test_bad_jitter(void **state)
{
    static char jitter[] = "much";
    Run *run = *state;
    Runner *runner = NULL;

    run->spec.jitter = jitter;
    assert_int_equal(runner_new(&run->context, &run->spec, false, "u", &run->fixture->door.door,
                                NULL, run, &runner),
                     -EINVAL);
    assert_null(runner);
}

static void test_resume(void **state)
{
    Run *run = *state;
    ProbeView view;

    run->spec.grace_usec = USEC_PER_HOUR;
    make_runner(run);
    runner_resume(run->runner);
    assert_int_equal(runner_verdict(run->runner), VERDICT_PASSING);
    runner_view(run->runner, &view);
    assert_true(view.next_usec > 0);
    check_now(run); /* no grace for what was up already */
    assert_int_equal(run->after, VERDICT_FAILING);
}

static void test_probe_now(void **state)
{
    Run *run = *state;

    assert_int_equal(runner_probe_now(run->runner), -ENOTCONN);
    serve(run, true);
    runner_resume(run->runner);
    assert_int_equal(runner_probe_now(run->runner), 0);
    assert_int_equal(runner_probe_now(run->runner), -EBUSY);
    await_result(run);
    assert_int_equal(run->n_now, 1);
    assert_int_equal(run->n_now_void, 0);
    /* What comes by itself is no answer. */
    await_result(run);
    assert_int_equal(run->n_now, 1);
}

static void test_stop_answers(void **state)
{
    Run *run = *state;
    ProbeView view;

    runner_resume(run->runner);
    assert_int_equal(runner_probe_now(run->runner), 0);
    runner_stop(run->runner);
    assert_int_equal(run->n_now, 1);
    assert_int_equal(run->n_now_void, 1);
    assert_false(runner_is_active(run->runner));
    runner_view(run->runner, &view);
    assert_int_equal(view.next_usec, 0);
    runner_stop(run->runner);
    assert_int_equal(run->n_now, 1);
}

/* Stopped while the service's answer is waited for: nothing comes of it any more. */
static void test_stop_while_running(void **state)
{
    Run *run = *state;
    FakeDoor *door = &run->fixture->door;

    door->shares = 0;
    door->silent = true;
    runner_start(run->runner);
    while (door->n_requests == 0)
        assert_true(sd_event_run(run->fixture->context.event, PATIENCE_USEC) > 0);
    runner_stop(run->runner);
    assert_int_equal(door->n_cancels, 1);
    while (sd_event_run(run->fixture->context.event, 0) > 0)
        ;
    assert_int_equal(run->n_results, 0);
    /* And it can be started again. */
    door->shares = 1;
    serve(run, true);
    runner_start(run->runner);
    await_result(run);
    assert_int_equal(run->after, VERDICT_PASSING);
}

static void test_freed_while_running(void **state)
{
    Run *run = *state;
    FakeDoor *door = &run->fixture->door;

    door->shares = 0;
    door->silent = true;
    runner_start(run->runner);
    while (door->n_requests == 0)
        assert_true(sd_event_run(run->fixture->context.event, PATIENCE_USEC) > 0);
    run->runner = runner_free(run->runner);
    assert_int_equal(door->n_cancels, 1);
}

static void test_stop_in_the_result(void **state)
{
    Run *run = *state;

    run->stop = true;
    runner_start(run->runner);
    await_result(run);
    assert_false(runner_is_active(run->runner));
    assert_int_equal(sd_event_run(run->fixture->context.event, 0), 0);
    assert_int_equal(run->n_results, 1);
}

/* No lease: nothing is known, nothing is counted, but it is said. */
static void test_void(void **state)
{
    Run *run = *state;
    ProbeSample last;
    ProbeView view;

    run->fixture->door.shares = 0;
    run->fixture->door.refusal = -ENOTCONN;
    runner_resume(run->runner);
    for (int i = 0; i < 4; i++)
        check_now(run);
    assert_int_equal(run->outcome, PROBE_VOID);
    assert_int_equal(run->after, VERDICT_PASSING);
    assert_int_equal(runner_failures(run->runner), 0);
    runner_view(run->runner, &view);
    assert_int_equal(view.n_void, 4);
    assert_int_equal(history_count(view.history), 4);
    history_get(view.history, 0, &last);
    assert_true(last.reason[0] != '\0');
}

static void assert_ends_with(const char *s, const char *end)
{
    assert_true(strlen(s) > strlen(end));
    assert_string_equal(s + strlen(s) - strlen(end), end);
}

/* Every reason is a new one, for longer than the memory is: the ring keeps the last ones right. */
static void test_ring_with_changing_reasons(void **state)
{
    static char word[] = "/bin/check", *argv[] = {word, NULL};
    FakeDoor *door;
    Run *run = *state;
    ProbeSample sample;
    ProbeView view;
    char text[32];

    door = &run->fixture->door;
    run->spec.type = SPEC_PROBE_EXEC;
    run->spec.exec = argv;
    run->spec.retries = 1000;
    make_runner(run);
    runner_resume(run->runner);
    for (int i = 0; i < 3 * HISTORY_SAMPLES + 1; i++) {
        /* Twice the same, then a new one; at times one from long ago. */
        snprintf(text, sizeof(text), "word %d", i % 7 == 0 ? 0 : i / 2);
        door->answer = (DoorAnswer){.exit_code = 1, .text = text, .fd = -1};
        check_now(run);
        runner_view(run->runner, &view);
        history_get(view.history, 0, &sample);
        assert_ends_with(sample.reason, text);
    }
    assert_int_equal(history_count(view.history), HISTORY_SAMPLES);
    for (int back = 0; back < HISTORY_SAMPLES; back++) {
        int i = 3 * HISTORY_SAMPLES - back;
        snprintf(text, sizeof(text), "word %d", i % 7 == 0 ? 0 : i / 2);
        history_get(view.history, (size_t)back, &sample);
        assert_ends_with(sample.reason, text);
    }
}

static void test_counts_in_a_checkpoint(void **state)
{
    Run *run = *state;
    CheckpointCheck check = {.label_hash = 1, .counter = {.failures = 77}};

    /* Of another check: begun anew. */
    make_runner_in(run, &check);
    assert_int_equal(runner_failures(run->runner), 0);
    runner_resume(run->runner);
    check_now(run);
    check_now(run);
    assert_int_equal(check.counter.failures, 2);
    /* Of this one: continued by the supervisor after this one. */
    make_runner_in(run, &check);
    runner_continue(run->runner);
    assert_int_equal(runner_failures(run->runner), 2);
    check_now(run);
    assert_int_equal(run->after, VERDICT_EXHAUSTED);
    assert_int_equal(check.counter.verdict, VERDICT_EXHAUSTED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_counts),
        TEST(test_cadence_of_a_start),
        TEST(test_cadence_of_a_start_in_large_steps),
        TEST(test_due_by_itself),
        TEST(test_jitter),
        TEST(test_bad_jitter),
        TEST(test_resume),
        TEST(test_probe_now),
        TEST(test_stop_answers),
        TEST(test_stop_while_running),
        TEST(test_freed_while_running),
        TEST(test_stop_in_the_result),
        TEST(test_void),
        TEST(test_ring_with_changing_reasons),
        TEST(test_counts_in_a_checkpoint),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
