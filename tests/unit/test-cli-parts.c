/* SPDX-License-Identifier: MIT */

/* The parts of the command that deploy and watch: spans and points in time, control groups, the
 * rows of top, files in a folder of specs. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/macros.h"
#include "cli/deploy/install.h"
#include "cli/containers/top.h"
#include "cli/systemd/usage.h"
#include "cli/print/when.h"

#define NOW (UINT64_C(1790000000) * USEC_PER_SEC)

static void assert_span(uint64_t usec, const char *expected)
{
    _cleanup_text_ Text t = {0};

    when_add_span(&t, usec);
    assert_string_equal(t.data, expected);
}

static void test_span(void **state)
{
    assert_span(0, "0ms");
    assert_span(640, "640us");
    assert_span(2500, "2.5ms");
    assert_span(312 * USEC_PER_MSEC + 7, "312ms");
    assert_span(90 * USEC_PER_SEC, "1min");
}

static void test_parse(void **state)
{
    uint64_t usec = 1;

    assert_int_equal(when_parse("10min", NOW, &usec), 0);
    assert_true(usec == NOW - 10 * USEC_PER_MINUTE);
    assert_int_equal(when_parse("-1h 30min", NOW, &usec), 0);
    assert_true(usec == NOW - 90 * USEC_PER_MINUTE);
    assert_int_equal(when_parse("2 days ago", NOW, &usec), 0);
    assert_true(usec == NOW - 2 * USEC_PER_DAY);
    assert_int_equal(when_parse("@1700000000", NOW, &usec), 0);
    assert_true(usec == UINT64_C(1700000000) * USEC_PER_SEC);
    assert_int_equal(when_parse("2026-09-21 10:11:12", NOW, &usec), 0);
    assert_true(usec % USEC_PER_MINUTE == 12 * USEC_PER_SEC);
    assert_int_equal(when_parse("today", NOW, &usec), 0);
    assert_true(usec <= NOW && NOW - usec < USEC_PER_DAY + USEC_PER_HOUR);
    usec = 7;
    assert_int_equal(when_parse("soon", NOW, &usec), -EINVAL);
    assert_int_equal(when_parse("", NOW, &usec), -EINVAL);
    assert_int_equal(when_parse("2026-09-21 x", NOW, &usec), -EINVAL);
    assert_true(usec == 7);
}

static void put(const char *folder, const char *name, const char *text)
{
    _cleanup_free_ char *path = text_printf("%s/%s", folder, name);

    assert_int_equal(file_write_atomic(AT_FDCWD, path, text, strlen(text), 0644, false), 0);
}

static void test_usage(void **state)
{
    char folder[] = "/tmp/test-cli-parts-XXXXXX";
    Usage usage;

    assert_non_null(mkdtemp(folder));
    put(folder, "cpu.stat", "xusage_usec 7\nusage_usec 1234\nuser_usec 1\n");
    put(folder, "pids.current", "max\n");
    usage = usage_read(folder, "");
    assert_true(usage.cpu_usec == USAGE_UNKNOWN);
    usage = usage_read("", folder);
    assert_true(usage.cpu_usec == 1234);
    assert_true(usage.memory_bytes == USAGE_UNKNOWN);
    put(folder, "memory.current", "4096\n");
    usage = usage_read("", folder);
    assert_true(usage.cpu_usec == 1234 && usage.memory_bytes == 4096);
    assert_true(usage.tasks == USAGE_UNKNOWN);
    assert_true(usage.disk_bytes == USAGE_UNKNOWN && usage.io_ops == USAGE_UNKNOWN);
    put(folder, "io.stat",
        "8:0 rbytes=1 wbytes=2 rios=3 wios=4\n8:16 rbytes=10 wbytes=0 rios=1 wios=0\n");
    usage = usage_read("", folder);
    assert_true(usage.disk_bytes == 13 && usage.io_ops == 8);
    put(folder, "io.stat", "8:0 rbytes=18446744073709551615 wbytes=18446744073709551615\n");
    usage = usage_read("", folder);
    assert_true(usage.disk_bytes == USAGE_UNKNOWN - 1 && usage.io_ops == 0);
    assert_int_equal(dir_remove_tree(folder), 0);
}

static TopRow *add(TopRows *rows, const char *name, uint64_t cpu_usec, uint64_t memory_bytes)
{
    TopRow *row = top_rows_add(rows);

    assert_non_null(row);
    row->name = strdup(name);
    row->state = strdup("active");
    row->usage.cpu_usec = cpu_usec;
    row->usage.memory_bytes = memory_bytes;
    return row;
}

static void test_top(void **state)
{
    _cleanup_top_rows_ TopRows before = {.taken_usec = NOW}, rows = {.taken_usec = NOW + 2000000};
    const Screen plain = {0};
    _cleanup_text_ Text t = {0};

    add(&before, "a", 1000, 0);
    add(&before, "b", 5000000, 0);
    add(&rows, "a", 1001000, 3 * 1024 * 1024);
    add(&rows, "b", 100, 512); /* its group is a new one */
    add(&rows, "c", USAGE_UNKNOWN, USAGE_UNKNOWN)->restarts = 2;
    rows.items[1].active_usec = NOW;
    top_compare(&rows, &before);
    assert_true(rows.items[0].cpu_percent > 49.9 && rows.items[0].cpu_percent < 50.1);
    assert_true(rows.items[1].cpu_percent >= 0 && rows.items[1].cpu_percent < 0.1);
    assert_true(rows.items[2].cpu_percent < 0);

    top_sort(&rows, TOP_BY_RESTARTS);
    assert_string_equal(rows.items[0].name, "c");
    top_sort(&rows, TOP_BY_MEMORY);
    assert_string_equal(rows.items[0].name, "a");
    assert_string_equal(rows.items[2].name, "c");
    top_sort(&rows, TOP_BY_NAME);
    assert_int_equal(top_add_table(&t, &plain, &rows, TOP_BY_NAME, 1), 0);
    assert_non_null(strstr(t.data, "a      active   50.0     3.0M"));
    assert_null(strstr(t.data, "\nb"));
}

