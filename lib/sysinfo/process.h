/* SPDX-License-Identifier: MIT */

/* What /proc says of one process, proc_pid_stat(5) and proc_pid_status(5). */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sysinfo/sysinfo.h"

typedef struct ProcessStat {
    char name[SYSINFO_NAME_MAX + 1]; /* any bytes but NUL */
    char state; /* 'Z': ended, or only its first thread has; 'X': nothing of it is left */
    pid_t parent;
    uint64_t start_ticks; /* CLOCK_BOOTTIME, in units of sysconf(_SC_CLK_TCK) */
} ProcessStat;

/* Reads the text of /proc/PID/stat. -EBADMSG when it is none. */
int process_parse_stat(const char *text, size_t n, ProcessStat *ret);

/* Whether the text of /proc/PID/status is of process 1 of a PID namespace below that of /proc. */
bool process_is_first(const char *status, size_t n);

/* Opens a file of a process in this /proc; -ESRCH when there is no such process, or it is hidden.
 */
int process_open(int proc_fd, pid_t pid, const char *file);

/* As process_parse_stat(), of an open file: -ESRCH when the process has ended. */
int process_read_stat(int fd, ProcessStat *ret);

/* The command line, a blank for each NUL, at most SYSINFO_CMDLINE_MAX bytes of it and a NUL behind.
 * Returns its size, or negative errno. */
ssize_t process_read_cmdline(int fd, char buf[static SYSINFO_CMDLINE_MAX + 1]);
