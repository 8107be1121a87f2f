/* SPDX-License-Identifier: MIT */

/* Tests of finding the file that Quadlet does not like, with stand-ins for Quadlet that refuse in
 * each of the ways in which a program can. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>

#include "base/file.h"
#include "base/macros.h"
#include "generator/quadlet.h"

#define JOBS 9

static char folder[] = "/tmp/phoenix-test-quadlet-XXXXXX";

static int setup(void **state)
{
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    return dir_remove_tree(folder);
}

/* Writes a stand-in: a shell script that gets the input folder as $in, the output folder as $out.
 */
static char *make_stand_in(const char *name, const char *script)
{
    char *path = text_printf("%s/%s", folder, name);
    FILE *file = fopen(path, "w");

    fprintf(
        file,
        "#!/bin/sh\n"
        "in=$QUADLET_UNIT_DIRS; for out; do :; done\n"
        "echo run >> %s/%s.runs\n"
        "convert() { for f in \"$@\"; do n=${f##*/}; printf '# x\\n\\n[Unit]\\nSourcePath=%%s\\n"
        "SourcePath=/kept\\nA=b' \"$f\" > \"$out/${n%%.container}.service\"; done; }\n"
        "%s\n",
        folder, name, script);
    fclose(file);
    chmod(path, 0755);
    return path;
}

static size_t count_runs(const char *name)
{
    _cleanup_free_ char *path = text_printf("%s/%s.runs", folder, name);
    _cleanup_free_ char *runs = NULL;
    size_t size = 0;

    assert_int_equal(file_read(-100, path, 65536, &runs, &size), 0);
    return size / strlen("run\n");
}

static void run(const char *name, const char *script, QuadletJob *jobs)
{
    _cleanup_free_ char *path = make_stand_in(name, script);
    const Platform platform = {.quadlet = path};
    QuadletJob *all[JOBS];

    for (size_t i = 0; i < JOBS; i++) {
        /* Not in the order of their names, which Quadlet's complaints are looked up by. */
        jobs[i] = (QuadletJob){.name = text_printf("job%zu", (i * 4) % JOBS)};
        text_addf(&jobs[i].container, "[Container]\nImage=%s\n", jobs[i].name);
        all[i] = &jobs[i];
    }
    assert_int_equal(quadlet_run(&platform, true, folder, all, JOBS), 0);
}

/* All jobs have a service but the one called `bad` (NULL: none), whose complaint holds `complaint`.
 */
static void expect(QuadletJob *jobs, const char *bad, const char *complaint)
{
    for (size_t i = 0; i < JOBS; i++) {
        if (bad && streq(jobs[i].name, bad)) {
            assert_null(jobs[i].service);
            if (!strstr(jobs[i].complaint, complaint))
                fail_msg("\"%s\" does not say \"%s\"", jobs[i].complaint, complaint);
        } else {
            assert_null(jobs[i].complaint);
            assert_string_equal(jobs[i].service, "[Unit]\nSourcePath=/kept\nA=b\n");
        }
        quadlet_job_done(&jobs[i]);
    }
}

static void test_all_good(void **state)
{
    QuadletJob jobs[JOBS];

    run("good", "convert $in/*; exit 0", jobs);
    assert_int_equal(count_runs("good"), 1);
    expect(jobs, NULL, NULL);
}

static void test_named_culprit(void **state)
{
    QuadletJob jobs[JOBS];

    run("named",
        "convert $in/*; rm $out/phoenix@job3.service\n"
        "echo \"Warning: phoenix@job3.container is odd\" >&2\n"
        "echo \"q[1]: converting \\\"phoenix@job3.container\\\": bad key in $in/phoenix@job3"
        ".container\" >&2; exit 1",
        jobs);
    assert_int_equal(count_runs("named"), 1);
    expect(jobs, "job3", "bad key in phoenix@job3.container");
}

static void test_named_culprit_that_hides_the_others(void **state)
{
    QuadletJob jobs[JOBS];

    run("hides",
        "if [ -e $in/phoenix@job5.container ]; then\n"
        "echo \"error loading \\\"$in/phoenix@job5.container\\\", line 1\" >&2; exit 1; fi\n"
        "convert $in/*",
        jobs);
    assert_int_equal(count_runs("hides"), 2);
    expect(jobs, "job5", "line 1");
}

static void test_crash_without_a_name(void **state)
{
    QuadletJob jobs[JOBS];

    run("crash",
        "if [ -e $in/phoenix@job7.container ]; then echo panic >&2; kill -SEGV $$; fi\n"
        "convert $in/*",
        jobs);
    expect(jobs, "job7", "panic");
}

static void test_silent_refusal(void **state)
{
    QuadletJob jobs[JOBS];

    run("silent", "convert $in/*; rm -f $out/phoenix@job0.service", jobs);
    assert_int_equal(count_runs("silent"), 2);
    expect(jobs, "job0", "does not say why");
}

static void test_all_refused_without_a_name(void **state)
{
    QuadletJob jobs[JOBS];

    run("never", "echo 'no podman here' >&2; exit 1", jobs);
    for (size_t i = 0; i < JOBS; i++) {
        assert_null(jobs[i].service);
        assert_string_equal(jobs[i].complaint, "no podman here");
        quadlet_job_done(&jobs[i]);
    }
}

static void test_not_executable(void **state)
{
    const Platform platform = {.quadlet = (char *)"/nowhere/quadlet"};
    QuadletJob job = {.name = strdup("a")};
    QuadletJob *const all[] = {&job};

    text_add(&job.container, "[Container]\n");
    assert_int_equal(quadlet_run(&platform, false, folder, all, 1), 0);
    assert_non_null(strstr(job.complaint, "/nowhere/quadlet cannot be run: No such file"));
    quadlet_job_done(&job);
}

static void test_image_units(void **state)
{
    _cleanup_free_ char *path = make_stand_in(
        "image",
        "convert $in/*.container; printf '[Unit]\\n' > \"$out/phoenix-image@a-image.service\"");
    const Platform platform = {.quadlet = path};
    QuadletJob job = {.name = strdup("a")};
    QuadletJob *const all[] = {&job};

    text_add(&job.container, "[Container]\n");
    text_add(&job.image, "[Image]\n");
    assert_int_equal(quadlet_run(&platform, false, folder, all, 1), 0);
    assert_non_null(job.service);
    assert_string_equal(job.image_service, "[Unit]\n");
    quadlet_job_done(&job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_good),
        cmocka_unit_test(test_named_culprit),
        cmocka_unit_test(test_named_culprit_that_hides_the_others),
        cmocka_unit_test(test_crash_without_a_name),
        cmocka_unit_test(test_silent_refusal),
        cmocka_unit_test(test_all_refused_without_a_name),
        cmocka_unit_test(test_not_executable),
        cmocka_unit_test(test_image_units),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
