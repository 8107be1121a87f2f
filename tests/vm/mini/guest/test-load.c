/* SPDX-License-Identifier: MIT */

/* Many containers, many readers, and everything changing at once. */

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "container.h"
#include "module.h"

static void test_many(void)
{
    unsigned n = setting("MINI_MANY", 1000);
    uint64_t begin = now_usec();
    json_t *report;

    module_load("cache_ms=0 max_containers=100000");
    for (unsigned number = 1; number <= n; number++)
        container_fork(number);
    printf("# %u containers started in %llu ms\n", n,
           (unsigned long long)(now_usec() - begin) / 1000);
    for (unsigned round = 0; round < 3; round++) {
        begin = now_usec();
        free(file_text(REPORT_PATH, NULL));
        printf("# read %u: %llu us\n", round, (unsigned long long)(now_usec() - begin));
    }
    report = report_read();
    REQUIRE_NUMBER(report_count(report), ==, n);
    for (unsigned number = 1; number <= n; number += 97)
        REQUIRE(report_find(report, number));
    json_decref(report);
}

static volatile sig_atomic_t stop;

static void on_stop(int signal_number)
{
    stop = 1;
}

/* Reads until it is told to stop. What there is to read is a whole report or, while the module is
 * not there, nothing. */
static pid_t reader_start(bool module_stays)
{
    pid_t pid;

    fflush(stdout);
    pid = fork();
    REQUIRE(pid >= 0);
    if (pid != 0)
        return pid;
    signal(SIGTERM, on_stop);
    while (!stop) {
        int fd = open(REPORT_PATH, O_RDONLY | O_CLOEXEC);
        char buf[1000];

        if (fd < 0) {
            REQUIRE(!module_stays && errno == ENOENT);
            sleep_msec(1);
            continue;
        }
        while (read(fd, buf, sizeof(buf)) > 0)
            ;
        close(fd);
        if (module_stays)
            json_decref(report_read());
    }
    _exit(0);
}

