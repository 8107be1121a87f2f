/* SPDX-License-Identifier: MIT */
/* Watching units of the real manager: of the system as root, of the user's else. Skipped where
 * there is none. Makes phoenix@units-live.service in the folder for run-time units, and removes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "supervisor/daemon/units/units-internal.h"

#define PATIENCE_USEC (30 * USEC_PER_SEC)
#define UNIT          "phoenix@units-live.service"

#define wait_for(f, condition)                                                                     \
    while (!(condition))                                                                           \
    assert_true(sd_event_run((f)->event, PATIENCE_USEC) > 0)

/* For what no event tells. */
#define poll_for(condition)                                                                        \
    for (uint64_t end = now_usec() + PATIENCE_USEC; !(condition); usleep(20000))                   \
    assert_true(now_usec() < end)

typedef struct Fixture {
    sd_event *event;
    Units *units;
    UnitWatch *watch;
    char *unit_path;
    unsigned n_changed, n_reloaded, n_done, n_connected, n_disconnected;
    UnitState now;
    int done;
    uint64_t beat;
    bool seen_restart;
} Fixture;

static void on_changed(UnitWatch *watch, const UnitState *before, const UnitState *now,
                       void *userdata)
{
    Fixture *f = userdata;

    f->n_changed++;
    f->now = *now;
    if (getenv("VERBOSE"))
        print_message("%s known=%i active=%i sub=%s result=%s restarts=%u pid=%ju next=%ju "
                      "watchdog=%ju id=%s\n",
                      unit_watch_name(watch), now->known, now->active, now->sub, now->result,
                      now->n_restarts, (uintmax_t)now->main_pid, (uintmax_t)now->restart_usec_next,
                      (uintmax_t)now->watchdog_usec, SD_ID128_TO_STRING(now->invocation));
    if (strncmp(now->sub, "auto-restart", 12) == 0 && now->restart_usec_next != UINT64_MAX)
        f->seen_restart = true;
}

static void on_reloaded(void *userdata)
{
    ((Fixture *)userdata)->n_reloaded++;
}

static void on_connected(bool yes, int error, void *userdata)
{
    Fixture *f = userdata;

    if (yes)
        f->n_connected++;
    else
        f->n_disconnected++;
}

static void on_done(int error, const char *message, void *userdata)
{
    Fixture *f = userdata;

    f->n_done++;
    f->done = error;
    if (message)
        print_message("%s\n", message);
}

static void on_beat(int error, uint64_t timestamp_usec, void *userdata)
{
    Fixture *f = userdata;

    f->n_done++;
    f->done = error;
    f->beat = timestamp_usec;
}

static uint64_t now_usec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}

static void call_manager(Fixture *f, const char *member)
{
    assert_true(sd_bus_call_method_async(units_bus(f->units), NULL, SYSTEMD_NAME, SYSTEMD_PATH,
                                         SYSTEMD_MANAGER, member, NULL, NULL, NULL) >= 0);
}

static bool is_loaded(Fixture *f, const char *unit)
{
    return sd_bus_call_method(units_bus(f->units), SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                              "GetUnit", NULL, NULL, "s", unit) >= 0;
}

static char *folder_of_units(bool user)
{
    return user ? text_printf("%s/systemd/user", getenv("XDG_RUNTIME_DIR"))
                : strdup("/run/systemd/system");
}

