/* SPDX-License-Identifier: MIT */

/* Storing and reading, damage, and how data grows old: in a folder of its own, with a clock of its
 * own. */

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/file.h"
#include "collector/test-near.h"
#include "collector/reader.h"
#include "collector/retention.h"
#include "collector/store.h"

#define NOW (UINT64_C(1795456800) * USEC_PER_SEC) /* 2026-11-23T18:00:00Z */

typedef struct Fixture {
    char folder[32];
    Store *store;
    Reader *reader;
} Fixture;

static int open_both(Fixture *f)
{
    char *aside = NULL;

    assert_int_equal(store_open(f->folder, &f->store, &aside), 0);
    assert_null(aside);
    return reader_new(store_path(f->store), &f->reader);
}

static int setup(void **state)
{
    Fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    (void)strcpy(f->folder, "/tmp/test-store.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    *state = f;
    return open_both(f);
}

static int teardown(void **state)
{
    Fixture *f = *state;

    reader_free(f->reader);
    store_free(f->store);
    int r = dir_remove_tree(f->folder);
    free(f);
    return r;
}

static Sample sample_at(uint64_t time_usec, const char *raw, double cpu)
{
    Sample sample = {.time_usec = time_usec,
                     .raw = raw,
                     .raw_size = strlen(raw),
                     .has_system = true,
                     .system = {.cpu_percent = cpu,
                                .memory_total_mb = 1000,
                                .memory_free_mb = 400,
                                .memory_used_mb = 600}};

    sample.classes[CLASS_IO] =
        (ClassValues){.containers = 2, .cpu_percent = cpu / 2, .io_write_ops = 100};
    return sample;
}

/* One post of one sample. */
static int post(Fixture *f, const char *host, const char *key, const Sample *sample,
                uint64_t arrived)
{
    assert_int_equal(store_begin(f->store), 0);
    int r = store_post_begin(f->store, host, key, arrived);
    if (r == 0) {
        assert_int_equal(store_sample(f->store, sample), 0);
        assert_int_equal(store_post_end(f->store, true), 0);
    }
    assert_int_equal(store_commit(f->store), 0);
    return r;
}

static int collect(const char *host, const char *body, size_t size, void *userdata)
{
    Text *t = userdata;

    text_addf(t, "%s:", host);
    text_add_n(t, body, size);
    text_add_char(t, '\n');
    return 0;
}

static void logs_are(Fixture *f, const char *host, uint64_t since, uint64_t until,
                     const char *expected)
{
    _cleanup_text_ Text t = {0};
    LogCursor cursor = {.time_usec = since};
    int r;

    /* Pages of one, so that each step of the cursor is tried. */
    do
        r = reader_log_page(f->reader, host, &cursor, until, 1, collect, &t);
    while (r > 0);
    assert_int_equal(r, 0);
    assert_string_equal(t.data ? t.data : "", expected);
}

static json_t *answer(int r, Text *t)
{
    json_t *json;

    assert_int_equal(r, 0);
    json = json_loadb(t->data, t->size, 0, NULL);
    assert_non_null(json);
    text_done(t);
    return json;
}

static json_t *series(Fixture *f, SeriesKind of, const char *host, uint64_t since, uint64_t until,
                      uint64_t step)
{
    const SeriesQuery query = {.of = of,
                               .host = host,
                               .name = "web",
                               .class = -1,
                               .span = {since, until},
                               .step_usec = step};
    Text t = {0};
    int r = reader_add_series(f->reader, &query, &t);
    json_t *json = answer(r, &t), *rows = json_incref(json_object_get(json, "rows"));

    json_decref(json);
    return rows;
}

static double cell(json_t *rows, size_t row, size_t column)
{
    return json_number_value(json_array_get(json_array_get(rows, row), column));
}

static void test_what_was_stored_is_read(void **state)
{
    Fixture *f = *state;
    Sample second = sample_at(NOW + 10, "{\"b\":0.00}", 20),
           first = sample_at(NOW, "{\"a\":1}", 10), other = sample_at(NOW + 5, "{}", 30);

    assert_int_equal(post(f, "web-1", NULL, &second, NOW), 0);
    assert_int_equal(post(f, "web-1", NULL, &first, NOW), 0);
    assert_int_equal(post(f, "<script>alert(1)</script>", NULL, &other, NOW), 0);
    logs_are(f, NULL, 0, UINT64_MAX,
             "web-1:{\"a\":1}\n<script>alert(1)</script>:{}\nweb-1:{\"b\":0.00}\n");
    logs_are(f, "web-1", 0, UINT64_MAX, "web-1:{\"a\":1}\nweb-1:{\"b\":0.00}\n");
    logs_are(f, NULL, NOW + 5, NOW + 10, "<script>alert(1)</script>:{}\n");
    logs_are(f, "nobody", 0, UINT64_MAX, "");
}

static void test_same_time_twice(void **state)
{
    Fixture *f = *state;
    Sample a = sample_at(NOW, "{\"a\":1}", 10), b = sample_at(NOW, "{\"a\":2}", 30);

    assert_int_equal(post(f, "h", NULL, &a, NOW), 0);
    assert_int_equal(post(f, "h", NULL, &b, NOW), 0);
    logs_are(f, NULL, 0, UINT64_MAX, "h:{\"a\":1}\nh:{\"a\":2}\n");
    json_t *rows = series(f, SERIES_SYSTEM, "h", 0, NOW + USEC_PER_SEC, USEC_PER_SEC);
    assert_int_equal(json_array_size(rows), 1);
    assert_near(cell(rows, 0, 1), 2, 0);
    assert_near(cell(rows, 0, 2), 20, 1e-9);
    assert_near(cell(rows, 0, 3), 30, 1e-9);
    json_decref(rows);
}

static void test_keys(void **state)
{
    Fixture *f = *state;
    Sample a = sample_at(NOW, "{}", 10);

    assert_int_equal(post(f, "h", "k", &a, NOW), 0);
    assert_int_equal(post(f, "h", "k", &a, NOW), STORE_DUPLICATE);
    assert_int_equal(post(f, "g", "k", &a, NOW), 0);
    logs_are(f, NULL, 0, UINT64_MAX, "h:{}\ng:{}\n");
}

static void test_undone_post_leaves_nothing(void **state)
{
    Fixture *f = *state;
    Sample a = sample_at(NOW, "{\"bad\":1}", 10), b = sample_at(NOW, "{\"good\":1}", 10);

    assert_int_equal(store_begin(f->store), 0);
    assert_int_equal(store_post_begin(f->store, "bad", "k", NOW), 0);
    assert_int_equal(store_sample(f->store, &a), 0);
    assert_int_equal(store_post_end(f->store, false), 0);
    assert_int_equal(store_post_begin(f->store, "good", "k", NOW), 0);
    assert_int_equal(store_sample(f->store, &b), 0);
    assert_int_equal(store_post_end(f->store, true), 0);
    assert_int_equal(store_commit(f->store), 0);
    logs_are(f, NULL, 0, UINT64_MAX, "good:{\"good\":1}\n");
    assert_int_equal(post(f, "bad", "k", &a, NOW), 0);
}

static void test_services_and_events(void **state)
{
    Fixture *f = *state;
    ServiceValues web = {.name = "web",
                         .state = "failing",
                         .reason = "503 \"<b>\"",
                         .ready = 0,
                         .restarts = 2,
                         .beats = NAN,
                         .beats_per_minute = NAN,
                         .latency_usec = 850,
                         .cpu_percent = NAN,
                         .memory_bytes = NAN};
    Sample sample = {
        .time_usec = NOW, .raw = "{}", .raw_size = 2, .services = &web, .n_services = 1};
    SampleEvent event = {.time_usec = NOW, .event = "failing", .service = "web", .reason = "503"};
    int64_t id = 0;
    Text t = {0};

    assert_int_equal(store_begin(f->store), 0);
    assert_int_equal(store_post_begin(f->store, "h", NULL, NOW), 0);
    assert_int_equal(store_sample(f->store, &sample), 0);
    assert_int_equal(store_event(f->store, &event, &id), 0);
    assert_int_equal(store_post_end(f->store, true), 0);
    assert_int_equal(store_commit(f->store), 0);
    assert_int_equal(id, 1);
    /* An older sample does not change what is newest. */
    ServiceValues before = web;
    before.state = "healthy";
    Sample older = {.time_usec = NOW - 10 * USEC_PER_SEC,
                    .raw = "{}",
                    .raw_size = 2,
                    .services = &before,
                    .n_services = 1};
    assert_int_equal(post(f, "h", NULL, &older, NOW), 0);

    int r = reader_add_services(f->reader, NULL, NOW, &t);
    json_t *json = answer(r, &t), *service = json_array_get(json_object_get(json, "services"), 0);
    assert_string_equal(json_string_value(json_object_get(service, "state")), "failing");
    assert_string_equal(json_string_value(json_object_get(service, "reason")), "503 \"<b>\"");
    assert_true(json_is_null(json_object_get(service, "beats")));
    assert_true(json_is_false(json_object_get(service, "ready")));
    json_decref(json);

    json_t *rows = series(f, SERIES_SERVICE, "h", 0, NOW + 1, USEC_PER_DAY);
    assert_string_equal(json_string_value(json_array_get(json_array_get(rows, 0), 2)), "failing");
    json_decref(rows);

    const EventsQuery query = {
        .span = {0, INT64_MAX}, .before_id = INT64_MAX, .limit = 1, .service = "web"};
    r = reader_add_events(f->reader, &query, &t);
    json = answer(r, &t);
    assert_int_equal(json_array_size(json_object_get(json, "events")), 1);
    assert_true(json_is_false(json_object_get(json, "more")));
    json_decref(json);
}

static void test_hosts_are_limited(void **state)
{
    Fixture *f = *state;
    Sample a = sample_at(NOW, "{}", 10);
    char name[32];

    assert_int_equal(store_begin(f->store), 0);
    for (int i = 0; i < STORE_HOSTS_MAX; i++) {
        (void)snprintf(name, sizeof(name), "host-%d", i);
        assert_int_equal(store_post_begin(f->store, name, NULL, NOW), 0);
        assert_int_equal(store_sample(f->store, &a), 0);
        assert_int_equal(store_post_end(f->store, true), 0);
    }
    assert_int_equal(store_post_begin(f->store, "one-more", NULL, NOW), STORE_TOO_MANY);
    assert_int_equal(store_post_begin(f->store, "host-7", NULL, NOW), 0);
    assert_int_equal(store_post_end(f->store, true), 0);
    assert_int_equal(store_commit(f->store), 0);
}

static void test_damaged_file_is_kept_aside(void **state)
{
    Fixture *f = *state;
    Sample a = sample_at(NOW, "{}", 10);
    _cleanup_free_ char *path = strdup(store_path(f->store)), *aside = NULL, *kept = NULL;
    char *none = NULL;

    f->store = store_free(f->store);
    f->reader = reader_free(f->reader);
    assert_int_equal(
        file_write_atomic(AT_FDCWD, path, "this is no database at all, is it?", 34, 0600, false),
        0);
    assert_int_equal(store_open(f->folder, &f->store, &aside), 0);
    assert_non_null(aside);
    assert_non_null(strstr(aside, "collector.db.corrupt-2"));
    assert_int_equal(file_read(AT_FDCWD, aside, 1000, &kept, NULL), 0);
    assert_string_equal(kept, "this is no database at all, is it?");
    assert_int_equal(reader_new(store_path(f->store), &f->reader), 0);
    assert_int_equal(post(f, "h", NULL, &a, NOW), 0);
    logs_are(f, NULL, 0, UINT64_MAX, "h:{}\n");

    f->store = store_free(f->store);
    assert_int_equal(store_open(f->folder, &f->store, &none), 0);
    assert_null(none);
}

static const Keep keep = {.raw_usec = USEC_PER_DAY,
                          .minute_usec = 30 * USEC_PER_DAY,
                          .hour_usec = 365 * USEC_PER_DAY,
                          .key_usec = 7 * USEC_PER_DAY,
                          .max_bytes = UINT64_C(1) << 30};

static void clean(Fixture *f, Retention *retention, uint64_t now)
{
    int r, steps = 0;

    while ((r = retention_step(retention, f->store, now)) > 0)
        assert_true(++steps < 100000);
    assert_int_equal(r, 0);
}

/* Two hours of samples, each 10 s; CPU counts up within each minute. */
static void post_hours(Fixture *f)
{
    assert_int_equal(store_begin(f->store), 0);
    for (uint64_t i = 0; i < 720; i++) {
        uint64_t when = NOW + i * 10 * USEC_PER_SEC;
        Sample a = sample_at(when, "{}", (double)(i % 6));
        assert_int_equal(store_post_begin(f->store, "h", i == 0 ? "k" : NULL, when), 0);
        assert_int_equal(store_sample(f->store, &a), 0);
        assert_int_equal(store_post_end(f->store, true), 0);
    }
    assert_int_equal(store_commit(f->store), 0);
}

/* All of it as one row, whatever it is kept as. */
static void sum_is(Fixture *f, double n, double cpu, double cpu_max)
{
    json_t *rows = series(f, SERIES_SYSTEM, "h", 0, NOW + USEC_PER_DAY, 365 * USEC_PER_DAY);
    json_t *classes = series(f, SERIES_CLASS, "h", 0, NOW + USEC_PER_DAY, 365 * USEC_PER_DAY);

    assert_int_equal(json_array_size(rows), 1);
    assert_near(cell(rows, 0, 1), n, 0);
    assert_near(cell(rows, 0, 2), cpu, 1e-6);
    assert_near(cell(rows, 0, 3), cpu_max, 1e-6);
    assert_near(cell(classes, 0, 2), n, 0);
    assert_near(cell(classes, 0, 4), cpu / 2, 1e-6);
    json_decref(rows);
    json_decref(classes);
}

static size_t n_rows(Fixture *f, uint64_t step)
{
    json_t *rows = series(f, SERIES_SYSTEM, "h", 0, NOW + USEC_PER_DAY, step);
    size_t n = json_array_size(rows);

    json_decref(rows);
    return n;
}

/* A database of the version before, which kept entries as text alone. */
static void test_database_of_version_1(void **state)
{
    Fixture *f = *state;
    sqlite3 *old = NULL;
    char *aside = NULL;
    Sample a = sample_at(NOW + 2, "{\"new\":1,\"timestamp\":\"2026-11-23T18:20:00Z\"}", 1);

    f->reader = reader_free(f->reader);
    f->store = store_free(f->store);
    _cleanup_free_ char *path = text_printf("%s/collector.db", f->folder);
    assert_non_null(path);
    assert_int_equal(sqlite3_open(path, &old), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(old,
                     "ALTER TABLE entry DROP COLUMN packed; PRAGMA user_version=1;"
                     "INSERT INTO host(id,name,first,last,arrived) VALUES(7,'h',1,1,1);"
                     "INSERT INTO entry(host,time,arrived,body) VALUES(7,1795456800000001,1,"
                     "'{\"old\":1,\"x\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}')",
                     NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(old);
    assert_int_equal(store_open(f->folder, &f->store, &aside), 0);
    assert_null(aside);
    assert_int_equal(reader_new(store_path(f->store), &f->reader), 0);
    assert_int_equal(post(f, "h", NULL, &a, NOW), 0);
    logs_are(f, NULL, NOW, UINT64_MAX,
             "h:{\"old\":1,\"x\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}\n"
             "h:{\"new\":1,\"timestamp\":\"2026-11-23T18:20:00Z\"}\n");
}

static void test_a_version_that_is_not_known(void **state)
{
    Fixture *f = *state;
    Store *store = NULL;
    char *aside = NULL;

    assert_int_equal(db_exec(store_db(f->store), "PRAGMA user_version=99"), 0);
    assert_int_equal(store_open(f->folder, &store, &aside), -ESTALE);
    assert_null(aside);
    assert_int_equal(db_exec(store_db(f->store), "PRAGMA user_version=2"), 0);
}

static void test_damaged_entry(void **state)
{
    Fixture *f = *state;
    Sample a = sample_at(NOW, "{\"timestamp\":\"2026-11-23T18:20:00Z\",\"sysinfo\":{}}", 1);
    LogCursor cursor = {.time_usec = NOW};
    _cleanup_text_ Text t = {0};

    assert_int_equal(post(f, "h", NULL, &a, NOW), 0);
    assert_int_equal(db_number(store_db(f->store), "SELECT count(packed) FROM entry"), 1);
    assert_int_equal(db_exec(store_db(f->store), "UPDATE entry SET packed=substr(packed,1,12)"), 0);
    assert_int_equal(reader_log_page(f->reader, NULL, &cursor, UINT64_MAX, 2, collect, &t),
                     -EUCLEAN);
}

static void test_values_become_coarser_and_stay_true(void **state)
{
    Fixture *f = *state;
    Retention *retention = NULL;

    assert_int_equal(retention_new(&keep, &retention), 0);
    post_hours(f);
    clean(f, retention, NOW + 2 * USEC_PER_HOUR);
    assert_int_equal(n_rows(f, USEC_PER_SEC), 720);
    sum_is(f, 720, 2.5, 5);

    /* The first hour is older than a day now. */
    clean(f, retention, NOW + USEC_PER_DAY + USEC_PER_HOUR);
    assert_int_equal(n_rows(f, USEC_PER_SEC), 60 + 360);
    sum_is(f, 720, 2.5, 5);
    clean(f, retention, NOW + 2 * USEC_PER_DAY);
    assert_int_equal(n_rows(f, USEC_PER_SEC), 120);
    sum_is(f, 720, 2.5, 5);

    /* What comes late joins the minute it belongs to. */
    Sample late = sample_at(NOW + USEC_PER_SEC, "{}", 2.5);
    assert_int_equal(post(f, "h", NULL, &late, NOW + 2 * USEC_PER_DAY), 0);
    clean(f, retention, NOW + 2 * USEC_PER_DAY);
    assert_int_equal(n_rows(f, USEC_PER_SEC), 120);
    sum_is(f, 721, 2.5, 5);

    clean(f, retention, NOW + 32 * USEC_PER_DAY);
    assert_int_equal(n_rows(f, USEC_PER_SEC), 2);
    sum_is(f, 721, 2.5, 5);
    clean(f, retention, NOW + 370 * USEC_PER_DAY);
    assert_int_equal(n_rows(f, USEC_PER_SEC), 0);
    assert_true(retention_n_aged(retention) > 720);
    retention_free(retention);
}

static void test_entries_and_keys_age(void **state)
{
    Fixture *f = *state;
    Sample a = sample_at(NOW, "{}", 10);
    Retention *retention = NULL;

    assert_int_equal(retention_new(&keep, &retention), 0);
    assert_int_equal(post(f, "h", "k", &a, NOW), 0);
    clean(f, retention, NOW + USEC_PER_DAY - 1);
    logs_are(f, NULL, 0, UINT64_MAX, "h:{}\n");
    clean(f, retention, NOW + USEC_PER_DAY + 1);
    logs_are(f, NULL, 0, UINT64_MAX, "");
    assert_int_equal(post(f, "h", "k", &a, NOW + 6 * USEC_PER_DAY), STORE_DUPLICATE);
    clean(f, retention, NOW + 8 * USEC_PER_DAY);
    assert_int_equal(post(f, "h", "k", &a, NOW + 8 * USEC_PER_DAY), 0);
    /* After years without a word the host is gone, too. */
    clean(f, retention, NOW + 800 * USEC_PER_DAY);
    char *host = NULL;
    assert_int_equal(reader_newest_host(f->reader, &host), 0);
    retention_free(retention);
}

/* What cannot be packed to much less: n - 1 letters of 64, and a NUL. */
static void make_noise(char *text, size_t n)
{
    uint32_t x = 1;

    for (size_t i = 0; i + 1 < n; i++) {
        x = x * 1664525 + 1013904223;
        text[i] = (char)(' ' + (x >> 26));
    }
    text[n - 1] = '\0';
}

static void test_size_is_held(void **state)
{
    Fixture *f = *state;
    Keep small = keep;
    Retention *retention = NULL;
    _cleanup_free_ char *large = malloc(20001);
    Totals totals;

    assert_non_null(large);
    make_noise(large, 20001);
    small.max_bytes = 4 << 20;
    assert_int_equal(retention_new(&small, &retention), 0);
    for (uint64_t i = 0; i < 1000; i++) {
        Sample a = sample_at(NOW + i, large, 1);
        assert_int_equal(post(f, "h", NULL, &a, NOW + i), 0);
    }
    assert_int_equal(reader_totals(f->reader, &totals), 0);
    assert_true(totals.database_bytes > 12 << 20);
    clean(f, retention, NOW + USEC_PER_MINUTE);
    assert_int_equal(reader_totals(f->reader, &totals), 0);
    assert_true(totals.database_bytes - totals.free_bytes <= 4 << 20);
    assert_true(totals.entries > 50);
    assert_true(retention_n_squeezed(retention) > 500);
    /* Free pages are given back, but for some. */
    assert_true(totals.free_bytes <= (4 << 20) + totals.database_bytes / 8);
    /* The newest are what is left. */
    logs_are(f, NULL, NOW + 1000, UINT64_MAX, "");
    LogCursor cursor = {.time_usec = NOW + 999};
    Text t = {0};
    assert_int_equal(reader_log_page(f->reader, NULL, &cursor, UINT64_MAX, 2, collect, &t), 0);
    assert_int_equal(t.size, strlen("h:") + 20000 + 1);
    text_done(&t);
    retention_free(retention);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_was_stored_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_time_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_undone_post_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_services_and_events, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hosts_are_limited, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_file_is_kept_aside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_database_of_version_1, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_version_that_is_not_known, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_entry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_values_become_coarser_and_stay_true, setup, teardown),
        cmocka_unit_test_setup_teardown(test_entries_and_keys_age, setup, teardown),
        cmocka_unit_test_setup_teardown(test_size_is_held, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