static void test_top_containers(void **state)
{
    _cleanup_top_rows_ TopRows before = {.taken_usec = NOW}, rows = {.taken_usec = NOW + 2000000};
    const Screen plain = {0};
    _cleanup_text_ Text t = {0}, json = {0};
    TopRow *row;
    TopOrder order;

    add(&rows, "a", 1000, 0);
    row = add(&rows, "stress 0123", 2000, 1);
    row->container = strdup("0123");
    row->cpu_percent = 199.09; /* is told by who read it */
    row->usage.disk_bytes = 2048;
    row->usage.io_ops = 77;
    top_compare(&rows, &before);
    assert_true(row->cpu_percent > 199);

    assert_int_equal(top_order_parse("disk", &order), 0);
    top_sort(&rows, order);
    assert_string_equal(rows.items[0].name, "stress 0123");
    assert_int_equal(top_order_parse("name", &order), 0);
    top_sort(&rows, order);
    assert_string_equal(rows.items[1].name, "stress 0123");
    assert_int_equal(top_order_parse("io", &order), 0);
    top_sort(&rows, order);
    assert_string_equal(rows.items[0].name, "stress 0123");
    assert_int_equal(top_order_parse("size", &order), -EINVAL);

    assert_int_equal(top_add_table(&t, &plain, &rows, order, 0), 0);
    assert_non_null(strstr(t.data, " IO▾"));
    assert_non_null(strstr(t.data, "stress 0123  active  199.1       1B   2.0K   77 "));
    top_add_json(&json, &rows);
    assert_non_null(strstr(json.data, "\"container\": \"0123\""));
    assert_non_null(strstr(json.data, "\"disk_bytes\": 2048, \"io_ops\": 77"));
    assert_non_null(strstr(json.data, "\"container\": null"));
}

static void assert_file(const char *path, const char *expected)
{
    _cleanup_free_ char *text = NULL;

    assert_int_equal(file_read(AT_FDCWD, path, 1000, &text, NULL), 0);
    assert_string_equal(text, expected);
}

static void test_install(void **state)
{
    char folder[] = "/tmp/test-cli-parts-XXXXXX";
    _cleanup_free_ char *path = NULL, *kept = NULL;
    _cleanup_install_ Install first = {0}, second = {0}, third = {0};
    struct stat st;

    assert_non_null(mkdtemp(folder));
    path = text_printf("%s/new/web.json", folder);
    kept = text_printf("%s.old", path);

    assert_int_equal(install_file(path, "one", 3, 0640, &first), 0);
    assert_true(first.changed);
    assert_null(first.kept);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);

    assert_int_equal(install_file(path, "one", 3, 0640, &second), 0);
    assert_false(second.changed);
    assert_int_equal(install_undo(&second), 0);
    assert_file(path, "one");

    assert_int_equal(install_file(path, "two", 3, 0640, &third), 0);
    assert_file(path, "two");
    assert_file(kept, "one");
    assert_int_equal(install_undo(&third), 0);
    assert_file(path, "one");
    assert_int_equal(access(kept, F_OK), -1);

    assert_int_equal(install_undo(&first), 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(dir_remove_tree(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_span),           cmocka_unit_test(test_parse),
        cmocka_unit_test(test_usage),          cmocka_unit_test(test_top),
        cmocka_unit_test(test_top_containers), cmocka_unit_test(test_install),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
