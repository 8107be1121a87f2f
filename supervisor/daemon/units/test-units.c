/* SPDX-License-Identifier: MIT */
/* Watching units, against a made-up systemd. test-units-live.c does it with the real one. */
#include "test-units-fake.h"

#define N_READS 7U /* properties of a unit that is not inactive */

static UnitWatch *watch_web(Fixture *f)
{
    UnitWatch *watch;

    assert_int_equal(units_watch(f->units, WEB, f, &watch), 0);
    assert_string_equal(unit_watch_name(watch), WEB);
    assert_ptr_equal(unit_watch_tag(watch), f);
    assert_false(unit_watch_state(watch)->known);
    return watch;
}

static void on_done(int error, const char *message, void *userdata)
{
    Fixture *f = userdata;

    f->n_done++;
    f->done = error;
    snprintf(f->message, sizeof(f->message), "%s", message ? message : "");
}

static void on_beat(int error, uint64_t timestamp_usec, void *userdata)
{
    Fixture *f = userdata;

    f->n_done++;
    f->done = error;
    f->beat = timestamp_usec;
}

/* Everything that was sent before has been dealt with when the answer to a call is there. */
static void settle(Fixture *f)
{
    unsigned n = f->n_done;

    assert_int_equal(units_reset_failed(f->units, WEB, on_done, f), 0);
    wait_for(f, f->n_done > n);
}

static void test_watch(void **state)
{
    Fixture *f = *state;
    f->n_restarts = 3;
    UnitWatch *watch = watch_web(f), *second;

    assert_int_equal(units_watch(f->units, WEB, NULL, &second), -EEXIST);
    assert_int_equal(units_watch(f->units, "web.service", NULL, &second), -EINVAL);
    assert_int_equal(units_watch(f->units, "phoenix@.service", NULL, &second), -EINVAL);
    assert_int_equal(units_watch(f->units, "phoenix@web.timer", NULL, &second), -EINVAL);
    assert_int_equal(units_watch(f->units, "phoenix-proxy@.service", NULL, &second), -EINVAL);
    wait_for(f, f->n_changed == 1);
    assert_int_equal(f->n_connected, 1);
    assert_false(f->before.known);
    assert_true(f->now.known);
    assert_int_equal(f->now.active, UNIT_ACTIVE);
    assert_string_equal(f->now.sub, "running");
    assert_string_equal(f->now.result, "success");
    assert_int_equal(f->now.n_restarts, 3);
    assert_int_equal(f->now.main_pid, 0); /* this systemd does not have it */
    assert_int_equal(f->now.watchdog_usec, 20 * USEC_PER_SEC);
    assert_int_equal(f->now.restart_usec_next, 5 * USEC_PER_SEC);
    assert_int_equal(f->now.entered_usec, 1111);
    assert_true(sd_id128_equal(f->now.invocation, invocation));
    assert_int_equal(f->n_list, 1);
    assert_int_equal(f->n_get, N_READS);

    /* The signal tells the state; what no signal tells is asked for. */
    change(f, "activating", "auto-restart");
    wait_for(f, f->n_changed == 2);
    assert_int_equal(f->now.active, UNIT_ACTIVATING);
    assert_string_equal(f->now.sub, "auto-restart");
    settle(f);
    assert_int_equal(f->n_get, N_READS + 1);
    change(f, "active", "running");
    wait_for(f, f->now.active == UNIT_ACTIVE);
    settle(f);
    assert_int_equal(f->n_get, N_READS + 2);
    assert_int_equal(f->n_list, 1);

    /* Half a change is not told. */
    unsigned n = f->n_changed;
    f->n_restarts = 4;
    send_signal(f, f->systemd, NULL, WEB_PATH, SYSTEMD_SERVICE);
    settle(f);
    assert_int_equal(f->n_changed, n);
    change(f, "failed", "failed");
    wait_for(f, f->n_changed > n);
    assert_int_equal(f->n_changed, n + 1);
    assert_int_equal(f->now.n_restarts, 4);
    assert_int_equal(f->now.active, UNIT_FAILED);

    /* The same again changes nothing. */
    n = f->n_changed;
    change(f, "failed", "failed");
    settle(f);
    assert_int_equal(f->n_changed, n);
    unit_watch_free(watch);
    change(f, "active", "running");
    settle(f);
    assert_int_equal(f->n_changed, n);
}

