/* SPDX-License-Identifier: MIT */

/* What /proc says of the processes of a service; see told.h. */

#include "told.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/lease/line.h"
#include "supervisor/lease/payload.h"

#define STATUS_SIZE 4096
#define STAT_SIZE   512

/* include/linux/sched.h: it is being shut down. Between its last signal and its end a process has
 * nothing waiting, and is still listed. */
#define PF_EXITING 0x4UL

enum word { WORD_NONE, WORD_TO_END, WORD_UNKNOWN };

static ssize_t read_process(pid_t pid, const char *file, char *buf, size_t size)
{
    struct line path;

    line_clear(&path);
    line_add(&path, "/proc/");
    line_add_number(&path, (uint64_t)pid);
    line_add(&path, file);
    return read_at(AT_FDCWD, path.text, buf, size);
}

/* What a process may have waiting all the same: its children's ends, its timers, a SIGCONT that the
 * service manager sends along. */
static bool is_word_to_end(uint64_t pending)
{
    static const int others[] = {SIGCHLD, SIGCONT,  SIGALRM, SIGVTALRM, SIGPROF,
                                 SIGURG,  SIGWINCH, SIGIO,   SIGPIPE};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        pending &= ~(UINT64_C(1) << (others[i] - 1));
    return pending != 0;
}

/* Of the process, and of its first thread, which is sent cgroup.kill (proc_pid_status(5)). */
static enum word read_word(pid_t pid)
{
    static const char *const keys[] = {"\nSigPnd:", "\nShdPnd:"};
    char text[STATUS_SIZE];
    uint64_t pending = 0;

    if (read_process(pid, "/status", text, sizeof(text)) <= 0)
        return WORD_UNKNOWN;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const char *found = strstr(text, keys[i]);
        if (!found)
            return WORD_UNKNOWN;
        pending |= strtoull(found + strlen(keys[i]), NULL, 16);
    }
    return is_word_to_end(pending) ? WORD_TO_END : WORD_NONE;
}

/* "PID (NAME) STATE PPID PGRP SESSION TTY TPGID FLAGS ..." (proc_pid_stat(5)); the name is the
 * process's own choice. */
static bool is_exiting(pid_t pid)
{
    char text[STAT_SIZE], *p;

    if (read_process(pid, "/stat", text, sizeof(text)) <= 0 || !(p = strrchr(text, ')')))
        return false;
    for (int field = 2; p && field < 9; field++)
        p = strchr(p + 1, ' ');
    return p && (strtoul(p + 1, NULL, 10) & PF_EXITING);
}

struct told {
    bool yes;
    size_t n;
};

static bool visit_told(pid_t pid, void *userdata)
{
    struct told *told = userdata;

    told->n++;
    told->yes = read_word(pid) != WORD_NONE;
    return !told->yes;
}

bool told_to_end(const struct group *service)
{
    struct told told = {0};
    int r = group_visit_processes(service, visit_told, &told);

    return r < 0 || told.yes || told.n == 0;
}

static bool visit_dying(pid_t pid, void *userdata)
{
    struct told *told = userdata;

    told->n++;
    told->yes = read_word(pid) == WORD_TO_END || is_exiting(pid);
    return !told->yes;
}

bool told_is_dying(const struct group *service)
{
    struct told told = {0};

    (void)group_visit_processes(service, visit_dying, &told);
    return told.yes || told.n == 0;
}

/* Returns whether to go on looking. */
static bool visit_monitor(pid_t pid, void *userdata)
{
    bool *found = userdata;
    char name[32];

    *found = read_process(pid, "/comm", name, sizeof(name)) > 0 && strcmp(name, "conmon\n") == 0 &&
             read_word(pid) != WORD_TO_END && !is_exiting(pid);
    return !*found;
}

bool told_is_monitored(const struct group *service)
{
    bool found = false;

    (void)group_visit_overhead(service, visit_monitor, &found);
    return found;
}
