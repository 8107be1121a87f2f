/* SPDX-License-Identifier: MIT */
/*
 * The notifier on a real event loop, with libcurl and a small web server on the same loop; systemd
 * is a double. Nothing sleeps: the loop runs until what is expected has happened, or a minute over.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/file.h"
#include "base/macros.h"
#include "base/strv.h"
#include "base/text.h"
#include "supervisor/daemon/notify/notifier-internal.h"
#include "supervisor/probe/curl-loop.h"
#include "supervisor/daemon/test-manager.h"
#include "supervisor/daemon/test-web-server.h"

#define DEADLINE_USEC USEC_PER_MINUTE

#define OK       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
#define MISSING  "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define BUSY     "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define ELSEHERE "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n"

/* ---- systemd's double ---- */

struct Units {
    char *name, *description, *argv0;
    char **environment;
    units_done_t done;
    void *userdata;
    size_t n_runs;
    int error; /* what units_run() returns */
};

int units_run(Units *units, const char *name, const char *description, char *const *argv,
              char *const *environment, units_done_t done, void *userdata)
{
    units->n_runs++;
    if (units->error < 0)
        return units->error;
    free(units->name);
    units->name = strdup(name);
    free(units->argv0);
    units->argv0 = strdup(argv[0]);
    units->environment = strv_free(units->environment);
    for (char *const *p = environment; *p; p++)
        assert_int_equal(strv_push(&units->environment, *p), 0);
    units->done = done;
    units->userdata = userdata;
    return 0;
}

/* ---- the whole ---- */

typedef struct Fixture {
    char base[64], url[128];
    sd_event *event;
    Manager *manager;
    CurlLoop *curl;
    Server server;
    Units units;
    NotifyRules rules;
    Notifier *notifier;
    SpecOnFailure spec;
    bool gone; /* the spec */
    char *exec[3], *on[3];
    size_t n_degraded, n_restored;
    char said[512];
} Fixture;

static const SpecOnFailure *spec_of(const char *name, void *userdata)
{
    Fixture *f = userdata;

    return f->gone || !streq(name, "service0000") ? NULL : &f->spec;
}

static void on_event(const Event *event, void *userdata)
{
    Fixture *f = userdata;

    f->n_degraded += event->kind == EVENT_DEGRADED;
    f->n_restored += event->kind == EVENT_RESTORED;
    if (event->kind == EVENT_DEGRADED)
        snprintf(f->said, sizeof(f->said), "%s", event->reason);
}

static void open_notifier(Fixture *f)
{
    NotifierSetup setup = {
        .event = f->event,
        .curl = f->curl,
        .units = &f->units,
        .manager = f->manager,
        .folder = f->base,
        .user = true,
        .spec = spec_of,
        .userdata = f,
        .rules = &f->rules,
    };

    assert_int_equal(test_manager_new(f->event, 1, &f->manager), 0);
    setup.manager = f->manager;
    assert_int_equal(events_listen(manager_events(f->manager), on_event, f), 0);
    assert_int_equal(notifier_new_from(&setup, &f->notifier), 0);
}

static void close_notifier(Fixture *f)
{
    f->notifier = notifier_free(f->notifier);
    f->manager = test_manager_free(f->manager);
}