/* A unit that systemd has not in memory is inactive; nothing else is asked of it, or it would be
 * loaded. What it does then is told by signals alone. */
static void test_absent(void **state)
{
    Fixture *f = *state;

    f->absent = true;
    watch_web(f);
    wait_for(f, f->n_changed == 1);
    assert_true(f->now.known);
    assert_int_equal(f->now.active, UNIT_INACTIVE);
    assert_string_equal(f->now.sub, "dead");
    assert_string_equal(f->now.result, "success");
    assert_true(sd_id128_is_null(f->now.invocation));
    settle(f);
    assert_int_equal(f->n_get, 0);

    change(f, "activating", "start");
    wait_for(f, f->n_changed == 2);
    assert_int_equal(f->before.active, UNIT_INACTIVE);
    assert_int_equal(f->now.active, UNIT_ACTIVATING);
    wait_for(f, f->now.watchdog_usec == 20 * USEC_PER_SEC);
    assert_int_equal(f->n_get, 1);

    /* It has ended while we did not hear, ... */
    f->n_restarts = 5;
    change(f, "active", "running");
    wait_for(f, f->now.n_restarts == 5);
    send_reloading(f->systemd, NULL, false);
    wait_for(f, f->now.active == UNIT_INACTIVE);
    assert_int_equal(f->now.n_restarts, 0);
    /* ... and while we did: what was seen of it stays. */
    change(f, "inactive", "dead");
    wait_for(f, f->now.n_restarts == 5);
    unsigned n = f->n_changed, lists = f->n_list;
    send_reloading(f->systemd, NULL, false);
    wait_for(f, f->n_list > lists);
    settle(f);
    assert_int_equal(f->n_changed, n);
}

/* What comes while a state is being read is a part of it. */
static void test_changed_meanwhile(void **state)
{
    Fixture *f = *state;

    f->deaf = true;
    watch_web(f);
    wait_for(f, f->n_get == 1); /* the first property */
    change(f, "failed", "failed");
    settle(f);
    assert_int_equal(f->n_changed, 0);

    f->deaf = false;
    f->result = "exit-code";
    assert_true(answer_get(f, f->unanswered) >= 0);
    wait_for(f, f->n_changed == 1);
    assert_int_equal(f->now.active, UNIT_FAILED);
    assert_string_equal(f->now.result, "exit-code");
}

/* Reads that fail are made again after a while. */
static void test_retry(void **state)
{
    Fixture *f = *state;

    f->broken = true;
    watch_web(f);
    wait_for(f, f->n_get == 2);
    f->broken = false;
    wait_for(f, f->n_changed == 1);
    assert_true(sd_id128_equal(f->now.invocation, invocation));
}

static void test_words(void **state)
{
    UnitWords words = {0};
    char word[16];

    assert_ptr_equal(unit_word(&words, "running"), unit_word(&words, "running"));
    assert_int_equal(words.n, 0);
    assert_string_equal(unit_word(&words, ""), "");
    assert_string_equal(unit_word(&words, "No\nword"), "");
    assert_string_equal(unit_word(&words, "a-word-that-is-as-long-as-none-of-them"), "");
    assert_int_equal(words.n, 0);
    for (unsigned i = 0; i < WORDS_MAX; i++) {
        snprintf(word, sizeof(word), "new-%u", i);
        const char *kept = unit_word(&words, word);
        assert_ptr_not_equal(kept, word);
        assert_string_equal(kept, word);
        assert_ptr_equal(unit_word(&words, word), kept);
    }
    assert_string_equal(unit_word(&words, "one-too-many"), "");
    assert_string_equal(unit_word(&words, "new-0"), "new-0");
    unit_words_done(&words);
}

