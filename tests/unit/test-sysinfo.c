/* SPDX-License-Identifier: MIT */

/* Tests of what sysinfo understands: files of /proc, paths of cgroups, classes, its JSON. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sysinfo/classes.h"
#include "sysinfo/containers.h"
#include "sysinfo/host.h"
#include "sysinfo/owner.h"
#include "sysinfo/process.h"
#include "sysinfo/rates.h"

#define ID  "c87b60cf51b9aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID2 "57a511dff574bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void test_owner(void **state)
{
    static const struct {
        const char *path, *unit;
        uid_t manager;
    } cases[] = {
        {"/system.slice/docker-" ID ".scope", "docker-" ID ".scope", SYSINFO_SYSTEM_MANAGER},
        {"/machine.slice/libpod-" ID ".scope", "libpod-" ID ".scope", SYSINFO_SYSTEM_MANAGER},
        {"/machine.slice/machine-libpod_pod_1.slice/libpod-" ID ".scope", "libpod-" ID ".scope",
         SYSINFO_SYSTEM_MANAGER},
        {"/system.slice/system-phoenix.slice/phoenix@web.service/libpod-payload-" ID,
         "phoenix@web.service", SYSINFO_SYSTEM_MANAGER},
        {"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope",
         "libpod-" ID ".scope", 1000},
        {"/user.slice/user-1000.slice/user@1000.service/app.slice/web.service/libpod-payload-" ID,
         "web.service", 1000},
        {"/system.slice/_memory.service/libpod-payload-" ID, "memory.service",
         SYSINFO_SYSTEM_MANAGER},

        /* No unit that is the container's. */
        {"/libpod_parent/libpod-" ID, NULL, 0},
        {"/libpod-" ID, NULL, 0},
        {"/user.slice/user-1000.slice/session-3.scope/libpod-payload-" ID, NULL, 0},
        {"/user.slice/user-1000.slice/user@1000.service/libpod-payload-" ID, NULL, 0},
        {"/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-1.scope/"
         "libpod-payload-" ID,
         NULL, 0},
        {"/", NULL, 0},
        {"", NULL, 0},

        /* What a service makes below itself is no unit, whatever its name. */
        {"/system.slice/delegated.service/sshd.service/libpod-payload-" ID, NULL, 0},
        {"/system.slice/delegated.service/system.slice/docker-" ID ".scope", NULL, 0},
        {"/machine.slice/systemd-nspawn@box.service/payload/system.slice/docker-" ID ".scope", NULL,
         0},
        {"/user.slice/user-1000.slice/user@1000.service/user@0.service/libpod-payload-" ID, NULL,
         0},
        {"/user.slice/user-1000.slice/user@1000.service/user@0.service/libpod-" ID ".scope", NULL,
         0},
        {"/user.slice/user-x.slice/user@99999999999.service/app.slice/docker-" ID ".scope", NULL,
         0},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        Owner owner;
        bool found = owner_of(cases[i].path, strlen(cases[i].path), &owner);

        if (found != (cases[i].unit != NULL))
            fail_msg("%s: found %d", cases[i].path, found);
        if (!found)
            continue;
        assert_int_equal(owner.unit_size, strlen(cases[i].unit));
        assert_memory_equal(owner.unit, cases[i].unit, owner.unit_size);
        assert_int_equal(owner.manager, cases[i].manager);
    }
}

static void test_stat(void **state)
{
    static const char text[] =
        "42 (a) S (b\n) S 7 42 42 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 123456 1000 2 18446744 1";
    static const char *const wrong[] = {
        "",
        "42",
        "42 (",
        "42 ()",
        "42 () ",
        "42 (x) S",
        "42 (x) S 1 2 3",
        "42 (x) S -1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 5 1",
        "42 (x) S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 x 1",
        "42 (x) S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 99999999999999999999 1",
        "42 (much longer than a name) S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 5 1",
    };
    ProcessStat stat;

    assert_int_equal(process_parse_stat(text, strlen(text), &stat), 0);
    assert_string_equal(stat.name, "a) S (b\n");
    assert_int_equal(stat.state, 'S');
    assert_int_equal(stat.parent, 7);
    assert_int_equal(stat.start_ticks, 123456);
    for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
        assert_int_equal(process_parse_stat(wrong[i], strlen(wrong[i]), &stat), -EBADMSG);
}

