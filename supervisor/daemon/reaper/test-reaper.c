/* SPDX-License-Identifier: MIT */
/* Rounds of policies on a made-up machine: whom they stop, what comes of it, and what is told. */
#include "supervisor/daemon/reaper/test-reaper-fake.h"

/* The looks of a second are one. */
#define LOOK_USEC (1100 * USEC_PER_MSEC)

static int on_passed(sd_event_source *source, uint64_t usec, void *userdata)
{
    *(bool *)userdata = true;
    return 0;
}

static void pass_time(Fake *f, uint64_t usec)
{
    sd_event_source *timer = NULL;
    bool passed = false;

    assert_true(sd_event_add_time_relative(f->event, &timer, CLOCK_MONOTONIC, usec, 1, on_passed,
                                           &passed) >= 0);
    wait_for(f, passed);
    sd_event_source_disable_unref(timer);
}

static void assert_told(const Fake *f, size_t i, EventKind kind, const char *name,
                        const char *result)
{
    assert_true(i < f->n_told);
    assert_int_equal(f->told[i].kind, kind);
    assert_string_equal(f->told[i].name, name);
    assert_string_equal(f->told[i].result, result);
}

static const Row *row_of(const Fake *f, const char *name)
{
    for (size_t i = 0; i < f->n_rows; i++)
        if (streq(f->rows[i].name, name))
            return &f->rows[i];
    fail_msg("no row of %s", name);
    return NULL;
}

static void assert_row(const Fake *f, const char *name, const char *verdict, const char *cause)
{
    const Row *row = row_of(f, name);

    assert_string_equal(row->verdict, verdict);
    assert_string_equal(row->cause, cause);
}

/* The newest stays; whether systemd says that a job is over before or after its answer. */
static void test_stopped(void **state)
{
    Fake *f = *state;

    add_container(f, "a", NULL, OBEYS);
    add_container(f, "b", NULL, HASTENS);
    add_container(f, "c", NULL, OBEYS);
    set_policy(f, "\"match\": \"stress\", \"grace\": \"1h\"");
    wait_for(f, f->n_told == 2);
    assert_told(f, 0, EVENT_REAPED, streq(f->told[0].name, "a") ? "a" : "b", "stopped");
    assert_told(f, 1, EVENT_REAPED, streq(f->told[0].name, "a") ? "b" : "a", "stopped");
    assert_non_null(strstr(f->told[0].reason, "and only 1 is kept"));
    assert_int_equal(f->units[0].n_stop, 1);
    assert_int_equal(f->units[1].n_stop, 1);
    assert_int_equal(f->units[2].n_stop, 0);
    assert_int_equal(f->units[0].n_kill + f->units[1].n_kill, 0);
    assert_int_equal(counted(f, UNIT_STOP_STOPPED), 2);
    pass_time(f, LOOK_USEC);
    make_round(f);
    assert_int_equal(f->n_rows, 1);
    assert_row(f, "c", "keep", "newest");
    assert_int_equal(n_stops(f), 2);
}

/* Who has asked hears when the last one has ended, and of each what came of it. */
static void test_by_hand(void **state)
{
    Fake *f = *state;

    set_policy(f, "\"match\": \"stress\", \"grace\": \"100ms\", \"interval\": \"1d\"");
    pass_time(f, LOOK_USEC);
    add_container(f, "a", NULL, HANGS);
    add_container(f, "b", NULL, OBEYS);
    add_container(f, "c", NULL, OBEYS);
    make_round(f);
    assert_int_equal(f->n_rows, 3);
    assert_string_equal(row_of(f, "a")->result, "killed");
    assert_string_equal(row_of(f, "b")->result, "stopped");
    assert_string_equal(row_of(f, "c")->result, "");
    assert_int_equal(f->units[0].n_kill, 1);
    assert_int_equal(counted(f, UNIT_STOP_KILLED), 1);
    assert_int_equal(reaper_run(f->reaper, "nobody", on_rows, f), -ENOENT);
    for (size_t i = 0; i < f->n_told; i++)
        if (streq(f->told[i].name, "a"))
            assert_non_null(strstr(f->told[i].reason, "it did not stop in time and was killed"));
}

