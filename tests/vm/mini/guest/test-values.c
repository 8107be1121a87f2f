/* SPDX-License-Identifier: MIT */

/* Numbers, held against the files they come from, which are read right before and after. */

#include <sys/sysinfo.h>

#include "container.h"
#include "module.h"

typedef struct Io {
    uint64_t rbytes, wbytes, rios, wios;
} Io;

typedef struct Sample {
    uint64_t cpu_usec, memory_bytes;
    Io io;
} Sample;

static pid_t start(unsigned number, Payload payload)
{
    char cgroup[256];

    container_cgroup(number, cgroup, sizeof(cgroup));
    return process_start(&(Process){.cgroup = cgroup, .payload = payload});
}

static void path_of(unsigned number, const char *file, char *ret, size_t size)
{
    char cgroup[256];

    container_cgroup(number, cgroup, sizeof(cgroup));
    snprintf(ret, size, CGROUPS "%s/%s", cgroup, file);
}

/* By other means than those of the module. */
static Io read_io(const char *path)
{
    char *text = file_text(path, NULL), *saved = NULL;
    Io io = {0};

    for (char *word = strtok_r(text, " \n", &saved); word; word = strtok_r(NULL, " \n", &saved)) {
        unsigned long long value;

        if (sscanf(word, "rbytes=%llu", &value) == 1)
            io.rbytes += value;
        else if (sscanf(word, "wbytes=%llu", &value) == 1)
            io.wbytes += value;
        else if (sscanf(word, "rios=%llu", &value) == 1)
            io.rios += value;
        else if (sscanf(word, "wios=%llu", &value) == 1)
            io.wios += value;
    }
    free(text);
    return io;
}

static Sample sample(unsigned number)
{
    Sample s;
    char path[512], *text;

    path_of(number, "cpu.stat", path, sizeof(path));
    s.cpu_usec = file_value(path, "usage_usec");
    path_of(number, "memory.current", path, sizeof(path));
    text = file_text(path, NULL);
    s.memory_bytes = strtoull(text, NULL, 10);
    free(text);
    path_of(number, "io.stat", path, sizeof(path));
    s.io = read_io(path);
    return s;
}

static void enable_controllers(void)
{
    cgroup_make("/test.slice");
    cgroup_write("/test.slice", "cgroup.subtree_control", "+cpu +memory +io");
}

#define REQUIRE_BETWEEN(value, low, high)                                                          \
    do {                                                                                           \
        REQUIRE_NUMBER(value, >=, low);                                                            \
        REQUIRE_NUMBER(value, <=, high);                                                           \
    } while (0)

/* Numbers that are worked out from others. */
static void check_derived(const json_t *report, const json_t *entry)
{
    uint64_t memory = entry_number(entry, "Memory_Bytes");
    uint64_t rbytes = entry_number(entry, "Read_Bytes"),
             wbytes = entry_number(entry, "Write_Bytes");
    double total = (double)entry_number(report, "Memory_Total_Bytes");
    double percent = entry_percent(entry, "MemoryUsage_percent");

    REQUIRE_NUMBER(entry_number(entry, "MemoryUsage_MB"), ==, memory >> 20);
    REQUIRE(percent > (double)memory * 100 / total - 0.006 &&
            percent < (double)memory * 100 / total + 0.006);
    REQUIRE_NUMBER(entry_number(entry, "Read_KBytes"), ==, rbytes >> 10);
    REQUIRE_NUMBER(entry_number(entry, "Write_KBytes"), ==, wbytes >> 10);
    REQUIRE_NUMBER(entry_number(entry, "DiskUse_MB"), ==, (rbytes + wbytes) >> 20);
}

/* The memory of a process that sleeps changes by what the kernel counts in batches per CPU. */
#define MEMORY_TOLERANCE (2 << 20)

static void check_against_files(unsigned number)
{
    Sample before = sample(number), after;
    json_t *report = report_read();
    const json_t *entry = report_find(report, number);
    uint64_t memory;

    after = sample(number);
    REQUIRE(entry);
    REQUIRE_BETWEEN(entry_number(entry, "CPU_Usage_usec"), before.cpu_usec, after.cpu_usec);
    memory = entry_number(entry, "Memory_Bytes");
    REQUIRE_NUMBER(memory + MEMORY_TOLERANCE, >=, before.memory_bytes);
    REQUIRE_NUMBER(memory, <=, after.memory_bytes + MEMORY_TOLERANCE);
    REQUIRE_BETWEEN(entry_number(entry, "Read_Bytes"), before.io.rbytes, after.io.rbytes);
    REQUIRE_BETWEEN(entry_number(entry, "Write_Bytes"), before.io.wbytes, after.io.wbytes);
    REQUIRE_BETWEEN(entry_number(entry, "IOReadOps"), before.io.rios, after.io.rios);
    REQUIRE_BETWEEN(entry_number(entry, "IOWriteOps"), before.io.wios, after.io.wios);
    REQUIRE(!json_object_get(entry, "Missing"));
    check_derived(report, entry);
    json_decref(report);
}

