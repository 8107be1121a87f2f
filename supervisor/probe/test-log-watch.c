/* SPDX-License-Identifier: MIT */
/*
 * The journal reader with a journald of its own, in a mount namespace with an empty /run. Lines
 * name a container, as podman's log driver does: there is no service here that could have written
 * them.
 */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "test-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-journal.h>

#include "supervisor/probe/log-watch.h"
#include "supervisor/probe/probe-internal.h"
#include "base/file.h"

#define JOURNALD "/lib/systemd/systemd-journald"
#define UNIT     "phoenix@web.service"
#define OTHER    "phoenix@other.service"

static pid_t journald;
static int notify_fd = -1;

static int open_notify_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/notify"};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    return bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -1 : fd;
}

/* It must not touch what the machine has only one of: the kernel's log and audit. */
static bool configure(void)
{
    static const char text[] = "[Journal]\nStorage=volatile\nAudit=no\nReadKMsg=no\n"
                               "ForwardToWall=no\nRateLimitBurst=0\n";

    if (mkdir("/run/systemd", 0755) < 0 || mkdir("/run/systemd/journald.conf.d", 0755) < 0)
        return false;
    return file_write_atomic(AT_FDCWD, "/run/systemd/journald.conf.d/test.conf", text, strlen(text),
                             0644, false) == 0;
}

/* A mount namespace of its own; false where that is not allowed. */
static bool make_room(void)
{
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0)
        return false;
    if (access("/var/log/journal", F_OK) == 0 &&
        mount("tmpfs", "/var/log/journal", "tmpfs", 0, NULL) < 0)
        return false;
    notify_fd = open_notify_socket();
    return notify_fd >= 0 && configure();
}

static void start_journald(void)
{
    char message[256];
    ssize_t n;

    journald = fork();
    assert_true(journald >= 0);
    if (journald == 0) {
        setenv("NOTIFY_SOCKET", "/run/notify", 1);
        setenv("SYSTEMD_LOG_TARGET", "null", 1);
        execl(JOURNALD, JOURNALD, NULL);
        _exit(127);
    }
    do {
        struct pollfd fd = {.fd = notify_fd, .events = POLLIN};

        assert_int_equal(poll(&fd, 1, 10000), 1);
        n = recv(notify_fd, message, sizeof(message) - 1, 0);
        assert_true(n > 0);
        message[n] = '\0';
    } while (!strstr(message, "READY=1"));
}

static void stop_journald(void)
{
    kill(journald, SIGTERM);
    assert_int_equal(waitpid(journald, NULL, 0), journald);
}

static int setup(void **state)
{
    if (access(JOURNALD, X_OK) < 0 || access("/etc/machine-id", R_OK) < 0 || !make_room()) {
        print_message("no journald here, or no right to run one\n");
        exit(getenv("PHOENIX_TESTS_MUST_RUN") ? 1 : 77); /* 77: meson's word for skipped */
    }
    start_journald();
    return 0;
}

static int teardown(void **state)
{
    stop_journald();
    return 0;
}

static void say(const char *container, const char *message)
{
    assert_int_equal(sd_journal_send("CONTAINER_NAME=%s", container, "MESSAGE=%s", message, NULL),
                     0);
}

static LogMatch *add(Fixture *f, const char *unit, const char *text)
{
    LogMatch *match = NULL;

    assert_int_equal(log_watch_add(f->context.logs, unit, text, USEC_PER_MINUTE, &match), 0);
    return match;
}

static uint64_t last(const LogMatch *match)
{
    uint64_t usec = 0;
    int r = log_match_last(match, &usec);

    assert_true(r == 0 || r == -EAGAIN);
    return usec;
}

/* Turns the loop until the line of this time, or a later one, was seen. */
static void wait_line(Fixture *f, const LogMatch *match, uint64_t since)
{
    while (last(match) < since)
        assert_true(sd_event_run(f->context.event, 10 * USEC_PER_SEC) > 0);
}

static uint64_t now(void)
{
    return probe_now_usec(CLOCK_MONOTONIC);
}

