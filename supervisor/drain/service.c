/* SPDX-License-Identifier: MIT */

/*
 * See service.h. A lease has two processes until its service is healthy: the one that systemd waits
 * for has the name of the program, the one that stays has another (lease.h). Processes are known by
 * name only; one that a service gives this name keeps nobody but its own clients waiting.
 */

#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/abort/parse.h"
#include "supervisor/lease/lease.h"
#include "supervisor/lease/payload.h"

#define CGROUP_PATH_MAX 1024
#define PROCS_MAX       16384
#define NAME_MAX_SIZE   32

struct found {
    bool waiting, staying;
    bool hidden; /* some process whose name is not to be had */
};

/* Sets *ret_unit to the folder of the unit, -1 when it has none. Returns 0, or a negative errno. */
static int open_unit(const char *unit, int *ret_unit)
{
    const char *root_path = getenv("PHOENIX_CGROUP_ROOT");
    char text[CGROUP_PATH_MAX + 512], own[CGROUP_PATH_MAX];

    ssize_t n = read_at(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text));
    int r = n < 0 ? (int)n : parse_proc_cgroup(text, own, sizeof(own));
    if (r < 0)
        return r;
    int root = open(root_path ? root_path : "/sys/fs/cgroup", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return -errno;
    *ret_unit = -1;
    for (char *slash; *ret_unit < 0 && (slash = strrchr(own, '/'));) {
        char path[2 * CGROUP_PATH_MAX];

        *slash = '\0';
        (void)snprintf(path, sizeof(path), "%s%s%s", own[0] ? own + 1 : "", own[0] ? "/" : "",
                       unit);
        *ret_unit = openat(root, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (*ret_unit < 0 && errno != ENOENT)
            r = -errno;
    }
    close(root);
    return *ret_unit < 0 ? r : 0;
}

static void look_at_process(pid_t pid, struct found *found)
{
    char path[64], name[NAME_MAX_SIZE];

    (void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    if (read_at(AT_FDCWD, path, name, sizeof(name)) <= 0) {
        found->hidden |= kill(pid, 0) == 0 || errno == EPERM; /* else it has ended */
        return;
    }
    name[strcspn(name, "\n")] = '\0';
    if (strcmp(name, LEASE_NAME_WAITING) == 0)
        found->waiting = true;
    else if (strcmp(name, LEASE_NAME_STAYING) == 0)
        found->staying = true;
}

static void look_at_processes(int unit, const char *procs, struct found *found)
{
    char text[PROCS_MAX];
    const char *next = text;

    ssize_t n = read_at(unit, procs, text, sizeof(text));
    if (n < 0)
        return;
    if ((size_t)n == sizeof(text) - 1) /* more than we look at */
        found->hidden = true;
    for (pid_t pid; (pid = parse_next_pid(&next)) > 0;)
        look_at_process(pid, found);
}

bool service_is_up(const char *unit, bool with_lease)
{
    struct cgroup_events events = {0};
    struct found found = {0};
    char text[256];
    int dir;

    if (open_unit(unit, &dir) < 0)
        return true;
    if (dir < 0)
        return false;
    if (read_at(dir, "cgroup.events", text, sizeof(text)) > 0)
        parse_cgroup_events(text, &events);
    /* systemd has its own commands of a delegated unit in a group of their own. */
    look_at_processes(dir, "cgroup.procs", &found);
    look_at_processes(dir, ".control/cgroup.procs", &found);
    close(dir);
    if (!events.populated)
        return false;
    return !found.waiting && (found.staying || found.hidden || !with_lease);
}
