/* SPDX-License-Identifier: MIT */

/* Which containers are found, and which of their processes stands for each. */

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "container.h"
#include "module.h"

#define USER_MANAGER "/user.slice/user-1000.slice/user@1000.service"

/* "%s" is the ID. */
static const char *const found[] = {
    "/system.slice/docker-%s.scope",
    "/machine.slice/libpod-%s.scope",
    "/libpod_parent/libpod-%s",
    "/system.slice/web.service/libpod-payload-%s",
    USER_MANAGER "/user.slice/libpod-%s.scope",
    USER_MANAGER "/app.slice/web.service/libpod-payload-%s",
};

static const char *const not_found[] = {
    "/machine.slice/libpod-conmon-%s.scope", USER_MANAGER "/user.slice/libpod-conmon-%s.scope",
    "/system.slice/web.service/runtime-%s",  "/system.slice/docker-%s",
    "/system.slice/ssh.service/%s",
};

static void with_id(const char *format, unsigned number, char *ret, size_t size)
{
    char id[CONTAINER_ID_SIZE];
    const char *place = strstr(format, "%s");

    container_id(number, id);
    snprintf(ret, size, "%.*s%s%s", (int)(place - format), format, id, place + 2);
}

static void start_in(const char *format, unsigned number, const char *below)
{
    char cgroup[512];

    with_id(format, number, cgroup, sizeof(cgroup));
    strcat(cgroup, below);
    process_start(&(Process){.cgroup = cgroup});
}

static void test_none(void)
{
    json_t *report;

    module_load("");
    report = report_read();
    REQUIRE_NUMBER(report_count(report), ==, 0);
    json_decref(report);
}

static void check_found(const json_t *report, unsigned number, const char *format)
{
    const json_t *entry = report_find(report, number);
    char cgroup[512], id[CONTAINER_ID_SIZE];

    REQUIRE(entry);
    with_id(format, number, cgroup, sizeof(cgroup));
    container_id(number, id);
    REQUIRE_STRING(entry_string(entry, "Cgroup"), cgroup);
    id[12] = '\0';
    REQUIRE_STRING(entry_string(entry, "ContainerID"), id);
    REQUIRE_STRING(entry_string(entry, "Runtime"), strstr(format, "docker") ? "docker" : "podman");
    REQUIRE_STRING(entry_string(entry, "Name"), "stress");
    REQUIRE_STRING(entry_string(entry, "Cmdline"), "stress ");
}

static void test_which(void)
{
    unsigned number = 0;
    json_t *report;

    module_load("cache_ms=0");
    for (size_t i = 0; i < ELEMENTSOF(found); i++) {
        start_in(found[i], ++number, "");
        start_in(found[i], ++number, "/container");
    }
    for (size_t i = 0; i < ELEMENTSOF(not_found); i++)
        start_in(not_found[i], 100 + (unsigned)i, "");
    cgroup_make("/machine.slice/libpod-"
                "00000099000000000000000000000000000000000000000000000000000000ff.scope");

    report = report_read();
    REQUIRE_NUMBER(report_count(report), ==, number);
    for (unsigned i = 0; i < number; i++)
        check_found(report, i + 1, found[i / 2]);
    json_decref(report);
}

/* One entry for each, whatever runs inside of it. */
static void test_nested(void)
{
    char outer[512], inner[512], below[1024];
    json_t *report;

    module_load("cache_ms=0");
    with_id("/machine.slice/libpod-%s.scope", 1, outer, sizeof(outer));
    with_id("/libpod_parent/libpod-%s.scope", 2, inner, sizeof(inner));
    snprintf(below, sizeof(below), "%s%s", outer, inner);
    process_start(&(Process){.cgroup = below});
    report = report_read();
    REQUIRE_NUMBER(report_count(report), ==, 1);
    REQUIRE_STRING(entry_string(report_find(report, 1), "Cgroup"), outer);
    json_decref(report);
}

