/* SPDX-License-Identifier: MIT */

/* Process 1 of a mini VM whose clock counts instructions: how many a look at all containers takes,
 * by the module and by a reader in user space, whoever executes them. */

#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "reader.h"
#include "tests/vm/mini/guest/container.h"
#include "tests/vm/mini/guest/module.h"

#define BUF_SIZE ((size_t)8 << 20)

typedef enum Way {
    MODULE,
    OPENED_EACH_TIME,
    KEPT_OPEN,
    _WAYS,
} Way;

static char *buf;

static size_t look(Way way)
{
    size_t n = 0;
    ssize_t r;
    int fd;

    if (way != MODULE)
        return reader_look(way == KEPT_OPEN, buf, BUF_SIZE);
    fd = open(REPORT_PATH, O_RDONLY | O_CLOEXEC);
    REQUIRE(fd >= 0);
    while ((r = read(fd, buf + n, BUF_SIZE - n)) > 0)
        n += (size_t)r;
    close(fd);
    return n;
}

/* What is not JSON, or not of all containers, was no look. */
static void check(size_t n, unsigned containers)
{
    json_t *report = json_loadb(buf, n, 0, NULL);

    REQUIRE(report);
    REQUIRE_NUMBER(report_count(report), ==, containers);
    json_decref(report);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* The median, in thousands of instructions: one takes one nanosecond of this machine's clock. */
static double measure(Way way, unsigned containers)
{
    uint64_t taken[15];

    check(look(way), containers);
    look(way);
    for (size_t i = 0; i < ELEMENTSOF(taken); i++) {
        struct timespec begin, end;

        clock_gettime(CLOCK_MONOTONIC, &begin);
        look(way);
        clock_gettime(CLOCK_MONOTONIC, &end);
        taken[i] = (uint64_t)(end.tv_sec - begin.tv_sec) * 1000000000 +
                   (uint64_t)(end.tv_nsec - begin.tv_nsec);
    }
    reader_forget();
    qsort(taken, ELEMENTSOF(taken), sizeof(taken[0]), compare);
    return (double)taken[ELEMENTSOF(taken) / 2] / 1000;
}

static void measure_all(unsigned containers)
{
    double of[_WAYS];

    for (Way way = MODULE; way < _WAYS; way++)
        of[way] = measure(way, containers);
    printf("%10u %12.0f %12.0f %12.0f %10.1f %10.1f\n", containers, of[MODULE],
           of[OPENED_EACH_TIME], of[KEPT_OPEN], of[OPENED_EACH_TIME] / of[MODULE],
           of[KEPT_OPEN] / of[MODULE]);
}

static void set_up(void)
{
    struct rlimit files = {65536, 65536};

    mount("proc", "/proc", "proc", 0, NULL);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    REQUIRE(mount("cgroup2", CGROUPS, "cgroup2", 0, NULL) == 0);
    REQUIRE(setrlimit(RLIMIT_NOFILE, &files) == 0);
    file_write(CGROUPS "/cgroup.subtree_control", "+cpu +memory +io");
    cgroup_make("/test.slice");
    cgroup_write("/test.slice", "cgroup.subtree_control", "+cpu +memory +io");
    buf = malloc(BUF_SIZE);
    REQUIRE(buf);
    module_load("cache_ms=0");
}

int main(int argc, char *argv[])
{
    unsigned max = setting("MINI_MANY", 1000), n = 0;

    payload_main_if_asked(argc, argv);
    setvbuf(stdout, NULL, _IOLBF, 0);
    set_up();
    printf("== sysinfo: thousands of instructions for one look at all containers\n");
    printf("%10s %12s %12s %12s %10s %10s\n", "containers", "module", "user space", "kept open",
           "ratio", "kept open");
    for (unsigned containers = 10; containers <= max; containers *= 10) {
        while (n < containers)
            container_start(++n);
        measure_all(containers);
    }
    printf("== end\n");
    fflush(stdout);
    reboot(RB_POWER_OFF);
    return 1;
}
