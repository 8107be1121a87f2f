/* SPDX-License-Identifier: MIT */
/*
 * What is posted against docs/collector-api.md, with names and reasons that nobody should let
 * through; what answers mean; where tokens are.
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
#include "supervisor/daemon/poster/answer.h"
#include "supervisor/daemon/poster/batch.h"
#include "supervisor/daemon/poster/credential.h"
#include "supervisor/daemon/poster/pending.h"
#include "supervisor/daemon/test-manager.h"

#define NOW UINT64_C(1763922000123456) /* 2025-11-23T18:20:00.123456Z */

typedef struct Fixture {
    sd_event *event;
    Manager *manager;
    SampleServices services;
} Fixture;

static int setup(void **state)
{
    Fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_true(sd_event_new(&f->event) >= 0);
    assert_int_equal(test_manager_new(f->event, 3, &f->manager), 0);
    assert_int_equal(sample_services(f->manager, &f->services), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;

    sample_services_done(&f->services);
    test_manager_free(f->manager);
    sd_event_unref(f->event);
    free(f);
    return 0;
}

static json_t *batch_of(const BatchFacts *facts)
{
    _cleanup_text_ Text t = {0};

    batch_to_json(facts, &t);
    assert_int_equal(t.error, 0);
    json_t *json = json_loadb(t.data, t.size, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

static const char *string_of(const json_t *json, const char *name)
{
    const char *s = json_string_value(json_object_get(json, name));

    assert_non_null(s);
    return s;
}

static void test_batch(void **state)
{
    Fixture *f = *state;
    BatchFacts facts = {
        .host = "web-1", .key = "k", .realtime_usec = NOW, .services = &f->services, .events = ""};
    json_auto_t *json = batch_of(&facts);
    const json_t *samples = json_object_get(json, "samples");
    const json_t *sample = json_array_get(samples, 0);

    assert_string_equal(string_of(json, "host"), "web-1");
    assert_string_equal(string_of(json, "key"), "k");
    assert_int_equal(json_array_size(samples), 1);
    assert_int_equal(json_array_size(json_object_get(json, "events")), 0);
    assert_string_equal(string_of(sample, "timestamp"), "2025-11-23T18:20:00.123456Z");
    assert_null(json_object_get(sample, "sysinfo"));
    assert_int_equal(json_array_size(json_object_get(sample, "services")), 3);
}

static void test_service(void **state)
{
    Fixture *f = *state;
    BatchFacts facts = {
        .host = "h", .key = "k", .realtime_usec = NOW, .services = &f->services, .events = ""};
    json_auto_t *json = batch_of(&facts);
    const json_t *services =
        json_object_get(json_array_get(json_object_get(json, "samples"), 0), "services");
    ServiceView view;

    for (size_t i = 0; i < 3; i++) {
        const json_t *service = json_array_get(services, i);
        manager_view_service(f->manager, i, &view);
        assert_string_equal(string_of(service, "name"), view.name);
        assert_string_equal(string_of(service, "state"), health_state_word(view.state));
        assert_int_equal(json_integer_value(json_object_get(service, "restarts")), view.restarts);
        assert_int_equal(json_integer_value(json_object_get(service, "beats")), view.beats);
        assert_true(json_is_integer(json_object_get(service, "latency_usec")));
        assert_true(json_is_null(json_object_get(service, "memory_bytes")));
        assert_true(strlen(string_of(service, "reason")) <= 4096);
    }
}

/* Containers of a service are its own, and only those. */
static void test_usage(void **state)
{
    Fixture *f = *state;
    SysinfoContainer containers[] = {
        {.cmdline = "",
         .unit = "phoenix@service0001.service",
         .memory_bytes = 1000,
         .cpu_percent = 1.5},
        {.cmdline = "", .unit = NULL, .memory_bytes = 7},
        {.cmdline = "",
         .unit = "phoenix@service0001.service",
         .memory_bytes = 24,
         .cpu_percent = 0.25},
        {.cmdline = "", .unit = "phoenix@service0002.service", .missing = SYSINFO_MISSING_MEMORY},
        {.cmdline = "", .unit = "phoenix@service00011.service", .memory_bytes = 9},
    };
    Sysinfo sysinfo = {.containers = containers, .n_containers = ELEMENTSOF(containers)};
    BatchFacts facts = {.host = "h",
                        .key = "k",
                        .realtime_usec = NOW,
                        .services = &f->services,
                        .sysinfo = &sysinfo,
                        .events = ""};
    json_auto_t *json = batch_of(&facts);
    const json_t *sample = json_array_get(json_object_get(json, "samples"), 0);
    const json_t *services = json_object_get(sample, "services");
    const json_t *used = json_array_get(services, 1);

    assert_true(json_is_object(json_object_get(sample, "sysinfo")));
    assert_int_equal(json_integer_value(json_object_get(used, "memory_bytes")), 1024);
    assert_float_equal(json_real_value(json_object_get(used, "cpu_percent")), 1.75, 0.001);
    for (size_t i = 0; i < 3; i += 2)
        assert_true(json_is_null(json_object_get(json_array_get(services, i), "memory_bytes")));
}

static Event an_event(const char *service, const char *reason)
{
    return (Event){.kind = EVENT_FAILING,
                   .service = service,
                   .after = HEALTH_FAILING,
                   .reason = reason,
                   .latency_usec = UINT64_MAX,
                   .delay_usec = UINT64_MAX,
                   .realtime_usec = NOW};
}

static void test_events(void **state)
{
    _cleanup_(pending_done) Pending pending = {0};
    _cleanup_text_ Text t = {0};
    Event event = an_event("web", TEST_HOSTILE), other = an_event(NULL, "");

    other.kind = EVENT_DEGRADED;
    pending_add(&pending, &event);
    pending_add(&pending, &other);
    pending_take(&pending, &t);
    assert_int_equal(pending.n, 0);
    BatchFacts facts = {.host = "h", .key = "k", .realtime_usec = NOW, .events = t.data};
    json_auto_t *json = batch_of(&facts);
    const json_t *events = json_object_get(json, "events");
    const json_t *first = json_array_get(events, 0), *second = json_array_get(events, 1);

    assert_int_equal(json_array_size(json_object_get(json, "samples")), 0);
    assert_int_equal(json_array_size(events), 2);
    assert_string_equal(string_of(first, "timestamp"), "2025-11-23T18:20:00.123456Z");
    assert_string_equal(string_of(first, "event"), "failing");
    assert_string_equal(string_of(first, "service"), "web");
    assert_string_equal(string_of(first, "state"), "failing");
    assert_non_null(strstr(string_of(first, "message"), "web is failing"));
    assert_null(json_object_get(second, "service"));
    assert_null(json_object_get(second, "state"));
}

static void test_events_are_bounded(void **state)
{
    _cleanup_(pending_done) Pending pending = {0};
    _cleanup_text_ Text t = {0};
    char name[16];

    for (size_t i = 0; i < PENDING_MAX + 10; i++) {
        snprintf(name, sizeof(name), "s%zu", i);
        Event event = an_event(name, "");
        pending_add(&pending, &event);
    }
    assert_int_equal(pending.n, PENDING_MAX);
    assert_int_equal(pending.dropped, 10);
    pending_take(&pending, &t);
    assert_null(strstr(t.data, "\"s9\""));
    assert_true(strstr(t.data, "\"s10\"") < strstr(t.data, "\"s11\""));
    assert_non_null(strstr(t.data, "\"s1009\""));
}

static void test_times(void **state)
{
    static const struct {
        uint64_t usec;
        const char *text;
    } cases[] = {
        {0, "\"1970-01-01T00:00:00.000000Z\""},
        {NOW, "\"2025-11-23T18:20:00.123456Z\""},
        {UINT64_C(7258118399999999), "\"2199-12-31T23:59:59.999999Z\""},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_text_ Text t = {0};
        sample_add_time(&t, cases[i].usec);
        assert_string_equal(t.data, cases[i].text);
    }
}

static Answer answer_of(long status, const char *text)
{
    HttpPostAnswer http = {.status = status,
                           .error = "Couldn't connect to server",
                           .text = text,
                           .size = strlen(text)};
    Answer answer;

    answer_read(&http, &answer);
    return answer;
}

static void test_answers(void **state)
{
    Answer answer = answer_of(201, "{\"stored\": 1, \"events\": 0, \"duplicate\": false}");

    assert_int_equal(answer.verdict, DELIVERY_STORED);
    assert_false(answer.duplicate);
    assert_string_equal(answer.what, "");
    answer = answer_of(200, "{\"stored\": 0, \"events\": 0, \"duplicate\": true}");
    assert_int_equal(answer.verdict, DELIVERY_STORED);
    assert_true(answer.duplicate);

    answer = answer_of(200, "<html>Sign in to this hotel</html>");
    assert_int_equal(answer.verdict, DELIVERY_ASTRAY);
    assert_non_null(strstr(answer.what, "is the address right?"));
    answer = answer_of(204, "");
    assert_int_equal(answer.verdict, DELIVERY_ASTRAY);

    answer = answer_of(400, "{\"error\": \"/samples/0: \033[31mbad\\nworse\"}");
    assert_int_equal(answer.verdict, DELIVERY_REFUSED);
    assert_null(strchr(answer.what, '\n'));
    answer = answer_of(400, "{\"error\": \"/samples/0: bad\\nworse\"}");
    assert_string_equal(answer.what, "HTTP 400: /samples/0: bad worse");
    answer = answer_of(401, "");
    assert_int_equal(answer.verdict, DELIVERY_DENIED);
    assert_non_null(strstr(answer.what, "token"));
    answer = answer_of(302, "");
    assert_non_null(strstr(answer.what, "redirects are not followed"));
    answer = answer_of(0, "");
    assert_int_equal(answer.verdict, DELIVERY_LATER);
    assert_false(answer.answered);
    assert_string_equal(answer.what, "Couldn't connect to server");
}

static void test_long_words_of_others(void **state)
{
    _cleanup_text_ Text t = {0};

    text_add(&t, "{\"error\": \"");
    for (size_t i = 0; i < 5000; i++)
        text_add(&t, "\xc3\xa4");
    text_add(&t, "\"}");
    Answer answer = answer_of(401, t.data);
    assert_true(utf8_valid(answer.what, strlen(answer.what)));
    assert_non_null(strstr(answer.what, "token")); /* there is still room for what helps */
}

static void test_tokens(void **state)
{
    static const struct {
        const char *content;
        int result;
    } cases[] = {{"s3cret\n", 0},    {"  s3cret \r\n", 0},       {"s3cret", 0},
                 {"", -EBADMSG},     {"\n", -EBADMSG},           {"two words", -EBADMSG},
                 {"a\nb", -EBADMSG}, {"t\xc3\xb6ken", -EBADMSG}, {"a\001b", -EBADMSG}};
    char folder[] = "/tmp/test-credential-XXXXXX";

    assert_non_null(mkdtemp(folder));
    _cleanup_free_ char *path = text_printf("%s/token", folder);
    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        char *token = NULL;
        assert_int_equal(file_write_atomic(AT_FDCWD, path, cases[i].content,
                                           strlen(cases[i].content), 0600, false),
                         0);
        assert_int_equal(credential_token(path, &token), cases[i].result);
        if (token)
            assert_string_equal(token, "s3cret");
        free(token);
    }
    _cleanup_free_ char *token = NULL;
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    assert_int_equal(credential_token("token", &token), -ENXIO);
    assert_int_equal(file_write_atomic(AT_FDCWD, path, "abc\n", 4, 0600, false), 0);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
    assert_int_equal(credential_token("other", &token), -ENOENT);
    assert_int_equal(credential_token("token", &token), 0);
    assert_string_equal(token, "abc");
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    assert_int_equal(dir_remove_tree(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_service, setup, teardown),
        cmocka_unit_test_setup_teardown(test_usage, setup, teardown),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_events_are_bounded),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_long_words_of_others),
        cmocka_unit_test(test_tokens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
