/* SPDX-License-Identifier: MIT */

/* What processes say about themselves is hostile text. */

#include <fcntl.h>
#include <sys/syscall.h>

#include "container.h"
#include "kmod/text.h"
#include "module.h"

#define CMDLINE_MAX 1024U

static pid_t start_with(unsigned number, char *const argv[], Payload payload)
{
    char cgroup[256];

    container_cgroup(number, cgroup, sizeof(cgroup));
    return process_start(&(Process){.cgroup = cgroup, .argv = argv, .payload = payload});
}

/* What procfs says, with a blank for each NUL and in the same limit, escaped. */
static char *expected_cmdline(pid_t pid)
{
    char path[64], *raw, *escaped;
    size_t n, size;

    snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
    raw = file_text(path, &n);
    n = n < CMDLINE_MAX ? n : CMDLINE_MAX;
    for (size_t i = 0; i < n; i++)
        if (raw[i] == '\0')
            raw[i] = ' ';
    size = phoenix_json_escape(NULL, 0, raw, n) + 64;
    escaped = malloc(size);
    REQUIRE(escaped);
    strcpy(escaped, "\"Cmdline\": \"");
    phoenix_json_escape(escaped + strlen(escaped), size - strlen(escaped) - 2, raw, n);
    strcat(escaped, "\",");
    free(raw);
    return escaped;
}

/* To the byte. That it is JSON was seen when it was read. */
static void check_cmdline(const char *text, pid_t pid)
{
    char *expected = expected_cmdline(pid);

    if (!strstr(text, expected))
        printf("# not there: %s\n", expected);
    REQUIRE(strstr(text, expected));
    free(expected);
}

