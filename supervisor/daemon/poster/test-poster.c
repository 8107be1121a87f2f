/* SPDX-License-Identifier: MIT */
/*
 * The poster on a real event loop, with its thread, libcurl and a small web server on the same
 * loop. Nothing sleeps: the loop runs until what is expected has happened, or a minute over.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/file.h"
#include "base/macros.h"
#include "base/text.h"
#include "supervisor/daemon/poster/poster.h"
#include "supervisor/daemon/source.h"
#include "supervisor/daemon/test-manager.h"
#include "supervisor/daemon/test-web-server.h"
#include "supervisor/probe/curl-loop.h"

#define DEADLINE_USEC USEC_PER_MINUTE
#define INTERVAL_USEC (100 * USEC_PER_MSEC)

#define HEAD(status, size)                                                                         \
    "HTTP/1.1 " status "\r\nContent-Length: " size "\r\nConnection: close\r\n"
#define STORED                                                                                     \
    HEAD("201 Created", "46") "\r\n{\"stored\": 1, \"events\": 0, \"duplicate\": false}  "
#define DUPLICATE HEAD("200 OK", "19") "\r\n{\"duplicate\": true}"
#define BAD       HEAD("400 Bad Request", "16") "\r\n{\"error\": \"why\"}"
#define DENIED    HEAD("401 Unauthorized", "0") "\r\n"
#define BUSY      HEAD("503 Service Unavailable", "0") "Retry-After: 2\r\n\r\n"
#define PORTAL    HEAD("200 OK", "7") "\r\nwelcome"
#define MOVED     HEAD("302 Found", "0") "Location: /elsewhere\r\n\r\n"

typedef struct Fixture {
    char base[64], url[128], token[128];
    sd_event *event;
    Manager *manager;
    CurlLoop *curl;
    Server server;
    PosterConfig config;
    Poster *poster;
    size_t n_events[_EVENT_KIND_MAX];
    bool finished;
} Fixture;

static void on_event(const Event *event, void *userdata)
{
    Fixture *f = userdata;

    f->n_events[event->kind]++;
}

static void start(Fixture *f)
{
    PosterSetup setup = {
        .event = f->event, .curl = f->curl, .manager = f->manager, .state_folder = f->base};

    assert_int_equal(poster_new(&setup, &f->config, &f->poster), 0);
}

static int setup(void **state)
{
    Fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    strcpy(f->base, "/tmp/test-poster-XXXXXX");
    assert_non_null(mkdtemp(f->base));
    snprintf(f->token, sizeof(f->token), "%s/token", f->base);
    assert_true(sd_event_new(&f->event) >= 0);
    assert_int_equal(test_manager_new(f->event, 3, &f->manager), 0);
    assert_int_equal(events_listen(manager_events(f->manager), on_event, f), 0);
    assert_int_equal(curl_loop_new(f->event, &f->curl), 0);
    server_start(&f->server, f->event);
    server_answers(&f->server, STORED, NULL);
    snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%i/", f->server.port);
    f->config = (PosterConfig){.name = "central",
                               .url = f->url,
                               .host = "web-1",
                               .interval_usec = INTERVAL_USEC,
                               .spool_bytes = 1024 * 1024,
                               .spool_age_usec = USEC_PER_DAY};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;

    poster_free(f->poster, DEADLINE_USEC);
    server_stop(&f->server);
    curl_loop_free(f->curl);
    test_manager_free(f->manager);
    sd_event_unref(f->event);
    assert_int_equal(dir_remove_tree(f->base), 0);
    free(f);
    return 0;
}

static uint64_t now_usec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}

#define run_until(f, condition)                                                                    \
    do {                                                                                           \
        uint64_t end_usec = now_usec() + DEADLINE_USEC;                                            \
        while (!(condition)) {                                                                     \
            assert_true(now_usec() < end_usec);                                                    \
            assert_true(sd_event_run((f)->event, 10 * USEC_PER_MSEC) >= 0);                        \
        }                                                                                          \
    } while (0)

static CollectorView view_of(const Fixture *f)
{
    CollectorView view;

    poster_view(f->poster, &view);
    return view;
}

static json_t *body_of(const Fixture *f, size_t i)
{
    const char *body = strstr(f->server.requests[i], "\r\n\r\n");

    assert_non_null(body);
    json_t *json = json_loads(body + 4, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

static void key_of(const Fixture *f, size_t i, char ret[64])
{
    const char *line = strstr(f->server.requests[i], "\r\nIdempotency-Key: ");
    json_auto_t *json = body_of(f, i);

    assert_non_null(line);
    assert_int_equal(sscanf(line, "\r\nIdempotency-Key: %63s", ret), 1);
    assert_string_equal(json_string_value(json_object_get(json, "key")), ret);
}

static void test_batches(void **state)
{
    Fixture *f = *state;
    char first[64], second[64];

    start(f);
    run_until(f, view_of(f).posted >= 3);
    assert_memory_equal(f->server.requests[0], "POST /logs HTTP/1.1\r\n", 21);
    assert_non_null(strcasestr(f->server.requests[0], "\r\nContent-Type: application/json\r\n"));
    assert_null(strcasestr(f->server.requests[0], "\r\nAuthorization:"));
    key_of(f, 0, first);
    key_of(f, 1, second);
    assert_string_not_equal(first, second);

    json_auto_t *json = body_of(f, 0);
    const json_t *sample = json_array_get(json_object_get(json, "samples"), 0);
    assert_string_equal(json_string_value(json_object_get(json, "host")), "web-1");
    assert_int_equal(json_array_size(json_object_get(sample, "services")), 3);
    /* Where there is no cgroup v2, as in some containers, services are told of all the same. */
    if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0)
        assert_true(json_is_object(json_object_get(json_object_get(sample, "sysinfo"), "Memory")));
    else
        assert_null(json_object_get(sample, "sysinfo"));
    run_until(f, view_of(f).waiting == 0);
    assert_false(view_of(f).away);
    assert_string_equal(view_of(f).error, "");
    assert_int_equal(view_of(f).dropped, 0);
    assert_true(view_of(f).stored_usec > 0);
}

