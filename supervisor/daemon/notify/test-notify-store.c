/* SPDX-License-Identifier: MIT */
/* The folder of the queue: what is read back after a kill, what is not believed, and disks that
 * fail. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "supervisor/daemon/notify/test-notify-queue.h"

static void put(Fixture *f, const char *name, const char *data)
{
    _cleanup_free_ char *path = text_printf("%s/%s", f->folder, name);

    assert_int_equal(file_write_atomic(AT_FDCWD, path, data, strlen(data), 0600, false), 0);
}

static void test_resume(void **state)
{
    Fixture *f = *state;
    char id[SD_ID128_UUID_STRING_MAX];
    Notification *n;

    add(f, "web", NOTIFY_UNHEALTHY, true, false);
    add(f, "web", NOTIFY_UNHEALTHY, true, false);
    add(f, "web", NOTIFY_RECOVERED, true, false);
    n = next(f, NULL); /* under way when the kill comes */
    memcpy(id, n->id, sizeof(id));
    reopen(f);
    assert_int_equal(state_of(f).waiting, 2);
    n = next(f, NULL);
    assert_string_equal(n->id, id);
    assert_string_equal(n->service, "web");
    assert_int_equal(n->kind, NOTIFY_UNHEALTHY);
    assert_int_equal(n->count, 2);
    assert_int_equal(n->realtime_usec, REAL + 2);
    assert_string_equal(json_string_value(json_object_get(n->facts, "reason")), "it is broken");
    done(f, n, NOTIFY_TO_URL, NOTIFY_DELIVERED);
    n = next(f, NULL);
    assert_int_equal(n->kind, NOTIFY_RECOVERED);
    done(f, n, NOTIFY_TO_URL, NOTIFY_DELIVERED);
    reopen(f);
    assert_int_equal(state_of(f).waiting, 0);
}

/* Killed with one under way and one of the same kind behind it: one is left, no event is lost. */
static void test_resume_merges(void **state)
{
    Fixture *f = *state;
    Notification *n;

    add(f, "web", NOTIFY_UNHEALTHY, true, false);
    (void)next(f, NULL);
    add(f, "web", NOTIFY_UNHEALTHY, true, false);
    reopen(f);
    assert_int_equal(state_of(f).waiting, 1);
    assert_int_equal(n_files(f, ".json"), 1);
    n = next(f, NULL);
    assert_int_equal(n->count, 2);
    reopen(f);
    n = next(f, NULL);
    assert_int_equal(n->count, 2);
}

#define ID "01234567-89ab-cdef-0123-456789abcdef"
#define GOOD                                                                                       \
    "{\"format\":1,\"id\":\"" ID "\",\"service\":\"web\",\"kind\":\"held\",\"count\":1,"           \
    "\"time_usec\":5,\"url\":true,\"exec\":false,\"facts\":{}}"

static void test_corrupt(void **state)
{
    static const struct {
        const char *from, *to;
    } edits[] = {
        {GOOD, ""},
        {GOOD, "{"},
        {GOOD, "[]"},
        {"\"format\":1", "\"format\":2"},
        {"\"web\"", "\"../../etc\""},
        {"\"web\"", "\"\""},
        {"\"web\"", "7"},
        {"\"held\"", "\"eaten\""},
        {"\"count\":1", "\"count\":0"},
        {"\"count\":1", "\"count\":-1"},
        {"\"count\":1", "\"count\":1,\"count\":2"},
        {"\"time_usec\":5", "\"time_usec\":-5"},
        {"\"url\":true", "\"url\":false"},
        {"\"facts\":{}", "\"facts\":[]"},
        {"01234567", "11234567"},
        {"01234567", "../../x/"},
        {ID, "x"},
        {"{}}", "{}"},
    };
    Fixture *f = *state;

    put(f, ID ".json", GOOD);
    reopen(f);
    assert_int_equal(state_of(f).waiting, 1);
    for (size_t i = 0; i < ELEMENTSOF(edits); i++) {
        _cleanup_text_ Text text = {0};
        const char *at = strstr(GOOD, edits[i].from);

        assert_non_null(at);
        text_add_n(&text, GOOD, (size_t)(at - GOOD));
        text_add(&text, edits[i].to);
        text_add(&text, at + strlen(edits[i].from));
        put(f, ID ".json", text.size > 0 ? text.data : "");
        reopen(f);
        if (state_of(f).waiting != 0)
            fail_msg("taken: %s", text.data);
        assert_int_equal(n_files(f, ".json"), 0);
        assert_int_equal(n_files(f, ".json.bad"), 1);
    }
}

