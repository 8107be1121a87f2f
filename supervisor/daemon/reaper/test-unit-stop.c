/* SPDX-License-Identifier: MIT */
/* The end of units: a bus of its own with a made-up systemd on it, and made-up cgroups. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "supervisor/daemon/reaper/unit-stop-internal.h"
#include "supervisor/daemon/test-bus.h"

#define PATIENCE_USEC (20 * USEC_PER_SEC)
#define UNIT          "libpod-1.scope"
#define CGROUP        "/machine.slice/libpod-1.scope"
#define JOB           "/org/freedesktop/systemd1/job/7"
#define AGES_USEC     (60 * USEC_PER_SEC)

/* Runs the loop until the condition is true. */
#define wait_for(f, condition)                                                                     \
    while (!(condition))                                                                           \
    assert_true(sd_event_run((f)->event, PATIENCE_USEC) > 0)

typedef struct Fixture {
    char folder[64], root[80];
    Bus bus;
    sd_event *event;
    UnitStops *stops;

    /* The made-up systemd. */
    sd_bus *systemd;
    unsigned n_subscribe, n_stop, n_kill;
    bool unknown;       /* has no such unit */
    bool obedient;      /* what is stopped ends */
    bool mortal;        /* what is killed ends */
    bool hasty;         /* jobs end before the call is answered */
    const char *result; /* of the job */

    unsigned n_done;
    UnitStopResult done;
    char why[128];
} Fixture;

static void set_populated(Fixture *f, bool populated)
{
    _cleanup_free_ char *folder = text_printf("%s" CGROUP, f->root);
    const char *text = populated ? "populated 1\nfrozen 0\n" : "populated 0\nfrozen 0\n";
    _cleanup_free_ char *path = text_printf("%s/cgroup.events", folder);

    assert_int_equal(dir_make(folder, 0755), 0);
    assert_int_equal(file_write_atomic(-100, path, text, strlen(text), 0644, false), 0);
}

static void end_job(Fixture *f)
{
    set_populated(f, false);
    assert_true(sd_bus_emit_signal(f->systemd, SYSTEMD_PATH, SYSTEMD_MANAGER, "JobRemoved", "uoss",
                                   6u, "/org/freedesktop/systemd1/job/6", UNIT, "done") >= 0);
    assert_true(sd_bus_emit_signal(f->systemd, SYSTEMD_PATH, SYSTEMD_MANAGER, "JobRemoved", "uoss",
                                   7u, JOB, UNIT, f->result) >= 0);
}

static int on_stop(Fixture *f, sd_bus_message *call)
{
    const char *unit, *mode;

    /* Who has not subscribed by now would miss the end of a quick job. */
    assert_int_equal(f->n_subscribe, 1);
    assert_true(sd_bus_message_read(call, "ss", &unit, &mode) >= 0);
    assert_string_equal(unit, UNIT);
    assert_string_equal(mode, "replace");
    f->n_stop++;
    if (f->unknown)
        return sd_bus_reply_method_errorf(call, "org.freedesktop.systemd1.NoSuchUnit", "not there");
    if (f->hasty)
        end_job(f);
    assert_true(sd_bus_reply_method_return(call, "o", JOB) >= 0);
    if (f->obedient)
        end_job(f);
    return 1;
}

static int on_kill(Fixture *f, sd_bus_message *call)
{
    const char *unit, *who;
    int32_t number;

    assert_true(sd_bus_message_read(call, "ssi", &unit, &who, &number) >= 0);
    assert_string_equal(unit, UNIT);
    assert_string_equal(who, "all");
    assert_int_equal(number, SIGKILL);
    f->n_kill++;
    assert_true(sd_bus_reply_method_return(call, NULL) >= 0);
    if (f->mortal)
        end_job(f);
    return 1;
}

static int on_systemd(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
    Fixture *f = userdata;

    if (sd_bus_message_is_method_call(call, SYSTEMD_MANAGER, "Subscribe")) {
        f->n_subscribe++;
        return 1; /* no answer is expected */
    }
    if (sd_bus_message_is_method_call(call, SYSTEMD_MANAGER, "StopUnit"))
        return on_stop(f, call);
    return sd_bus_message_is_method_call(call, SYSTEMD_MANAGER, "KillUnit") ? on_kill(f, call) : 0;
}

