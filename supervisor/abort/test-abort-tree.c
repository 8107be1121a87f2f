/* SPDX-License-Identifier: MIT */

/*
 * The walk over cgroupfs and /proc, over a made-up tree of both: what is payload, what is not, and
 * what is written where. No process is signalled here; test-abort.py does that with real cgroups.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "tree.h"

#define UNIT "cg/u.slice/phoenix@web.service"

struct fixture {
    char top[64];
    char cgroup[80];
    char proc[80];
    struct roots roots;
};

static void put(const struct fixture *f, const char *name, const char *text)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", f->top, name);
    for (char *p = path + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        (void)mkdir(path, 0700);
        *p = '/';
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void put_process(const struct fixture *f, int pid, const char *status)
{
    char name[64];

    snprintf(name, sizeof(name), "proc/%d/status", pid);
    put(f, name, status);
}

static void check_file(const struct fixture *f, const char *name, const char *expected)
{
    char path[PATH_MAX], text[64] = "";

    snprintf(path, sizeof(path), "%s/%s", f->top, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(read(fd, text, sizeof(text) - 1) >= 0);
    close(fd);
    assert_string_equal(text, expected);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    strcpy(f->top, "/tmp/phoenix-test-abort-XXXXXX");
    assert_non_null(mkdtemp(f->top));
    snprintf(f->cgroup, sizeof(f->cgroup), "%s/cg", f->top);
    snprintf(f->proc, sizeof(f->proc), "%s/proc", f->top);
    f->roots = (struct roots){.cgroup = f->cgroup, .proc = f->proc};
    put(f, "proc/self/cgroup", "0::/u.slice/phoenix@web.service/.control\n");
    put(f, UNIT "/cgroup.procs", "");
    put(f, UNIT "/.control/cgroup.procs", "90\n");
    for (int pid = 10; pid < 100; pid++)
        put_process(f, pid, "State:\tS (sleeping)\nNSpid:\t10\n");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", f->top);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static bool has_pid(const struct process_list *list, pid_t pid)
{
    for (size_t i = 0; i < list->n_items; i++)
        if (list->items[i].pid == pid)
            return true;
    return false;
}

static void test_container(void **state)
{
    struct fixture *f = *state;
    struct payload payload;
    struct process_list list;
    struct cgroup_events events;

    put(f, UNIT "/cgroup.procs", "20\n");
    put(f, UNIT "/supervisor/cgroup.procs", "30\n");
    put(f, UNIT "/libpod-payload-77/cgroup.procs", "40\n41\n");
    put(f, UNIT "/libpod-payload-77/cgroup.events", "populated 1\nfrozen 0\n");
    put(f, UNIT "/libpod-payload-77/cgroup.kill", "");
    put(f, UNIT "/libpod-payload-77/deep/er/cgroup.procs", "42\n43\n");
    put(f, "cg/u.slice/phoenix@other.service/libpod-payload-88/cgroup.procs", "50\n");
    put_process(f, 40, "State:\tS (sleeping)\nNSpid:\t40\t1\n");
    put_process(f, 43, "State:\tZ (zombie)\nNSpid:\t43\t5\n");

    assert_int_equal(payload_open(&payload, &f->roots), 0);
    assert_int_equal(payload.n_groups, 1);
    assert_string_equal(payload.groups[0].path, "/u.slice/phoenix@web.service/libpod-payload-77");
    assert_int_equal(payload_list(&payload, &list), 0);
    assert_int_equal(list.n_items, 3);
    assert_true(has_pid(&list, 40) && has_pid(&list, 41) && has_pid(&list, 42));
    assert_true(list.items[0].status.ns_init);
    process_list_free(&list);

    payload_group_events(&payload.groups[0], &events);
    assert_true(events.populated);
    assert_int_equal(payload_group_kill(&payload, &payload.groups[0]), 0);
    check_file(f, UNIT "/libpod-payload-77/cgroup.kill", "1");
    payload_close(&payload);
}

static void test_plain_service(void **state)
{
    struct fixture *f = *state;
    struct payload payload;
    struct process_list list;
    char own[64];

    put(f, "proc/self/cgroup", "0::/u.slice/phoenix@web.service\n");
    snprintf(own, sizeof(own), "20\n%d\n21\n", getpid());
    put(f, UNIT "/cgroup.procs", own);
    put(f, UNIT "/workers/cgroup.procs", "22\n");
    put(f, UNIT "/cgroup.kill", "");

    assert_int_equal(payload_open(&payload, &f->roots), 0);
    assert_int_equal(payload.n_groups, 2);
    assert_int_equal(payload_list(&payload, &list), 0);
    assert_int_equal(list.n_items, 3);
    assert_true(has_pid(&list, 20) && has_pid(&list, 21) && has_pid(&list, 22));
    assert_false(list.truncated);
    process_list_free(&list);

    /* Its own cgroup holds this program: never through cgroup.kill. And no cgroup.kill at all is an
     * error to see. */
    for (size_t i = 0; i < payload.n_groups; i++)
        assert_int_equal(payload_group_kill(&payload, &payload.groups[i]),
                         payload.groups[i].whole ? -ENOENT : -EINVAL);
    check_file(f, UNIT "/cgroup.kill", "");
    payload_close(&payload);
}