static void test_first_of_namespace(void **state)
{
    static const struct {
        const char *text;
        bool first;
    } cases[] = {
        {"Name:\tx\nNSpid:\t42\t1\nNSpgid:\t42\t1\n", true},
        {"Name:\tx\nNSpid:\t42\t7\t1\n", true},
        {"Name:\tx\nNSpid:\t42\t7\n", false},
        {"Name:\tx\nNSpid:\t42\n", false},
        {"Name:\tx\nNSpid:\t1\n", false}, /* of our own namespace */
        {"Name:\tNSpid:\t42\t1\n", false},
        {"Name:\tx\nNSpid:\t42\tx\n", false},
        {"Name:\tx\nNSpid:", false},
        {"", false},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++)
        if (process_is_first(cases[i].text, strlen(cases[i].text)) != cases[i].first)
            fail_msg("case %zu", i);
}

static void test_host(void **state)
{
    static const char memory[] =
        "MemTotal:       31874 kB\nMemFree:        17817 kB\nBuffers: 1 kB\n";
    static const char cpu[] = "cpu  10 1 2 80 4 1 1 1 5 5\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
    uint64_t total, unused;
    HostCpu ticks;

    assert_int_equal(host_parse_memory(memory, strlen(memory), &total, &unused), 0);
    assert_int_equal(total, 31874 * 1024);
    assert_int_equal(unused, 17817 * 1024);
    assert_int_equal(host_parse_memory("MemTotal: 1 kB\n", 15, &total, &unused), -EBADMSG);
    assert_int_equal(host_parse_memory("MemTotal: 1 kB\nMemFree: 2 kB\n", 29, &total, &unused),
                     -EBADMSG);
    assert_int_equal(host_parse_memory("", 0, &total, &unused), -EBADMSG);

    assert_int_equal(host_parse_cpu(cpu, strlen(cpu), &ticks), 0);
    assert_int_equal(ticks.busy, 16);
    assert_int_equal(ticks.total, 100);
    assert_int_equal(host_parse_cpu("cpu  1 2 3", 10, &ticks), -EBADMSG);
    assert_int_equal(host_parse_cpu("", 0, &ticks), -EBADMSG);

    assert_float_equal(host_cpu_percent((HostCpu){0}, ticks), 16, 0.001);
    assert_float_equal(host_cpu_percent((HostCpu){10, 50}, (HostCpu){20, 100}), 20, 0.001);
    assert_float_equal(host_cpu_percent((HostCpu){20, 50}, (HostCpu){10, 100}), 0, 0.001);
    assert_float_equal(host_cpu_percent(ticks, ticks), -1, 0.001);
}

static const char *class_of(const char *name, const char *cmdline)
{
    SysinfoContainer container = {.cmdline = cmdline};
    const char *class;

    strncpy(container.name, name, SYSINFO_NAME_MAX);
    class = sysinfo_classify(sysinfo_stress_rules, sysinfo_n_stress_rules, &container);
    return class ? class : "none";
}

