/* SPDX-License-Identifier: MIT */

/* The files of cgroup2 behind group.h. Nothing is kept open but the slice's folder, as the cgroups
 * of a service come and go with it. */

#include "group.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/abort/parse.h"
#include "supervisor/lease/children.h"
#include "supervisor/lease/clock.h"
#include "supervisor/lease/line.h"
#include "supervisor/lease/payload.h"

#define CGROUP_PATH_MAX 1024
#define DEPTH_MAX       3
#define PROCS_SIZE      4096

static int unit_name(const char *template, const char *name, char ret[GROUP_NAME_MAX])
{
    struct line line;

    line_clear(&line);
    line_add(&line, template);
    line_add(&line, name);
    line_add(&line, ".service");
    if (line.n >= GROUP_NAME_MAX || strchr(name, '/'))
        return -ENAMETOOLONG;
    memcpy(ret, line.text, line.n + 1);
    return 0;
}

/* The folder that our own cgroup is in. */
static int open_slice(void)
{
    const char *root_path = getenv("PHOENIX_CGROUP_ROOT");
    char text[CGROUP_PATH_MAX + 512], path[CGROUP_PATH_MAX];

    ssize_t n = read_at(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text));
    if (n < 0)
        return (int)n;
    int r = parse_proc_cgroup(text, path, sizeof(path));
    if (r < 0)
        return r;
    *strrchr(path, '/') = '\0';
    int root = open(root_path ? root_path : "/sys/fs/cgroup", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return -errno;
    int slice = openat(root, path[0] == '\0' ? "." : path + 1, O_PATH | O_DIRECTORY | O_CLOEXEC);
    r = slice < 0 ? -errno : slice;
    close(root);
    return r;
}

int group_open(struct group *group, const char *name, bool proxy)
{
    int r = unit_name("phoenix@", name, group->units[GROUP_SERVICE]);

    group->units[GROUP_PROXY][0] = '\0';
    if (r == 0 && proxy)
        r = unit_name("phoenix-proxy@", name, group->units[GROUP_PROXY]);
    if (r == 0)
        r = open_slice();
    if (r < 0)
        return r;
    group->slice = r;
    return 0;
}

struct group group_part(const struct group *group, unsigned unit)
{
    struct group part = *group;

    part.units[1 - unit][0] = '\0';
    return part;
}

static int read_events(int fd, struct cgroup_events *ret)
{
    char text[256];

    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
    if (n < 0)
        return -errno;
    text[n] = '\0';
    parse_cgroup_events(text, ret);
    return 0;
}

/* ---- the proxy ---- */

/* inotify would tell the same, but a user has 128 of these at most, and every unit that comes would
 * wake all that watch the slice. */