static void test_nothing_to_do(void **state)
{
    struct fixture *f = *state;
    struct payload payload;
    struct process_list list;

    assert_int_equal(payload_open(&payload, &f->roots), 0);
    assert_int_equal(payload_list(&payload, &list), 0);
    assert_int_equal(list.n_items, 0);
    process_list_free(&list);
    payload_close(&payload);

    put(f, "proc/self/cgroup", "0::/u.slice/session-2.scope\n");
    assert_int_equal(payload_open(&payload, &f->roots), -EPERM);
    put(f, "proc/self/cgroup", "0::/u.slice/gone.service\n");
    assert_int_equal(payload_open(&payload, &f->roots), -ENOENT);
    put(f, "proc/self/cgroup", "0::/../../u.slice/phoenix@web.service\n");
    assert_int_equal(payload_open(&payload, &f->roots), -EINVAL);
}

static void test_links_are_not_followed(void **state)
{
    struct fixture *f = *state;
    struct payload payload;
    char from[PATH_MAX], to[PATH_MAX];

    put(f, "cg/u.slice/phoenix@other.service/libpod-payload-88/cgroup.procs", "50\n");
    snprintf(to, sizeof(to), "%s/cg/u.slice/phoenix@other.service/libpod-payload-88", f->top);
    snprintf(from, sizeof(from), "%s/" UNIT "/libpod-payload-88", f->top);
    assert_int_equal(symlink(to, from), 0);
    assert_int_equal(payload_open(&payload, &f->roots), 0);
    assert_int_equal(payload.n_groups, 1);
    assert_false(payload.groups[0].whole);
    payload_close(&payload);
}

static void test_bounds(void **state)
{
    struct fixture *f = *state;
    struct payload payload;
    struct process_list list;
    char name[128];

    for (int i = 0; i < PAYLOAD_GROUPS_MAX + 20; i++) {
        snprintf(name, sizeof(name), UNIT "/libpod-payload-%d/cgroup.procs", i);
        put(f, name, "40\n");
    }
    assert_int_equal(payload_open(&payload, &f->roots), 0);
    assert_int_equal(payload.n_groups, PAYLOAD_GROUPS_MAX);
    assert_int_equal(payload_list(&payload, &list), 0);
    assert_int_equal(list.n_items, PAYLOAD_GROUPS_MAX);
    process_list_free(&list);
    payload_close(&payload);
}

static void test_stranger(void **state)
{
    struct fixture *f = *state;
    struct payload payload;
    char name[64];

    put(f, UNIT "/libpod-payload-77/cgroup.procs", "");
    assert_int_equal(payload_open(&payload, &f->roots), 0);

    /* A live PID whose cgroup is not of the payload: what a reused PID looks like. */
    snprintf(name, sizeof(name), "proc/%d/cgroup", getpid());
    put(f, name, "0::/u.slice/phoenix@web.service/libpod-payload-777\n");
    assert_int_equal(payload_open_process(&payload, getpid()), -EPERM);
    put(f, name, "0::/u.slice/phoenix@web.service/supervisor\n");
    assert_int_equal(payload_open_process(&payload, getpid()), -EPERM);
    put(f, name, "0::/u.slice/phoenix@web.service/libpod-payload-77/x\n");
    int fd = payload_open_process(&payload, getpid());
    assert_true(fd >= 0);
    close(fd);
    payload_close(&payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_container, setup, teardown),
        cmocka_unit_test_setup_teardown(test_plain_service, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_to_do, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links_are_not_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stranger, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
