/* SPDX-License-Identifier: MIT */
/* The state file: what comes back, what is refused, and what happens when it cannot be written. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/macros.h"
#include "base/text.h"
#include "supervisor/daemon/persist.h"
#include "supervisor/policy/state.h"

#define PATIENCE_USEC (20 * USEC_PER_SEC)

static const sd_id128_t invocation =
    SD_ID128_MAKE(01, 23, 45, 67, 89, ab, cd, ef, 01, 23, 45, 67, 89, ab, cd, ef);

typedef struct Fixture {
    sd_event *event;
    char folder[64], state[96], file[128];
    unsigned n_said;
    int said; /* the last one */
    char said_path[160];
} Fixture;

static int setup(void **state)
{
    Fixture *f = calloc(1, sizeof(Fixture));

    assert_non_null(f);
    strcpy(f->folder, "/tmp/test-persist-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->state, sizeof(f->state), "%s/lib/phoenix", f->folder);
    snprintf(f->file, sizeof(f->file), "%s/supervisor.json", f->state);
    assert_int_equal(sd_event_new(&f->event), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;

    sd_event_unref(f->event);
    assert_int_equal(dir_remove_tree(f->folder), 0);
    free(f);
    return 0;
}

static void on_error(int error, const char *path, void *userdata)
{
    Fixture *f = userdata;

    f->n_said++;
    f->said = error;
    snprintf(f->said_path, sizeof(f->said_path), "%s", path);
}

static Persist *open_persist(Fixture *f)
{
    Persist *persist;

    assert_int_equal(persist_new(f->event, f->state, on_error, f, &persist), 0);
    return persist;
}

static void put(Fixture *f, const char *text)
{
    assert_int_equal(dir_make(f->state, 0700), 0);
    assert_int_equal(file_write_atomic(AT_FDCWD, f->file, text, strlen(text), 0600, false), 0);
}

static void wait_for_file(Fixture *f)
{
    while (access(f->file, F_OK) < 0)
        assert_true(sd_event_run(f->event, PATIENCE_USEC) > 0);
}

static void test_round_trip(void **state)
{
    Fixture *f = *state;
    Persist *persist = open_persist(f);
    ServiceRecord *web = persist_get(persist, "web");
    ServiceRecord *fresh = persist_get(persist, "db");
    struct stat st;

    assert_int_equal(fresh->state, -1);
    assert_int_equal(fresh->starts, 0);
    *web = (ServiceRecord){.starts = 1,
                           .restarts = 2,
                           .checks = 3,
                           .failures = 4,
                           .unhealthy = 5,
                           .beats = 6,
                           .last_healthy_usec = 7,
                           .last_failure_usec = 8,
                           .state_since_usec = 9,
                           .state = HEALTH_HELD,
                           .maintenance = true,
                           .maintenance_until_usec = UINT64_MAX,
                           .held_usec = INT64_MAX,
                           .n_restarts_seen = UINT32_MAX,
                           .invocation = invocation};
    persist_set_last_reason(persist, web, "say \"\n\xc3\xa4\"");
    persist_free(persist);
    assert_int_equal(stat(f->file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    persist = open_persist(f);
    web = persist_get(persist, "web");
    assert_int_equal(web->starts, 1);
    assert_int_equal(web->restarts, 2);
    assert_int_equal(web->checks, 3);
    assert_int_equal(web->failures, 4);
    assert_int_equal(web->unhealthy, 5);
    assert_int_equal(web->beats, 6);
    assert_int_equal(web->last_healthy_usec, 7);
    assert_int_equal(web->last_failure_usec, 8);
    assert_string_equal(persist_last_reason(web), "say \"\n\xc3\xa4\"");
    assert_int_equal(web->state_since_usec, 9);
    assert_int_equal(web->state, HEALTH_HELD);
    assert_true(web->maintenance);
    assert_true(web->maintenance_until_usec == UINT64_MAX);
    assert_true(web->held_usec == INT64_MAX);
    assert_int_equal(web->n_restarts_seen, UINT32_MAX);
    assert_true(sd_id128_equal(web->invocation, invocation));
    assert_string_equal(persist_last_reason(persist_get(persist, "db")), "");
    assert_int_equal(persist_get(persist, "db")->state, -1);
    persist_free(persist);
    assert_int_equal(f->n_said, 0);
}

/* Written by itself after a change; with no change there is no wakeup, and no file. */
static void test_demand(void **state)
{
    Fixture *f = *state;
    Persist *persist = open_persist(f);
    DemandRecord *demand = persist_get_demand(persist_get(persist, "web"));
    DemandRecord expected = {.starts = 1,
                             .day = 20260131,
                             .starts_that_day = 2,
                             .held = 3,
                             .idle_stops = 4,
                             .stops = 5,
                             .freezes = 6,
                             .thaws = 7,
                             .frozen_usec = 8};

    cold_starts_add(&expected.cold, 5000);
    cold_starts_add(&expected.cold, 180000);
    cold_starts_add(&expected.cold, 190000);
    cold_starts_add(&expected.cold, UINT32_MAX);
    persist_get(persist, "db");
    *demand = expected;
    assert_ptr_equal(persist_get_demand(persist_get(persist, "web")), demand);
    persist_touch(persist);
    persist_free(persist);

    persist = open_persist(f);
    demand = persist_get_demand(persist_get(persist, "web"));
    assert_memory_equal(demand, &expected, sizeof(expected));
    demand = persist_get_demand(persist_get(persist, "db"));
    assert_int_equal(demand->starts, 0);
    persist_free(persist);
    assert_int_equal(f->n_said, 0);
}

/* Written with other buckets than ours, or by nobody. */
static void test_foreign_cold_starts(void **state)
{
    Fixture *f = *state;
    static const char text[] =
        "{\"version\": 1, \"services\": {\"web\": {\"demand\": {\"starts\": 6, \"cold_starts\":"
        "{\"180\": 2, \"200\": 1, \"99999999999\": 1, \"0\": 1, \"x\": 5, \"\": 5, \"5x\": 5,"
        "\"20\": -1, \"30\": \"y\", \"50\": \"infinity\"}}},"
        "\"db\": {\"demand\": 7}}}";

    put(f, text);
    Persist *persist = open_persist(f);
    const DemandRecord *demand = persist_get_demand(persist_get(persist, "web"));
    assert_int_equal(demand->starts, 6);
    assert_int_equal(demand->cold.counts[8], 3); /* up to 200 ms */
    assert_int_equal(demand->cold.counts[COLD_START_BUCKETS - 1], 2);
    assert_true(demand->cold.counts[3] == UINT32_MAX);
    assert_true(cold_starts_count(&demand->cold) == (uint64_t)UINT32_MAX + 5);
    assert_int_equal(persist_get_demand(persist_get(persist, "db"))->starts, 0);
    persist_free(persist);
    assert_int_equal(f->n_said, 0);
}

static void test_timer(void **state)
{
    Fixture *f = *state;
    Persist *persist = open_persist(f);

    persist_get(persist, "web")->starts = 1;
    assert_int_equal(sd_event_run(f->event, 0), 0);
    persist_touch(persist);
    assert_int_equal(access(f->file, F_OK), -1);
    wait_for_file(f);
    unlink(f->file);
    assert_int_equal(sd_event_run(f->event, 0), 0);
    persist_free(persist);
    assert_int_equal(access(f->file, F_OK), -1);
    assert_null(persist_free(NULL));
}

static void test_forget(void **state)
{
    Fixture *f = *state;
    Persist *persist = open_persist(f);

    persist_get(persist, "web")->starts = 1;
    persist_get(persist, "db")->starts = 2;
    persist_forget(persist, "web");
    persist_forget(persist, "nosuch");
    persist_free(persist);
    persist = open_persist(f);
    assert_int_equal(persist_get(persist, "web")->starts, 0);
    assert_int_equal(persist_get(persist, "db")->starts, 2);
    persist_free(persist);
}

static void test_put_aside(void **state)
{
    static const char *const broken[] = {
        "",
        "{",
        "[]",
        "{\"version\": 1}",
        "{\"version\": 2, \"services\": {}}",
        "{\"version\": 1, \"services\": []}",
        "\xff",
    };
    Fixture *f = *state;
    _cleanup_free_ char *bad = text_printf("%s.bad", f->file);

    for (size_t i = 0; i < ELEMENTSOF(broken); i++) {
        put(f, broken[i]);
        f->n_said = 0;
        persist_free(open_persist(f));
        assert_int_equal(f->n_said, 1);
        assert_int_equal(f->said, -EBADMSG);
        assert_string_equal(f->said_path, bad);
        assert_int_equal(access(f->file, F_OK), -1);
        assert_int_equal(unlink(bad), 0);
    }
}

/* What is not as we write it costs itself and nothing more. */
static void test_hostile(void **state)
{
    Fixture *f = *state;
    _cleanup_free_ char *text = NULL, *reason = malloc(601);

    assert_non_null(reason);
    memset(reason, 'x', 600);
    memcpy(reason + 254, "\xc3\xa4", 2); /* would be cut in half */
    reason[600] = '\0';
    text = text_printf(
        "{\"version\": 1, \"new\": {}, \"services\": {\"../x\": {\"starts\": 1}, \"arr\": [],"
        "\"web\": {\"starts\": -5, \"checks\": \"many\", \"failures\": 1.5, \"beats\": 12,"
        "\"new\": [1], \"state\": \"purple\", \"maintenance\": 1, \"n_restarts_seen\": 99999999999,"
        "\"invocation\": \"0123456789abcdef0123456789abcdef00\", \"last_reason\": \"%s\"}}}",
        reason);
    put(f, text);
    Persist *persist = open_persist(f);
    ServiceRecord *web = persist_get(persist, "web");
    assert_int_equal(f->n_said, 0);
    assert_int_equal(web->starts, 0);
    assert_int_equal(web->checks, 0);
    assert_int_equal(web->failures, 0);
    assert_int_equal(web->beats, 12);
    assert_int_equal(web->state, -1);
    assert_false(web->maintenance);
    assert_int_equal(web->n_restarts_seen, UINT32_MAX);
    assert_true(sd_id128_is_null(web->invocation));
    assert_int_equal(strlen(persist_last_reason(web)), 254);
    persist_free(persist);
}

/* Said once; tried again; said once when it works again, and then with what is newest. */
static void test_cannot_write(void **state)
{
    Fixture *f = *state;
    _cleanup_free_ char *lib = text_printf("%s/lib", f->folder);
    Persist *persist = open_persist(f);

    assert_int_equal(file_write_atomic(AT_FDCWD, lib, "", 0, 0600, false), 0);
    persist_get(persist, "web")->starts = 1;
    persist_touch(persist);
    assert_int_equal(persist_flush(persist), -ENOTDIR);
    assert_int_equal(persist_flush(persist), -ENOTDIR);
    assert_int_equal(f->n_said, 1);
    assert_int_equal(f->said, -ENOTDIR);
    assert_string_equal(f->said_path, f->file);

    persist_get(persist, "web")->starts = 2;
    persist_touch(persist);
    assert_int_equal(unlink(lib), 0);
    wait_for_file(f);
    assert_int_equal(f->n_said, 2);
    assert_int_equal(f->said, 0);
    persist_free(persist);

    persist = open_persist(f);
    assert_int_equal(persist_get(persist, "web")->starts, 2);
    persist_free(persist);
}

static uint64_t now_usec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}

static void test_many(void **state)
{
    Fixture *f = *state;
    Persist *persist = open_persist(f);
    ServiceRecord *first = persist_get(persist, "s0");
    char name[32];
    uint64_t t0 = now_usec(), t1, t2;

    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof(name), "s%i", i);
        ServiceRecord *record = persist_get(persist, name);
        record->checks = (uint64_t)i + 1;
        record->state = HEALTH_HEALTHY;
        record->invocation = invocation;
        persist_set_last_reason(persist, record, "GET /health: 200 OK");
    }
    assert_ptr_equal(persist_get(persist, "s0"), first);
    t1 = now_usec();
    assert_int_equal(persist_flush(persist), 0);
    t2 = now_usec();
    persist_free(persist);
    persist = open_persist(f);
    print_message("10,000 records: made in %" PRIu64 " us, written in %" PRIu64
                  " us, read in %" PRIu64 " us\n",
                  t1 - t0, t2 - t1, now_usec() - t2);
    assert_int_equal(persist_get(persist, "s9999")->checks, 10000);
    persist_free(persist);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_demand, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreign_cold_starts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forget, setup, teardown),
        cmocka_unit_test_setup_teardown(test_put_aside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cannot_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