int group_watch(const struct group *group, const char *slice)
{
    int folder = openat(group->slice, slice, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (folder < 0)
        return -errno;
    int fd = openat(folder, "cgroup.events", O_RDONLY | O_CLOEXEC);
    int r = fd < 0 ? -errno : fd;
    close(folder);
    return r;
}

int group_is_populated(int watch_fd)
{
    struct cgroup_events events;
    int r = read_events(watch_fd, &events);

    return r < 0 ? r : events.populated;
}

/* ---- the freezer ---- */

static int open_unit(const struct group *group, unsigned unit)
{
    int fd = openat(group->slice, group->units[unit], O_PATH | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

static int write_at(int dir, const char *name, const char *text)
{
    int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    int r = write(fd, text, strlen(text)) < 0 ? -errno : 0;
    close(fd);
    return r;
}

/* A cgroup may end while we are at it, and then it needs nothing any more. */
static bool is_gone(int r)
{
    return r == -ENOENT || r == -ENODEV;
}

struct visit {
    size_t n; /* groups that were there */
    int error;
    uint64_t until_usec;
    bool stop;
};

/* A proxy that does not run has nothing to visit; a service that does not is worth an error. */
static int visit_payloads(const struct group *group, void (*visit)(int group, void *userdata),
                          struct visit *state)
{
    int r = 0;

    for (unsigned i = 0; i < GROUP_UNITS_MAX && r >= 0; i++) {
        if (group->units[i][0] == '\0')
            continue;
        int unit = open_unit(group, i);
        if (unit < 0) {
            r = i == GROUP_PROXY && is_gone(unit) ? 0 : unit;
            continue;
        }
        r = children_visit(unit, child_is_payload, visit, state);
        close(unit);
    }
    return r < 0 ? r : state->error;
}

static void visit_freeze(int group, void *userdata)
{
    struct visit *state = userdata;
    int r = write_at(group, "cgroup.freeze", "1");

    state->n += !is_gone(r);
    if (r < 0 && !is_gone(r))
        state->error = r;
}

static int wait_frozen(int fd, uint64_t until_usec)
{
    struct cgroup_events group;

    for (;;) {
        int r = read_events(fd, &group);
        if (r < 0 || group.frozen)
            return is_gone(r) ? 0 : r;
        if (now_usec() >= until_usec)
            return -ETIMEDOUT;
        struct pollfd event = {.fd = fd, .events = POLLPRI};
        (void)poll_until(&event, 1, until_usec);
    }
}

static void visit_wait(int group, void *userdata)
{
    struct visit *state = userdata;

    int fd = openat(group, "cgroup.events", O_RDONLY | O_CLOEXEC);
    int r = fd < 0 ? -errno : wait_frozen(fd, state->until_usec);
    if (fd >= 0)
        close(fd);
    if (r < 0 && !is_gone(r))
        state->error = r;
}

int group_freeze(const struct group *group, uint64_t timeout_usec)
{
    struct visit state = {.until_usec = now_usec() + timeout_usec};

    int r = visit_payloads(group, visit_freeze, &state);
    if (r < 0)
        return r;
    return state.n == 0 ? -ENOENT : visit_payloads(group, visit_wait, &state);
}

static void visit_thaw(int group, void *userdata)
{
    struct visit *state = userdata;
    int r = write_at(group, "cgroup.freeze", "0");

    if (r < 0 && !is_gone(r))
        state->error = r;
}

int group_thaw(const struct group *group)
{
    struct visit state = {0};
    int r = visit_payloads(group, visit_thaw, &state);

    return is_gone(r) ? 0 : r;
}

static void visit_is_frozen(int group, void *userdata)
{
    struct visit *state = userdata;
    struct cgroup_events events = {0};

    int fd = openat(group, "cgroup.events", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    state->n++;
    if (read_events(fd, &events) < 0 || !events.frozen)
        state->stop = true;
    close(fd);
}

bool group_is_frozen(const struct group *group)
{
    struct visit state = {0};

    return visit_payloads(group, visit_is_frozen, &state) == 0 && state.n > 0 && !state.stop;
}

struct first {
    int fd;
};

static void visit_first(int group, void *userdata)
{
    struct first *first = userdata;

    /* Podman makes one per unit, and systemd makes one. */
    if (first->fd < 0)
        first->fd = openat(group, "cgroup.events", O_RDONLY | O_CLOEXEC);
}

int group_watch_payload(const struct group *group)
{
    struct first first = {.fd = -1};
    int unit = open_unit(group, GROUP_SERVICE);

    if (unit < 0)
        return unit;
    int r = children_visit(unit, child_is_payload, visit_first, &first);
    close(unit);
    if (r < 0)
        return r;
    if (first.fd < 0)
        return -ENOENT;
    /* It is to be read once before poll(2) tells of changes. */
    (void)group_payload_sleeps(first.fd);
    return first.fd;
}

bool group_payload_sleeps(int payload_fd)
{
    struct cgroup_events events;

    return read_events(payload_fd, &events) == 0 && events.populated && events.frozen;
}

/* ---- its processes ---- */

struct process_visit {
    struct visit visit; /* first: it is what visit_payloads() hands on */
    unsigned depth;
    bool (*each)(pid_t pid, void *userdata);
    void *userdata;
};

/* crun puts the processes below the group that Podman made. */
static void visit_processes(int group, void *userdata)
{
    struct process_visit *state = userdata;
    char text[PROCS_SIZE];
    const char *p = text;

    if (state->visit.stop || state->depth == DEPTH_MAX)
        return;
    state->depth++;
    if (read_at(group, "cgroup.procs", text, sizeof(text)) > 0)
        for (pid_t pid; !state->visit.stop && (pid = parse_next_pid(&p)) > 0;)
            state->visit.stop = !state->each(pid, state->userdata);
    (void)children_visit(group, NULL, visit_processes, state);
    state->depth--;
}

int group_visit_processes(const struct group *group, bool (*visit)(pid_t pid, void *userdata),
                          void *userdata)
{
    struct process_visit state = {.each = visit, .userdata = userdata};

    return visit_payloads(group, visit_processes, &state.visit);
}

static bool is_overhead(const char *name)
{
    return cgroup_name_is_overhead(name);
}

int group_visit_overhead(const struct group *group, bool (*visit)(pid_t pid, void *userdata),
                         void *userdata)
{
    struct process_visit state = {.each = visit, .userdata = userdata};
    int unit = open_unit(group, GROUP_SERVICE);

    if (unit < 0)
        return unit;
    int r = children_visit(unit, is_overhead, visit_processes, &state.visit);
    close(unit);
    return r;
}

struct signalling {
    int signal, error;
};

static bool visit_signal(pid_t pid, void *userdata)
{
    struct signalling *state = userdata;

    if (kill(pid, state->signal) < 0 && errno != ESRCH)
        state->error = -errno;
    return true;
}

int group_signal(const struct group *group, int signal)
{
    struct signalling state = {.signal = signal};
    int r = group_visit_processes(group, visit_signal, &state);

    return r < 0 ? r : state.error;
}

/* ---- memory ---- */

/* The unit's, as a group below it has no account of its own unless somebody asked for it. What we
 * run in the unit beside the service is small. */
uint64_t group_memory(const struct group *group)
{
    char text[32];
    ssize_t n = -1;
    int unit = open_unit(group, GROUP_SERVICE);

    if (unit >= 0) {
        n = read_at(unit, "memory.current", text, sizeof(text));
        close(unit);
    }
    return n > 0 ? strtoull(text, NULL, 10) : 0;
}

int group_reclaim(const struct group *group, uint64_t bytes)
{
    struct line line;
    int unit = open_unit(group, GROUP_SERVICE);

    if (unit < 0)
        return unit;
    line_clear(&line);
    line_add_number(&line, bytes);
    int r = write_at(unit, "memory.reclaim", line.text);
    close(unit);
    return r;
}
