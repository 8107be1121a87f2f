/* SPDX-License-Identifier: MIT */

/* Process 1 of the mini VM: mounts what there is, runs the tests one by one, says how they went (in
 * the form of the Test Anything Protocol) and switches the machine off. What the kernel complains
 * of meanwhile fails the test in which it was. */

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "container.h"
#include "module.h"

#define TIMEOUT_SEC 120U

static int kernel_log = -1;

static void mount_all(void)
{
    static const struct {
        const char *type, *where, *options;
    } mounts[] = {
        {"proc", "/proc", NULL},    {"sysfs", "/sys", NULL},
        {"devtmpfs", "/dev", NULL}, {"cgroup2", CGROUPS, "nsdelegate,memory_recursiveprot"},
        {"tmpfs", "/tmp", NULL},
    };

    for (size_t i = 0; i < ELEMENTSOF(mounts); i++) {
        mkdir(mounts[i].where, 0755);
        if (mount(mounts[i].type, mounts[i].where, mounts[i].type, 0, mounts[i].options) < 0)
            printf("# cannot mount %s: %s\n", mounts[i].where, strerror(errno));
    }
    (void)mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
}

/* A block device that is memory; built in, in a kernel of ours. */
static void load_block_device(void)
{
    int fd = open("/brd.ko", O_RDONLY | O_CLOEXEC);

    if (fd >= 0 && syscall(SYS_finit_module, fd, "rd_nr=1 rd_size=4096", 0) < 0)
        printf("# cannot load brd.ko: %s\n", strerror(errno));
    for (unsigned i = 0; i < 100 && !file_exists(IO_DEVICE); i++)
        sleep_msec(10);
}

/* Complaints: anything that a sound kernel with a sound module does not say. */
static bool is_complaint(const char *line)
{
    static const char *const words[] = {
        "WARNING:",
        "BUG:",
        "Oops",
        "KASAN",
        "UBSAN",
        "INFO: ",
        "possible recursive",
        "sleeping function",
        "Call Trace",
        "unreferenced object",
        "rcu_sched",
        "ODEBUG",
        "general protection",
        "leaked",
        "already registered",
    };

    for (size_t i = 0; i < ELEMENTSOF(words); i++)
        if (strstr(line, words[i]))
            return true;
    return false;
}

/* Prints the complaints that came since the last call. */
static bool kernel_has_complained(void)
{
    bool found = false;
    char record[8192];
    ssize_t n;

    for (;;) {
        n = read(kernel_log, record, sizeof(record) - 1);
        if (n < 0 && errno == EPIPE) /* some were overwritten before they were read */
            continue;
        if (n <= 0)
            return found;
        record[n] = '\0';
        if (is_complaint(record))
            found = true;
        if (found)
            printf("# kernel: %s", strchr(record, ';') ? strchr(record, ';') + 1 : record);
    }
}

/* Only a kernel with such aids has this. */
static bool has_leaked(void)
{
    int fd = open("/sys/kernel/debug/kmemleak", O_RDWR | O_CLOEXEC);
    char text[4096];
    ssize_t n;

    if (fd < 0)
        return false;
    for (unsigned i = 0; i < 2; i++) {
        REQUIRE(write(fd, "scan", 4) == 4);
        sleep_msec(6000); /* what is younger than 5 s is not told */
    }
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    printf("# kmemleak: %s\n", text);
    return strstr(text, "phoenix");
}

/* Waits for the child to end; other processes that were left to us end unheard. */
static bool wait_for(pid_t pid, unsigned timeout_sec)
{
    uint64_t end = now_usec() + (uint64_t)timeout_sec * 1000000;
    bool ended = false, good = false;

    while (!ended && now_usec() < end) {
        int status;
        pid_t p = waitpid(-1, &status, WNOHANG);

        if (p == pid) {
            ended = true;
            good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
            if (WIFSIGNALED(status))
                printf("# ended by signal %d\n", WTERMSIG(status));
        } else if (p <= 0) {
            sleep_msec(2);
        }
    }
    if (!ended)
        printf("# not done after %u s\n", timeout_sec);
    return good;
}

static void clean_up(void)
{
    kill(-1, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    umount2("/jail/proc", MNT_DETACH);
    cgroup_remove("");
    if (module_try_unload() == -EBUSY)
        printf("# the module cannot be unloaded\n");
}

static bool run(const Test *test)
{
    unsigned timeout_sec = kernel_is_slow() ? 10 * TIMEOUT_SEC : TIMEOUT_SEC;
    uint64_t begin = now_usec();
    bool good;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        setsid();
        file_write(CGROUPS "/cgroup.subtree_control", "+cpu +memory +io +pids");
        test->run();
        fflush(stdout);
        _exit(0);
    }
    good = wait_for(pid, timeout_sec);
    clean_up();
    good = !kernel_has_complained() && good;
    printf("# %s: %llu ms\n", test->name, (unsigned long long)(now_usec() - begin) / 1000);
    return good;
}

static void run_all(void)
{
    static const Test *const all[] = {access_tests, container_tests, reader_tests,
                                      text_tests,   value_tests,     load_tests};
    const char *only = getenv("MINI_ONLY");
    unsigned number = 0;

    for (size_t i = 0; i < ELEMENTSOF(all); i++)
        for (const Test *test = all[i]; test->name; test++) {
            if (only && !strstr(test->name, only))
                continue;
            number++;
            printf("%sok %u - %s\n", run(test) ? "" : "not ", number, test->name);
        }
    printf("%sok %u - nothing leaked\n", has_leaked() ? "not " : "", number + 1);
    printf("1..%u\n", number + 1);
}

int main(int argc, char *argv[])
{
    struct utsname name;

    payload_main_if_asked(argc, argv);
    setvbuf(stdout, NULL, _IOLBF, 0);
    mount_all();
    load_block_device();
    kernel_log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(kernel_log >= 0);
    lseek(kernel_log, 0, SEEK_END); /* what was before us is not ours */
    REQUIRE(uname(&name) == 0);
    printf("TAP version 13\n# Linux %s, up in %llu ms\n", name.release,
           (unsigned long long)now_usec() / 1000);
    run_all();
    fflush(stdout);
    sync();
    reboot(RB_POWER_OFF);
    return 1;
}