static void test_away_and_back(void **state)
{
    Fixture *f = *state;

    sd_event_source_disable_unref(TAKE_PTR(f->server.listening));
    start(f);
    run_until(f, view_of(f).waiting >= 4 && f->n_events[EVENT_COLLECTOR_AWAY] > 0);
    assert_true(view_of(f).away);
    assert_string_not_equal(view_of(f).error, "");
    server_start(&f->server, f->event);
    run_until(f, view_of(f).posted >= 5);
    assert_int_equal(f->n_events[EVENT_COLLECTOR_AWAY], 1);
    assert_int_equal(f->n_events[EVENT_COLLECTOR_BACK], 1);
    /* In the order of their making, each once. */
    for (size_t i = 1; i < 5; i++) {
        char a[64], b[64];
        key_of(f, i - 1, a);
        key_of(f, i, b);
        assert_true(strcmp(a, b) < 0);
    }
    assert_int_equal(view_of(f).dropped, 0);
}

static void test_refused(void **state)
{
    Fixture *f = *state;

    server_answers(&f->server, BAD, STORED);
    start(f);
    run_until(f, view_of(f).posted >= 2);
    assert_int_equal(view_of(f).refused, 1);
    assert_int_equal(f->n_events[EVENT_BATCH_REFUSED], 1);
    assert_int_equal(f->n_events[EVENT_COLLECTOR_AWAY], 0);
}

/* A collector that refuses everything is not told of each time. */
static void test_refused_again_and_again(void **state)
{
    Fixture *f = *state;

    server_answers(&f->server, BAD, NULL);
    start(f);
    run_until(f, view_of(f).refused >= 9);
    assert_int_equal(f->n_events[EVENT_BATCH_REFUSED], 4);
    assert_int_equal(view_of(f).posted, 0);
    assert_false(view_of(f).away);
}