static int setup(void **state)
{
    Fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    strcpy(f->base, "/tmp/test-notifier-XXXXXX");
    assert_non_null(mkdtemp(f->base));
    assert_int_equal(sd_event_new(&f->event), 0);
    assert_int_equal(curl_loop_new(f->event, &f->curl), 0);
    server_start(&f->server, f->event);
    server_answers(&f->server, OK, NULL);
    snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%d/hook?token=secret", f->server.port);
    f->spec.url = f->url;
    f->rules = notify_rules;
    f->rules.retry_first_usec = USEC_PER_MSEC;
    open_notifier(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;

    close_notifier(f);
    curl_loop_free(f->curl);
    server_stop(&f->server);
    free(f->units.name);
    free(f->units.argv0);
    strv_free(f->units.environment);
    sd_event_unref(f->event);
    dir_remove_tree(f->base);
    free(f);
    return 0;
}

static void happens(Fixture *f, EventKind kind)
{
    Event event = {
        .kind = kind,
        .service = "service0000",
        .unit = "phoenix@service0000.service",
        .before = HEALTH_UNHEALTHY,
        .after = HEALTH_UNHEALTHY,
        .reason = TEST_HOSTILE,
        .latency_usec = UINT64_MAX,
        .delay_usec = UINT64_MAX,
    };

    events_emit(manager_events(f->manager), &event);
}

static uint64_t sent(Fixture *f)
{
    uint64_t n, dropped, waiting;

    notifier_counts(f->notifier, &n, &dropped, &waiting);
    return n;
}

static uint64_t dropped(Fixture *f)
{
    uint64_t delivered, n, waiting;

    notifier_counts(f->notifier, &delivered, &n, &waiting);
    return n;
}

static uint64_t waiting(Fixture *f)
{
    uint64_t delivered, gone, n;

    notifier_counts(f->notifier, &delivered, &gone, &n);
    return n;
}

/* Runs the loop until the condition holds. */
#define RUN_UNTIL(f, condition)                                                                    \
    do {                                                                                           \
        uint64_t _end = 0, _now = 0;                                                               \
        sd_event_now((f)->event, CLOCK_MONOTONIC, &_end);                                          \
        _end += DEADLINE_USEC;                                                                     \
        while (!(condition)) {                                                                     \
            assert_true(sd_event_run((f)->event, USEC_PER_SEC) >= 0);                              \
            sd_event_now((f)->event, CLOCK_MONOTONIC, &_now);                                      \
            assert_true(_now < _end);                                                              \
        }                                                                                          \
    } while (0)

/* Runs what is due now. */
static void run_due(Fixture *f)
{
    while (sd_event_run(f->event, 0) > 0)
        ;
}

static json_t *body_of(const char *request)
{
    const char *body = strstr(request, "\r\n\r\n");
    json_t *json;

    assert_non_null(body);
    json = json_loads(body + 4, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

static const char *id_of(json_t *json)
{
    return json_string_value(json_object_get(json, "id"));
}

static void test_post(void **state)
{
    Fixture *f = *state;
    char key[128];

    happens(f, EVENT_UNHEALTHY);
    assert_int_equal(waiting(f), 1);
    RUN_UNTIL(f, sent(f) == 1);
    assert_int_equal(waiting(f), 0);
    assert_int_equal(f->server.n_requests, 1);
    json_auto_t *json = body_of(f->server.requests[0]);
    assert_string_equal(json_string_value(json_object_get(json, "event")), "unhealthy");
    assert_int_equal(json_array_size(json_object_get(json, "probes")), 3);
    assert_true(json_is_array(json_object_get(json, "log")));
    snprintf(key, sizeof(key), "\r\nIdempotency-Key: %s\r\n", id_of(json));
    assert_non_null(strstr(f->server.requests[0], key));
    assert_memory_equal(f->server.requests[0], "POST /hook?token=secret HTTP/1.1\r\n", 34);
    assert_non_null(strstr(f->server.requests[0], "\r\nContent-Type: application/json\r\n"));
    assert_non_null(
        strstr(f->server.requests[0], "\r\nUser-Agent: phoenixd/" PHOENIX_VERSION "\r\n"));
    /* The address is nobody's business, also not the receiver's. */
    assert_null(strstr(strstr(f->server.requests[0], "\r\n\r\n"), "secret"));
    assert_int_equal(f->n_degraded, 0);
}

static void test_filter(void **state)
{
    Fixture *f = *state;

    f->on[0] = (char *)"held";
    f->spec.on = f->on;
    happens(f, EVENT_UNHEALTHY);
    happens(f, EVENT_FAILING);
    happens(f, EVENT_RESTARTED);
    assert_int_equal(waiting(f), 0);
    happens(f, EVENT_HELD);
    assert_int_equal(waiting(f), 1);
    f->spec = (SpecOnFailure){0};
    happens(f, EVENT_HELD);
    assert_int_equal(waiting(f), 1);
    /* The one that waits is no longer asked for. */
    RUN_UNTIL(f, waiting(f) == 0);
    assert_int_equal(f->server.n_requests, 0);
    assert_int_equal(dropped(f), 0);
}

static void test_retry(void **state)
{
    Fixture *f = *state;

    server_answers(&f->server, BUSY, OK);
    happens(f, EVENT_HELD);
    RUN_UNTIL(f, sent(f) == 1);
    assert_int_equal(f->server.n_requests, 2);
    json_auto_t *first = body_of(f->server.requests[0]);
    json_auto_t *second = body_of(f->server.requests[1]);
    assert_string_equal(id_of(first), id_of(second));
    assert_int_equal(f->n_degraded, 0);
}

static void test_no_answer(void **state)
{
    Fixture *f = *state;

    server_answers(&f->server, "", OK);
    happens(f, EVENT_HELD);
    RUN_UNTIL(f, sent(f) == 1);
    assert_int_equal(f->server.n_requests, 2);
}

static void test_refused(void **state)
{
    Fixture *f = *state;

    server_answers(&f->server, MISSING, OK);
    happens(f, EVENT_HELD);
    RUN_UNTIL(f, dropped(f) == 1);
    assert_int_equal(waiting(f), 0);
    assert_int_equal(f->n_degraded, 1);
    assert_string_equal(f->said, "a notification of service0000 (held) was given up: HTTP 404");
    happens(f, EVENT_RECOVERED);
    RUN_UNTIL(f, sent(f) == 1);
    assert_int_equal(f->n_restored, 1);
    assert_int_equal(f->server.n_requests, 2);
}

static void test_redirect(void **state)
{
    Fixture *f = *state;

    server_answers(&f->server, ELSEHERE, OK);
    happens(f, EVENT_HELD);
    RUN_UNTIL(f, sent(f) == 1);
    assert_int_equal(f->server.n_requests, 2);
    assert_memory_equal(f->server.requests[1], "POST /hook", 10); /* not GET /other */
}

/* An answer that does not end: its status counts, the rest is cut off. */
static void test_long_answer(void **state)
{
    Fixture *f = *state;
    _cleanup_text_ Text answer = {0};
    uint64_t before = 0, after = 0;

    text_add(&answer, "HTTP/1.1 200 OK\r\n\r\n");
    for (unsigned i = 0; i < 100000; i++)
        text_add_char(&answer, 'x');
    server_answers(&f->server, answer.data, NULL);
    f->server.stays = true;
    sd_event_now(f->event, CLOCK_MONOTONIC, &before);
    happens(f, EVENT_HELD);
    RUN_UNTIL(f, sent(f) == 1);
    assert_int_equal(f->server.n_requests, 1);
    sd_event_now(f->event, CLOCK_MONOTONIC, &after);
    assert_true(after - before < 8 * USEC_PER_SEC); /* it was not the time-out of 10 s */
    run_due(f);
}

static void test_bad_address(void **state)
{
    Fixture *f = *state;

    f->spec.url = (char *)"http://127.0.0.1:99999/";
    happens(f, EVENT_UNHEALTHY);
    RUN_UNTIL(f, dropped(f) == 1);
    assert_int_equal(f->n_degraded, 1);
    f->spec.url = (char *)"file:///etc/passwd";
    happens(f, EVENT_HELD);
    RUN_UNTIL(f, dropped(f) == 2);
    assert_int_equal(f->n_degraded, 1); /* once per service */
    assert_null(strstr(f->said, "99999"));
}

/* Ends as a kill would, at whatever point: the next run tells it, with the same id. */
static void test_resume(void **state)
{
    Fixture *f = *state;

    server_answers(&f->server, "", OK);
    happens(f, EVENT_HELD);
    RUN_UNTIL(f, f->server.n_requests == 1);
    close_notifier(f);
    f->gone = true; /* plans come later than the notifier */
    open_notifier(f);
    assert_int_equal(waiting(f), 1);
    run_due(f);
    assert_int_equal(waiting(f), 1);
    f->gone = false;
    RUN_UNTIL(f, sent(f) == 1);
    json_auto_t *first = body_of(f->server.requests[0]);
    json_auto_t *second = body_of(f->server.requests[1]);
    assert_string_equal(id_of(first), id_of(second));
}

/* Tried again, as a package that is missing can be installed. */
static void test_no_library(void **state)
{
    Fixture *f = *state;

    close_notifier(f);
    curl_loop_free(f->curl);
    assert_int_equal(curl_loop_new_with(f->event, "libno-such-thing.so.4", &f->curl), 0);
    open_notifier(f);
    happens(f, EVENT_HELD);
    RUN_UNTIL(f, curl_loop_missing(f->curl));
    assert_int_equal(waiting(f), 1);
    assert_int_equal(f->n_degraded, 0);
    close_notifier(f);
    curl_loop_free(f->curl);
    assert_int_equal(curl_loop_new(f->event, &f->curl), 0);
    open_notifier(f);
    RUN_UNTIL(f, sent(f) == 1);
    assert_int_equal(f->server.n_requests, 1);
}

static const char *variable(Fixture *f, const char *name)
{
    size_t length = strlen(name);

    STRV_FOREACH (p, f->units.environment)
        if (strncmp(*p, name, length) == 0 && (*p)[length] == '=')
            return *p + length + 1;
    fail_msg("no %s", name);
    return NULL;
}

static void test_exec(void **state)
{
    Fixture *f = *state;

    f->exec[0] = (char *)"/usr/bin/tell";
    f->spec = (SpecOnFailure){.exec = f->exec};
    f->units.error = -ENOTCONN;
    happens(f, EVENT_UNHEALTHY);
    RUN_UNTIL(f, f->units.n_runs >= 2);
    f->units.error = 0;
    RUN_UNTIL(f, f->units.done);
    assert_string_equal(f->units.name, "phoenix-notify-service0000.service");
    assert_string_equal(f->units.argv0, "/usr/bin/tell");
    assert_string_equal(variable(f, "PHOENIX_EVENT"), "unhealthy");
    assert_string_equal(variable(f, "PHOENIX_SERVICE"), "service0000");
    assert_string_equal(variable(f, "PHOENIX_UNIT"), "phoenix@service0000.service");
    assert_string_equal(variable(f, "PHOENIX_STATE"), "unhealthy");
    assert_null(strpbrk(variable(f, "PHOENIX_REASON"), "\n\r\033"));
    json_auto_t *json = json_loads(variable(f, "PHOENIX_NOTIFICATION"), 0, NULL);
    assert_non_null(json);

    /* systemd says no: the first program still runs. Then yes. */
    units_done_t done = f->units.done;
    f->units.done = NULL;
    done(-EEXIST, "exists", f->units.userdata);
    assert_int_equal(waiting(f), 1);
    RUN_UNTIL(f, f->units.done);
    json_auto_t *again = json_loads(variable(f, "PHOENIX_NOTIFICATION"), 0, NULL);
    assert_string_equal(id_of(json), id_of(again));
    f->units.done(0, NULL, f->units.userdata);
    assert_int_equal(sent(f), 1);
    assert_int_equal(waiting(f), 0);
}

static void test_exec_in_order(void **state)
{
    Fixture *f = *state;

    f->exec[0] = (char *)"/usr/bin/tell";
    f->spec = (SpecOnFailure){.exec = f->exec};
    happens(f, EVENT_UNHEALTHY);
    happens(f, EVENT_RESTARTED);
    RUN_UNTIL(f, f->units.done);
    run_due(f);
    assert_int_equal(f->units.n_runs, 1);
    f->units.done(0, NULL, f->units.userdata);
    RUN_UNTIL(f, f->units.n_runs == 2);
    assert_string_equal(variable(f, "PHOENIX_EVENT"), "restarted");
    /* Ends with the program's start not yet answered. */
}

static void test_exec_relative(void **state)
{
    Fixture *f = *state;

    f->exec[0] = (char *)"tell";
    f->spec = (SpecOnFailure){.exec = f->exec};
    happens(f, EVENT_UNHEALTHY);
    RUN_UNTIL(f, dropped(f) == 1);
    assert_int_equal(f->units.n_runs, 0);
    assert_int_equal(f->n_degraded, 1);
}

static void test_no_disk(void **state)
{
    Fixture *f = *state;

    close_notifier(f);
    dir_remove_tree(f->base);
    assert_int_equal(file_write_atomic(AT_FDCWD, f->base, "", 0, 0600, false), 0);
    open_notifier(f);
    happens(f, EVENT_HELD);
    RUN_UNTIL(f, sent(f) == 1);
    happens(f, EVENT_RECOVERED);
    RUN_UNTIL(f, sent(f) == 2);
    assert_int_equal(f->n_degraded, 1);
    assert_non_null(strstr(f->said, "in memory only"));
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_post),          T(test_filter),     T(test_retry),       T(test_no_answer),
        T(test_refused),       T(test_redirect),   T(test_long_answer), T(test_bad_address),
        T(test_resume),        T(test_no_library), T(test_exec),        T(test_exec_in_order),
        T(test_exec_relative), T(test_no_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