static void test_against_files(void)
{
    json_t *report;

    module_load("cache_ms=0");
    enable_controllers();
    start(1, PAYLOAD_BURN);
    start(2, PAYLOAD_MEMORY);
    start(3, PAYLOAD_IO);
    start(4, PAYLOAD_SLEEP);
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned number = 1; number <= 4; number++)
            check_against_files(number);
        sleep_msec(50);
    }
    report = report_read();
    REQUIRE_NUMBER(entry_number(report_find(report, 2), "MemoryUsage_MB"), >=, MEMORY_BYTES >> 20);
    REQUIRE_NUMBER(entry_number(report_find(report, 3), "Write_KBytes"), >=, 16 * 64);
    REQUIRE_NUMBER(entry_number(report_find(report, 3), "Read_KBytes"), >=, 16 * 4);
    REQUIRE_NUMBER(entry_number(report_find(report, 3), "IOWriteOps"), >=, 16);
    REQUIRE_NUMBER(entry_number(report_find(report, 4), "IOWriteOps"), ==, 0);
    json_decref(report);
}

/* The rate lies between those that the files give for a time a little longer and a little shorter.
 */
static void test_cpu_percent(void)
{
    uint64_t outer_begin, inner_begin, inner_end, outer_end, low, high;
    uint64_t usage[4];
    json_t *first, *second;
    char path[512];
    double percent;

    module_load("cache_ms=0");
    start(1, PAYLOAD_BURN);
    start(2, PAYLOAD_SLEEP);
    path_of(1, "cpu.stat", path, sizeof(path));

    outer_begin = now_usec();
    usage[0] = file_value(path, "usage_usec");
    first = report_read();
    usage[1] = file_value(path, "usage_usec");
    inner_begin = now_usec();
    sleep_msec(1000);
    inner_end = now_usec();
    usage[2] = file_value(path, "usage_usec");
    second = report_read();
    usage[3] = file_value(path, "usage_usec");
    outer_end = now_usec();

    low = (usage[2] - usage[1]) * 10000 / (outer_end - outer_begin);
    high = (usage[3] - usage[0]) * 10000 / (inner_end - inner_begin);
    percent = entry_percent(report_find(second, 1), "CPUUsage_percent");
    REQUIRE_NUMBER(percent * 100, >=, low - 1);
    REQUIRE_NUMBER(percent * 100, <=, high + 1);
    /* The one that does nothing has done something only before the first look. */
    percent = entry_percent(report_find(second, 2), "CPUUsage_percent");
    REQUIRE_NUMBER(percent * 100, <=, 500);
    json_decref(first);
    json_decref(second);
}

/* That of a container that was not there before is since its start. */
static void test_first_cpu_percent(void)
{
    uint64_t begin, end, usage;
    json_t *report;
    char path[512];
    double percent;

    module_load("cache_ms=0");
    json_decref(report_read());
    begin = now_usec();
    start(1, PAYLOAD_BURN);
    path_of(1, "cpu.stat", path, sizeof(path));
    sleep_msec(500);
    usage = file_value(path, "usage_usec");
    report = report_read();
    end = now_usec();
    percent = entry_percent(report_find(report, 1), "CPUUsage_percent");
    REQUIRE_NUMBER(percent * 100, >=, usage * 10000 / (end - begin) - 1);
    json_decref(report);
}

/* What a cgroup in the container has used stays used when it is gone. */
static void test_removed_child(void)
{
    char cgroup[256], child[300], path[512];
    uint64_t usage;
    json_t *report;
    pid_t pid;

    module_load("cache_ms=0");
    container_cgroup(1, cgroup, sizeof(cgroup));
    snprintf(child, sizeof(child), "%s/child", cgroup);
    container_start(1);
    pid = process_start(&(Process){.cgroup = child, .payload = PAYLOAD_BURN});
    sleep_msec(300);
    process_kill(pid);
    cgroup_remove(child);
    path_of(1, "cpu.stat", path, sizeof(path));
    usage = file_value(path, "usage_usec");
    REQUIRE_NUMBER(usage, >, 10000);
    report = report_read();
    REQUIRE_NUMBER(entry_number(report_find(report, 1), "CPU_Usage_usec"), >=, usage);
    json_decref(report);
}

