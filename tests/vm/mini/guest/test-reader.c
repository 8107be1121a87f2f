/* SPDX-License-Identifier: MIT */

/* The module and the reader that needs none (lib/sysinfo), asked about the same containers at the
 * same moment: what can be told exactly must be the same, byte for byte, and counters must lie
 * between what the module says right before and right after. */

#include <ctype.h>

#include "container.h"
#include "module.h"
#include "sysinfo/sysinfo.h"

/* Of which the kernel counts in batches per CPU. */
#define MEMORY_TOLERANCE (2 << 20)

/* In /proc/PID/stat the start is in hundredths of a second. */
#define START_TOLERANCE 10000

#define N_CONTAINERS 6U

static void start(const char *cgroup, char *const *argv, Payload payload, bool new_pid_namespace)
{
    process_start(&(Process){.cgroup = cgroup,
                             .argv = argv,
                             .payload = payload,
                             .new_pid_namespace = new_pid_namespace});
    /* So that their order is the same in hundredths of a second. */
    sleep_msec(20);
}

/* The cgroup of a container, whose ID stands between the two. */
static char *cgroup_of(const char *before, unsigned number, const char *after)
{
    char id[CONTAINER_ID_SIZE], *name = malloc(512);

    REQUIRE(name);
    container_id(number, id);
    snprintf(name, 512, "%s%s%s", before, id, after);
    return name;
}

/* One of each kind: all controllers or not, plain, hostile, idle, busy, with an init. */
static void start_all(void)
{
    static char *const hostile[] = {
        "stress", "a \"b\" \\ \n\t\x01\x7f\xc2\x85", "\xff\xfe", "\xf0\x9f\x90\xb3", "", NULL};
    static char *const init[] = {"catatonit", "--", NULL};

    cgroup_make("/test.slice");
    cgroup_write("/test.slice", "cgroup.subtree_control", "+cpu +memory +io");
    start(cgroup_of("/test.slice/libpod-", 1, ".scope/container"), NULL, PAYLOAD_SLEEP, true);
    start(cgroup_of("/test.slice/docker-", 2, ".scope"), hostile, PAYLOAD_SLEEP, true);
    start(cgroup_of("/test.slice/a.service/libpod-payload-", 3, ""), NULL, PAYLOAD_MEMORY, false);
    start(cgroup_of("/bare.slice/libpod-", 4, ".scope"), NULL, PAYLOAD_BURN, true);
    start(cgroup_of("/test.slice/libpod-", 5, ""), NULL, PAYLOAD_IO, true);
    process_start(&(Process){.cgroup = cgroup_of("/test.slice/libpod-", 6, ".scope/container"),
                             .name = "catatonit",
                             .argv = init,
                             .payload = PAYLOAD_INIT,
                             .new_pid_namespace = true});
}

static json_t *read_by_reader(SysinfoReader *reader, char **ret)
{
    _cleanup_sysinfo_ Sysinfo sysinfo = {0};
    Text text = {0};
    json_t *report;

    REQUIRE_NUMBER(sysinfo_read(reader, &sysinfo), ==, 0);
    sysinfo_to_json(&sysinfo, &text);
    REQUIRE_NUMBER(text.error, ==, 0);
    report = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    REQUIRE(report);
    *ret = text.data;
    return report;
}

/* What the module leaves to its readers, who can work it out from the cgroup. */
static bool is_readers_own(const char *line)
{
    return strncmp(line, "      \"Unit\": ", 14) == 0 || strncmp(line, "      \"User\": ", 14) == 0;
}

/* Members whose values are exact: whoever reads them. */
static bool is_exact(const char *line)
{
    return strncmp(line, "      \"PID\": ", 13) == 0 ||
           strncmp(line, "      \"Cgroup_ID\": ", 19) == 0;
}

/* The shape of a line: its number, if it has one, as "1" or "1.23". Text stays as it is. */
static void flatten(const char *line, char *ret)
{
    const char *value = strstr(line, "\": ");

    if (!value || !isdigit((unsigned char)value[3]) || is_exact(line)) {
        strcpy(ret, line);
        return;
    }
    value += 3;
    memcpy(ret, line, (size_t)(value - line));
    ret += value - line;
    value += strspn(value, "0123456789");
    *ret++ = '1';
    for (; *value; value++)
        *ret++ = isdigit((unsigned char)*value) ? '2' : *value;
    *ret = '\0';
}

static char *next_line(char **text)
{
    char *line;

    do
        line = strsep(text, "\n");
    while (line && is_readers_own(line));
    return line;
}

/* The same lines: names, order, formats, and all that is text. */
static void require_same_shape(char *module, char *reader)
{
    unsigned n = 0;

    for (;; n++) {
        char *a = next_line(&module), *b = next_line(&reader), flat_a[8192], flat_b[8192];

        if (!a && !b)
            break;
        REQUIRE(a && b && strlen(a) < sizeof(flat_a) && strlen(b) < sizeof(flat_b));
        flatten(a, flat_a);
        flatten(b, flat_b);
        if (strstr(a, "  \"Source\": ") == a) {
            REQUIRE_STRING(a, "  \"Source\": \"module\",");
            REQUIRE_STRING(b, "  \"Source\": \"cgroup\",");
        } else {
            REQUIRE_STRING(flat_b, flat_a);
        }
    }
    /* 21 members and two brackets of each container, at the least. */
    REQUIRE_NUMBER(n, >, N_CONTAINERS * 23);
}