/* Deeper than a path can be long: the processes are found, in the container's own cgroup. */
static void test_deep(void)
{
    char cgroup[256], name[201] = "/", path[512];
    json_t *report;
    pid_t pid;

    module_load("cache_ms=0");
    pid = container_start(1);
    container_cgroup(1, cgroup, sizeof(cgroup));
    snprintf(path, sizeof(path), CGROUPS "%s/container", cgroup);
    REQUIRE(chdir(path) == 0);
    memset(name + 1, 'x', sizeof(name) - 2);
    for (unsigned i = 0; i < 25; i++) {
        char command[8];
        int fd;

        REQUIRE(mkdirat(AT_FDCWD, name + 1, 0755) == 0 && chdir(name + 1) == 0);
        fd = open("cgroup.procs", O_WRONLY | O_CLOEXEC);
        snprintf(command, sizeof(command), "%d", pid);
        REQUIRE(fd >= 0 && write(fd, command, strlen(command)) > 0);
        close(fd);
        report = report_read();
        REQUIRE_NUMBER(report_count(report), ==, 1);
        REQUIRE_NUMBER(entry_number(report_find(report, 1), "PID"), ==, pid);
        json_decref(report);
    }
    process_kill(pid);
    for (unsigned i = 0; i < 25; i++)
        REQUIRE(chdir("..") == 0 && unlinkat(AT_FDCWD, name + 1, AT_REMOVEDIR) == 0);
}

static pid_t start_more(unsigned number, const char *name, Payload payload, bool new_namespace)
{
    char cgroup[256];

    container_cgroup(number, cgroup, sizeof(cgroup));
    return process_start(&(Process){
        .cgroup = cgroup, .name = name, .payload = payload, .new_pid_namespace = new_namespace});
}

static uint64_t main_pid(unsigned number)
{
    json_t *report = report_read();
    const json_t *entry = report_find(report, number);
    uint64_t pid;

    REQUIRE(entry);
    pid = entry_number(entry, "PID");
    json_decref(report);
    return pid;
}

static void test_main_process(void)
{
    pid_t oldest, younger, first;

    module_load("cache_ms=0");
    oldest = start_more(1, "oldest", PAYLOAD_SLEEP, false);
    younger = start_more(1, "younger", PAYLOAD_SLEEP, false);
    start_more(1, "youngest", PAYLOAD_SLEEP, false);
    REQUIRE_NUMBER(main_pid(1), ==, oldest);
    process_kill(oldest);
    REQUIRE_NUMBER(main_pid(1), ==, younger);

    /* Process 1 of a container, though one from outside is older. */
    start_more(2, "runtime", PAYLOAD_SLEEP, false);
    first = start_more(2, "first", PAYLOAD_SLEEP, true);
    start_more(2, "exec", PAYLOAD_SLEEP, false);
    start_more(2, "nested", PAYLOAD_SLEEP, true);
    REQUIRE_NUMBER(main_pid(2), ==, first);
}

/* Not the init of podman run --init, but what it was put in front of. */
static void test_init(void)
{
    json_t *report;

    module_load("cache_ms=0");
    start_more(1, "catatonit", PAYLOAD_INIT, true);
    start_more(1, "exec", PAYLOAD_SLEEP, false);
    start_more(2, "other-init", PAYLOAD_INIT, true);
    start_more(3, "tini", PAYLOAD_SLEEP, true); /* nothing there yet, or any more */

    report = report_read();
    REQUIRE_STRING(entry_string(report_find(report, 1), "Name"), "child");
    REQUIRE_STRING(entry_string(report_find(report, 1), "Cmdline"), "child --of init ");
    REQUIRE_STRING(entry_string(report_find(report, 2), "Name"), "other-init");
    REQUIRE_STRING(entry_string(report_find(report, 3), "Name"), "tini");
    json_decref(report);
}

static void test_ended(void)
{
    pid_t pid;
    json_t *report;

    module_load("cache_ms=0");
    /* A zombie is no container any more; one thread that is left is. */
    pid = start_more(1, "zombie", PAYLOAD_EXIT, false);
    REQUIRE(waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT) == 0);
    pid = start_more(2, "thread", PAYLOAD_THREAD, false);

    report = report_read();
    REQUIRE_NUMBER(report_count(report), ==, 1);
    REQUIRE_NUMBER(entry_number(report_find(report, 2), "PID"), ==, pid);
    REQUIRE_STRING(entry_string(report_find(report, 2), "Name"), "thread");
    json_decref(report);
}