static int setup(void **state)
{
    Fixture *f = calloc(1, sizeof(Fixture));

    assert_non_null(f);
    strcpy(f->folder, "/tmp/test-unit-stop-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->root, sizeof(f->root), "%s/cgroup", f->folder);
    assert_int_equal(sd_event_new(&f->event), 0);
    f->result = "done";
    *state = f;
    bus_start(&f->bus, f->folder);
    f->systemd = bus_connect_systemd(&f->bus, f->event, on_systemd, f);
    assert_int_equal(unit_stops_new(f->event, true, f->root, &f->stops), 0);
    set_populated(f, true);
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;

    unit_stops_free(f->stops);
    sd_bus_close_unref(f->systemd);
    bus_stop(&f->bus);
    sd_event_unref(f->event);
    assert_int_equal(dir_remove_tree(f->folder), 0);
    free(f);
    return 0;
}

static void on_done(UnitStopResult result, const char *why, void *userdata)
{
    Fixture *f = userdata;

    f->n_done++;
    f->done = result;
    snprintf(f->why, sizeof(f->why), "%s", why);
}

static void begin(Fixture *f, uint64_t grace_usec)
{
    unsigned n_done = f->n_done;

    assert_int_equal(unit_stop_new(f->stops, UNIT, CGROUP, grace_usec, on_done, f), 0);
    assert_int_equal(f->n_done, n_done); /* never from inside */
}

static void test_stopped(void **state)
{
    Fixture *f = *state;

    f->obedient = true;
    begin(f, AGES_USEC);
    assert_int_equal(unit_stop_new(f->stops, UNIT, CGROUP, AGES_USEC, on_done, f), -EALREADY);
    assert_int_equal(unit_stops_count(f->stops), 1);
    wait_for(f, f->n_done > 0);
    assert_int_equal(f->done, UNIT_STOP_STOPPED);
    assert_string_equal(f->why, "");
    assert_int_equal(f->n_stop, 1);
    assert_int_equal(f->n_kill, 0);
    assert_int_equal(unit_stops_count(f->stops), 0);
    /* The connection goes when there is nothing to do, and comes back. */
    wait_for(f, !f->stops->bus);
    set_populated(f, true);
    f->n_subscribe = 0;
    begin(f, AGES_USEC);
    wait_for(f, f->n_done > 1);
    assert_int_equal(f->done, UNIT_STOP_STOPPED);
}

static void test_stopped_at_once(void **state)
{
    Fixture *f = *state;

    f->hasty = true;
    begin(f, AGES_USEC);
    wait_for(f, f->n_done > 0);
    assert_int_equal(f->done, UNIT_STOP_STOPPED);
    assert_int_equal(f->n_kill, 0);
}

static void test_killed(void **state)
{
    Fixture *f = *state;

    f->mortal = true;
    begin(f, 50 * USEC_PER_MSEC);
    wait_for(f, f->n_done > 0);
    assert_int_equal(f->done, UNIT_STOP_KILLED);
    assert_int_equal(f->n_kill, 1);
}

/* systemd may say what it likes: there are processes. */
static void test_still_there(void **state)
{
    Fixture *f = *state;

    begin(f, AGES_USEC);
    wait_for(f, f->n_stop > 0 && f->stops->first->job);
    assert_true(sd_bus_emit_signal(f->systemd, SYSTEMD_PATH, SYSTEMD_MANAGER, "JobRemoved", "uoss",
                                   7u, JOB, UNIT, "canceled") >= 0);
    wait_for(f, f->n_done > 0);
    assert_int_equal(f->done, UNIT_STOP_FAILED);
    assert_string_equal(f->why, "systemd's job has ended with canceled");
}

/* The cgroup may take a moment. */
static void test_lingers(void **state)
{
    Fixture *f = *state;

    begin(f, AGES_USEC);
    wait_for(f, f->n_stop > 0 && f->stops->first->job);
    assert_true(sd_bus_emit_signal(f->systemd, SYSTEMD_PATH, SYSTEMD_MANAGER, "JobRemoved", "uoss",
                                   7u, JOB, UNIT, "done") >= 0);
    wait_for(f, f->stops->first->phase == PHASE_VERIFY);
    assert_int_equal(f->n_done, 0);
    _cleanup_free_ char *folder = text_printf("%s" CGROUP, f->root);
    assert_int_equal(dir_remove_tree(folder), 0);
    wait_for(f, f->n_done > 0);
    assert_int_equal(f->done, UNIT_STOP_STOPPED);
}

static void test_unknown(void **state)
{
    Fixture *f = *state;

    f->unknown = true;
    begin(f, AGES_USEC);
    wait_for(f, f->n_done > 0);
    assert_int_equal(f->done, UNIT_STOP_FAILED);
    assert_string_equal(f->why, "not there");
    set_populated(f, false);
    begin(f, AGES_USEC);
    wait_for(f, f->n_done > 1);
    assert_int_equal(f->done, UNIT_STOP_GONE);
}

static void test_no_systemd(void **state)
{
    Fixture *f = *state;

    f->systemd = sd_bus_close_unref(f->systemd);
    begin(f, AGES_USEC);
    wait_for(f, f->n_done > 0);
    assert_int_equal(f->done, UNIT_STOP_FAILED);
    assert_true(f->why[0]);
}

static void test_no_bus(void **state)
{
    Fixture *f = *state;

    bus_stop(&f->bus);
    begin(f, AGES_USEC);
    wait_for(f, f->n_done > 0);
    assert_int_equal(f->done, UNIT_STOP_FAILED);
    assert_true(f->why[0]);
}

/* The bus goes away meanwhile. The job is systemd's, so the end of the processes still counts. */
static void test_lost_bus(void **state)
{
    Fixture *f = *state;

    begin(f, AGES_USEC);
    wait_for(f, f->n_stop > 0 && f->stops->first->job);
    bus_stop(&f->bus);
    wait_for(f, f->stops->first->phase == PHASE_VERIFY);
    set_populated(f, false);
    wait_for(f, f->n_done > 0);
    assert_int_equal(f->done, UNIT_STOP_STOPPED);
}

/* Freed in the middle of it: nobody is told. */
static void test_freed(void **state)
{
    Fixture *f = *state;

    begin(f, AGES_USEC);
    wait_for(f, f->n_stop > 0);
    f->stops = unit_stops_free(f->stops);
    assert_int_equal(f->n_done, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_stopped),     TEST(test_stopped_at_once), TEST(test_killed),
        TEST(test_still_there), TEST(test_lingers),         TEST(test_unknown),
        TEST(test_no_systemd),  TEST(test_no_bus),          TEST(test_lost_bus),
        TEST(test_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