static void test_litter(void **state)
{
    Fixture *f = *state;
    char name[64];

    put(f, ".#" ID, "half");
    put(f, "README", "not ours");
    for (unsigned i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "%08u-89ab-cdef-0123-456789abcdef.json", i);
        put(f, name, "broken");
    }
    reopen(f);
    assert_int_equal(state_of(f).waiting, 0);
    assert_int_equal(n_files(f, ".json"), 0);
    assert_in_range(n_files(f, ".bad"), 1, 16); /* evidence, but not without end */
    assert_int_equal(n_files(f, "README"), 1);
    assert_int_equal(n_files(f, ID), 0);
}

/* Cut off anywhere, as a power failure leaves it. */
static void test_cut_off(void **state)
{
    Fixture *f = *state;

    for (size_t n = 0; n < strlen(GOOD); n++) {
        _cleanup_free_ char *half = strndup(GOOD, n);

        put(f, ID ".json", half);
        reopen(f);
        assert_int_equal(state_of(f).waiting, 0);
    }
    put(f, ID ".json", GOOD);
    reopen(f);
    assert_int_equal(state_of(f).waiting, 1);
}

/* More than fit: the newest stay. */
static void test_load_bounds(void **state)
{
    Fixture *f = *state;
    char name[8];

    for (unsigned i = 0; i < 50; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        add(f, name, NOTIFY_HELD, true, false);
    }
    f->rules.n_max = 10;
    reopen(f);
    assert_int_equal(state_of(f).waiting, 10);
    assert_int_equal(state_of(f).dropped, 40);
    assert_true(state_of(f).overflow);
    assert_int_equal(n_files(f, ".json"), 10);
    assert_string_equal(next(f, NULL)->service, "s40");
}

/* No disk: goes on in memory, and writes when it can again. */
static void test_no_disk(void **state)
{
    Fixture *f = *state;
    Notification *n;

    notify_queue_free(f->queue);
    dir_remove_tree(f->folder);
    assert_int_equal(file_write_atomic(AT_FDCWD, f->folder, "", 0, 0600, false), 0);
    open_queue(f);
    assert_true(state_of(f).disk_error < 0);
    add(f, "web", NOTIFY_HELD, true, false);
    add(f, "db", NOTIFY_HELD, true, false);
    assert_true(state_of(f).disk_error < 0);
    notify_queue_save(f->queue);
    assert_true(state_of(f).disk_error < 0);
    n = next(f, NULL);
    done(f, n, NOTIFY_TO_URL, NOTIFY_DELIVERED);

    assert_int_equal(unlink(f->folder), 0);
    notify_queue_save(f->queue);
    assert_int_equal(state_of(f).disk_error, 0);
    assert_int_equal(n_files(f, ".json"), 1);
    reopen(f);
    assert_string_equal(next(f, NULL)->service, "db");
}

/* The folder vanishes under us. */
static void test_folder_removed(void **state)
{
    Fixture *f = *state;

    dir_remove_tree(f->folder);
    add(f, "web", NOTIFY_HELD, true, false);
    assert_int_equal(state_of(f).disk_error, -ENOENT);
    notify_queue_save(f->queue);
    assert_int_equal(state_of(f).disk_error, 0);
    assert_int_equal(n_files(f, ".json"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_resume),      T(test_resume_merges), T(test_corrupt),        T(test_litter),
        T(test_load_bounds), T(test_no_disk),       T(test_folder_removed), T(test_cut_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
