/* SPDX-License-Identifier: MIT */

/* Who may read the file, what the module may be asked for, and its end. */

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "container.h"
#include "module.h"

/* 0, or the errno of open. */
static int try_open(void *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static int as_user(void *group)
{
    gid_t gid = (gid_t)(uintptr_t)group;

    REQUIRE(setgroups(0, NULL) == 0 && setgid(gid) == 0 && setuid(1000) == 0);
    return try_open(REPORT_PATH);
}

static int in_user_namespace(void *argument)
{
    REQUIRE(unshare(CLONE_NEWUSER) == 0);
    file_write("/proc/self/uid_map", "0 0 1\n");
    file_write("/proc/self/setgroups", "deny");
    file_write("/proc/self/gid_map", "0 0 1\n");
    REQUIRE(getuid() == 0);
    return try_open(REPORT_PATH);
}

static int in_pid_namespace(void *argument)
{
    REQUIRE(unshare(CLONE_NEWPID) == 0);
    return in_child(try_open, REPORT_PATH);
}

static int with_own_proc(void *argument)
{
    REQUIRE(getpid() == 1);
    REQUIRE(mount("proc", "/proc", "proc", 0, NULL) == 0);
    return try_open(REPORT_PATH);
}

static int in_container(void *argument)
{
    REQUIRE(unshare(CLONE_NEWPID | CLONE_NEWNS) == 0);
    REQUIRE(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    return in_child(with_own_proc, NULL);
}

static void test_mode(void)
{
    struct stat st;

    module_load("gid=4242");
    REQUIRE(stat(REPORT_PATH, &st) == 0);
    REQUIRE_NUMBER(st.st_mode, ==, S_IFREG | 0440);
    REQUIRE_NUMBER(st.st_uid, ==, 0);
    REQUIRE_NUMBER(st.st_gid, ==, 4242);
    REQUIRE_NUMBER(in_child(try_open, REPORT_PATH), ==, 0);
    REQUIRE_NUMBER(in_child(as_user, (void *)(uintptr_t)4242), ==, 0);
    REQUIRE_NUMBER(in_child(as_user, (void *)(uintptr_t)1000), ==, EACCES);
    module_unload();
    module_load("");
    REQUIRE(stat(REPORT_PATH, &st) == 0);
    REQUIRE_NUMBER(st.st_gid, ==, 0);
}

static void test_namespaces(void)
{
    module_load("");
    REQUIRE_NUMBER(in_child(in_user_namespace, NULL), ==, EPERM);
    REQUIRE_NUMBER(in_child(in_pid_namespace, NULL), ==, EPERM);
    REQUIRE_NUMBER(in_child(in_container, NULL), ==, EPERM);
    REQUIRE_NUMBER(in_child(try_open, REPORT_PATH), ==, 0);
}

static int in_jail(void *argument)
{
    json_t *report;

    REQUIRE(chroot("/jail") == 0 && chdir("/") == 0);
    REQUIRE(!file_exists(CGROUPS));
    report = report_read();
    REQUIRE(report_find(report, 1));
    REQUIRE(entry_number(report_find(report, 1), "Memory_Bytes") > 0);
    return 0;
}

/* What is seen does not depend on the reader's root directory. */
static void test_chroot(void)
{
    module_load("cache_ms=0");
    cgroup_make("/test.slice");
    cgroup_write("/test.slice", "cgroup.subtree_control", "+memory");
    container_start(1);
    mkdir("/jail", 0755);
    mkdir("/jail/proc", 0755);
    REQUIRE(mount("proc", "/jail/proc", "proc", 0, NULL) == 0);
    REQUIRE_NUMBER(in_child(in_jail, NULL), ==, 0);
}

static void test_bad_parameters(void)
{
    static const struct {
        const char *parameters;
        int error;
    } cases[] = {
        {"proc_name=a/b", -EINVAL},
        {"proc_name=", -EINVAL},
        {"proc_name=..", -EINVAL},
        {"proc_name=a%n", -EINVAL},
        {"proc_name=version", -EBUSY},
        {"gid=4294967295", -EINVAL},
        {"gid=root", -EINVAL},
        {"cgroup_root=/nowhere", -ENOENT},
        {"cgroup_root=/tmp", -ENODEV},
        {"cgroup_root=" CGROUPS "/test.slice", -ENODEV},
        {"cgroup_root=/proc/version", -ENOTDIR},
        {"filter=longer-than-a-process-name", -ENOSPC},
    };

    cgroup_make("/test.slice");
    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        int r = module_try_load(cases[i].parameters);

        if (r != cases[i].error)
            printf("# %s: %s\n", cases[i].parameters, strerror(-r));
        REQUIRE_NUMBER(r, ==, cases[i].error);
        REQUIRE(!file_exists(REPORT_PATH));
    }
}

static void test_name(void)
{
    module_load("proc_name=sysinfo_202202906");
    REQUIRE(!file_exists(REPORT_PATH));
    REQUIRE_NUMBER(in_child(try_open, "/proc/sysinfo_202202906"), ==, 0);
    module_unload();
    REQUIRE(!file_exists("/proc/sysinfo_202202906"));
}

static void test_nobody_can_write(void)
{
    module_load("");
    REQUIRE(open(REPORT_PATH, O_WRONLY | O_CLOEXEC) < 0 || write(3, "x", 1) < 0);
}

/* An open file does not keep the module; what is read from it afterwards is an error. */
static void test_unload_while_open(void)
{
    char buf[16];
    int fd, untouched;

    module_load("");
    fd = open(REPORT_PATH, O_RDONLY | O_CLOEXEC);
    untouched = open(REPORT_PATH, O_RDONLY | O_CLOEXEC);
    REQUIRE(fd >= 0 && untouched >= 0);
    REQUIRE_NUMBER(read(fd, buf, sizeof(buf)), ==, sizeof(buf));
    module_unload();
    REQUIRE_NUMBER(read(fd, buf, sizeof(buf)), ==, -1);
    REQUIRE_NUMBER(errno, ==, EIO);
    REQUIRE_NUMBER(read(untouched, buf, sizeof(buf)), ==, -1);
    module_load("");
    REQUIRE_NUMBER(read(fd, buf, sizeof(buf)), ==, -1);
    REQUIRE(close(fd) == 0 && close(untouched) == 0);
    json_decref(report_read());
}

const Test access_tests[] = {
    {"mode, owner and group", test_mode},
    {"refused in namespaces", test_namespaces},
    {"a reader with another root directory", test_chroot},
    {"bad parameters are refused", test_bad_parameters},
    {"another name of the file", test_name},
    {"nobody can write", test_nobody_can_write},
    {"unloaded while it is open", test_unload_while_open},
    {NULL, NULL},
};
