/* SPDX-License-Identifier: MIT */
/* Reading a folder of plans: good ones, bad ones, none. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "spec/plan.h"
#include "spec/read.h"
#include "supervisor/daemon/plans.h"

typedef struct Folder {
    char path[64];
    unsigned n_bad;
    char bad[512]; /* the last one */
} Folder;

static int setup(void **state)
{
    Folder *folder = calloc(1, sizeof(Folder));

    assert_non_null(folder);
    strcpy(folder->path, "/tmp/test-plans-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    *state = folder;
    return 0;
}

static int teardown(void **state)
{
    Folder *folder = *state;

    assert_int_equal(dir_remove_tree(folder->path), 0);
    free(folder);
    return 0;
}

static void on_bad(const char *path, const char *message, void *userdata)
{
    Folder *folder = userdata;

    folder->n_bad++;
    snprintf(folder->bad, sizeof(folder->bad), "%s: %s", strrchr(path, '/') + 1, message);
}

static void put(const Folder *folder, const char *file, const char *text, size_t size)
{
    _cleanup_free_ char *path = text_printf("%s/%s", folder->path, file);

    assert_int_equal(file_write_atomic(AT_FDCWD, path, text, size, 0644, false), 0);
}

/* As the generator writes it. */
static void put_plan(const Folder *folder, const char *file, const char *name)
{
    _cleanup_free_ char *spec_text =
        text_printf("{\"name\": \"%s\", \"type\": \"binary\", \"image\": \"/bin/true\"}", name);
    _cleanup_diag_list_ DiagList diags = {0};
    _cleanup_spec_free_ Spec *spec = NULL;
    _cleanup_text_ Text plan = {0};

    assert_int_equal(
        spec_read(spec_text, strlen(spec_text), "/etc/phoenix.d/x.json", &diags, &spec), 0);
    assert_int_equal(plan_write(spec, &plan), 0);
    put(folder, file, plan.data, plan.size);
}

static void test_read(void **state)
{
    Folder *folder = *state;
    _cleanup_(plans_done) Plans plans = {0};

    put_plan(folder, "web.json", "web");
    put_plan(folder, "db.json", "db");
    put_plan(folder, "api.v2.json", "api.v2");
    put(folder, "phoenix@web.container", "[Container]", 11);
    put(folder, ".#web.json0123", "{", 1);

    assert_int_equal(plans_read(folder->path, on_bad, folder, &plans), 0);
    assert_int_equal(folder->n_bad, 0);
    assert_int_equal(plans.n, 3);
    assert_string_equal(plans.items[0]->name, "api.v2");
    assert_string_equal(plans.items[1]->name, "db");
    assert_string_equal(plans.items[2]->name, "web");
    assert_int_equal(plans.items[2]->type, SPEC_TYPE_BINARY);
    assert_true(plans.items[1]->hash != plans.items[2]->hash);

    /* The same bytes are the same plan, others are not. */
    uint64_t hash = plans.items[2]->hash;
    put_plan(folder, "web.json", "web");
    plans_done(&plans);
    assert_int_equal(plans_read(folder->path, on_bad, folder, &plans), 0);
    assert_true(plans.items[2]->hash == hash);
}

/* No services: they are apart. */
static void test_policies(void **state)
{
    static const char two[] = "{\"plan\": 1, \"name\": \"b\", \"type\": \"policy\", "
                              "\"match\": {\"command\": \"stress\"}}";
    static const char one[] = "{\"plan\": 1, \"name\": \"a\", \"type\": \"policy\", "
                              "\"match\": {\"command\": \"stress\"}, \"keep\": 3}";
    Folder *folder = *state;
    _cleanup_(plans_done) Plans plans = {0};

    put_plan(folder, "web.json", "web");
    put(folder, "b.json", two, sizeof(two) - 1);
    put(folder, "a.json", one, sizeof(one) - 1);
    assert_int_equal(plans_read(folder->path, on_bad, folder, &plans), 0);
    assert_int_equal(folder->n_bad, 0);
    assert_int_equal(plans.n, 1);
    assert_int_equal(plans.n_policies, 2);
    assert_string_equal(plans.policies[0]->name, "a");
    assert_int_equal(plans.policies[0]->policy.classes.items[0].keep, 3);
    assert_string_equal(plans.policies[1]->name, "b");
}

/* No services: they are apart. */
static void test_collectors(void **state)
{
    static const char two[] = "{\"plan\": 1, \"name\": \"b\", \"type\": \"collector\"}";
    static const char one[] = "{\"plan\": 1, \"name\": \"a\", \"type\": \"collector\", "
                              "\"url\": \"https://collector.example\"}";
    Folder *folder = *state;
    _cleanup_(plans_done) Plans plans = {0};

    put_plan(folder, "web.json", "web");
    put(folder, "b.json", two, sizeof(two) - 1);
    put(folder, "a.json", one, sizeof(one) - 1);
    assert_int_equal(plans_read(folder->path, on_bad, folder, &plans), 0);
    assert_int_equal(folder->n_bad, 0);
    assert_int_equal(plans.n, 1);
    assert_int_equal(plans.n_collectors, 2);
    assert_string_equal(plans.collectors[0]->name, "a");
    assert_string_equal(plans.collectors[0]->collector.url, "https://collector.example");
    assert_string_equal(plans.collectors[1]->name, "b");
}

static void assert_bad(Folder *folder, const char *message)
{
    _cleanup_(plans_done) Plans plans = {0};

    folder->n_bad = 0;
    assert_int_equal(plans_read(folder->path, on_bad, folder, &plans), 0);
    assert_int_equal(folder->n_bad, 1);
    if (!strstr(folder->bad, message))
        fail_msg("\"%s\" does not say \"%s\"", folder->bad, message);
    assert_int_equal(plans.n, 1);
    assert_string_equal(plans.items[0]->name, "web");
}

static void test_bad(void **state)
{
    Folder *folder = *state;
    _cleanup_free_ char *big = NULL, *path = text_printf("%s/bad.json", folder->path);

    put_plan(folder, "web.json", "web");
    put(folder, "bad.json", "{", 1);
    assert_bad(folder, "bad.json: ");
    put(folder, "bad.json", "", 0);
    assert_bad(folder, "bad.json: ");
    put(folder, "bad.json", "{\"plan\": 99}", 12);
    assert_bad(folder, "bad.json: ");
    put_plan(folder, "bad.json", "other");
    assert_bad(folder, "name of another service");

    big = malloc(SPEC_SIZE_MAX + 1);
    assert_non_null(big);
    memset(big, ' ', SPEC_SIZE_MAX + 1);
    put(folder, "bad.json", big, SPEC_SIZE_MAX + 1);
    assert_bad(folder, strerror(EFBIG));

    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_bad(folder, strerror(EINVAL));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_bad(folder, strerror(EISDIR));
}

/* As if it had changed so long ago. */
static void make_old(const Folder *folder, time_t sec)
{
    struct timespec times[2] = {{.tv_sec = time(NULL) - sec}, {.tv_sec = time(NULL) - sec}};

    times[0].tv_nsec = times[1].tv_nsec = 7;
    assert_int_equal(utimensat(AT_FDCWD, folder->path, times, 0), 0);
}

/* Another folder of the same name; both are there for a moment, so it is another inode. */
static void make_anew(const Folder *folder)
{
    _cleanup_free_ char *aside = text_printf("%s.old", folder->path);

    assert_int_equal(rename(folder->path, aside), 0);
    assert_int_equal(mkdir(folder->path, 0700), 0);
    assert_int_equal(dir_remove_tree(aside), 0);
}

static void test_none(void **state)
{
    Folder *folder = *state;
    Plans plans = {.n = 77};

    assert_int_equal(plans_read("/nonexistent/phoenix", on_bad, folder, &plans), 0);
    assert_int_equal(plans.n, 0);
    plans_done(&plans);
    assert_int_equal(plans_read(folder->path, NULL, NULL, &plans), 0);
    assert_int_equal(plans.n, 0);
    plans_done(&plans);
    plans.n = 77;
    assert_int_equal(plans_read("/dev/null", NULL, NULL, &plans), -ENOTDIR);
    assert_int_equal(plans.n, 77);
}

/* A folder is the same until something in it, or the folder itself, is replaced. */
static void test_stamp(void **state)
{
    Folder *folder = *state;
    PlansStamp before, after;

    put_plan(folder, "web.json", "web");
    before = plans_stamp(folder->path);
    assert_false(plans_stamp_same(&before, &before)); /* it has just changed */
    make_old(folder, 60);
    before = plans_stamp(folder->path);
    after = plans_stamp(folder->path);
    assert_true(plans_stamp_same(&before, &after));
    make_old(folder, 30);
    after = plans_stamp(folder->path);
    assert_false(plans_stamp_same(&before, &after));

    before = after;
    make_anew(folder);
    make_old(folder, 30);
    after = plans_stamp(folder->path);
    assert_false(plans_stamp_same(&before, &after));

    before = plans_stamp("/nonexistent/phoenix");
    assert_false(plans_stamp_same(&before, &before));
    make_old(folder, -60); /* a clock that was set */
    before = plans_stamp(folder->path);
    assert_false(plans_stamp_same(&before, &before));
}

static void assert_folder(bool user, const char *expected)
{
    _cleanup_free_ char *folder = NULL;

    assert_int_equal(plans_folder(user, &folder), 0);
    assert_string_equal(folder, expected);
}

static void test_folder(void **state)
{
    char *folder = NULL;

    unsetenv("PHOENIX_PLAN_DIR");
    assert_folder(false, "/run/systemd/generator/phoenix");
    setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
    assert_folder(true, "/run/user/7/systemd/generator/phoenix");
    setenv("PHOENIX_PLAN_DIR", "/x", 1);
    assert_folder(true, "/x");
    assert_folder(false, "/x");
    unsetenv("PHOENIX_PLAN_DIR");
    unsetenv("XDG_RUNTIME_DIR");
    assert_int_equal(plans_folder(true, &folder), -ENXIO);
    assert_null(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_policies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_collectors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad, setup, teardown),
        cmocka_unit_test_setup_teardown(test_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stamp, setup, teardown),
        cmocka_unit_test(test_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