static void check_missing(const char *missing)
{
    json_t *report = report_read();
    const json_t *entry = report_find(report, 1);
    const json_t *value = json_object_get(entry, "Missing");

    if (missing)
        REQUIRE_STRING(json_string_value(value), missing);
    else
        REQUIRE(!value);
    REQUIRE(!missing || entry_number(entry, "IOWriteOps") == 0);
    REQUIRE(entry_number(entry, "CPU_Usage_usec") > 0);
    json_decref(report);
}

/* Files come and go with the controllers, while the container runs. */
static void test_controllers(void)
{
    module_load("cache_ms=0");
    cgroup_make("/test.slice");
    start(1, PAYLOAD_SLEEP);
    for (unsigned round = 0; round < 3; round++) {
        check_missing("memory io");
        cgroup_write("/test.slice", "cgroup.subtree_control", "+memory");
        check_missing("io");
        cgroup_write("/test.slice", "cgroup.subtree_control", "+io");
        check_missing(NULL);
        check_missing(NULL);
        cgroup_write("/test.slice", "cgroup.subtree_control", "-memory -io");
    }
    check_missing("memory io");
}

static uint64_t meminfo(const char *key)
{
    char *text = file_text("/proc/meminfo", NULL), *line = strstr(text, key);
    uint64_t bytes;

    REQUIRE(line);
    bytes = strtoull(line + strlen(key), NULL, 10) * 1024;
    free(text);
    return bytes;
}

static void test_machine(void)
{
    uint64_t total = meminfo("MemTotal:"), before = meminfo("MemFree:"), after;
    json_t *report;
    const json_t *memory;
    double percent;

    module_load("cache_ms=0");
    report = report_read();
    after = meminfo("MemFree:");
    memory = json_object_get(report, "Memory");
    REQUIRE_NUMBER(entry_number(report, "Memory_Total_Bytes"), ==, total);
    REQUIRE_NUMBER(entry_number(memory, "Total_Memory_MB"), ==, total >> 20);
    /* Loading the module and what is freed late move a few megabytes. */
    REQUIRE_NUMBER(entry_number(report, "Memory_Free_Bytes") + (16 << 20), >=, before);
    REQUIRE_NUMBER(entry_number(report, "Memory_Free_Bytes"), <=, after + (16 << 20));
    REQUIRE_NUMBER(entry_number(memory, "Used_Memory_MB"), ==,
                   (total - entry_number(report, "Memory_Free_Bytes")) >> 20);
    json_decref(report);

    /* As many as there are CPUs, so all of them are busy. */
    for (int i = 0; i < get_nprocs(); i++)
        start(1 + (unsigned)i, PAYLOAD_BURN);
    json_decref(report_read());
    sleep_msec(1000);
    report = report_read();
    percent = entry_percent(json_object_get(report, "Memory"), "CPU_Usage_Percentage");
    REQUIRE(percent > 80 && percent <= 100);
    json_decref(report);
}

/* With files that do not stay open the numbers are the same. */
static void test_max_open(void)
{
    module_load("cache_ms=0 max_open=1");
    enable_controllers();
    start(1, PAYLOAD_IO);
    start(2, PAYLOAD_BURN);
    start(3, PAYLOAD_MEMORY);
    for (unsigned round = 0; round < 5; round++)
        for (unsigned number = 1; number <= 3; number++)
            check_against_files(number);
    file_write(PARAMETERS "max_open", "0");
    for (unsigned number = 1; number <= 3; number++)
        check_against_files(number);
}

static void test_cache(void)
{
    char *first, *second;
    uint64_t begin;

    module_load("cache_ms=300");
    container_start(1);
    begin = now_usec();
    json_decref(report_read_text(&first));
    json_decref(report_read_text(&second));
    if (now_usec() - begin < 300000)
        REQUIRE(strcmp(first, second) == 0);
    sleep_msec(310);
    free(second);
    json_decref(report_read_text(&second));
    REQUIRE(strcmp(first, second) != 0);
    free(first);
    free(second);
}

const Test value_tests[] = {
    {"numbers against the files of cgroups", test_against_files},
    {"CPU as a rate", test_cpu_percent},
    {"CPU as a rate since the start", test_first_cpu_percent},
    {"a cgroup that was removed", test_removed_child},
    {"controllers come and go", test_controllers},
    {"the machine", test_machine},
    {"files that do not stay open", test_max_open},
    {"readers share what is fresh", test_cache},
    {NULL, NULL},
};
