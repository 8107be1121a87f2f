/* SPDX-License-Identifier: MIT */

/*
 * Reads the payload of a unit from cgroupfs and /proc; see tree.h. Every walk is bounded in depth,
 * in cgroups and in processes: the payload may make as many of each as it likes.
 */

#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEPTH_MAX 16
#define TEXT_MAX  (64 * 1024)

static void closep(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static void freep(void *p)
{
    free(*(void **)p);
}

static void closedirp(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

#define _cleanup_close_    __attribute__((cleanup(closep)))
#define _cleanup_free_     __attribute__((cleanup(freep)))
#define _cleanup_closedir_ __attribute__((cleanup(closedirp)))

/* Reads up to size-1 bytes and ends them with a NUL; a longer file is cut, which all callers can
 * live with. Returns the number of bytes or a negative errno. */
static ssize_t read_fd(int fd, char *buf, size_t size)
{
    size_t length = 0;

    while (length < size - 1) {
        ssize_t n = pread(fd, buf + length, size - 1 - length, (off_t)length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        length += (size_t)n;
    }
    buf[length] = '\0';
    return (ssize_t)length;
}

static ssize_t read_text(const char *path, char *buf, size_t size)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    return fd < 0 ? -errno : read_fd(fd, buf, size);
}

/* Reads PROC/WHO/NAME, WHO being a PID or "self". */
static ssize_t read_proc(const struct roots *roots, const char *who, const char *name, char *buf,
                         size_t size)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/%s/%s", roots->proc, who, name) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    /* /proc/self is a link, which the last component here never is. */
    return read_text(path, buf, size);
}

static ssize_t read_proc_pid(const struct roots *roots, pid_t pid, const char *name, char *buf,
                             size_t size)
{
    char who[16];

    snprintf(who, sizeof(who), "%d", pid);
    return read_proc(roots, who, name, buf, size);
}

int process_status(const struct roots *roots, pid_t pid, struct proc_status *ret)
{
    char text[8192];

    /* Any failure here means that the process is gone or that we are not allowed to see it: nothing
     * to do either way. */
    if (read_proc_pid(roots, pid, "status", text, sizeof(text)) <= 0)
        return -ESRCH;
    parse_proc_status(text, ret);
    return 0;
}

static int group_add(struct payload *payload, const char *path, bool whole)
{
    if (payload->n_groups == PAYLOAD_GROUPS_MAX)
        return -E2BIG;

    struct payload_group *groups =
        reallocarray(payload->groups, payload->n_groups + 1, sizeof(*payload->groups));
    if (!groups)
        return -ENOMEM;
    payload->groups = groups;

    _cleanup_free_ char *copy = strdup(path);
    _cleanup_free_ char *events = NULL;
    if (!copy || asprintf(&events, "%s%s/cgroup.events", payload->roots.cgroup, path) < 0)
        return -ENOMEM;
    groups[payload->n_groups++] = (struct payload_group){
        .path = copy,
        .events_fd = whole ? open(events, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1,
        .whole = whole,
    };
    copy = NULL;
    return 0;
}

/* Goes through the cgroups right below the unit's. A cgroup that this process is in is passed over
 * like ".control". */
static int groups_add_children(struct payload *payload, const char *own, bool containers)
{
    char path[PATH_MAX];
    struct dirent *entry;

    if (snprintf(path, sizeof(path), "%s%s", payload->roots.cgroup, payload->unit) >=
        (int)sizeof(path))
        return -ENAMETOOLONG;
    _cleanup_closedir_ DIR *dir = opendir(path);
    if (!dir)
        return -errno;
    while ((entry = readdir(dir))) {
        if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 ||
            strcmp(entry->d_name, "..") == 0)
            continue;
        if (containers ? !cgroup_name_is_container(entry->d_name)
                       : cgroup_name_is_overhead(entry->d_name))
            continue;
        if (snprintf(path, sizeof(path), "%s/%s", payload->unit, entry->d_name) >=
            (int)sizeof(path))
            continue;
        if (cgroup_is_within(own, path))
            continue;
        int r = group_add(payload, path, true);
        if (r < 0)
            return r;
    }
    return 0;
}

int payload_open(struct payload *payload, const struct roots *roots)
{
    char text[PATH_MAX + 512], own[PATH_MAX];

    *payload = (struct payload){.roots = *roots};
    ssize_t n = read_proc(roots, "self", "cgroup", text, sizeof(text));
    if (n < 0)
        return (int)n;
    int r = parse_proc_cgroup(text, own, sizeof(own));
    if (r < 0)
        return r;
    r = unit_cgroup_of(own, payload->unit, sizeof(payload->unit));
    if (r < 0)
        return r;

    r = groups_add_children(payload, own, true);
    if (r == 0 && payload->n_groups == 0) {
        r = groups_add_children(payload, own, false);
        if (r == 0 || r == -E2BIG)
            r = group_add(payload, payload->unit, false);
    }
    if (r < 0 && r != -E2BIG) {
        payload_close(payload);
        return r;
    }
    return 0;
}

void payload_close(struct payload *payload)
{
    for (size_t i = 0; i < payload->n_groups; i++) {
        closep(&payload->groups[i].events_fd);
        free(payload->groups[i].path);
    }
    free(payload->groups);
    payload->groups = NULL;
    payload->n_groups = 0;
}

/* The lease of a unit that is not delegated stands among the payload's processes. It ends by
 * itself; a signal of ours would only put a false "killed" into the journal. It is known by its
 * program file, not by its name. */
static bool is_own_helper(const struct roots *roots, pid_t pid)
{
    char path[64], self[PATH_MAX], other[PATH_MAX];

    if (strcmp(roots->proc, "/proc") != 0)
        return false;
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n <= 0)
        return false;
    self[n] = '\0';
    snprintf(path, sizeof(path), "/proc/%d/exe", pid);
    n = readlink(path, other, sizeof(other) - 1);
    if (n <= 0)
        return false;
    other[n] = '\0';

    /* A container has its own tree of files: a path that looks the same there is another file. */
    struct stat a, b;
    const char *slash = strrchr(self, '/');
    size_t folder = (size_t)(slash - self) + 1;
    return strncmp(self, other, folder) == 0 && strncmp(other + folder, "phoenix-", 8) == 0 &&
           !strchr(other + folder, '/') && stat(path, &a) == 0 && stat(other, &b) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int list_add(const struct payload *payload, struct process_list *list, pid_t pid)
{
    struct payload_process process = {.pid = pid};

    if (pid == getpid() || is_own_helper(&payload->roots, pid))
        return 0;
    if (process_status(&payload->roots, pid, &process.status) < 0 || process.status.zombie)
        return 0;
    if (list->n_items == PAYLOAD_PIDS_MAX) {
        list->truncated = true;
        return 0;
    }
    if (list->n_items % 64 == 0) {
        void *items = reallocarray(list->items, list->n_items + 64, sizeof(*list->items));
        if (!items)
            return -ENOMEM;
        list->items = items;
    }
    list->items[list->n_items++] = process;
    return 0;
}

static int list_add_procs(const struct payload *payload, struct process_list *list,
                          const char *folder)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/cgroup.procs", folder) >= (int)sizeof(path))
        return 0;
    _cleanup_free_ char *text = malloc(TEXT_MAX);
    if (!text)
        return -ENOMEM;
    if (read_text(path, text, TEXT_MAX) < 0)
        return 0;

    const char *p = text;
    for (pid_t pid; (pid = parse_next_pid(&p)) > 0;) {
        int r = list_add(payload, list, pid);
        if (r < 0)
            return r;
    }
    return 0;
}

