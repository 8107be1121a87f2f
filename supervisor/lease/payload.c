/* SPDX-License-Identifier: MIT */

/*
 * See payload.h. All that is read here is what the kernel says, but about processes that come, go
 * and lie about their names: a PID is believed only after its pidfd is open and its cgroup was
 * looked at again.
 */

#include "payload.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "children.h"
#include "line.h"
#include "supervisor/abort/parse.h"

#define DEPTH_MAX 3

/* Every page of stack that was ever touched stays ours for the life of the service, so buffers are
 * as small as what they have to hold: the path of a unit (unit names end at 255 characters), and
 * the part of a status that names namespaces and signals. */
#define CGROUP_PATH_MAX 1024
#define STATUS_SIZE     4096

struct search {
    char unit[CGROUP_PATH_MAX]; /* cgroup of the unit */
    struct payload found;
    bool is_init;
};

static const struct {
    int flag;
    const char *link;
} namespaces[] = {
    {CLONE_NEWUSER, "ns/user"},     {CLONE_NEWNS, "ns/mnt"},  {CLONE_NEWPID, "ns/pid"},
    {CLONE_NEWNET, "ns/net"},       {CLONE_NEWIPC, "ns/ipc"}, {CLONE_NEWUTS, "ns/uts"},
    {CLONE_NEWCGROUP, "ns/cgroup"},
};

ssize_t read_at(int dir, const char *path, char *buf, size_t size)
{
    int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
    size_t n = 0;

    if (fd < 0)
        return -errno;
    while (n < size - 1) {
        ssize_t r = read(fd, buf + n, size - 1 - n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0) {
            r = -errno;
            close(fd);
            return r;
        }
        if (r == 0)
            break;
        n += (size_t)r;
    }
    close(fd);
    buf[n] = '\0';
    return (ssize_t)n;
}

static int find_unit(char *ret_unit, size_t size)
{
    char text[CGROUP_PATH_MAX + 512], own[CGROUP_PATH_MAX];

    ssize_t n = read_at(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text));
    if (n < 0)
        return (int)n;
    int r = parse_proc_cgroup(text, own, sizeof(own));
    return r < 0 ? r : unit_cgroup_of(own, ret_unit, size);
}

/* Returns a descriptor and the path, or a negative errno. */
static int open_unit(char *ret_unit, size_t size)
{
    const char *path = getenv("PHOENIX_CGROUP_ROOT");
    int r = find_unit(ret_unit, size);

    if (r < 0)
        return r;
    int root = open(path ? path : "/sys/fs/cgroup", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return -errno;
    int unit = openat(root, ret_unit + 1, O_PATH | O_DIRECTORY | O_CLOEXEC);
    r = unit < 0 ? -errno : unit;
    close(root);
    return r;
}

int payload_open_unit(void)
{
    char unit[CGROUP_PATH_MAX];

    return open_unit(unit, sizeof(unit));
}

static int open_process(pid_t pid, struct payload *ret)
{
    struct line path;

    line_clear(&path);
    line_add(&path, "/proc/");
    line_add_number(&path, (uint64_t)pid);
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0)
        return -errno;
    int dir = open(path.text, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        int r = -errno;
        close(pidfd);
        return r;
    }
    *ret = (struct payload){.pid = pid, .pidfd = pidfd, .dir = dir};
    return 0;
}

void payload_close(struct payload *payload)
{
    if (payload->pid > 0) {
        close(payload->pidfd);
        close(payload->dir);
    }
    *payload = (struct payload){.pidfd = -1, .dir = -1};
}

/* The payload's init is the one that is PID 1 in its own namespace; a container that shares ours
 * has none, and its first process must do. */
static void consider(struct search *search, pid_t pid)
{
    struct payload payload;
    struct proc_status status;
    char text[STATUS_SIZE], path[CGROUP_PATH_MAX];

    if (search->is_init || open_process(pid, &payload) < 0)
        return;
    bool usable = read_at(payload.dir, "cgroup", text, sizeof(text)) > 0 &&
                  parse_proc_cgroup(text, path, sizeof(path)) == 0 &&
                  cgroup_is_within(path, search->unit) &&
                  read_at(payload.dir, "status", text, sizeof(text)) > 0;
    if (usable)
        parse_proc_status(text, &status);
    if (!usable || status.zombie || (search->found.pid > 0 && !status.ns_init)) {
        payload_close(&payload);
        return;
    }
    payload_close(&search->found);
    search->found = payload;
    search->found.apart = true;
    search->is_init = status.ns_init;
}

static void search_processes(struct search *search, int group)
{
    char text[4096];

    if (read_at(group, "cgroup.procs", text, sizeof(text)) <= 0)
        return;
    const char *p = text;
    for (pid_t pid; !search->is_init && (pid = parse_next_pid(&p)) > 0;)
        consider(search, pid);
}

typedef void (*visit_t)(struct search *search, int group, unsigned depth);

struct step {
    struct search *search;
    unsigned depth;
    visit_t visit;
};

static void visit_child(int group, void *userdata)
{
    const struct step *step = userdata;

    step->visit(step->search, group, step->depth);
}