/* Who is not systemd may send us anything. */
static void test_forged(void **state)
{
    Fixture *f = *state;
    sd_bus *liar = bus_connect(&f->bus, f->event);
    const char *us;

    watch_web(f);
    wait_for(f, f->n_changed == 1);
    assert_true(sd_bus_get_unique_name(units_bus(f->units), &us) >= 0);
    f->active = "failed";
    send_signal(f, liar, us, WEB_PATH, SYSTEMD_UNIT);
    send_reloading(liar, us, false);
    assert_true(sd_bus_flush(liar) >= 0);
    settle(f);
    settle(f);
    assert_int_equal(f->n_changed, 1);
    assert_int_equal(f->n_reloaded, 1); /* when it connected */
    assert_int_equal(f->now.active, UNIT_ACTIVE);
    /* Of another interface than a unit's. */
    send_signal(f, f->systemd, us, WEB_PATH, "org.example");
    settle(f);
    assert_int_equal(f->n_changed, 1);
    sd_bus_close_unref(liar);
}

static void test_not_loaded(void **state)
{
    Fixture *f = *state;

    f->load = "not-found";
    f->active = "inactive";
    f->sub = "dead";
    watch_web(f);
    wait_for(f, f->n_list == 1);
    settle(f);
    assert_int_equal(f->n_changed, 0);
    assert_int_equal(f->n_get, 0);
    assert_false(unit_watch_state(units_find(f->units, WEB))->known);

    /* A reload brings it. */
    f->load = "loaded";
    send_reloading(f->systemd, NULL, true);
    settle(f);
    assert_int_equal(f->n_reloaded, 1); /* the first connection may have missed some */
    send_reloading(f->systemd, NULL, false);
    wait_for(f, f->n_changed == 1);
    assert_int_equal(f->n_reloaded, 2);
    assert_true(f->now.known);

    /* And takes it away. */
    f->load = "masked";
    send_reloading(f->systemd, NULL, false);
    wait_for(f, f->n_changed == 2);
    assert_false(f->now.known);
    /* Without one: a signal says that there is something to be read. */
    f->load = "loaded";
    change(f, "active", "running");
    wait_for(f, f->n_changed == 3);
    assert_true(f->now.known);
}

/* systemd runs itself anew: the bus stays, its name comes back with another connection. */
static void test_reexec(void **state)
{
    Fixture *f = *state;

    watch_web(f);
    wait_for(f, f->n_changed == 1);
    sd_bus_flush_close_unref(f->systemd);
    f->n_restarts = 7;
    start_systemd(f);
    wait_for(f, f->n_changed == 2);
    assert_int_equal(f->now.n_restarts, 7);
    assert_int_equal(f->n_subscribe, 2);
    assert_int_equal(f->n_reloaded, 2);
    assert_int_equal(f->n_connected, 1);
    assert_int_equal(f->n_disconnected, 0);
    change(f, "failed", "failed");
    wait_for(f, f->now.active == UNIT_FAILED);
}

static void test_bus_restarts(void **state)
{
    Fixture *f = *state;

    watch_web(f);
    wait_for(f, f->n_changed == 1);
    f->deaf = true;
    assert_int_equal(units_get_beat(f->units, WEB, on_beat, f), 0);
    stop_bus(f);
    wait_for(f, f->n_disconnected == 1);
    assert_int_equal(f->n_done, 1); /* who waits for an answer gets one */
    assert_true(f->done < 0);
    assert_int_equal(units_start(f->units, WEB, on_done, f), -ENOTCONN);
    assert_int_equal(units_get_beat(f->units, WEB, on_beat, f), -ENOTCONN);

    f->deaf = false;
    f->n_restarts = 9;
    bus_start(&f->bus, f->folder);
    start_systemd(f);
    wait_for(f, f->n_changed == 2);
    assert_int_equal(f->n_connected, 2);
    assert_int_equal(f->now.n_restarts, 9);
    change(f, "failed", "failed");
    wait_for(f, f->now.active == UNIT_FAILED);
    assert_int_equal(f->n_disconnected, 1);
}