/* A failure is told, and not tried again before the cool-down is over. */
static void test_failed(void **state)
{
    Fake *f = *state;

    add_container(f, "a", NULL, FAILS);
    set_policy(f, "\"match\": \"stress\", \"keep\": 0, \"cooldown\": \"3s\", \"grace\": \"1h\"");
    wait_for(f, f->n_told == 1);
    assert_told(f, 0, EVENT_REAP_FAILED, "a", "failed");
    assert_non_null(strstr(f->told[0].reason, "systemd's job has ended with failed"));
    assert_int_equal(counted(f, UNIT_STOP_FAILED), 1);
    make_round(f);
    assert_row(f, "a", "wait", "surplus");
    assert_int_equal(f->units[0].n_stop, 1);
    wait_for(f, f->units[0].n_stop == 2);
}

static void test_unknown_unit(void **state)
{
    Fake *f = *state;

    add_container(f, "a", NULL, UNKNOWN);
    set_policy(f, "\"match\": \"stress\", \"keep\": 0, \"cooldown\": \"1s\"");
    wait_for(f, f->n_told == 1);
    assert_told(f, 0, EVENT_REAP_FAILED, "a", "failed");
    assert_non_null(strstr(f->told[0].reason, "not there"));
    /* It vanishes after the look. */
    pass_time(f, LOOK_USEC);
    size_t n = f->n_told;
    unsigned n_stop = f->units[0].n_stop;
    wait_for(f, f->units[0].n_stop > n_stop || f->n_told > n);
    end_container(f, &f->units[0]);
    pass_time(f, 2 * LOOK_USEC);
    make_round(f);
    assert_int_equal(f->n_rows, 0);
}

static void test_vanished(void **state)
{
    Fake *f = *state;

    set_policy(f, "\"match\": \"stress\", \"keep\": 0, \"interval\": \"1d\"");
    pass_time(f, LOOK_USEC);
    add_container(f, "a", NULL, UNKNOWN);
    ask_round(f); /* it is seen, and systemd asked in the next turn of the loop */
    end_container(f, &f->units[0]);
    wait_for(f, f->n_answers == 1);
    assert_told(f, 0, EVENT_REAPED, "a", "gone");
    assert_string_equal(row_of(f, "a")->result, "gone");
    assert_int_equal(counted(f, UNIT_STOP_GONE), 1);
}

/* Another start of the same container is another container: no cool-down is its. */
static void test_back_again(void **state)
{
    Fake *f = *state;

    add_container(f, "a", NULL, OBEYS);
    set_policy(f, "\"match\": \"stress\", \"keep\": 0, \"cooldown\": \"1h\"");
    wait_for(f, f->n_told == 1);
    start_container(f, &f->units[0], "a");
    wait_for(f, f->n_told == 2);
    assert_told(f, 1, EVENT_REAPED, "a", "stopped");
    assert_int_equal(f->units[0].n_stop, 2);
}

/* A job that is "done" has ended nothing when there are processes. */
static void test_still_there(void **state)
{
    Fake *f = *state;

    add_container(f, "a", NULL, STAYS);
    set_policy(f, "\"match\": \"stress\", \"keep\": 0, \"cooldown\": \"1h\", \"grace\": \"1h\"");
    wait_for(f, f->units[0].n_stop == 1);
    end_job(f, &f->units[0], "done");
    start_container(f, &f->units[0], "a");
    wait_for(f, f->n_told == 1);
    assert_told(f, 0, EVENT_REAP_FAILED, "a", "failed");
    assert_non_null(strstr(f->told[0].reason, "it still runs"));
}

static void test_only_told(void **state)
{
    Fake *f = *state;

    add_container(f, "a", NULL, OBEYS);
    add_container(f, "b", NULL, OBEYS);
    set_policy(f, "\"match\": \"stress\", \"action\": \"none\"");
    wait_for(f, f->n_told == 1);
    assert_told(f, 0, EVENT_REAP_DUE, "a", "none");
    pass_time(f, LOOK_USEC);
    make_round(f);
    assert_row(f, "a", "stop", "surplus");
    assert_string_equal(row_of(f, "a")->result, "");
    assert_int_equal(f->n_told, 1); /* once */
    assert_int_equal(n_stops(f), 0);
}