static void reader_stop(pid_t pid)
{
    int status;

    kill(pid, SIGTERM);
    REQUIRE(waitpid(pid, &status, 0) == pid);
    REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The kernel counts files in batches of 32 for each CPU, so two counts may differ by 128 for
 * nothing on the machine's two. */
enum { MANY_FILES = 150 };

static unsigned open_files(void)
{
    char *text = file_text("/proc/sys/fs/file-nr", NULL);
    unsigned n = (unsigned)strtoul(text, NULL, 10);

    free(text);
    return n;
}

/* Containers start and end under the eyes of readers; then nothing of them is left. */
static void test_churn(void)
{
    enum { READERS = 3 };
    unsigned rounds = setting("MINI_CHURN", 120), before;
    pid_t readers[READERS];
    char cgroup[256];

    /* Three for each container, were it not forgotten. */
    REQUIRE_NUMBER(3 * rounds, >, MANY_FILES);
    module_load("cache_ms=0");
    before = open_files();
    for (unsigned i = 0; i < READERS; i++)
        readers[i] = reader_start(true);
    for (unsigned number = 1; number <= rounds; number++) {
        process_kill(container_start(number));
        container_cgroup(number, cgroup, sizeof(cgroup));
        cgroup_remove(cgroup);
    }
    for (unsigned i = 0; i < READERS; i++)
        reader_stop(readers[i]);
    json_decref(report_read());
    /* The kernel frees them a little late. */
    for (unsigned i = 0; open_files() > before + MANY_FILES; i++) {
        if (i == 100)
            REQUIRE_NUMBER(open_files(), <=, before + MANY_FILES);
        sleep_msec(100);
    }
}

/* A container that is restarted with the same ID is another one. */
static void test_restart(void)
{
    uint64_t first_id, id;
    char cgroup[256];
    json_t *report;
    pid_t pid;

    module_load("cache_ms=0");
    container_cgroup(1, cgroup, sizeof(cgroup));
    pid = container_start(1);
    report = report_read();
    first_id = entry_number(report_find(report, 1), "Cgroup_ID");
    json_decref(report);
    for (unsigned i = 0; i < 20; i++) {
        process_kill(pid);
        cgroup_remove(cgroup);
        pid = container_start(1);
        report = report_read();
        REQUIRE_NUMBER(report_count(report), ==, 1);
        REQUIRE_NUMBER(entry_number(report_find(report, 1), "PID"), ==, pid);
        id = entry_number(report_find(report, 1), "Cgroup_ID");
        REQUIRE_NUMBER(id, !=, first_id);
        json_decref(report);
    }
}

static void test_killed_readers(void)
{
    module_load("cache_ms=0");
    for (unsigned number = 1; number <= 50; number++)
        container_start(number);
    for (unsigned i = 0; i < 20; i++) {
        pid_t readers[4];

        for (size_t k = 0; k < ELEMENTSOF(readers); k++)
            readers[k] = reader_start(true);
        sleep_msec(i % 20);
        for (size_t k = 0; k < ELEMENTSOF(readers); k++)
            process_kill(readers[k]);
    }
    json_decref(report_read());
}

static void test_reloads(void)
{
    enum { READERS = 3 };
    unsigned n = setting("MINI_RELOADS", 100);
    pid_t readers[READERS];

    for (unsigned number = 1; number <= 20; number++)
        container_start(number);
    for (unsigned i = 0; i < READERS; i++)
        readers[i] = reader_start(false);
    for (unsigned i = 0; i < n; i++) {
        module_load(i % 2 ? "cache_ms=0" : "");
        if (i % 3 == 0)
            json_decref(report_read());
        else
            sleep_msec(i % 10);
        module_unload();
    }
    for (unsigned i = 0; i < READERS; i++)
        reader_stop(readers[i]);
}

/* Processes that end right while the walk lets others run. */
static void test_processes_come_and_go(void)
{
    pid_t pids[2];

    module_load("cache_ms=0");
    for (unsigned number = 1; number <= 20; number++)
        container_start(number);
    /* More than the walk does in one go, so that it makes breaks. */
    fflush(stdout);
    for (unsigned i = 0; i < 1100; i++)
        if (fork() == 0)
            pause();
    for (size_t i = 0; i < ELEMENTSOF(pids); i++) {
        pids[i] = fork();
        REQUIRE(pids[i] >= 0);
        while (pids[i] == 0) {
            pid_t pid = fork();

            if (pid == 0)
                _exit(0);
            if (pid > 0)
                waitpid(pid, NULL, 0);
        }
    }
    for (unsigned i = 0; i < 10; i++) {
        json_t *report = report_read();

        REQUIRE_NUMBER(report_count(report), ==, 20);
        json_decref(report);
    }
    for (size_t i = 0; i < ELEMENTSOF(pids); i++)
        process_kill(pids[i]);
}

/* Nobody reads for a minute: files are closed. Of the kernel with debugging aids only, as it is
 * long. */
static void test_idle(void)
{
    /* Of 300 files. */
    unsigned before, open, idle;

    if (!kernel_is_slow() && !setting("MINI_LONG", 0)) {
        printf("# only with MINI_LONG=1\n");
        return;
    }
    module_load("cache_ms=0");
    cgroup_make("/test.slice");
    cgroup_write("/test.slice", "cgroup.subtree_control", "+cpu +memory +io");
    for (unsigned number = 1; number <= 100; number++)
        container_start(number);
    before = open_files();
    json_decref(report_read());
    open = open_files();
    REQUIRE_NUMBER(open, >=, before + MANY_FILES);
    sleep_msec(70000);
    idle = open_files();
    REQUIRE_NUMBER(idle + MANY_FILES, <=, open);
    json_decref(report_read());
    REQUIRE_NUMBER(open_files(), >=, idle + MANY_FILES);
}

const Test load_tests[] = {
    {"a thousand containers", test_many},
    {"containers start and end", test_churn},
    {"a container is restarted", test_restart},
    {"readers are killed", test_killed_readers},
    {"loaded and unloaded under readers", test_reloads},
    {"processes come and go", test_processes_come_and_go},
    {"files are closed when nobody reads", test_idle},
    {NULL, NULL},
};