static void test_classes(void **state)
{
    static const SysinfoRule rules[] = {
        {"backup", "rsync*", NULL},
        {"big", NULL, "--vm-bytes 1*G"},
        {"rest", NULL, ""},
    };
    SysinfoContainer container = {.name = "stress", .cmdline = "stress --vm-bytes 16G "};

    assert_string_equal(class_of("stress", "stress --cpu 1 "), "cpu");
    assert_string_equal(class_of("stress", "stress --io 1 "), "io");
    assert_string_equal(class_of("stress", "stress --vm 2 --vm-bytes 256M "), "ram");
    assert_string_equal(class_of("stress", "stress --hdd 1 --hdd-bytes 1G "), "disk");
    assert_string_equal(class_of("stress", "stress --hdd=1"), "disk");
    assert_string_equal(class_of("str", "/usr/bin/stress --cpu 1 "), "cpu");
    assert_string_equal(class_of("stress", "stress --vm-bytes 256M "), "none");
    assert_string_equal(class_of("stress", "stress"), "none");
    assert_string_equal(class_of("stress", "--cpu "), "none"); /* is its name, no argument */
    assert_string_equal(class_of("", ""), "none");
    assert_string_equal(class_of("nginx", "nginx --cpu 1 "), "none");
    assert_string_equal(class_of("sh", "sh -c stress --cpu 1 "), "none");

    assert_string_equal(sysinfo_classify(rules, 3, &container), "big");
    container.cmdline = "stress --vm-bytes 256M ";
    assert_string_equal(sysinfo_classify(rules, 3, &container), "rest");
    assert_null(sysinfo_classify(rules, 2, &container));
    container.cmdline = "stress --vm-bytes";
    assert_null(sysinfo_classify(rules, 2, &container));
    container.cmdline = "/opt/rsync-3 a b";
    assert_string_equal(sysinfo_classify(rules, 3, &container), "backup");
    container.missing = SYSINFO_MISSING_PROCESS;
    assert_null(sysinfo_classify(rules, 3, &container));
}

static void test_age(void **state)
{
    SysinfoContainer a = {.id = ID, .start_usec = 10, .cgroup_id = 5};
    SysinfoContainer b = {.id = ID2, .start_usec = 20, .cgroup_id = 4};

    assert_true(sysinfo_compare_age(&a, &b) < 0);
    b.start_usec = 10;
    assert_true(sysinfo_compare_age(&a, &b) > 0);
    b.cgroup_id = 5;
    assert_true(sysinfo_compare_age(&a, &b) > 0);
    assert_true(sysinfo_compare_age(&b, &a) < 0);
}

/* A reading as a source would make it. */
static SysinfoContainer *add(Containers *containers, const char *id, const char *cgroup,
                             const char *cmdline)
{
    SysinfoContainer *c = containers_add(containers);

    assert_non_null(c);
    strcpy(c->id, id);
    assert_int_equal(containers_set_cgroup(containers, c, cgroup, strlen(cgroup)), 0);
    assert_int_equal(containers_set_cmdline(containers, c, cmdline, strlen(cmdline)), 0);
    return c;
}

static void fill(Sysinfo *sysinfo)
{
    Containers containers = {.sysinfo = sysinfo};
    SysinfoContainer *c;

    *sysinfo = (Sysinfo){
        .source = SYSINFO_CGROUP,
        .taken_usec = 5000000,
        .memory_total_bytes = UINT64_C(31874) << 20,
        .memory_free_bytes = UINT64_C(17817) << 20,
        .memory_used_bytes = UINT64_C(14057) << 20,
        .cpu_percent = 16.43,
    };
    c = add(&containers, ID, "/system.slice/docker-" ID ".scope", "stress --io 1 ");
    c->pid = 52643;
    strcpy(c->name, "stress");
    c->wios = 20830;
    c->start_usec = 3000000;
    c = add(&containers, ID2,
            "/user.slice/user-1000.slice/user@1000.service/app.slice/x.service/libpod-payload-" ID2,
            "a \"b\"\n\\\xff\x1b[31m\xc2\x9b");
    strcpy(c->name, "\xff");
    c->memory_bytes = (UINT64_C(144) << 20) + 12345;
    c->memory_percent = 0.4517;
    c->cpu_usec = 1000000;
    c->cpu_percent = 199.09;
    c->taken_usec = 5000000;
    c->start_usec = 2000000;
    c->cgroup_id = 77;
    c->rbytes = 5000;
    c->wbytes = UINT64_C(3) << 20;
    c->rios = 3;
    c->missing = SYSINFO_MISSING_IO | SYSINFO_MISSING_PROCESS;
    assert_int_equal(containers_finish(&containers), 0);
}

