/* SPDX-License-Identifier: MIT */
/*
 * Who connects, as the kernel tells it: processes in cgroups with the names of units, made below
 * the test's own cgroup, which is the root of a cgroup namespace here.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/macros.h"
#include "base/text.h"
#include "supervisor/daemon/identity.h"

#define FOLDER_MAX 512

/* The cgroup of the tests, as a folder; empty when there can be none. */
static char top[FOLDER_MAX];

static int write_own_pid(const char *folder)
{
    _cleanup_free_ char *path = text_printf("%s/cgroup.procs", folder);
    _cleanup_close_ int fd = path ? open(path, O_WRONLY | O_CLOEXEC) : -1;

    return fd >= 0 && write(fd, "0", 1) == 1 ? 0 : -1;
}

/* Makes all folders of a path below `top`. */
static void make_folders(const char *path, char *folder)
{
    char *p = folder + sprintf(folder, "%s", top);

    for (const char *part = path; *part; part += strcspn(part, "/")) {
        part += *part == '/';
        p += sprintf(p, "/%.*s", (int)strcspn(part, "/"), part);
        assert_true(mkdir(folder, 0755) == 0 || errno == EEXIST);
    }
}

static void remove_folders(const char *path)
{
    _cleanup_free_ char *folder = text_printf("%s/%s", top, path);

    assert_non_null(folder);
    while (strlen(folder) > strlen(top)) {
        while (rmdir(folder) < 0 && errno == EBUSY)
            usleep(1000); /* its last process is being reaped */
        *strrchr(folder, '/') = '\0';
    }
}

/* SO_PEERCRED is of the process that made the pair: a child in the cgroup `path` does. It lives
 * until its pipe is closed. Returns our end of the pair. */
static int connect_from(const char *path, pid_t *ret_pid, int *ret_leash)
{
    char folder[FOLDER_MAX], byte = 0;
    int leash[2], carrier[2], fd = -1;

    make_folders(path, folder);
    assert_int_equal(pipe2(leash, O_CLOEXEC), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, carrier), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    struct msghdr header = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof(control)};
    if (pid == 0) {
        int pair[2];
        close(leash[1]);
        if (write_own_pid(folder) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
            _exit(1);
        struct cmsghdr *c = CMSG_FIRSTHDR(&header);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &pair[0], sizeof(int));
        if (sendmsg(carrier[1], &header, 0) != 1)
            _exit(1);
        (void)!read(leash[0], &byte, 1);
        _exit(0);
    }
    close(leash[0]);
    close(carrier[1]);
    assert_int_equal(recvmsg(carrier[0], &header, MSG_CMSG_CLOEXEC), 1);
    assert_non_null(CMSG_FIRSTHDR(&header));
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof(fd));
    close(carrier[0]);
    *ret_pid = pid;
    *ret_leash = leash[1];
    return fd;
}