static void set_parameter(const char *name, const char *value)
{
    char path[128];

    snprintf(path, sizeof(path), PARAMETERS "%s", name);
    file_write(path, value);
}

static size_t count(void)
{
    json_t *report = report_read();
    size_t n = report_count(report);

    json_decref(report);
    return n;
}

static void test_filter(void)
{
    module_load("cache_ms=0 filter=stress");
    start_more(1, "stress", PAYLOAD_SLEEP, false);
    start_more(2, "nginx", PAYLOAD_SLEEP, false);
    /* Behind an init, and not the main process: any process of a container counts. */
    start_more(3, "catatonit", PAYLOAD_SLEEP, true);
    start_more(3, "stress", PAYLOAD_SLEEP, false);
    start_more(4, "stress-ng", PAYLOAD_SLEEP, false);
    REQUIRE_NUMBER(count(), ==, 2);
    REQUIRE(main_pid(1) > 0 && main_pid(3) > 0);
    set_parameter("filter", "nginx\n");
    REQUIRE_NUMBER(count(), ==, 1);
    set_parameter("filter", "nothing");
    REQUIRE_NUMBER(count(), ==, 0);
    set_parameter("filter", "\n");
    REQUIRE_NUMBER(count(), ==, 4);
}

/* In hundredths of a second since boot, as stat shows it. */
static uint64_t started(uint64_t pid)
{
    char path[64], *text, *field;
    uint64_t value;

    snprintf(path, sizeof(path), "/proc/%llu/stat", (unsigned long long)pid);
    text = file_text(path, NULL);
    field = strrchr(text, ')');
    for (unsigned i = 0; i < 20; i++) {
        REQUIRE(field);
        field = strchr(field + 1, ' ');
    }
    value = strtoull(field, NULL, 10);
    free(text);
    return value;
}

static void test_order(void)
{
    uint64_t last = 0, start;
    json_t *report, *entry;
    size_t i;

    module_load("cache_ms=0");
    /* The higher numbers first, so that it is neither the name nor luck. */
    for (unsigned number = 20; number > 0; number--)
        container_start(number);
    report = report_read();
    REQUIRE_NUMBER(report_count(report), ==, 20);
    json_array_foreach(json_object_get(report, "Docker_Containers"), i, entry)
    {
        start = entry_number(entry, "Start_usec");
        REQUIRE_NUMBER(start, >=, last);
        REQUIRE(entry == report_find(report, 20 - (unsigned)i));
        REQUIRE_NUMBER(start / 10000, ==, started(entry_number(entry, "PID")));
        last = start;
    }
    json_decref(report);
}

static void test_limits(void)
{
    json_t *report;

    module_load("cache_ms=0 max_containers=3");
    for (unsigned number = 1; number <= 5; number++)
        container_start(number);
    report = report_read();
    REQUIRE_NUMBER(report_count(report), ==, 3);
    REQUIRE(entry_number(report, "Left_Out") > 0);
    json_decref(report);

    set_parameter("max_containers", "5");
    report = report_read();
    REQUIRE_NUMBER(report_count(report), ==, 5);
    REQUIRE(!json_object_get(report, "Left_Out"));
    json_decref(report);

    set_parameter("max_cmdline", "3");
    report = report_read();
    REQUIRE_STRING(entry_string(report_find(report, 1), "Cmdline"), "str");
    json_decref(report);
}

const Test container_tests[] = {
    {"no container", test_none},
    {"which cgroups are containers", test_which},
    {"a container in a container", test_nested},
    {"cgroups deeper than a path is long", test_deep},
    {"the main process", test_main_process},
    {"the payload behind an init", test_init},
    {"processes that have ended", test_ended},
    {"the filter", test_filter},
    {"order by age", test_order},
    {"limits", test_limits},
    {NULL, NULL},
};