static int setup(void **state)
{
    static const UnitsCallbacks callbacks = {on_changed, on_reloaded, on_connected};
    Fixture *f = calloc(1, sizeof(Fixture));
    bool user = getuid() != 0;
    _cleanup_free_ char *folder = folder_of_units(user);

    assert_non_null(f);
    assert_int_equal(dir_make(folder, 0755), 0);
    f->unit_path = text_printf("%s/" UNIT, folder);
    unlink(f->unit_path);
    assert_int_equal(sd_event_new(&f->event), 0);
    assert_int_equal(units_new(f->event, user, &callbacks, f, &f->units), 0);
    assert_int_equal(units_watch(f->units, UNIT, NULL, &f->watch), 0);
    wait_for(f, f->n_reloaded > 0); /* i.e. systemd is heard */
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;
    unsigned n = f->n_reloaded;

    units_stop(f->units, UNIT, NULL, NULL);
    unlink(f->unit_path);
    call_manager(f, "Reload");
    wait_for(f, f->n_reloaded > n);
    units_free(f->units);
    sd_event_unref(f->event);
    free(f->unit_path);
    free(f);
    return 0;
}

static void install_unit(Fixture *f)
{
    static const char text[] = "[Service]\nType=notify\nNotifyAccess=all\n"
                               "ExecStart=/bin/sh -c 'systemd-notify --ready; "
                               "systemd-notify WATCHDOG=1; exec sleep 1000'\n"
                               "Restart=always\nRestartSec=300ms\nWatchdogSec=40s\n";
    unsigned n = f->n_reloaded;

    assert_int_equal(file_write_atomic(AT_FDCWD, f->unit_path, text, strlen(text), 0644, false), 0);
    call_manager(f, "Reload");
    wait_for(f, f->n_reloaded > n);
    wait_for(f, f->now.known);
}

/* Also how a unit comes to be: not there, loaded, started, beating, killed, started again. */
static void test_life(void **state)
{
    Fixture *f = *state;

    install_unit(f);
    assert_int_equal(f->now.active, UNIT_INACTIVE);
    assert_string_equal(f->now.sub, "dead");
    assert_int_equal(units_start(f->units, UNIT, on_done, f), 0);
    wait_for(f, f->now.active == UNIT_ACTIVE);
    assert_int_equal(f->done, 0);
    wait_for(f, f->now.watchdog_usec == 40 * USEC_PER_SEC);
    assert_string_equal(f->now.sub, "running");
    assert_false(sd_id128_is_null(f->now.invocation));
    assert_true(f->now.main_pid > 1);
    assert_true(f->now.entered_usec > 0);

    while (f->beat == 0) {
        unsigned n = f->n_done;
        assert_int_equal(units_get_beat(f->units, UNIT, on_beat, f), 0);
        wait_for(f, f->n_done > n);
        assert_int_equal(f->done, 0);
    }
    /* The beginning of a start counts as a beat, too. */
    assert_true(f->beat > f->now.entered_usec - USEC_PER_HOUR);

    UnitState first = f->now;
    assert_int_equal(kill((pid_t)first.main_pid, SIGKILL), 0);
    wait_for(f, f->now.n_restarts == 1 && f->now.active == UNIT_ACTIVE);
    assert_false(sd_id128_equal(f->now.invocation, first.invocation));
    assert_true(f->seen_restart);

    unsigned n = f->n_done;
    assert_int_equal(units_stop(f->units, UNIT, on_done, f), 0);
    wait_for(f, f->now.active == UNIT_INACTIVE && f->n_done > n);
    assert_int_equal(f->done, 0);
    assert_int_equal(units_reset_failed(f->units, UNIT, on_done, f), 0);
    wait_for(f, f->n_done > n + 1);
    assert_int_equal(units_start(f->units, "no-such-unit.service", on_done, f), 0);
    wait_for(f, f->n_done > n + 2);
    assert_true(f->done < 0);
}

/* The manager runs itself anew: what we know of the unit stays true, and news still come. */
static void test_reexec(void **state)
{
    Fixture *f = *state;

    install_unit(f);
    assert_int_equal(units_start(f->units, UNIT, on_done, f), 0);
    wait_for(f, f->now.active == UNIT_ACTIVE);
    char *before = strdup(f->units->manager);
    call_manager(f, "Reexecute");
    wait_for(f, f->units->subscribed && !streq(before, f->units->manager));
    free(before);
    assert_int_equal(f->n_disconnected, 0);
    assert_int_equal(kill((pid_t)f->now.main_pid, SIGKILL), 0);
    wait_for(f, f->now.n_restarts == 1 && f->now.active == UNIT_ACTIVE);
}

