/* SPDX-License-Identifier: MIT */

/* Files of one process. Its name is chosen by itself and may hold anything, parentheses and line
 * breaks too; all that stands behind it is the kernel's. */

#include <fcntl.h>
#include <stdio.h>

#include "sysinfo/process.h"
#include "sysinfo/read-at.h"

#define STAT_MAX ((size_t)4096)

/* Fields of stat that stand behind the name, counted from 0: the state is the first. */
enum {
    FIELD_STATE = 0,
    FIELD_PARENT = 1,
    FIELD_START = 19,
    _FIELD_MAX,
};

/* A decimal number that a blank, a line break or the end follows. */
static bool parse_number(const char *s, size_t n, uint64_t *ret, size_t *ret_size)
{
    uint64_t number = 0;
    size_t i;

    for (i = 0; i < n && s[i] >= '0' && s[i] <= '9'; i++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(s[i] - '0'), &number))
            return false;
    if (i == 0 || (i < n && s[i] != ' ' && s[i] != '\t' && s[i] != '\n'))
        return false;
    *ret = number;
    *ret_size = i;
    return true;
}

static const char *skip_fields(const char *s, const char *end, unsigned n)
{
    while (s && n-- > 0) {
        s = memchr(s, ' ', (size_t)(end - s));
        s = s ? s + 1 : NULL;
    }
    return s;
}

static int parse_fields(const char *s, const char *end, ProcessStat *stat)
{
    const char *parent = skip_fields(s, end, FIELD_PARENT), *start;
    uint64_t number;
    size_t size;

    if (s == end || !parent || !parse_number(parent, (size_t)(end - parent), &number, &size) ||
        number > INT32_MAX)
        return -EBADMSG;
    stat->state = *s;
    stat->parent = (pid_t)number;
    start = skip_fields(parent, end, FIELD_START - FIELD_PARENT);
    if (!start || !parse_number(start, (size_t)(end - start), &stat->start_ticks, &size))
        return -EBADMSG;
    return 0;
}

int process_parse_stat(const char *text, size_t n, ProcessStat *ret)
{
    ProcessStat stat = {0};
    const char *name = memchr(text, '(', n), *end;
    size_t size;
    int r;

    end = name ? memrchr(name, ')', n - (size_t)(name - text)) : NULL;
    if (!end || (size_t)(end - text) + 2 > n)
        return -EBADMSG;
    size = (size_t)(end - name) - 1;
    if (size > SYSINFO_NAME_MAX || end[1] != ' ')
        return -EBADMSG;
    memcpy(stat.name, name + 1, size);
    r = parse_fields(end + 2, text + n, &stat);
    if (r >= 0)
        *ret = stat;
    return r;
}

/* "NSpid:	1234	1": its number in each namespace, from that of /proc to its own. */
bool process_is_first(const char *status, size_t n)
{
    static const char key[] = "\nNSpid:";
    const char *at = memmem(status, n, key, strlen(key)), *end = status + n;
    uint64_t number = 0;
    unsigned count = 0;
    size_t size;

    if (!at)
        return false;
    for (at += strlen(key); at < end && *at == '\t'; at += size) {
        at++;
        if (!parse_number(at, (size_t)(end - at), &number, &size))
            return false;
        count++;
    }
    return count > 1 && number == 1;
}

int process_open(int proc_fd, pid_t pid, const char *file)
{
    char path[64];
    int fd;

    (void)snprintf(path, sizeof(path), "%d/%s", pid, file);
    fd = openat(proc_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -errno : -ESRCH;
}

int process_read_stat(int fd, ProcessStat *ret)
{
    char text[STAT_MAX];
    ssize_t n = read_at_start(fd, text, sizeof(text));

    return n < 0 ? (int)n : process_parse_stat(text, (size_t)n, ret);
}

ssize_t process_read_cmdline(int fd, char buf[static SYSINFO_CMDLINE_MAX + 1])
{
    ssize_t n = read_at_start(fd, buf, SYSINFO_CMDLINE_MAX + 1);

    for (ssize_t i = 0; i < n; i++)
        if (buf[i] == '\0')
            buf[i] = ' ';
    return n;
}