/* Calls `visit` for the cgroups right below `parent`: all, or only those of containers. */
static void visit_children(struct search *search, int parent, bool containers, unsigned depth,
                           visit_t visit)
{
    struct step step = {.search = search, .depth = depth, .visit = visit};

    (void)children_visit(parent, containers ? cgroup_name_is_container : NULL, visit_child, &step);
}

/* crun puts the processes into "container" below the group that Podman made, so go down. */
static void visit_group(struct search *search, int group, unsigned depth)
{
    search_processes(search, group);
    if (!search->is_init && depth < DEPTH_MAX)
        visit_children(search, group, false, depth + 1, visit_group);
}

static void visit_name_only(struct search *search, int group, unsigned depth)
{
    (void)group;
    (void)depth;
    search->found.apart = true;
}

static int search_containers(struct search *search, visit_t visit)
{
    search->found = (struct payload){.pidfd = -1, .dir = -1};
    search->is_init = false;
    int unit = open_unit(search->unit, sizeof(search->unit));
    if (unit < 0)
        return unit;
    visit_children(search, unit, true, 0, visit);
    close(unit);
    return 0;
}

bool payload_is_container(void)
{
    struct search search;

    return search_containers(&search, visit_name_only) == 0 && search.found.apart;
}

/* A user's manager gives each process of a sandboxed unit a user namespace of its own, which nobody
 * in another one of them can look at, let alone join. So the lease is started outside of it there,
 * where it owns them all. */
static bool has_other_user_namespace(const struct payload *payload)
{
    struct stat own, theirs;

    return fstatat(payload->dir, "ns/user", &theirs, 0) == 0 &&
           stat("/proc/self/ns/user", &own) == 0 && own.st_ino != theirs.st_ino;
}

static bool is_named(int dir, const char *name)
{
    char comm[32];
    ssize_t n = read_at(dir, "comm", comm, sizeof(comm));

    return n > 0 && (size_t)n == strlen(name) + 1 && memcmp(comm, name, (size_t)n - 1) == 0;
}

bool payload_is_podman(pid_t pid)
{
    struct payload process;

    if (open_process(pid, &process) < 0)
        return false;
    bool is = is_named(process.dir, "podman");
    payload_close(&process);
    return is;
}

/* What starts a container, or watches it, stands outside of it: in the network of the machine, say,
 * where somebody else may answer. */
static bool is_outsider(const struct payload *payload)
{
    return is_named(payload->dir, "conmon") || is_named(payload->dir, "podman");
}

int payload_open(pid_t main_pid, struct payload *ret)
{
    struct search search;

    /* A sandbox may hide the cgroups from a plain service: then there is its main process. */
    if (search_containers(&search, visit_group) == 0 && search.found.pid > 0) {
        *ret = search.found;
        return 0;
    }
    if (main_pid <= 0)
        return -ESRCH;
    int r = open_process(main_pid, ret);
    if (r < 0)
        return r;
    if (is_outsider(ret)) {
        payload_close(ret);
        return -ESRCH;
    }
    ret->apart = has_other_user_namespace(ret);
    return 0;
}

int payload_network(const struct payload *payload, uint64_t *ret_dev, uint64_t *ret_ino)
{
    struct stat st;

    /* Another user's process (PrivateUsers=, User=) keeps its links to itself; the sandbox of a
     * plain service is ours, too. */
    if (fstatat(payload->dir, "ns/net", &st, 0) < 0 &&
        (payload->apart || stat("/proc/self/ns/net", &st) < 0))
        return -errno;
    *ret_dev = st.st_dev;
    *ret_ino = st.st_ino;
    return 0;
}

int payload_other_namespaces(const struct payload *payload, int wanted)
{
    int other = 0;

    if (!payload->apart)
        return 0;
    for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++) {
        struct stat own, theirs;
        struct line path;

        if (!(wanted & namespaces[i].flag))
            continue;
        line_clear(&path);
        line_add(&path, "/proc/self/");
        line_add(&path, namespaces[i].link);
        if (fstatat(payload->dir, namespaces[i].link, &theirs, 0) < 0 || stat(path.text, &own) < 0)
            continue;
        if (own.st_dev != theirs.st_dev || own.st_ino != theirs.st_ino)
            other |= namespaces[i].flag;
    }
    return other;
}

/* A user that is not root in the joined user namespace would lose its capabilities when it executes
 * phoenix-abort, and could then not signal what runs there as other users. */
static void keep_capabilities(void)
{
    static const int kept[] = {CAP_KILL, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH};
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    if (syscall(SYS_capget, &header, data) < 0)
        return;
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        data[kept[i] / 32].inheritable |= 1U << (kept[i] % 32);
    if (syscall(SYS_capset, &header, data) < 0)
        return;
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, kept[i], 0, 0);
}

int payload_join(const struct payload *payload, int wanted)
{
    int other = payload_other_namespaces(payload, wanted);

    if (other == 0)
        return 0;
    if (setns(payload->pidfd, other) < 0)
        return -errno;
    if (other & CLONE_NEWUSER)
        keep_capabilities();
    return 0;
}
