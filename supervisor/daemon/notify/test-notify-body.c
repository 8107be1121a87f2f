/* SPDX-License-Identifier: MIT */
/* What a notification says, read back by a JSON parser. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "base/text.h"
#include "supervisor/daemon/notify/notify-body.h"
#include "supervisor/daemon/test-manager.h"

typedef struct Fixture {
    sd_event *event;
    Manager *manager;
} Fixture;

static int setup(void **state)
{
    Fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_int_equal(sd_event_new(&f->event), 0);
    assert_int_equal(test_manager_new(f->event, 2, &f->manager), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;

    test_manager_free(f->manager);
    sd_event_unref(f->event);
    free(f);
    return 0;
}

static Notification *make(Fixture *f, const char *reason, const char *host)
{
    Event event = {
        .kind = EVENT_UNHEALTHY,
        .service = "service0000",
        .unit = "phoenix@service0000.service",
        .before = HEALTH_FAILING,
        .after = HEALTH_UNHEALTHY,
        .reason = reason,
        .failures = 3,
        .retries = 3,
        .latency_usec = UINT64_MAX,
        .delay_usec = UINT64_MAX,
        .restarts = 7,
        .realtime_usec = UINT64_C(1700000000123456),
    };
    Notification *n;

    assert_int_equal(notification_new("service0000", NOTIFY_UNHEALTHY, event.realtime_usec,
                                      notify_facts(&event, NOTIFY_UNHEALTHY, host, f->manager), &n),
                     0);
    n->count = 4;
    return n;
}

static json_t *parse(const char *body)
{
    json_t *json = json_loads(body, JSON_REJECT_DUPLICATES, NULL);

    assert_non_null(json);
    return json;
}

static const char *text_of(json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));

    assert_non_null(text);
    return text;
}

static json_int_t number_of(json_t *json, const char *key)
{
    assert_true(json_is_integer(json_object_get(json, key)));
    return json_integer_value(json_object_get(json, key));
}

static void test_body(void **state)
{
    _cleanup_notification_ Notification *n = make(*state, "GET /health: 503", "box");
    _cleanup_free_ char *body = NULL;
    json_t *log = json_array();

    assert_int_equal(json_array_append_new(log, notify_line(5, "last words", 10)), 0);
    assert_int_equal(notify_body(n, log, 100000, &body), 0);
    json_auto_t *json = parse(body);
    assert_int_equal(number_of(json, "version"), 1);
    assert_string_equal(text_of(json, "id"), n->id);
    assert_string_equal(text_of(json, "event"), "unhealthy");
    assert_string_equal(text_of(json, "service"), "service0000");
    assert_string_equal(text_of(json, "unit"), "phoenix@service0000.service");
    assert_string_equal(text_of(json, "host"), "box");
    assert_string_equal(text_of(json, "state"), "unhealthy");
    assert_string_equal(text_of(json, "state_before"), "failing");
    assert_string_equal(text_of(json, "reason"), "GET /health: 503");
    assert_non_null(strstr(text_of(json, "message"), "service0000 is unhealthy: GET /health: 503"));
    assert_string_equal(text_of(json, "time"), "2023-11-14T22:13:20.123456Z");
    assert_int_equal(number_of(json, "restarts"), 7);
    assert_int_equal(number_of(json, "count"), 4);
    log = json_object_get(json, "log");
    assert_int_equal(json_array_size(log), 1);
    assert_string_equal(text_of(json_array_get(log, 0), "message"), "last words");
    assert_string_equal(text_of(json_array_get(log, 0), "time"), "1970-01-01T00:00:00.000005Z");
}

static void test_probes(void **state)
{
    _cleanup_notification_ Notification *n = make(*state, "r", "box");
    json_t *probes = json_object_get(n->facts, "probes"), *probe, *samples;

    assert_int_equal(json_array_size(probes), 3);
    probe = json_array_get(probes, 2);
    assert_true(json_is_true(json_object_get(probe, "readiness")));
    assert_string_equal(text_of(probe, "verdict"), "passing");
    samples = json_object_get(probe, "samples");
    /* The newest one of the test is its number 4. */
    assert_int_equal(json_array_size(samples), 5);
    assert_int_equal(number_of(json_array_get(samples, 4), "latency_usec"), 4);
    assert_int_equal(number_of(json_array_get(samples, 0), "latency_usec"), 0);
    assert_string_equal(text_of(json_array_get(samples, 4), "outcome"), "pass");
    assert_string_equal(text_of(json_array_get(samples, 0), "outcome"), "fail");
}