/* The example of the document is the beginning of what is printed for the same values. */
static void test_json_is_the_documents(void **state)
{
    static const char document[] = "{\n"
                                   "  \"Memory\": {\n"
                                   "    \"Total_Memory_MB\": 31874,\n"
                                   "    \"Free_Memory_MB\": 17817,\n"
                                   "    \"Used_Memory_MB\": 14057,\n"
                                   "    \"CPU_Usage_Percentage\": 16.43\n"
                                   "  },\n"
                                   "  \"Docker_Containers\": [\n"
                                   "    {\n"
                                   "      \"PID\": 52643,\n"
                                   "      \"Name\": \"stress\",\n"
                                   "      \"ContainerID\": \"c87b60cf51b9\",\n"
                                   "      \"Cmdline\": \"stress --io 1 \",\n"
                                   "      \"MemoryUsage_percent\": 0.00,\n"
                                   "      \"MemoryUsage_MB\": 0,\n"
                                   "      \"CPUUsage_percent\": 0.00,\n"
                                   "      \"DiskUse_MB\": 0,\n"
                                   "      \"Write_KBytes\": 0,\n"
                                   "      \"Read_KBytes\": 0,\n"
                                   "      \"IOReadOps\": 0,\n"
                                   "      \"IOWriteOps\": 20830,\n";
    _cleanup_sysinfo_ Sysinfo sysinfo = {0};
    _cleanup_text_ Text t = {0};

    fill(&sysinfo);
    sysinfo.containers[0] = sysinfo.containers[1]; /* the older one is not in the document */
    sysinfo.n_containers = 1;
    sysinfo_to_json(&sysinfo, &t);
    assert_int_equal(t.error, 0);
    t.data[strlen(document)] = '\0';
    assert_string_equal(t.data, document);
}

static void test_json_comes_back(void **state)
{
    _cleanup_sysinfo_ Sysinfo sysinfo = {0}, again = {0};
    _cleanup_text_ Text t = {0};
    const SysinfoContainer *c;

    fill(&sysinfo);
    sysinfo_to_json(&sysinfo, &t);
    assert_int_equal(t.error, 0);
    assert_null(strchr(t.data, '\x1b'));
    assert_int_equal(sysinfo_parse(t.data, t.size, &again), 0);

    assert_int_equal(again.source, SYSINFO_CGROUP);
    assert_int_equal(again.memory_total_bytes, sysinfo.memory_total_bytes);
    assert_int_equal(again.memory_used_bytes, sysinfo.memory_used_bytes);
    assert_float_equal(again.cpu_percent, 16.43, 0.001);
    assert_int_equal(again.n_containers, 2);

    c = &again.containers[0]; /* the oldest */
    assert_string_equal(c->id, ID2);
    assert_string_equal(c->name, "\xef\xbf\xbd");
    assert_string_equal(c->cmdline, "a \"b\"\n\\\xef\xbf\xbd\x1b[31m\xc2\x9b");
    assert_int_equal(c->runtime, SYSINFO_PODMAN);
    assert_string_equal(c->unit, "x.service");
    assert_int_equal(c->manager, 1000);
    assert_int_equal(c->memory_bytes, (144 << 20) + 12345);
    assert_float_equal(c->memory_percent, 0.45, 0.001);
    assert_int_equal(c->cpu_usec, 1000000);
    assert_int_equal(c->taken_usec, 5000000);
    assert_int_equal(c->start_usec, 2000000);
    assert_int_equal(c->cgroup_id, 77);
    assert_int_equal(c->rbytes, 5000);
    assert_int_equal(c->wbytes, 3 << 20);
    assert_int_equal(c->missing, SYSINFO_MISSING_IO | SYSINFO_MISSING_PROCESS);

    c = &again.containers[1];
    assert_int_equal(c->pid, 52643);
    assert_string_equal(c->cmdline, "stress --io 1 ");
    assert_int_equal(c->runtime, SYSINFO_DOCKER);
    assert_int_equal(c->manager, SYSINFO_SYSTEM_MANAGER);
    assert_int_equal(c->wios, 20830);
}