static void end(pid_t pid, int leash)
{
    close(leash);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void need_cgroups(void)
{
    if (top[0])
        return;
    print_message("no cgroup2 that can be written to\n");
    if (getenv("PHOENIX_TESTS_MUST_RUN"))
        fail();
    skip();
}

/* What is said of a process in the cgroup `path`. */
static int identity_of(const char *path, bool user, Identity *ret)
{
    static char unit[IDENTITY_UNIT_MAX];
    pid_t pid;
    int leash;

    need_cgroups();
    int fd = connect_from(path, &pid, &leash);
    int r = identity_of_peer(fd, user, unit, ret);
    if (r == 0)
        assert_int_equal(ret->pid, pid);
    close(fd);
    end(pid, leash);
    remove_folders(path);
    return r;
}

static void test_service_of_the_system(void **state)
{
    Identity identity = {0};

    assert_int_equal(identity_of("system.slice/phoenix@web.service", false, &identity), 0);
    assert_string_equal(identity.unit, "phoenix@web.service");
    assert_int_equal(identity.uid, getuid());
}

/* Delegate=yes: processes that the manager runs for the unit are in a cgroup below. */
static void test_below_the_unit(void **state)
{
    Identity identity = {0};

    assert_int_equal(identity_of("system.slice/phoenix@web.service/.control", false, &identity), 0);
    assert_string_equal(identity.unit, "phoenix@web.service");
}

static void test_service_of_a_user(void **state)
{
    _cleanup_free_ char *path =
        text_printf("user.slice/user-%u.slice/user@%u.service/app.slice/phoenix@web.service",
                    (unsigned)getuid(), (unsigned)getuid());
    Identity identity = {0};

    assert_int_equal(identity_of(path, true, &identity), 0);
    assert_string_equal(identity.unit, "phoenix@web.service");
    /* In the eyes of the system's supervisor it is a part of user@.service. */
    assert_int_equal(identity_of(path, false, &identity), -EPERM);
}

static void test_service_of_another_user(void **state)
{
    Identity identity = {.pid = 1};

    assert_int_equal(
        identity_of("user.slice/user-54321.slice/user@54321.service/app.slice/phoenix@web.service",
                    true, &identity),
        -EPERM);
    assert_int_equal(identity.pid, 1);
}

static void test_service_of_the_system_is_no_users(void **state)
{
    Identity identity = {.pid = 1};

    assert_int_equal(identity_of("system.slice/phoenix@web.service", true, &identity), -EPERM);
    assert_int_equal(identity.pid, 1);
}

static void test_other_units(void **state)
{
    const char *const paths[] = {
        "system.slice/ssh.service",         "system.slice/xphoenix@web.service",
        "system.slice/phoenix-web.service", "somewhere",
        "somewhere/phoenix@web.service", /* not of a manager */
    };
    Identity identity = {.pid = 1};

    for (size_t i = 0; i < ELEMENTSOF(paths); i++)
        assert_int_equal(identity_of(paths[i], false, &identity), -EPERM);
    assert_int_equal(identity.pid, 1);
}

/* Whoever has its number now is not asked. */
static void test_gone_meanwhile(void **state)
{
    const char *path = "system.slice/phoenix@web.service";
    char unit[IDENTITY_UNIT_MAX] = "before";
    Identity identity = {.pid = 1};
    pid_t pid;
    int leash;

    need_cgroups();
    int fd = connect_from(path, &pid, &leash);
    end(pid, leash);
    assert_int_equal(identity_of_peer(fd, false, unit, &identity), -ESRCH);
    assert_int_equal(identity.pid, 1);
    assert_string_equal(unit, "before");
    close(fd);
    remove_folders(path);
}

static void test_no_socket(void **state)
{
    char unit[IDENTITY_UNIT_MAX];
    Identity identity = {.pid = 1};
    int p[2];

    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    assert_int_equal(identity_of_peer(p[0], false, unit, &identity), -ENOTSOCK);
    assert_int_equal(identity_of_peer(-1, false, unit, &identity), -EBADF);
    assert_int_equal(identity.pid, 1);
    close(p[0]);
    close(p[1]);
}

static void test_names(void **state)
{
    char name[16] = "before";

    assert_int_equal(identity_service_name("phoenix@web.service", name, sizeof(name)), 0);
    assert_string_equal(name, "web");
    assert_int_equal(identity_service_name("phoenix@a-b_c.d.service", name, sizeof(name)), 0);
    assert_string_equal(name, "a-b_c.d");
    assert_int_equal(identity_service_name("phoenix@123456789012345.service", name, 16), 0);
    assert_string_equal(name, "123456789012345");
}

static void test_names_that_are_none(void **state)
{
    const char *const units[] = {
        "",
        "phoenix@.service",
        "phoenix@web",
        "phoenix@web.socket",
        "phoenix-proxy@web.service",
        "ssh.service",
        "phoenix@.servic",
        "phoenix@1234567890123456.service", /* does not fit */
    };
    char name[16] = "before";

    for (size_t i = 0; i < ELEMENTSOF(units); i++)
        assert_int_equal(identity_service_name(units[i], name, sizeof(name)), -EINVAL);
    assert_string_equal(name, "before");
}

/* The folder of our own cgroup. */
static int own_folder(char *buf, size_t size)
{
    _cleanup_fclose_ FILE *stream = fopen("/proc/self/cgroup", "re");
    char line[FOLDER_MAX];

    while (stream && fgets(line, sizeof(line), stream)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "0::/", 4) != 0)
            continue;
        const char *mount = access("/sys/fs/cgroup/cgroup.procs", F_OK) == 0
                                ? "/sys/fs/cgroup"
                                : "/sys/fs/cgroup/unified";
        return snprintf(buf, size, "%s%s", mount, line + 3) < (int)size ? 0 : -1;
    }
    return -1;
}

static void enter_namespace(void)
{
    char folder[FOLDER_MAX - 64];

    if (own_folder(folder, sizeof(folder)) < 0)
        return;
    while (folder[strlen(folder) - 1] == '/')
        folder[strlen(folder) - 1] = '\0';
    snprintf(top, sizeof(top), "%s/test-identity-%d", folder, (int)getpid());
    if (mkdir(top, 0755) < 0) {
        top[0] = '\0';
    } else if (write_own_pid(top) < 0 || unshare(CLONE_NEWCGROUP) < 0) {
        rmdir(top);
        top[0] = '\0';
    }
}

static int all_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service_of_the_system),
        cmocka_unit_test(test_below_the_unit),
        cmocka_unit_test(test_service_of_a_user),
        cmocka_unit_test(test_service_of_another_user),
        cmocka_unit_test(test_service_of_the_system_is_no_users),
        cmocka_unit_test(test_other_units),
        cmocka_unit_test(test_gone_meanwhile),
        cmocka_unit_test(test_no_socket),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_names_that_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* In a child, as a cgroup is removed from outside only. */
int main(void)
{
    char folder[FOLDER_MAX - 64];
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        enter_namespace();
        return all_tests();
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return 1;
    if (own_folder(folder, sizeof(folder)) == 0) {
        snprintf(top, sizeof(top), "%s/test-identity-%d", folder, (int)pid);
        (void)rmdir(top);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
