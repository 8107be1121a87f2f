/* SPDX-License-Identifier: MIT */

/* Process 1 of a mini VM whose clock counts instructions: how many a look at all containers takes,
 * by the module and by readers in user space, whoever executes them. */

#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "reader.h"
#include "sysinfo/sysinfo.h"
#include "tests/vm/mini/guest/container.h"
#include "tests/vm/mini/guest/module.h"

#define BUF_SIZE ((size_t)8 << 20)

/* Of one container; lib/sysinfo says its unit, too. */
#define N_MEMBERS 21

typedef enum Way {
    MODULE,
    OPENED_EACH_TIME, /* reader.c */
    KEPT_OPEN,        /* the same, with its files kept open */
    PHOENIX,          /* lib/sysinfo, as phoenixd uses it where there is no module */
    _WAYS,
} Way;

static char *buf;
static SysinfoReader *phoenix;

static size_t look_by_module(void)
{
    int fd = open(REPORT_PATH, O_RDONLY | O_CLOEXEC);
    size_t n = 0;
    ssize_t r;

    REQUIRE(fd >= 0);
    while ((r = read(fd, buf + n, BUF_SIZE - n)) > 0)
        n += (size_t)r;
    close(fd);
    return n;
}

static size_t look_by_phoenix(void)
{
    _cleanup_sysinfo_ Sysinfo sysinfo = {0};
    _cleanup_text_ Text text = {0};

    REQUIRE_NUMBER(sysinfo_read(phoenix, &sysinfo), ==, 0);
    sysinfo_to_json(&sysinfo, &text);
    REQUIRE(text.error == 0 && text.size < BUF_SIZE);
    memcpy(buf, text.data, text.size);
    return text.size;
}

static size_t look(Way way)
{
    switch (way) {
    case MODULE:
        return look_by_module();
    case PHOENIX:
        return look_by_phoenix();
    default:
        return reader_look(way == KEPT_OPEN, buf, BUF_SIZE);
    }
}

/* What is not JSON, not of all containers, or says less of one than the others do, was no look. */
static void check(size_t n, unsigned containers)
{
    json_t *report = json_loadb(buf, n, 0, NULL), *entry;
    size_t i;

    REQUIRE(report);
    REQUIRE_NUMBER(report_count(report), ==, containers);
    json_array_foreach(json_object_get(report, "Docker_Containers"), i, entry)
    {
        REQUIRE_NUMBER(json_object_size(entry), >=, N_MEMBERS);
        REQUIRE_STRING(entry_string(entry, "Name"), "stress");
        REQUIRE_STRING(entry_string(entry, "Cmdline"), "stress ");
        REQUIRE_NUMBER(entry_number(entry, "PID"), >, 1);
        REQUIRE_NUMBER(entry_number(entry, "Memory_Bytes"), >, 0);
        REQUIRE_NUMBER(entry_number(entry, "CPU_Usage_usec"), >, 0);
    }
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
    printf("%10u %8.0f %8.0f %8.0f %8.0f | %7.1f %7.1f %9.1f\n", containers, of[MODULE],
           of[OPENED_EACH_TIME], of[KEPT_OPEN], of[PHOENIX], of[OPENED_EACH_TIME] / of[MODULE],
           of[KEPT_OPEN] / of[MODULE], of[PHOENIX] / of[MODULE]);
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
    REQUIRE_NUMBER(sysinfo_reader_new(&(SysinfoOptions){.source = SYSINFO_CGROUP}, &phoenix), ==,
                   0);
}

int main(int argc, char *argv[])
{
    unsigned max = setting("MINI_MANY", 1000), n = 0;

    payload_main_if_asked(argc, argv);
    setvbuf(stdout, NULL, _IOLBF, 0);
    set_up();
    printf("== sysinfo: thousands of instructions for one look at all containers\n");
    printf("%10s %8s %8s %8s %8s | %7s %7s %9s\n", "containers", "module", "opened", "kept",
           "phoenixd", "opened/", "kept/", "phoenixd/");
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
