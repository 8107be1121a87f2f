/* SPDX-License-Identifier: MIT */
/* Events: their table against the catalog, what they say, and the entry that a journal gets. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/macros.h"
#include "supervisor/daemon/event-internal.h"

typedef struct Journal {
    char folder[64], path[96];
    int fd;
} Journal;

static int setup(void **state)
{
    Journal *journal = calloc(1, sizeof(Journal));
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    assert_non_null(journal);
    strcpy(journal->folder, "/tmp/test-event-XXXXXX");
    assert_non_null(mkdtemp(journal->folder));
    snprintf(journal->path, sizeof(journal->path), "%s/socket", journal->folder);
    strcpy(address.sun_path, journal->path);
    journal->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(journal->fd >= 0);
    assert_int_equal(bind(journal->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    *state = journal;
    return 0;
}

static int teardown(void **state)
{
    Journal *journal = *state;

    close(journal->fd);
    assert_int_equal(dir_remove_tree(journal->folder), 0);
    free(journal);
    return 0;
}

static Event failing(void)
{
    return (Event){
        .kind = EVENT_FAILING,
        .service = "web",
        .unit = "phoenix@web.service",
        .before = HEALTH_HEALTHY,
        .after = HEALTH_FAILING,
        .probe = "http GET /health",
        .reason = "GET /health: 503 Service Unavailable",
        .failures = 1,
        .retries = 3,
        .latency_usec = 1500,
        .delay_usec = UINT64_MAX,
    };
}

static void test_words(void **state)
{
    for (int kind = 0; kind < _EVENT_KIND_MAX; kind++) {
        assert_non_null(event_kind_word(kind));
        assert_int_equal(event_kind_from_word(event_kind_word(kind)), kind);
        for (int other = 0; other < kind; other++)
            assert_false(sd_id128_equal(event_kind_message_id(kind), event_kind_message_id(other)));
    }
    assert_int_equal(event_kind_from_word("nonsense"), -EINVAL);
    assert_int_equal(event_kind_from_word(""), -EINVAL);
    assert_int_equal(event_kind_from_word(NULL), -EINVAL);
}

/* Each kind has a text in the catalog, and each text a kind; the fields of an entry are left for
 * journald to fill in. */
static void test_catalog(void **state)
{
    const char *path = getenv("PHOENIX_CATALOG");
    _cleanup_free_ char *text = NULL;
    size_t n = 0;

    if (!path)
        skip();
    assert_int_equal(file_read(AT_FDCWD, path, 1024 * 1024, &text, NULL), 0);
    for (int kind = 0; kind < _EVENT_KIND_MAX; kind++) {
        _cleanup_free_ char *head = text_printf("\n-- " SD_ID128_FORMAT_STR "\nSubject: ",
                                                SD_ID128_FORMAT_VAL(event_kind_message_id(kind)));
        if (!strstr(text, head))
            fail_msg("%s is not in the catalog:%s", event_kind_word(kind), head);
    }
    for (const char *s = text; (s = strstr(s, "\n-- ")); s += 4)
        n++;
    assert_int_equal(n, _EVENT_KIND_MAX);
    n = 0;
    for (const char *s = text; (s = strstr(s, "\nSupport: ")); s += 10)
        n += s[10] > ' ';
    assert_int_equal(n, _EVENT_KIND_MAX);
    assert_non_null(strstr(text, "Subject: Service @PHOENIX_SERVICE@ is starting\n"));
    assert_non_null(strstr(text, "\nFailed: @PHOENIX_REASON@\n"));
}

static void assert_says(const Event *event, const char *expected)
{
    char line[512];

    event_describe(event, line, sizeof(line));
    assert_string_equal(line, expected);
}

