/* SPDX-License-Identifier: MIT */

/* Files of a control group. */

#include "cli/systemd/usage.h"

#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/text.h"
#include "kmod/text.h"

#define FILE_MAX (64U * 1024U)

static char *read_file(const char *root, const char *control_group, const char *file)
{
    _cleanup_free_ char *path = text_printf("%s%s/%s", root, control_group, file);
    char *text = NULL;

    if (!path || file_read(AT_FDCWD, path, FILE_MAX, &text, NULL) < 0)
        return NULL;
    return text;
}

static uint64_t parse(const char *s)
{
    char *end;
    unsigned long long n;

    errno = 0;
    n = strtoull(s, &end, 10);
    return errno == 0 && end > s && (*end == '\n' || *end == '\0') ? n : USAGE_UNKNOWN;
}

static uint64_t read_number(const char *root, const char *control_group, const char *file)
{
    _cleanup_free_ char *text = read_file(root, control_group, file);

    return text ? parse(text) : USAGE_UNKNOWN;
}

/* The line "usage_usec N" of cpu.stat, which is there without the controller, too. It is the first,
 * and always has been; but nobody promised. */
static uint64_t read_cpu(const char *root, const char *control_group)
{
    static const char key[] = "usage_usec ";
    _cleanup_free_ char *text = read_file(root, control_group, "cpu.stat");

    for (const char *line = text; line && *line; line += *line == '\n') {
        if (strncmp(line, key, strlen(key)) == 0)
            return parse(line + strlen(key));
        line += strcspn(line, "\n");
    }
    return USAGE_UNKNOWN;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
    return b < USAGE_UNKNOWN - a ? a + b : USAGE_UNKNOWN - 1;
}

static void read_io(const char *root, const char *control_group, Usage *usage)
{
    _cleanup_free_ char *text = read_file(root, control_group, "io.stat");
    struct phoenix_io io;

    if (!text)
        return;
    phoenix_io_stat_sum(text, strlen(text), &io);
    usage->disk_bytes = sum(io.rbytes, io.wbytes);
    usage->io_ops = sum(io.rios, io.wios);
}

Usage usage_read(const char *root, const char *control_group)
{
    Usage usage = USAGE_NONE;

    if (!control_group || !*control_group)
        return usage;
    usage.cpu_usec = read_cpu(root, control_group);
    usage.memory_bytes = read_number(root, control_group, "memory.current");
    usage.tasks = read_number(root, control_group, "pids.current");
    read_io(root, control_group, &usage);
    return usage;
}
