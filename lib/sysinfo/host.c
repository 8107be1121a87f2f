/* SPDX-License-Identifier: MIT */

/* Memory and CPU time of the host. */

#include <errno.h>
#include <fcntl.h>

#include "sysinfo/host.h"
#include "sysinfo/read-at.h"

/* The lines that are looked for are the first ones. */
#define BUFFER_SIZE ((size_t)4096)

/* A decimal number after blanks; *at goes behind it. */
static bool next_number(const char **at, const char *end, uint64_t *ret)
{
    uint64_t number = 0;
    const char *s = *at, *digits;

    while (s < end && *s == ' ')
        s++;
    for (digits = s; s < end && *s >= '0' && *s <= '9'; s++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*s - '0'), &number))
            return false;
    if (s == digits)
        return false;
    *at = s;
    *ret = number;
    return true;
}

/* "MemTotal:       16318480 kB" */
static bool find_bytes(const char *text, size_t n, const char *key, uint64_t *ret)
{
    const char *at = text, *end = text + n;
    size_t size = strlen(key);
    uint64_t kib;

    while (at && (size_t)(end - at) > size) {
        if (memcmp(at, key, size) == 0) {
            at += size;
            return next_number(&at, end, &kib) && (size_t)(end - at) >= 3 &&
                   memcmp(at, " kB", 3) == 0 && !__builtin_mul_overflow(kib, 1024, ret);
        }
        at = memchr(at, '\n', (size_t)(end - at));
        at = at ? at + 1 : NULL;
    }
    return false;
}

int host_parse_memory(const char *text, size_t n, uint64_t *ret_total, uint64_t *ret_free)
{
    uint64_t total, unused;

    if (!find_bytes(text, n, "MemTotal:", &total) || !find_bytes(text, n, "MemFree:", &unused) ||
        unused > total)
        return -EBADMSG;
    *ret_total = total;
    *ret_free = unused;
    return 0;
}

/* The time of guests, which comes behind these, is in user and nice already. */
enum {
    CPU_USER,
    CPU_NICE,
    CPU_SYSTEM,
    CPU_IDLE,
    CPU_IOWAIT,
    CPU_IRQ,
    CPU_SOFTIRQ,
    CPU_STEAL,
    _CPU_MAX,
};

int host_parse_cpu(const char *text, size_t n, HostCpu *ret)
{
    static const char key[] = "cpu ";
    const char *at = text + strlen(key), *end = text + n;
    HostCpu cpu = {0};

    if (n < strlen(key) || memcmp(text, key, strlen(key)) != 0)
        return -EBADMSG;
    for (int i = 0; i < _CPU_MAX; i++) {
        uint64_t ticks;

        if (!next_number(&at, end, &ticks) || __builtin_add_overflow(cpu.total, ticks, &cpu.total))
            return -EBADMSG;
        if (i != CPU_IDLE && i != CPU_IOWAIT)
            cpu.busy += ticks;
    }
    *ret = cpu;
    return 0;
}

/* Ticks of waiting may be taken back, so that either number may be less than before. */
double host_cpu_percent(HostCpu before, HostCpu now)
{
    uint64_t busy = now.busy > before.busy ? now.busy - before.busy : 0;

    if (now.total <= before.total)
        return -1;
    return 100.0 * (double)MIN(busy, now.total - before.total) / (double)(now.total - before.total);
}

int host_open(int proc_fd, Host *ret)
{
    Host host = HOST_NONE;
    int r = 0;

    host.memory_fd = openat(proc_fd, "meminfo", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (host.memory_fd >= 0)
        host.cpu_fd = openat(proc_fd, "stat", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (host.cpu_fd < 0) {
        r = -errno;
        host_done(&host);
        return r;
    }
    *ret = host;
    return 0;
}

void host_done(Host *host)
{
    cleanup_close(&host->memory_fd);
    cleanup_close(&host->cpu_fd);
    *host = HOST_NONE;
}

int host_read(Host *host, Sysinfo *ret)
{
    char text[BUFFER_SIZE];
    HostCpu cpu;
    double percent;
    ssize_t n;
    int r;

    n = read_at_start(host->memory_fd, text, sizeof(text));
    r = n < 0
            ? (int)n
            : host_parse_memory(text, (size_t)n, &ret->memory_total_bytes, &ret->memory_free_bytes);
    if (r < 0)
        return r;
    ret->memory_used_bytes = ret->memory_total_bytes - ret->memory_free_bytes;

    n = read_at_start(host->cpu_fd, text, sizeof(text));
    r = n < 0 ? (int)n : host_parse_cpu(text, (size_t)n, &cpu);
    if (r < 0)
        return r;
    percent = host_cpu_percent(host->cpu, cpu);
    if (percent >= 0) {
        host->cpu_percent = percent;
        host->cpu = cpu;
    }
    ret->cpu_percent = host->cpu_percent;
    return 0;
}