static void test_calls(void **state)
{
    Fixture *f = *state;
    char *argv[] = {"/bin/echo", "a b", NULL}, *environment[] = {"A=B", NULL};

    assert_int_equal(units_start(f->units, WEB, on_done, f), -ENOTCONN);
    wait_for(f, f->n_connected == 1);
    assert_int_equal(units_start(f->units, WEB, on_done, f), 0);
    wait_for(f, f->n_done == 1);
    assert_int_equal(f->done, 0);
    assert_non_null(strstr(f->last, "\"" WEB "\""));
    assert_int_equal(units_stop(f->units, WEB, on_done, f), 0);
    wait_for(f, f->n_done == 2);
    assert_true(f->done < 0);
    assert_string_equal(f->message, "not there");
    assert_int_equal(units_get_beat(f->units, WEB, on_beat, f), 0);
    wait_for(f, f->n_done == 3);
    assert_int_equal(f->beat, 1234567890);
    assert_int_equal(units_run(f->units, "x.service", "Notifying", argv, environment, on_done, f),
                     0);
    wait_for(f, f->n_done == 4);
    assert_int_equal(f->done, 0);
    assert_non_null(strstr(f->last, "\"A=B\""));
    assert_non_null(strstr(f->last, "\"a b\""));
    assert_non_null(strstr(f->last, "\"inactive-or-failed\""));
    /* The first is called off; what comes after it is not. */
    assert_int_equal(units_start(f->units, WEB, on_done, f), 0);
    units_cancel(f->units, f);
    assert_int_equal(units_get_beat(f->units, WEB, on_beat, f), 0);
    wait_for(f, f->n_done == 5);
    assert_int_equal(f->beat, 1234567890);
    /* Nobody waits for this one, and nobody for the answer of that one. */
    assert_int_equal(units_reset_failed(f->units, WEB, NULL, NULL), 0);
    assert_int_equal(units_start(f->units, WEB, on_done, f), 0);
}

/* A watch may go away in the callback, and while its answer is under way. */
static void test_freed(void **state)
{
    Fixture *f = *state;
    UnitWatch *watch;

    assert_int_equal(units_watch(f->units, WEB, &f->n_changed, &watch), 0);
    wait_for(f, f->n_changed == 1);
    f->deaf = true;
    watch = watch_web(f);
    wait_for(f, f->n_get == N_READS + 1);
    assert_null(unit_watch_free(watch));
    assert_null(unit_watch_free(NULL));
    settle(f);
    f->deaf = false;
    watch_web(f);
    wait_for(f, f->n_changed == 2);
}

/* So many that one match serves all; never more than a few calls at once. */
static void test_many(void **state)
{
    Fixture *f = *state;
    UnitWatch *watches[WATCHES_ALONE + 50];
    static char names[ELEMENTSOF(watches)][64];

    wait_for(f, f->n_reloaded == 1);
    for (size_t i = 0; i < ELEMENTSOF(watches); i++) {
        snprintf(names[i], sizeof(names[i]), "phoenix@s%zu.service", i);
        assert_int_equal(units_watch(f->units, names[i], f, &watches[i]), 0);
    }
    assert_non_null(f->units->match_all);
    assert_null(watches[0]->match);
    wait_for(f, f->n_changed == ELEMENTSOF(watches));
    assert_int_equal(f->n_list, 2); /* of the first, and of those that came while it was made */
    assert_int_equal(f->n_get, 0);
    f->deaf = true;
    for (size_t i = 0; i < ELEMENTSOF(watches); i++)
        unit_watch_want(watches[i], UNIT_READ_WATCHDOG);
    units_send_reads(f->units);
    wait_for(f, f->n_get == READS_AT_ONCE);
    settle(f);
    assert_int_equal(f->n_get, READS_AT_ONCE);
    f->deaf = false;
    for (size_t i = 0; i < READS_AT_ONCE; i++) /* those that will never be answered */
        unit_watch_free(watches[i]);
    wait_for(f, f->n_changed == 2 * ELEMENTSOF(watches) - READS_AT_ONCE);

    watch_web(f);
    wait_for(f, f->n_changed == 2 * ELEMENTSOF(watches) - READS_AT_ONCE + 1);
    change(f, "failed", "failed");
    wait_for(f, f->now.active == UNIT_FAILED);
    /* Others do not matter. */
    unsigned n = f->n_changed;
    send_signal(f, f->systemd, NULL, SYSTEMD_UNIT_PATH "/other_2eservice", SYSTEMD_UNIT);
    settle(f);
    assert_int_equal(f->n_changed, n);
}