static void test_spared(void **state)
{
    Fake *f = *state;

    add_container(f, "precious", NULL, OBEYS);
    add_container(f, "web", "web", OBEYS);
    add_container(f, "batch", "batch-1", OBEYS);
    add_container(f, "x", "phoenix-collector.service", OBEYS);
    add_container(f, "phoenix-collector", NULL, OBEYS);
    add_container(f, "y", NULL, OBEYS);
    set_policy(f, "\"match\": {\"command\": \"stress\", \"services\": \"batch-*\"}, \"keep\": 0, "
                  "\"spare\": \"prec*\"");
    wait_for(f, f->n_told == 2);
    make_round(f);
    assert_row(f, "precious", "spare", "spared");
    assert_row(f, "web", "spare", "service");
    assert_row(f, "x", "spare", "collector");
    assert_row(f, "phoenix-collector", "spare", "collector");
    assert_int_equal(f->units[2].n_stop, 1);
    assert_int_equal(f->units[5].n_stop, 1);
    assert_int_equal(n_stops(f), 2);
}

/* Whoever waits, and the journal, hear of what the policy has begun; nothing new begins. */
static void test_removed_meanwhile(void **state)
{
    Fake *f = *state;

    add_container(f, "a", NULL, STAYS);
    add_container(f, "b", NULL, OBEYS);
    set_policy(f, "\"match\": \"stress\", \"grace\": \"1h\"");
    ask_round(f);
    wait_for(f, f->units[0].n_stop == 1);
    set_policy(f, NULL);
    assert_int_equal(reaper_n_classes(f->reaper), 0);
    end_job(f, &f->units[0], "done");
    wait_for(f, f->n_answers == 1);
    assert_told(f, 0, EVENT_REAPED, "a", "stopped");
    assert_string_equal(row_of(f, "a")->result, "stopped");
    add_container(f, "c", NULL, OBEYS);
    pass_time(f, 2 * LOOK_USEC);
    assert_int_equal(n_stops(f), 1);
}

/* What it does and has done stays with a policy that is changed. */
static void test_changed_meanwhile(void **state)
{
    Fake *f = *state;

    add_container(f, "a", NULL, STAYS);
    set_policy(f, "\"match\": \"stress\", \"keep\": 0, \"grace\": \"1h\"");
    wait_for(f, f->units[0].n_stop == 1);
    set_policy(f, "\"match\": \"stress\", \"keep\": 0, \"grace\": \"50min\"");
    pass_time(f, LOOK_USEC);
    make_round(f);
    assert_row(f, "a", "wait", "surplus");
    assert_int_equal(f->units[0].n_stop, 1);
    end_job(f, &f->units[0], "done");
    wait_for(f, f->n_told == 1);
    assert_int_equal(counted(f, UNIT_STOP_STOPPED), 1);
}

/* phoenixd ends in the middle of it: who waits is told that there is no answer, and nobody more. */
static void test_freed(void **state)
{
    Fake *f = *state;

    add_container(f, "a", NULL, STAYS);
    set_policy(f, "\"match\": \"stress\", \"keep\": 0, \"grace\": \"1h\"");
    ask_round(f);
    wait_for(f, f->units[0].n_stop == 1);
    f->reaper = reaper_free(f->reaper);
    assert_int_equal(f->n_answers, 1);
    assert_true(f->refused);
    assert_int_equal(f->n_told, 0);
}

/* ---- labels ---- */

#define BY_LABEL "\"match\": {\"label\": \"x\"}, \"classes\": {\"all\": {}}, \"keep\": 0"

/* A container, and a round of a policy that waits for what the engine says of its labels. */
static void begin_by_label(Fake *f)
{
    start_engine(f);
    add_container(f, "a", NULL, OBEYS);
    set_policy(f, BY_LABEL);
    ask_round(f);
    wait_for(f, f->n_asked == 1);
}