static void check_clean(json_t *json)
{
    const char *text = json_string_value(json);
    const char *key;
    size_t i;
    json_t *child;

    for (const char *c = text; c && *c; c++) {
        assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
        assert_false((unsigned char)c[0] == 0xc2 && (unsigned char)c[1] < 0xa0);
    }
    if (text)
        assert_true(utf8_valid(text, strlen(text)));
    json_object_foreach(json, key, child) check_clean(child);
    json_array_foreach(json, i, child) check_clean(child);
}

static void test_hostile(void **state)
{
    char all[256], huge[100001];
    _cleanup_free_ char *body = NULL;
    json_t *log = json_array();

    for (unsigned i = 0; i < 255; i++)
        all[i] = (char)(i + 1);
    all[255] = '\0';
    memset(huge, '"', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';
    _cleanup_notification_ Notification *n = make(*state, TEST_HOSTILE, all);
    json_array_append_new(log, notify_line(UINT64_MAX, all, 255));
    json_array_append_new(log, notify_line(0, "a\0b", 3));
    json_array_append_new(log, notify_line(0, "", 0));
    assert_int_equal(notify_body(n, log, 100000, &body), 0);
    json_auto_t *json = parse(body);
    check_clean(json);
    assert_int_equal(json_array_size(json_object_get(json, "log")), 3);
    assert_true(
        json_is_null(json_object_get(json_array_get(json_object_get(json, "log"), 0), "time")));

    _cleanup_notification_ Notification *long_one = make(*state, huge, "box");
    assert_true(strlen(text_of(long_one->facts, "reason")) < 600);
}

/* What does not fit is left out, oldest lines first; what is left is still JSON. */
static void test_bounds(void **state)
{
    _cleanup_notification_ Notification *n = make(*state, "r", "box");
    _cleanup_free_ char *body = NULL;
    char line[3000];
    json_t *log = json_array(), *rest;

    memset(line, '\\', sizeof(line));
    for (unsigned i = 0; i < 20; i++) {
        line[0] = (char)('a' + i);
        json_array_append_new(log, notify_line(1, line, sizeof(line)));
    }
    assert_int_equal(notify_body(n, json_incref(log), 32768, &body), 0);
    assert_in_range(strlen(body), 20000, 32768);
    json_auto_t *json = parse(body);
    rest = json_object_get(json, "log");
    assert_in_range(json_array_size(rest), 3, 5);
    assert_int_equal(text_of(json_array_get(rest, json_array_size(rest) - 1), "message")[0], 't');
    body = (free(body), NULL);

    assert_int_equal(notify_body(n, json_incref(log), 1000, &body), 0);
    json_auto_t *small = parse(body);
    assert_int_equal(json_array_size(json_object_get(small, "log")), 0);
    assert_string_equal(text_of(small, "id"), n->id);
    body = (free(body), NULL);
    assert_int_equal(notify_body(n, log, 100, &body), -EFBIG);
    assert_null(body);
}

static void test_no_service(void **state)
{
    Fixture *f = *state;
    Event event = {.kind = EVENT_HELD, .service = "gone", .reason = ""};
    json_auto_t *facts = notify_facts(&event, NOTIFY_HELD, "", f->manager);

    assert_non_null(facts);
    assert_string_equal(text_of(facts, "unit"), "");
    assert_true(json_is_null(json_object_get(facts, "time")));
    assert_int_equal(json_array_size(json_object_get(facts, "probes")), 0);
}

/* Whatever journal this machine has, or none. */
static void test_log(void **state)
{
    json_auto_t *log = notify_log(true, "service0000", "phoenix@service0000.service", 5);

    assert_true(json_is_array(log));
    assert_int_equal(json_array_size(log), 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_body),   T(test_probes),     T(test_hostile),
        T(test_bounds), T(test_no_service), T(test_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