static void test_retry_after(void **state)
{
    Fixture *f = *state;
    char first[64], second[64];
    uint64_t asked_usec;

    server_answers(&f->server, BUSY, STORED);
    start(f);
    run_until(f, f->server.n_requests == 1);
    asked_usec = now_usec();
    run_until(f, f->server.n_requests >= 2);
    assert_true(now_usec() - asked_usec >= 1900 * USEC_PER_MSEC);
    key_of(f, 0, first);
    key_of(f, 1, second);
    assert_string_equal(first, second);
    assert_int_equal(f->n_events[EVENT_COLLECTOR_AWAY], 0); /* it was only busy */
}

/* What answers, but is no collector, gets nothing that is then forgotten. */
static void test_astray(void **state)
{
    static const char *const answers[] = {PORTAL, MOVED};
    Fixture *f = *state;

    for (size_t i = 0; i < ELEMENTSOF(answers); i++) {
        server_answers(&f->server, answers[i], NULL);
        start(f);
        run_until(f, f->n_events[EVENT_COLLECTOR_AWAY] == i + 1);
        run_until(f, view_of(f).waiting >= 2);
        assert_int_equal(view_of(f).posted, 0);
        f->poster = poster_free(f->poster, DEADLINE_USEC);
    }
}

static void test_token(void **state)
{
    Fixture *f = *state;

    server_answers(&f->server, DENIED, STORED);
    start(f);
    run_until(f, f->n_events[EVENT_COLLECTOR_AWAY] == 1);
    assert_non_null(strstr(view_of(f).error, "token"));
    /* A new spec is tried at once, not after the back-off. */
    assert_int_equal(file_write_atomic(AT_FDCWD, f->token, "s3cret\n", 7, 0600, false), 0);
    f->config.token = f->token;
    uint64_t before_usec = now_usec();
    assert_int_equal(poster_configure(f->poster, &f->config), 0);
    run_until(f, view_of(f).posted > 0);
    assert_true(now_usec() - before_usec < 20 * USEC_PER_SEC);
    assert_non_null(strstr(f->server.requests[1], "\r\nAuthorization: Bearer s3cret\r\n"));
    assert_int_equal(f->n_events[EVENT_COLLECTOR_BACK], 1);
}

static void test_no_token(void **state)
{
    Fixture *f = *state;

    f->config.token = "/nonexistent/token";
    start(f);
    run_until(f, f->n_events[EVENT_COLLECTOR_AWAY] == 1);
    assert_int_equal(f->server.n_requests, 0);
    assert_non_null(strstr(view_of(f).error, "No such file"));
}

static void test_bad_ca(void **state)
{
    Fixture *f = *state;

    f->config.url = "https://127.0.0.1:1/";
    f->config.ca = "/nonexistent/ca.pem";
    start(f);
    run_until(f, f->n_events[EVENT_COLLECTOR_AWAY] == 1);
    run_until(f, view_of(f).waiting >= 2);
}

/* Nobody knows whether it was stored: it is posted again, with its key. */
static void test_unanswered(void **state)
{
    Fixture *f = *state;
    char first[64], second[64];

    server_answers(&f->server, "", DUPLICATE);
    f->server.stays = true;
    start(f);
    run_until(f, f->server.n_requests == 1);
    f->poster = poster_free(f->poster, DEADLINE_USEC);
    f->server.stays = false;
    start(f);
    run_until(f, view_of(f).posted >= 1);
    key_of(f, 0, first);
    key_of(f, 1, second);
    assert_string_equal(first, second);
    assert_int_equal(view_of(f).duplicates, view_of(f).posted);
}