/* A unit's status, in a signal of its own interface and then one of all units'. */
static void send_status(Fixture *f, const char *path, const char *status)
{
    _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

    assert_true(sd_bus_message_new_signal(f->systemd, &message, path, DBUS_PROPERTIES,
                                          "PropertiesChanged") >= 0);
    assert_true(sd_bus_message_append(message, "sa{sv}as", SYSTEMD_SERVICE, 1, "StatusText", "s",
                                      status, 0) >= 0);
    assert_true(sd_bus_send(f->systemd, message, NULL) >= 0);
    send_signal(f, f->systemd, NULL, path, SYSTEMD_UNIT);
}

/* The units of a service that is started by its connections, and only what matters of each. */
static void test_on_demand(void **state)
{
    Fixture *f = *state;
    UnitWatch *watches[ELEMENTSOF(on_demand)], *web;

    f->on_demand = true;
    f->status = "frozen since 14:03:12 UTC, 3.1M reclaimed";
    assert_int_equal(units_watch(f->units, WEB, NULL, &web), 0);
    unit_watch_with_times(web);
    for (size_t i = 0; i < ELEMENTSOF(on_demand); i++) {
        assert_int_equal(units_watch(f->units, on_demand[i].name, NULL, &watches[i]), 0);
        assert_false(unit_watch_is_read(watches[i]));
    }
    wait_for(f, f->n_changed == 4);
    for (size_t i = 0; i < ELEMENTSOF(on_demand); i++)
        assert_true(unit_watch_is_read(watches[i]));
    assert_int_equal(f->n_list, 1);
    assert_int_equal(f->n_get, N_READS + 3 + 2 + 5 + 1);

    assert_int_equal(unit_watch_state(web)->left_usec, 3333);
    assert_int_equal(unit_watch_state(web)->active_usec, 4444);
    assert_int_equal(unit_watch_state(web)->ended_usec, 5555);
    const UnitState *socket = unit_watch_state(watches[0]);
    assert_int_equal(socket->active, UNIT_ACTIVE);
    assert_string_equal(socket->sub, "listening");
    assert_int_equal(socket->changed_usec, 2222);
    assert_int_equal(socket->left_usec, 0); /* nobody needs it */
    const UnitState *proxy = unit_watch_state(watches[1]);
    assert_int_equal(proxy->active, UNIT_INACTIVE);
    assert_int_equal(proxy->left_usec, 3333);
    assert_int_equal(proxy->exit_code, CLD_EXITED);
    assert_int_equal(unit_watch_state(watches[2])->word, UNIT_WORD_FROZEN);

    send_status(f, on_demand[2].path, "idle after 30s without use");
    wait_for(f, unit_watch_state(watches[2])->word == UNIT_WORD_AWAKE);
    send_status(f, on_demand[2].path, "idle");
    wait_for(f, unit_watch_state(watches[2])->word == UNIT_WORD_IDLE);
    send_status(f, on_demand[2].path, "");
    wait_for(f, unit_watch_state(watches[2])->word == UNIT_WORD_NONE);
    /* What a service itself says is its own business. */
    unsigned n = f->n_changed;
    send_status(f, WEB_PATH, "frozen");
    settle(f);
    assert_int_equal(f->n_changed, n);

    assert_int_equal(units_get_changed(f->units, on_demand[0].name, on_beat, f), 0);
    f->beat = 0;
    wait_for(f, f->beat != 0);
    assert_int_equal(f->beat, 2222);
}

static bool have_dbus_daemon(void)
{
    if (system("dbus-daemon --version >/dev/null 2>&1") == 0)
        return true;
    if (getenv("PHOENIX_TESTS_MUST_RUN"))
        fail_msg("there is no dbus-daemon");
    print_message("skipped: there is no dbus-daemon\n");
    return false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_watch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_absent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changed_meanwhile, setup, teardown),
        cmocka_unit_test_setup_teardown(test_retry, setup, teardown),
        cmocka_unit_test(test_words),
        cmocka_unit_test_setup_teardown(test_forged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_loaded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reexec, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bus_restarts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_freed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_on_demand, setup, teardown),
    };

    if (!have_dbus_daemon())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