#define MEMORY                                                                                     \
    "\"Memory\":{\"Total_Memory_MB\":3,\"Free_Memory_MB\":1,\"Used_Memory_MB\":2,"                 \
    "\"CPU_Usage_Percentage\":1.5}"
#define USAGE                                                                                      \
    "\"MemoryUsage_percent\":0.5,\"MemoryUsage_MB\":1,\"CPUUsage_percent\":2,\"DiskUse_MB\":3,"    \
    "\"Write_KBytes\":4,\"Read_KBytes\":5,\"IOReadOps\":6,\"IOWriteOps\":7"
#define ONE(pid, id, more)                                                                         \
    "{\"PID\":" pid ",\"Name\":\"x\",\"ContainerID\":\"" id "\",\"Cmdline\":\"x y\"," USAGE more "}"
#define CONTAINER(pid, id, more) "{" MEMORY ",\"Docker_Containers\":[" ONE(pid, id, more) "]}"

static void test_parse_document_only(void **state)
{
    static const char json[] = CONTAINER("9", "c87b60cf51b9", "");
    _cleanup_sysinfo_ Sysinfo sysinfo = {0};
    const SysinfoContainer *c;

    assert_int_equal(sysinfo_parse(json, strlen(json), &sysinfo), 0);
    assert_int_equal(sysinfo.source, SYSINFO_MODULE);
    assert_int_equal(sysinfo.memory_total_bytes, 3 << 20);
    assert_int_equal(sysinfo.n_containers, 1);
    c = sysinfo.containers;
    assert_string_equal(c->id, "c87b60cf51b9");
    assert_null(c->cgroup);
    assert_null(c->unit);
    assert_int_equal(c->memory_bytes, 1 << 20);
    assert_int_equal(c->wbytes, 4 << 10);
    assert_int_equal(c->rbytes, 5 << 10);
    assert_int_equal(c->taken_usec, 0);
    assert_float_equal(c->cpu_percent, 2, 0.001);
}

static void test_parse_refuses(void **state)
{
    static const char *const wrong[] = {
        "",
        "{",
        "[]",
        "{}",
        "{" MEMORY "}",
        "{\"Docker_Containers\":[]}",
        "{" MEMORY ",\"Docker_Containers\":{}}",
        "{" MEMORY ",\"Docker_Containers\":[1]}",
        "{" MEMORY ",\"Docker_Containers\":[{}]}",
        "{" MEMORY ",\"Docker_Containers\":[],\"Docker_Containers\":[]}",
        "{" MEMORY ",\"Docker_Containers\":[]} x",
        "{\"Memory\":{\"Total_Memory_MB\":1,\"Free_Memory_MB\":2,\"Used_Memory_MB\":2,"
        "\"CPU_Usage_Percentage\":1.5},\"Docker_Containers\":[]}",
        "{" MEMORY ",\"Docker_Containers\":[" ONE("1", "c87b60cf51b9",
                                                  "") "," ONE("2", "c87b60cf51b9", "") "]}",
        CONTAINER("-1", "c87b60cf51b9", ""),
        CONTAINER("1.5", "c87b60cf51b9", ""),
        CONTAINER("\"1\"", "c87b60cf51b9", ""),
        CONTAINER("99999999999", "c87b60cf51b9", ""),
        CONTAINER("1", "c87b60cf51b", ""),
        CONTAINER("1", "c87b60cf51bg", ""),
        CONTAINER("1", "c87b60cf51b9", ",\"ID\":\"c87b60cf51b9\""),
        CONTAINER("1", "c87b60cf51b9", ",\"ID\":\"" ID2 "\""),
        CONTAINER("1", "c87b60cf51b9", ",\"ID\":1"),
        CONTAINER("1", "c87b60cf51b9", ",\"Cgroup\":1"),
        CONTAINER("1", "c87b60cf51b9", ",\"Cgroup\":\"/sshd.service\""),
        CONTAINER("1", "c87b60cf51b9", ",\"Cgroup\":\"/docker-" ID2 ".scope\""),
        CONTAINER("1", "c87b60cf51b9", ",\"Cgroup\":\"/docker-" ID ".scope/x\""),
        CONTAINER("1", "c87b60cf51b9", ",\"Start_usec\":-5"),
        CONTAINER("1", "c87b60cf51b9", ",\"Missing\":7"),
        CONTAINER("1", "c87b60cf51b9", ",\"MemoryUsage_MB\":9223372036854775807"),
    };
    Sysinfo sysinfo = {.n_refused = 9};

    for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
        int r = sysinfo_parse(wrong[i], strlen(wrong[i]), &sysinfo);

        if (r != -EBADMSG)
            fail_msg("%d: %s", r, wrong[i]);
    }
    assert_int_equal(sysinfo.n_refused, 9);
}