static void test_describe(void **state)
{
    Event event = failing();

    assert_says(&event, "web is failing: GET /health: 503 Service Unavailable, 1 of 3");
    event.kind = EVENT_UNHEALTHY;
    event.failures = 3;
    event.delay_usec = 5 * USEC_PER_SEC;
    assert_says(&event, "web is unhealthy: GET /health: 503 Service Unavailable, 3 of 3; next "
                        "start in 5s");
    event = (Event){.kind = EVENT_RECOVERED,
                    .service = "web",
                    .reason = "",
                    .latency_usec = UINT64_MAX,
                    .delay_usec = UINT64_MAX};
    assert_says(&event, "web is healthy again");
    event.kind = EVENT_RESTARTED;
    event.restarts = 2;
    event.reason = "watchdog";
    assert_says(&event, "web has been restarted (restart 2): watchdog");
    event.kind = EVENT_STOPPED;
    event.delay_usec = 100 * USEC_PER_MSEC;
    assert_says(&event, "web has stopped: watchdog; next start in 100ms");
    event.kind = EVENT_HELD;
    event.restarts = 6;
    event.reason = "restarted 6 times in 5min";
    event.delay_usec = 10 * USEC_PER_MINUTE + 1234;
    assert_says(&event, "web is held: restarted 6 times in 5min, next try in 10min");
    event.reason = "";
    assert_says(&event, "web is held: restarted 6 times, next try in 10min");
    event.kind = EVENT_MAINTENANCE_ON;
    event.delay_usec = USEC_PER_HOUR;
    assert_says(&event, "web is under maintenance, for 1h");
    event = (Event){.kind = EVENT_DEGRADED, .reason = "no bus", .delay_usec = UINT64_MAX};
    assert_says(&event, "supervision is degraded: no bus");
}

/* Nothing of what a service answers may act on a terminal, or tear an entry apart. */
static void test_describe_hostile(void **state)
{
    Event event = failing();
    char line[24];

    event.retries = 0;
    event.reason = "a\nMESSAGE=b\x1b[2J\x7f \xff\xc2\x9b!";
    assert_says(&event, "web is failing: a MESSAGE=b [2J  ? !");

    event.reason = "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4";
    for (size_t size = 1; size <= sizeof(line); size++) {
        event_describe(&event, line, size);
        assert_true(strlen(line) < size);
        assert_true(utf8_valid(line, strlen(line)));
    }
    assert_string_equal(line, "web is failing: \xc3\xa4\xc3\xa4\xc3\xa4");
}

static void receive(const Journal *journal, char *buf, size_t size)
{
    ssize_t n = recv(journal->fd, buf, size - 1, MSG_DONTWAIT);

    assert_true(n > 0);
    buf[n] = '\0';
}

static void assert_has(const char *entry, const char *line)
{
    if (!strstr(entry, line))
        fail_msg("no %s in\n%s", line, entry);
}

static void test_journal(void **state)
{
    const Journal *journal = *state;
    Events *events;
    Event event = failing();
    char entry[8192];

    assert_int_equal(events_new_at(journal->path, false, &events), 0);
    event.reason = "two\nlines\n";
    events_emit(events, &event);
    receive(journal, entry, sizeof(entry));
    assert_has(entry, "MESSAGE=web is failing: two lines , 1 of 3\n");
    assert_has(entry, "\nMESSAGE_ID=b46fd186d8104deeb3fc4af20bd5d469\n");
    assert_has(entry, "\nPRIORITY=4\n");
    assert_has(entry, "\nSYSLOG_IDENTIFIER=phoenixd\n");
    assert_has(entry, "\nPHOENIX_EVENT=failing\n");
    assert_has(entry, "\nPHOENIX_SERVICE=web\n");
    assert_has(entry, "\nPHOENIX_STATE=failing\n");
    assert_has(entry, "\nPHOENIX_STATE_BEFORE=healthy\n");
    assert_has(entry, "\nPHOENIX_REASON=two lines \n");
    assert_has(entry, "\nPHOENIX_PROBE=http GET /health\n");
    assert_has(entry, "\nPHOENIX_FAILURES=1\nPHOENIX_RETRIES=3\n");
    assert_has(entry, "\nPHOENIX_LATENCY_USEC=1500\n");
    assert_has(entry, "\nOBJECT_SYSTEMD_UNIT=phoenix@web.service\n");
    assert_null(strstr(entry, "PHOENIX_DELAY_USEC"));
    assert_null(strstr(entry, "PHOENIX_RESTARTS"));
    events_free(events);

    /* Of a user's manager, and of no service. */
    assert_int_equal(events_new_at(journal->path, true, &events), 0);
    events_emit(events, &event);
    receive(journal, entry, sizeof(entry));
    assert_has(entry, "\nOBJECT_SYSTEMD_USER_UNIT=phoenix@web.service\n");
    events_emit(events, &(Event){.kind = EVENT_BRAKE_ON, .reason = NULL});
    receive(journal, entry, sizeof(entry));
    assert_null(strstr(entry, "PHOENIX_SERVICE"));
    assert_null(strstr(entry, "PHOENIX_STATE"));
    assert_null(strstr(entry, "OBJECT_SYSTEMD"));
    assert_int_equal(events_lost(events), 0);
    events_free(events);
}