static void test_events_come_early(void **state)
{
    Fixture *f = *state;
    Event event = {.kind = EVENT_UNHEALTHY,
                   .service = "web",
                   .after = HEALTH_UNHEALTHY,
                   .reason = "GET /: 503",
                   .latency_usec = UINT64_MAX,
                   .delay_usec = UINT64_MAX};

    f->config.interval_usec = USEC_PER_HOUR;
    start(f);
    run_until(f, view_of(f).posted == 1); /* the first one is no hour away */
    poster_tell(f->poster, &event);
    run_until(f, view_of(f).posted == 2);
    json_auto_t *json = body_of(f, 1);
    const json_t *told = json_array_get(json_object_get(json, "events"), 0);
    assert_int_equal(json_array_size(json_object_get(json, "samples")), 0);
    assert_string_equal(json_string_value(json_object_get(told, "event")), "unhealthy");
    assert_string_equal(json_string_value(json_object_get(told, "service")), "web");
}

static void test_spool_is_bounded(void **state)
{
    Fixture *f = *state;

    sd_event_source_disable_unref(TAKE_PTR(f->server.listening));
    f->config.spool_bytes = 64 * 1024;
    start(f);
    run_until(f, view_of(f).dropped >= 3);
    assert_true(view_of(f).waiting_bytes <= f->config.spool_bytes);
    assert_int_equal(f->n_events[EVENT_DEGRADED], 1);
    server_start(&f->server, f->event);
    run_until(f, f->n_events[EVENT_RESTORED] == 1);
}

static void on_finished(Poster *poster, void *userdata)
{
    Fixture *f = userdata;

    assert_false(f->finished);
    f->finished = true;
}

static void test_last_batch(void **state)
{
    Fixture *f = *state;

    f->config.interval_usec = USEC_PER_HOUR;
    start(f);
    run_until(f, view_of(f).posted == 1);
    poster_finish(f->poster, on_finished, f);
    run_until(f, f->finished);
    assert_int_equal(view_of(f).posted, 2);
    assert_int_equal(view_of(f).waiting, 0);
    json_auto_t *first = body_of(f, 0), *json = body_of(f, 1);
    assert_int_equal(json_array_size(json_object_get(json, "samples")), 1);
    assert_true(json_is_true(json_object_get(json, "last")));
    assert_null(json_object_get(first, "last"));
}

static void on_finished_freed(Poster *poster, void *userdata)
{
    Fixture *f = userdata;

    assert_ptr_equal(poster, f->poster);
    f->finished = true;
    f->poster = poster_free(poster, 0);
}

/* As when its spec goes: nobody has it any more then. */
static void test_freed_after_the_last(void **state)
{
    Fixture *f = *state;

    f->config.interval_usec = USEC_PER_HOUR;
    start(f);
    run_until(f, view_of(f).posted == 1);
    poster_finish(f->poster, on_finished_freed, f);
    run_until(f, f->finished);
    json_auto_t *json = body_of(f, 1);
    assert_true(json_is_true(json_object_get(json, "last")));
}

/* With nobody there the last one is left to the next run. */
static void test_last_batch_waits(void **state)
{
    Fixture *f = *state;

    sd_event_source_disable_unref(TAKE_PTR(f->server.listening));
    f->config.interval_usec = USEC_PER_HOUR;
    start(f);
    run_until(f, f->n_events[EVENT_COLLECTOR_AWAY] == 1);
    poster_finish(f->poster, on_finished, f);
    run_until(f, f->finished);
    f->poster = poster_free(f->poster, DEADLINE_USEC);
    server_start(&f->server, f->event);
    start(f);
    run_until(f, view_of(f).posted == 3); /* the two of the first run, and its own first one */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_batches),
        TEST(test_away_and_back),
        TEST(test_refused),
        TEST(test_refused_again_and_again),
        TEST(test_retry_after),
        TEST(test_astray),
        TEST(test_token),
        TEST(test_no_token),
        TEST(test_bad_ca),
        TEST(test_unanswered),
        TEST(test_events_come_early),
        TEST(test_spool_is_bounded),
        TEST(test_last_batch),
        TEST(test_freed_after_the_last),
        TEST(test_last_batch_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
