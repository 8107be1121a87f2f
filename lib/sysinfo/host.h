/* SPDX-License-Identifier: MIT */

/* What the whole host has and uses: /proc/meminfo and /proc/stat, proc_meminfo(5), proc_stat(5). */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sysinfo/sysinfo.h"

typedef struct HostCpu {
    uint64_t busy, total; /* since boot, in ticks of all CPUs */
} HostCpu;

/* Both: -EBADMSG when the text is not that of the file. */
int host_parse_memory(const char *text, size_t n, uint64_t *ret_total, uint64_t *ret_free);
int host_parse_cpu(const char *text, size_t n, HostCpu *ret);

/* The part of the time between two readings that was not idle, 0 to 100; -1: no time between them.
 */
double host_cpu_percent(HostCpu before, HostCpu now);

typedef struct Host {
    int memory_fd, cpu_fd;
    HostCpu cpu;        /* at the last reading; zero before the first one */
    double cpu_percent; /* then */
} Host;

#define HOST_NONE ((Host){.memory_fd = -1, .cpu_fd = -1})

int host_open(int proc_fd, Host *ret);
void host_done(Host *host);

/* Fills in the host's part of *ret. Negative errno. */
int host_read(Host *host, Sysinfo *ret);