/* Of a policy: it has no state, and what it is about is somebody else's unit. */
static void test_journal_reap(void **state)
{
    const Journal *journal = *state;
    const EventReap reap = {
        .class = "cpu",
        .cause = "surplus",
        .result = "stopped",
        .id = "57a511dff574",
        .name = "stress_cpu\nMESSAGE=forged",
        .rank = 2,
        .pid = 4711,
        .memory_bytes = 4096,
        .cpu_percent = 99.5,
    };
    Event event = {
        .kind = EVENT_REAPED,
        .service = "stress",
        .unit = "libpod-57a511dff574.scope",
        .reason = "57a511dff574, of class cpu: one too many",
        .latency_usec = UINT64_MAX,
        .delay_usec = UINT64_MAX,
        .reap = &reap,
    };
    Events *events;
    char entry[8192];

    assert_says(&event, "stress has stopped a container: 57a511dff574, of class cpu: one too many");
    assert_int_equal(events_new_at(journal->path, false, &events), 0);
    events_emit(events, &event);
    receive(journal, entry, sizeof(entry));
    assert_has(entry, "\nPHOENIX_EVENT=reaped\n");
    assert_has(entry, "\nPHOENIX_SERVICE=stress\nPHOENIX_POLICY=stress\n");
    assert_has(entry, "\nOBJECT_SYSTEMD_UNIT=libpod-57a511dff574.scope\n");
    assert_has(entry, "\nPHOENIX_CLASS=cpu\nPHOENIX_RANK=2\nPHOENIX_CAUSE=surplus\n");
    assert_has(entry, "\nPHOENIX_RESULT=stopped\nPHOENIX_CONTAINER=57a511dff574\n");
    assert_has(entry, "\nPHOENIX_CONTAINER_NAME=stress_cpu MESSAGE=forged\nPHOENIX_PID=4711\n");
    assert_has(entry, "\nPHOENIX_MEMORY_BYTES=4096\n");
    assert_has(entry, "\nPHOENIX_CPU_PERCENT=99.50\n");
    assert_null(strstr(entry, "PHOENIX_STATE"));
    events_free(events);
}

/* A journald that reads nothing: what does not fit is lost and counted, and we go on. */
static void test_journal_hangs(void **state)
{
    const Journal *journal = *state;
    Events *events;
    Event event = failing();
    char entry[8192];

    assert_int_equal(events_new_at(journal->path, false, &events), 0);
    for (int i = 0; i < 5000 && events_lost(events) == 0; i++)
        events_emit(events, &event);
    assert_int_equal(events_lost(events), 1);
    receive(journal, entry, sizeof(entry));
    events_emit(events, &event);
    assert_int_equal(events_lost(events), 1);
    events_free(events);
}

static void test_journal_missing(void **state)
{
    const Journal *journal = *state;
    Events *events;
    Event event = failing();

    unlink(journal->path);
    assert_int_equal(events_new_at(journal->path, false, &events), 0);
    events_emit(events, &event);
    events_emit(events, &event);
    assert_int_equal(events_lost(events), 2);
    assert_int_equal(events_count(events, EVENT_FAILING), 2);
    assert_int_equal(events_count(events, EVENT_HEALTHY), 0);
    events_free(events);
}

static void listen_one(const Event *event, void *userdata)
{
    assert_string_equal(event->service, "web");
    assert_true(event->realtime_usec > 0);
    strcat(userdata, "1");
}

static void listen_two(const Event *event, void *userdata)
{
    strcat(userdata, "2");
}

static void test_listeners(void **state)
{
    const Journal *journal = *state;
    char order[8] = "";
    Events *events;
    Event event = failing();

    assert_int_equal(events_new_at(journal->path, false, &events), 0);
    assert_int_equal(events_listen(events, listen_one, order), 0);
    assert_int_equal(events_listen(events, listen_two, order), 0);
    events_emit(events, &event);
    events_emit(events, &event);
    assert_string_equal(order, "1212");
    events_free(events);
    assert_null(events_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_catalog),
        cmocka_unit_test(test_describe),
        cmocka_unit_test(test_describe_hostile),
        cmocka_unit_test_setup_teardown(test_journal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_journal_reap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_journal_hangs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_journal_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_listeners, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