static void test_new_line(void **state)
{
    Fixture *f = *state;
    uint64_t start = now();
    LogMatch *tick = add(f, UNIT, "first");

    assert_true(last(tick) < start); /* none: the time from which on there was none */
    say("phoenix-web", "a first line");
    wait_line(f, tick, start);
    assert_true(last(tick) <= now());
    log_match_free(tick);
}

static void test_old_line(void **state)
{
    Fixture *f = *state;
    uint64_t start = now();
    LogMatch *tick = add(f, UNIT, "old");

    say("phoenix-web", "an old line");
    wait_line(f, tick, start);
    uint64_t at = last(tick);
    tick = log_match_free(tick); /* and with it the reader */
    tick = add(f, UNIT, "old");
    wait_line(f, tick, start);
    assert_int_equal(last(tick), at);

    /* The second check looks back too, and the first keeps what it knows. */
    LogMatch *line = add(f, UNIT, "line");
    wait_line(f, line, start);
    assert_int_equal(last(line), at);
    assert_int_equal(last(tick), at);
    log_match_free(line);
    log_match_free(tick);
}

static void test_other_lines(void **state)
{
    Fixture *f = *state;
    LogMatch *tick = add(f, UNIT, "tick-tock"), *end = add(f, OTHER, "the end");
    uint64_t start = now(), before = last(tick);

    say("phoenix-web", "tick");
    say("phoenix-other", "tick-tock");
    say("phoenix-web2", "tick-tock");
    say("phoenix-other", "the end");
    wait_line(f, end, start);
    assert_int_equal(last(tick), before);
    log_match_free(tick);
    log_match_free(end);
}

static void test_rotation(void **state)
{
    Fixture *f = *state;
    LogMatch *tick = add(f, UNIT, "rotated");

    for (unsigned i = 0; i < 3; i++) {
        uint64_t start = now();

        kill(journald, SIGUSR2);
        say("phoenix-web", "rotated");
        wait_line(f, tick, start);
    }
    log_match_free(tick);
}

static void test_journald_restart(void **state)
{
    Fixture *f = *state;
    LogMatch *tick = add(f, UNIT, "restarted");

    for (unsigned i = 0; i < 2; i++) {
        stop_journald();
        while (sd_event_run(f->context.event, 0) > 0)
            ;
        start_journald();
        uint64_t start = now();
        say("phoenix-web", "restarted");
        wait_line(f, tick, start);
    }
    log_match_free(tick);
}

/* More units than the journal's index is asked for, and more lines than one turn reads. */
static void test_many(void **state)
{
    LogMatch *matches[20];
    Fixture *f = *state;
    uint64_t start = now();
    char unit[64];

    for (size_t i = 0; i < ELEMENTSOF(matches); i++) {
        snprintf(unit, sizeof(unit), "phoenix@web%zu.service", i);
        matches[i] = add(f, unit, "many");
    }
    for (unsigned i = 0; i < 600; i++)
        say("phoenix-web3", "noise");
    say("phoenix-web19", "many");
    wait_line(f, matches[19], start);
    assert_true(last(matches[3]) < start);
    for (size_t i = 0; i < ELEMENTSOF(matches); i++)
        log_match_free(matches[i]);
}

static void test_probe(void **state)
{
    Fixture *f = *state;
    SpecProbe spec = spec_of(SPEC_PROBE_LOG, NULL);
    uint64_t start = now();

    spec.match = (char *)"beat \"7\"";
    check_once(f, &spec);
    assert_result(f, PROBE_FAIL, "log: no line with \"beat \"7\"\" for 30s");
    assert_string_equal(probe_label(f->probe), "log");

    LogMatch *match = add(f, UNIT, spec.match);
    say("phoenix-web", "a beat \"7\" ");
    wait_line(f, match, start);
    log_match_free(match);
    assert_int_equal(probe_run(f->probe), 0);
    wait_result(f);
    assert_int_equal(f->result.outcome, PROBE_PASS);
    assert_true(f->result.value < now() - start);

    spec.age_usec = 1;
    assert_int_equal(probe_run(f->probe), 0);
    wait_result(f);
    assert_int_equal(f->result.outcome, PROBE_FAIL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_new_line), TEST(test_old_line),         TEST(test_other_lines),
        TEST(test_rotation), TEST(test_journald_restart), TEST(test_many),
        TEST(test_probe),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