/* Rounds wait for the engine, and what it has said once is known. */
static void test_labels(void **state)
{
    Fake *f = *state;

    begin_by_label(f);
    pass_time(f, LOOK_USEC);
    assert_int_equal(n_stops(f) + f->n_answers, 0);
    answer(f, "y");
    wait_for(f, f->n_answers == 1);
    assert_int_equal(f->n_rows, 0); /* of another label */
    pass_time(f, 2 * LOOK_USEC);
    assert_int_equal(f->n_asked, 1);
    /* A new one. */
    add_container(f, "", NULL, OBEYS);
    wait_for(f, f->n_asked == 2);
    answer(f, "x");
    wait_for(f, f->n_told == 2);
    assert_told(f, 0, EVENT_REAPED, streq(f->told[0].name, "a") ? "a" : "e1", "stopped");
    assert_int_equal(n_stops(f), 2);
}

/* One that it does not list is left alone, and asked for again. */
static void test_unlisted(void **state)
{
    Fake *f = *state;

    start_engine(f);
    add_container(f, "a", NULL, OBEYS);
    set_policy(f, BY_LABEL);
    wait_for(f, f->n_asked == 1);
    f->n_units = 0;
    answer(f, "x");
    make_round(f);
    f->n_units = 1;
    assert_row(f, "a", "spare", "labels-unknown");
    wait_for(f, f->n_asked == 2);
    answer(f, "x");
    wait_for(f, f->n_told == 1);
}

/* Nothing is touched by labels where nobody knows them; other policies act as ever. */
static void test_no_engine(void **state)
{
    Fake *f = *state;

    add_container(f, "a", NULL, OBEYS);
    set_policy(f, BY_LABEL);
    make_round(f);
    assert_row(f, "a", "spare", "labels-unknown");
    pass_time(f, LOOK_USEC);
    assert_int_equal(n_stops(f) + f->n_told, 0);
    set_policy(f, "\"match\": \"stress\", \"keep\": 0");
    wait_for(f, f->n_told == 1);
}

static void test_bad_engine(void **state)
{
    static const char nonsense[] = "HTTP/1.0 200 OK\r\n\r\n[{\"Id\": \"";
    Fake *f = *state;

    begin_by_label(f);
    assert_int_equal(write(f->asker, nonsense, strlen(nonsense)), strlen(nonsense));
    cleanup_close(&f->asker);
    f->asker = -1;
    wait_for(f, f->n_answers == 1);
    assert_row(f, "a", "spare", "labels-unknown");
    pass_time(f, 2 * LOOK_USEC);
    assert_int_equal(n_stops(f), 0);
    assert_int_equal(f->n_asked, 1); /* left alone for a while */
}

/* phoenixd ends while an engine is asked. */
static void test_freed_while_asking(void **state)
{
    Fake *f = *state;

    begin_by_label(f);
    f->reaper = reaper_free(f->reaper);
    assert_true(f->refused);
    assert_int_equal(n_stops(f), 0);
}

/* A policy that is dropped while it waits. */
static void test_removed_while_asking(void **state)
{
    Fake *f = *state;

    begin_by_label(f);
    set_policy(f, NULL);
    answer(f, "x");
    wait_for(f, f->n_answers == 1);
    assert_int_equal(f->n_rows, 0);
    assert_int_equal(n_stops(f), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_stopped),
        TEST(test_by_hand),
        TEST(test_failed),
        TEST(test_unknown_unit),
        TEST(test_vanished),
        TEST(test_back_again),
        TEST(test_still_there),
        TEST(test_only_told),
        TEST(test_spared),
        TEST(test_removed_meanwhile),
        TEST(test_changed_meanwhile),
        TEST(test_freed),
        TEST(test_labels),
        TEST(test_unlisted),
        TEST(test_no_engine),
        TEST(test_bad_engine),
        TEST(test_freed_while_asking),
        TEST(test_removed_while_asking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