static void test_run(void **state)
{
    Fixture *f = *state;
    _cleanup_free_ char *path = text_printf("/tmp/units-live-%i", (int)getpid());
    _cleanup_free_ char *variable = text_printf("FILE=%s", path);
    char *argv[] = {"/bin/sh", "-c", "echo \"$0\" >$FILE.new; mv $FILE.new $FILE", "a  b", NULL};
    char *environment[] = {variable, NULL};
    _cleanup_free_ char *text = NULL;

    assert_int_equal(units_run(f->units, "phoenix-units-live-run.service", "Test of $units %n",
                               argv, environment, on_done, f),
                     0);
    wait_for(f, f->n_done == 1);
    assert_int_equal(f->done, 0);
    poll_for(access(path, F_OK) == 0);
    assert_int_equal(file_read(AT_FDCWD, path, 100, &text, NULL), 0);
    assert_string_equal(text, "a  b\n");
    unlink(path);
    /* Nothing is left of it. */
    poll_for(!is_loaded(f, "phoenix-units-live-run.service"));
}

/* The bus itself is restarted. */
static void test_bus_restarts(void **state)
{
    Fixture *f = *state;
    unsigned n;

    install_unit(f);
    assert_int_equal(units_start(f->units, UNIT, on_done, f), 0);
    wait_for(f, f->now.active == UNIT_ACTIVE);
    assert_int_equal(system(getuid() != 0 ? "systemctl --user restart dbus.service"
                                          : "systemctl restart dbus.service"),
                     0);
    wait_for(f, f->n_disconnected == 1);
    n = f->n_reloaded;
    wait_for(f, f->n_connected == 2 && f->n_reloaded > n);
    assert_int_equal(kill((pid_t)f->now.main_pid, SIGKILL), 0);
    wait_for(f, f->now.n_restarts == 1 && f->now.active == UNIT_ACTIVE);
    assert_int_equal(f->n_disconnected, 1);
}

/* More than a bus allows matches and calls for one connection. */
static void test_many(void **state)
{
    Fixture *f = *state;
    UnitWatch *watch;
    static char names[1000][64];
    uint64_t before = now_usec();
    unsigned n = f->n_changed;

    for (size_t i = 0; i < ELEMENTSOF(names); i++) {
        snprintf(names[i], sizeof(names[i]), "phoenix@units-live-%zu.service", i);
        assert_int_equal(units_watch(f->units, names[i], NULL, &watch), 0);
    }
    wait_for(f, f->n_changed == n + ELEMENTSOF(names));
    assert_true(unit_watch_state(watch)->known);
    assert_int_equal(unit_watch_state(watch)->active, UNIT_INACTIVE);
    assert_false(is_loaded(f, names[0])); /* not even by being looked at */
    assert_int_equal(f->n_disconnected, 0);
    print_message("1,000 units known in %ju us\n", (uintmax_t)(now_usec() - before));
    install_unit(f);
    assert_int_equal(units_start(f->units, UNIT, on_done, f), 0);
    wait_for(f, f->now.active == UNIT_ACTIVE);
}

static const char *why_not(void)
{
    const char *asked = getenv("PHOENIX_TEST_MANAGER");

    if (!asked || !streq(asked, "1"))
        return "PHOENIX_TEST_MANAGER=1 is not set";
    if (access("/run/systemd/system", F_OK) < 0)
        return "this machine does not run systemd";
    if (getuid() != 0 && !getenv("XDG_RUNTIME_DIR"))
        return "there is no manager of this user";
    return NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_life, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reexec, setup, teardown),
        cmocka_unit_test_setup_teardown(test_run, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bus_restarts, setup, teardown),
    };

    if (why_not()) {
        print_message("skipped: %s\n", why_not());
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