static void test_parse_cuts(void **state)
{
    _cleanup_text_ Text t = {0};
    _cleanup_sysinfo_ Sysinfo sysinfo = {0};

    text_add(&t,
             "{" MEMORY ",\"Docker_Containers\":[{\"PID\":1,\"Name\":\"0123456789abcd\xc3\xa9\","
             "\"ContainerID\":\"c87b60cf51b9\"," USAGE ",\"Cmdline\":\"");
    for (size_t i = 0; i < SYSINFO_CMDLINE_MAX; i++)
        text_add(&t, "\xc3\xa9");
    text_add(&t, "\"}]}");
    assert_int_equal(sysinfo_parse(t.data, t.size, &sysinfo), 0);
    assert_string_equal(sysinfo.containers[0].name, "0123456789abcd");
    assert_int_equal(strlen(sysinfo.containers[0].cmdline), SYSINFO_CMDLINE_MAX);
    assert_true(utf8_valid(sysinfo.containers[0].cmdline, SYSINFO_CMDLINE_MAX));
}

static void test_rates(void **state)
{
    SysinfoContainer c = {
        .id = ID, .cgroup_id = 1, .cpu_usec = 500000, .taken_usec = 3000000, .start_usec = 2000000};
    Sysinfo sysinfo = {.containers = &c, .n_containers = 1};
    Rates rates = {0};

    assert_int_equal(rates_apply(&rates, &sysinfo), 0);
    assert_float_equal(c.cpu_percent, 50, 0.001); /* since it started */
    c.cpu_usec += 4000000;
    c.taken_usec += 2000000;
    assert_int_equal(rates_apply(&rates, &sysinfo), 0);
    assert_float_equal(c.cpu_percent, 200, 0.001);
    assert_int_equal(rates_apply(&rates, &sysinfo), 0);
    assert_float_equal(c.cpu_percent, 200, 0.001); /* the same reading once more */
    c.taken_usec += 2000000;
    assert_int_equal(rates_apply(&rates, &sysinfo), 0);
    assert_float_equal(c.cpu_percent, 0, 0.001);

    /* Started again: same ID, another cgroup. */
    c.cgroup_id = 2;
    c.start_usec = 6000000;
    c.cpu_usec = 250000;
    assert_int_equal(rates_apply(&rates, &sysinfo), 0);
    assert_float_equal(c.cpu_percent, 25, 0.001);

    c.cpu_percent = 7;
    c.taken_usec = 0; /* the module said no more than the percentage */
    assert_int_equal(rates_apply(&rates, &sysinfo), 0);
    assert_float_equal(c.cpu_percent, 7, 0.001);
    rates_done(&rates);
}

static void test_sources(void **state)
{
    SysinfoSource source;

    for (SysinfoSource s = 0; s < _SYSINFO_SOURCE_MAX; s++) {
        assert_int_equal(sysinfo_source_parse(sysinfo_source_name(s), &source), 0);
        assert_int_equal(source, s);
    }
    assert_int_equal(sysinfo_source_parse("kernel", &source), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owner),
        cmocka_unit_test(test_stat),
        cmocka_unit_test(test_first_of_namespace),
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_age),
        cmocka_unit_test(test_json_is_the_documents),
        cmocka_unit_test(test_json_comes_back),
        cmocka_unit_test(test_parse_document_only),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_parse_cuts),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_sources),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