static int list_add_tree(const struct payload *payload, struct process_list *list,
                         const char *folder, unsigned depth)
{
    struct dirent *entry;
    int r = list_add_procs(payload, list, folder);

    if (r < 0 || depth == DEPTH_MAX)
        return r;
    _cleanup_closedir_ DIR *dir = opendir(folder);
    if (!dir)
        return 0;
    while ((entry = readdir(dir)) && !list->truncated) {
        char path[PATH_MAX];

        if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 ||
            strcmp(entry->d_name, "..") == 0)
            continue;
        if (snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >= (int)sizeof(path))
            continue;
        r = list_add_tree(payload, list, path, depth + 1);
        if (r < 0)
            return r;
    }
    return 0;
}

int payload_list(const struct payload *payload, struct process_list *ret)
{
    struct process_list list = {};

    for (size_t i = 0; i < payload->n_groups; i++) {
        const struct payload_group *group = &payload->groups[i];
        char path[PATH_MAX];
        int r;

        if (snprintf(path, sizeof(path), "%s%s", payload->roots.cgroup, group->path) >=
            (int)sizeof(path))
            continue;
        r = group->whole ? list_add_tree(payload, &list, path, 0)
                         : list_add_procs(payload, &list, path);
        if (r < 0) {
            process_list_free(&list);
            return r;
        }
    }
    *ret = list;
    return 0;
}

void process_list_free(struct process_list *list)
{
    free(list->items);
    *list = (struct process_list){};
}

size_t payload_helpers(const struct payload *payload, pid_t *ret_pids, size_t max)
{
    static const char *const groups[] = {"", "/.control"};
    size_t n = 0;

    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        char path[PATH_MAX], text[4096];

        if (snprintf(path, sizeof(path), "%s%s%s/cgroup.procs", payload->roots.cgroup,
                     payload->unit, groups[i]) >= (int)sizeof(path) ||
            read_text(path, text, sizeof(text)) <= 0)
            continue;
        const char *p = text;
        for (pid_t pid; n < max && (pid = parse_next_pid(&p)) > 0;)
            if (pid != getpid() && is_own_helper(&payload->roots, pid))
                ret_pids[n++] = pid;
    }
    return n;
}

int payload_open_process(const struct payload *payload, pid_t pid)
{
    char text[PATH_MAX + 512], path[PATH_MAX];

    _cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return -errno;
    if (read_proc_pid(&payload->roots, pid, "cgroup", text, sizeof(text)) < 0)
        return -ESRCH;
    if (parse_proc_cgroup(text, path, sizeof(path)) < 0)
        return -EPERM;
    for (size_t i = 0; i < payload->n_groups; i++) {
        const struct payload_group *group = &payload->groups[i];
        if (group->whole ? cgroup_is_within(path, group->path) : strcmp(path, group->path) == 0) {
            int taken = fd;
            fd = -1;
            return taken;
        }
    }
    return -EPERM;
}

void payload_group_events(const struct payload_group *group, struct cgroup_events *ret)
{
    char text[256];

    *ret = (struct cgroup_events){};
    if (group->events_fd >= 0 && read_fd(group->events_fd, text, sizeof(text)) > 0)
        parse_cgroup_events(text, ret);
}

int payload_group_kill(const struct payload *payload, const struct payload_group *group)
{
    char path[PATH_MAX];

    if (!group->whole)
        return -EINVAL;
    if (snprintf(path, sizeof(path), "%s%s/cgroup.kill", payload->roots.cgroup, group->path) >=
        (int)sizeof(path))
        return -ENAMETOOLONG;
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    return write(fd, "1", 1) == 1 ? 0 : -errno;
}