static char *const hostile[][4] = {
    {"stress", "--io", "1", NULL},
    {"", NULL},
    {"", "", "", NULL},
    {"a\"b\\c", "\"}], \"x\": [{\"", "'; rm -rf /", NULL},
    {"new\nline", "\ttab\r\b\f", "\x1b[2J\x1b]0;title\x07", NULL},
    {"\xff\xfe", "\xc0\xaf", "\xed\xa0\x80\xf4\x90\x80\x80", NULL},
    {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc2\x9b\xc2\x85", "\x7f\x01", NULL},
    {"%s%n%s", "%p", "\\u0000\\", NULL},
};

static void test_hostile(void)
{
    pid_t pids[ELEMENTSOF(hostile)];
    json_t *report;
    char *text;

    module_load("cache_ms=0");
    for (unsigned i = 0; i < ELEMENTSOF(hostile); i++)
        pids[i] = start_with(i + 1, hostile[i], PAYLOAD_SLEEP);
    report = report_read_text(&text);
    for (unsigned i = 0; i < ELEMENTSOF(hostile); i++)
        check_cmdline(text, pids[i]);
    REQUIRE_STRING(entry_string(report_find(report, 1), "Cmdline"), "stress --io 1 ");
    REQUIRE_STRING(entry_string(report_find(report, 3), "Cmdline"), "   ");
    REQUIRE_STRING(entry_string(report_find(report, 4), "Cmdline"),
                   "a\"b\\c \"}], \"x\": [{\" '; rm -rf / ");
    json_decref(report);
    free(text);
}

/* Of every length up to well beyond the limit, of any bytes. */
static void test_random(void)
{
    enum { N = 100 };
    pid_t pids[N];
    json_t *report;
    char *text;

    module_load("cache_ms=0");
    srand(1);
    for (unsigned i = 0; i < N; i++) {
        char words[2][1300], *argv[] = {words[0], words[1], NULL};

        for (unsigned w = 0; w < 2; w++) {
            size_t n = (size_t)rand() % sizeof(words[w]);

            for (size_t k = 0; k < n; k++)
                words[w][k] = (char)(1 + rand() % 255);
            words[w][n] = '\0';
        }
        pids[i] = start_with(i + 1, argv, PAYLOAD_SLEEP);
    }
    report = report_read_text(&text);
    REQUIRE_NUMBER(report_count(report), ==, N);
    for (unsigned i = 0; i < N; i++)
        check_cmdline(text, pids[i]);
    json_decref(report);
    free(text);
}

/* The name is that of the file, cut after 15 bytes. */
static void start_named(unsigned number, const char *name)
{
    char cgroup[256];

    container_cgroup(number, cgroup, sizeof(cgroup));
    process_start(&(Process){.cgroup = cgroup, .name = name});
}

static void test_names(void)
{
    json_t *report;

    module_load("cache_ms=0");
    start_named(1, "\"\\\x01\n {}[]");
    start_named(2, "1234567890123\xe2\x82\xac");
    start_named(3, "%s\xff\xc2\x9b");
    report = report_read();
    REQUIRE_STRING(entry_string(report_find(report, 1), "Name"), "\"\\\x01\n {}[]");
    REQUIRE_STRING(entry_string(report_find(report, 2), "Name"),
                   "1234567890123\xef\xbf\xbd\xef\xbf\xbd");
    REQUIRE_STRING(entry_string(report_find(report, 3), "Name"), "%s\xef\xbf\xbd\xc2\x9b");
    json_decref(report);
}

static void test_title(void)
{
    char *const argv[] = {"a-name", "and", "words", NULL};
    json_t *report;
    char *text;
    pid_t pid;

    module_load("cache_ms=0");
    pid = start_with(1, argv, PAYLOAD_TITLE);
    report = report_read_text(&text);
    check_cmdline(text, pid);
    REQUIRE(strncmp(entry_string(report_find(report, 1), "Cmdline"), "title title", 11) == 0);
    json_decref(report);
    free(text);
}

/* Pages that cannot be read end it; one that is a file's is not even touched. */
static void test_pages(void)
{
    enum { LONG = 16384 };
    char *text, *longest = malloc(LONG + 1), *argv[] = {"long", longest, NULL};
    json_t *report;

    REQUIRE(longest);
    memset(longest, 'y', LONG);
    longest[LONG] = '\0';
    module_load("cache_ms=0 max_cmdline=1000000");
    start_with(1, argv, PAYLOAD_HOLE);
    start_with(2, argv, PAYLOAD_FILE);
    start_with(3, argv, PAYLOAD_SLEEP);
    report = report_read_text(&text);
    REQUIRE_NUMBER(report_count(report), ==, 3);
    REQUIRE(!strstr(text, FILE_MARK));
    REQUIRE_NUMBER(strlen(entry_string(report_find(report, 3), "Cmdline")), ==, 4096);
    json_decref(report);
    free(text);
}

/* Larger than any one allocation or page, and in pieces of any size the same. */
static void test_large(void)
{
    enum { N = 60 };
    char *words = malloc(4097), *argv[] = {words, NULL}, *text, *again;
    size_t size, n = 0;
    json_t *report;
    ssize_t r;
    int fd;

    REQUIRE(words);
    memset(words, '\x01', 4096);
    words[4096] = '\0';
    module_load("cache_ms=60000 max_cmdline=4096");
    for (unsigned i = 0; i < N; i++)
        start_with(i + 1, argv, PAYLOAD_SLEEP);
    report = report_read_text(&text);
    REQUIRE_NUMBER(report_count(report), ==, N);
    json_decref(report);
    size = strlen(text);
    REQUIRE_NUMBER(size, >, N * 6 * 4096);

    again = malloc(size + 1);
    fd = open(REPORT_PATH, O_RDONLY | O_CLOEXEC);
    REQUIRE(again && fd >= 0);
    while ((r = read(fd, again + n, size - n < 977 ? size - n + 1 : 977)) > 0)
        n += (size_t)r;
    REQUIRE_NUMBER(n, ==, size);
    REQUIRE(memcmp(text, again, size) == 0);

    REQUIRE_NUMBER(pread(fd, again, 10, (off_t)size - 10), ==, 10);
    REQUIRE(memcmp(text + size - 10, again, 10) == 0);
    REQUIRE_NUMBER(pread(fd, again, 10, (off_t)size), ==, 0);
    REQUIRE_NUMBER(pread(fd, again, 10, INT64_MAX - 10), ==, 0);
    REQUIRE_NUMBER(lseek(fd, 2, SEEK_SET), ==, 2);
    REQUIRE_NUMBER(read(fd, again, 3), ==, 3);
    REQUIRE(memcmp(text + 2, again, 3) == 0);
    REQUIRE_NUMBER(syscall(SYS_pread64, fd, NULL, 10, 0), ==, -1);
    REQUIRE_NUMBER(errno, ==, EFAULT);
    close(fd);
}

const Test text_tests[] = {
    {"hostile command lines", test_hostile},
    {"random command lines", test_random},
    {"hostile names", test_names},
    {"a title in place of arguments", test_title},
    {"arguments that cannot be read", test_pages},
    {"a report that is large", test_large},
    {NULL, NULL},
};