static void require_between(const json_t *before, const json_t *entry, const json_t *after,
                            const char *key, uint64_t tolerance)
{
    REQUIRE_NUMBER(entry_number(entry, key) + tolerance, >=, entry_number(before, key));
    REQUIRE_NUMBER(entry_number(entry, key), <=, entry_number(after, key) + tolerance);
}

static void require_same_values(const json_t *before, const json_t *report, const json_t *after)
{
    static const char *const counters[] = {
        "CPU_Usage_usec", "Read_Bytes", "Write_Bytes", "IOReadOps",
        "IOWriteOps",     "DiskUse_MB", "Read_KBytes", "Write_KBytes",
    };

    for (unsigned number = 1; number <= N_CONTAINERS; number++) {
        const json_t *b = report_find(before, number), *r = report_find(report, number),
                     *a = report_find(after, number);

        REQUIRE(a && b && r);
        for (size_t i = 0; i < ELEMENTSOF(counters); i++)
            require_between(b, r, a, counters[i], 0);
        require_between(b, r, a, "Memory_Bytes", MEMORY_TOLERANCE);
        require_between(b, r, a, "Start_usec", START_TOLERANCE);
    }
}

static void test_same_as_reader(void)
{
    SysinfoReader *reader;
    unsigned rounds = 3;

    module_load("cache_ms=0");
    start_all();
    REQUIRE_NUMBER(sysinfo_reader_new(&(SysinfoOptions){.source = SYSINFO_CGROUP}, &reader), ==, 0);
    /* The first look of either opens the files, and later ones find them open. */
    while (rounds-- > 0) {
        char *module_text, *reader_text;
        json_t *before = report_read_text(&module_text);
        json_t *report = read_by_reader(reader, &reader_text);
        json_t *after = report_read();

        REQUIRE_NUMBER(report_count(before), ==, N_CONTAINERS);
        require_same_shape(module_text, reader_text);
        require_same_values(before, report, after);
        free(module_text);
        free(reader_text);
        json_decref(before);
        json_decref(report);
        json_decref(after);
    }
    sysinfo_reader_free(reader);
}

/* By other means than those of the reader. */
static unsigned missing_of(const json_t *entry)
{
    const char *names = json_string_value(json_object_get(entry, "Missing"));

    if (!names)
        return 0;
    return (strstr(names, "cpu") ? SYSINFO_MISSING_CPU : 0U) |
           (strstr(names, "memory") ? SYSINFO_MISSING_MEMORY : 0U) |
           (strstr(names, "io") ? SYSINFO_MISSING_IO : 0U);
}

/* What reads the module's report understands all of it. */
static void test_reader_parses(void)
{
    _cleanup_sysinfo_ Sysinfo sysinfo = {0};
    SysinfoReader *reader;
    unsigned any_missing = 0;
    json_t *report;

    module_load("cache_ms=0");
    start_all();
    REQUIRE_NUMBER(sysinfo_reader_new(&(SysinfoOptions){.source = SYSINFO_MODULE}, &reader), ==, 0);
    REQUIRE_NUMBER(sysinfo_read(reader, &sysinfo), ==, 0);
    REQUIRE_NUMBER(sysinfo.source, ==, SYSINFO_MODULE);
    report = report_read();
    REQUIRE_NUMBER(sysinfo.n_containers, ==, N_CONTAINERS);
    for (unsigned i = 0; i < N_CONTAINERS; i++) {
        json_t *entry = report_find(report, i + 1);
        const SysinfoContainer *c = &sysinfo.containers[i];

        REQUIRE(entry);
        REQUIRE_STRING(c->id, entry_string(entry, "ID"));
        REQUIRE_STRING(c->name, entry_string(entry, "Name"));
        REQUIRE_STRING(c->cgroup, entry_string(entry, "Cgroup"));
        REQUIRE_NUMBER(c->pid, ==, entry_number(entry, "PID"));
        REQUIRE_NUMBER(c->cgroup_id, ==, entry_number(entry, "Cgroup_ID"));
        REQUIRE_NUMBER(c->start_usec, ==, entry_number(entry, "Start_usec"));
        REQUIRE_NUMBER(c->missing, ==, missing_of(entry));
        any_missing |= c->missing;
    }
    REQUIRE_NUMBER(any_missing, ==, SYSINFO_MISSING_MEMORY | SYSINFO_MISSING_IO);
    sysinfo_reader_free(reader);
}

const Test reader_tests[] = {
    {"module and reader say the same", test_same_as_reader},
    {"the reader understands the module", test_reader_parses},
    {0},
};
