/* SPDX-License-Identifier: MIT */

/* The main process of a container is the one the runtime started: process 1 of its PID namespace.
 * Where that is only an init, it is the init's first child, which is the payload; where there is no
 * PID namespace, the oldest process. `podman exec` adds processes, and they are younger. */

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "kmod/text.h"
#include "sysinfo/main-process.h"
#include "sysinfo/read-at.h"

/* Beyond these a container is searched no further: what the runtime started comes first. */
#define PIDS_MAX    ((size_t)4096)
#define DEPTH_MAX   16U
#define STATUS_MAX  ((size_t)16 * 1024)
#define PROCS_CHUNK ((size_t)4096)

typedef struct Candidate {
    pid_t pid;
    bool is_first;
    ProcessStat stat;
} Candidate;

void main_process_done(MainProcess *process)
{
    cleanup_close(&process->stat_fd);
    cleanup_close(&process->cmdline_fd);
    *process = MAIN_PROCESS_NONE;
}

void main_process_search_done(MainProcessSearch *search)
{
    free(search->candidates);
    free(search->pids);
    *search = (MainProcessSearch){0};
}

static bool is_exhausted(int r)
{
    return r == -ENOMEM || r == -EMFILE || r == -ENFILE;
}

static int add_pid(MainProcessSearch *search, pid_t pid)
{
    if (search->n_pids == search->pids_allocated) {
        size_t allocated = MAX(search->pids_allocated * 2, (size_t)64);
        pid_t *pids = reallocarray(search->pids, allocated, sizeof(*pids));

        if (!pids)
            return -ENOMEM;
        search->pids = pids;
        search->pids_allocated = allocated;
    }
    search->pids[search->n_pids++] = pid;
    return 0;
}

/* Takes the numbers of whole lines out of a piece of cgroup.procs; *pid is one that the piece
 * before has begun. A process of a namespace that is not below ours is 0. */
static int add_pids(MainProcessSearch *search, const char *s, size_t n, int64_t *pid)
{
    for (size_t i = 0; i < n && search->n_pids < PIDS_MAX; i++) {
        if (s[i] >= '0' && s[i] <= '9') {
            *pid = MIN(MAX(*pid, (int64_t)0) * 10 + (s[i] - '0'), (int64_t)INT32_MAX);
            continue;
        }
        if (*pid >= 0 && add_pid(search, (pid_t)*pid) < 0)
            return -ENOMEM;
        *pid = -1;
    }
    return 0;
}

static int read_procs(MainProcessSearch *search, int group_fd)
{
    _cleanup_close_ int fd = openat(group_fd, "cgroup.procs", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    char buf[PROCS_CHUNK];
    int64_t pid = -1;

    if (fd < 0)
        return is_exhausted(-errno) ? -errno : 0;
    while (search->n_pids < PIDS_MAX) {
        ssize_t n = read(fd, buf, sizeof(buf));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) /* the cgroup is gone, or holds threads only */
            return 0;
        if (add_pids(search, buf, (size_t)n, &pid) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int read_group(MainProcessSearch *search, int group_fd, unsigned depth);

static int read_children(MainProcessSearch *search, int group_fd, unsigned depth)
{
    _cleanup_closedir_ DIR *dir = NULL;
    const struct dirent *entry;
    struct stat st;
    int fd;

    /* In cgroupfs, a folder has one link more than its own two for each within. */
    if (fstat(group_fd, &st) < 0 || st.st_nlink == 2)
        return 0;
    fd = openat(group_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return is_exhausted(-errno) ? -errno : 0;
    dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return -ENOMEM;
    }
    while ((entry = readdir(dir)) && search->n_pids < PIDS_MAX) {
        _cleanup_close_ int child_fd = -1;
        int r = 0;

        if (entry->d_type == DT_REG || streq(entry->d_name, ".") || streq(entry->d_name, ".."))
            continue;
        child_fd = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (child_fd >= 0)
            r = read_group(search, child_fd, depth);
        else if (is_exhausted(-errno))
            r = -errno;
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_group(MainProcessSearch *search, int group_fd, unsigned depth)
{
    int r = read_procs(search, group_fd);

    if (r < 0 || depth >= DEPTH_MAX)
        return r;
    return read_children(search, group_fd, depth + 1);
}

static int list_pids(MainProcessSearch *search, int group_fd)
{
    search->n_pids = 0;
    return read_group(search, group_fd, 0);
}

/* Returns 1 when it is, 0 when not; -EMFILE and its like when that cannot be told. */
static int is_first(int proc_fd, pid_t pid)
{
    _cleanup_close_ int fd = process_open(proc_fd, pid, "status");
    char text[STATUS_MAX];
    ssize_t n;

    if (fd < 0)
        return is_exhausted(fd) ? fd : 0;
    n = read_at_start(fd, text, sizeof(text));
    return n > 0 && process_is_first(text, (size_t)n);
}

/* Returns 1 when the process could be read and lives. */
static int read_candidate(int proc_fd, pid_t pid, Candidate *ret)
{
    _cleanup_close_ int fd = process_open(proc_fd, pid, "stat");
    Candidate candidate = {.pid = pid};
    int r;

    if (is_exhausted(fd))
        return fd;
    r = fd < 0 ? fd : process_read_stat(fd, &candidate.stat);
    if (r < 0 || candidate.stat.state == 'X')
        return 0;
    r = is_first(proc_fd, pid);
    if (r < 0)
        return r;
    candidate.is_first = r;
    *ret = candidate;
    return 1;
}

static int read_candidates(int proc_fd, MainProcessSearch *search)
{
    search->n_candidates = 0;
    if (search->candidates_allocated < search->n_pids) {
        Candidate *candidates =
            reallocarray(search->candidates, search->n_pids, sizeof(*candidates));

        if (!candidates)
            return -ENOMEM;
        search->candidates = candidates;
        search->candidates_allocated = search->n_pids;
    }
    for (size_t i = 0; i < search->n_pids; i++) {
        int r;

        if (search->pids[i] == 0)
            continue;
        r = read_candidate(proc_fd, search->pids[i], &search->candidates[search->n_candidates]);
        if (r < 0)
            return r;
        search->n_candidates += (size_t)r;
    }
    return 0;
}

static bool is_older(const Candidate *a, const Candidate *b)
{
    if (a->stat.start_ticks != b->stat.start_ticks)
        return a->stat.start_ticks < b->stat.start_ticks;
    return a->pid < b->pid;
}

/* A cgroup lists those that have ended only while other threads of them live: they come last. Of a
 * container within the container there is a process 1, too: it is the younger one. */
static bool is_better(const Candidate *a, const Candidate *b)
{
    bool a_ended = a->stat.state == 'Z', b_ended = b->stat.state == 'Z';

    if (a_ended != b_ended)
        return b_ended;
    return a->is_first != b->is_first ? a->is_first : is_older(a, b);
}

static const Candidate *find_started(const MainProcessSearch *search)
{
    const Candidate *best = NULL;

    for (size_t i = 0; i < search->n_candidates; i++)
        if (!best || is_better(&search->candidates[i], best))
            best = &search->candidates[i];
    return best;
}

static const Candidate *find_child(const MainProcessSearch *search, pid_t parent)
{
    const Candidate *best = NULL;

    for (size_t i = 0; i < search->n_candidates; i++) {
        const Candidate *c = &search->candidates[i];

        if (c->stat.parent == parent && c->stat.state != 'Z' && (!best || is_older(c, best)))
            best = c;
    }
    return best;
}

static const Candidate *choose(const MainProcessSearch *search, MainProcessTrust *ret_trust)
{
    const Candidate *started = find_started(search), *child = NULL;

    *ret_trust = MAIN_PROCESS_OLDEST;
    if (!started || !started->is_first || started->stat.state == 'Z')
        return started;
    *ret_trust = MAIN_PROCESS_FINAL;
    if (!phoenix_is_init_name(started->stat.name))
        return started;
    child = find_child(search, started->pid);
    if (child)
        return child;
    *ret_trust = MAIN_PROCESS_INIT;
    return started;
}

static bool lists(const MainProcessSearch *search, pid_t pid)
{
    for (size_t i = 0; i < search->n_pids; i++)
        if (search->pids[i] == pid)
            return true;
    return false;
}

/* A number may have gone to another process since the cgroup was read. Here the one we have opened
 * has to be the one that was chosen, and its number to stand in the cgroup while it lives: then it
 * is the container's. Returns 1 when it is. */
static int open_chosen(int proc_fd, int group_fd, MainProcessSearch *search,
                       const Candidate *chosen, MainProcess *process)
{
    uint64_t start_ticks = chosen->stat.start_ticks;
    ProcessStat stat;
    int r;

    process->pid = chosen->pid;
    process->stat_fd = process_open(proc_fd, process->pid, "stat");
    if (process->stat_fd < 0)
        return is_exhausted(process->stat_fd) ? process->stat_fd : 0;
    process->cmdline_fd = process_open(proc_fd, process->pid, "cmdline");
    if (process->cmdline_fd < 0)
        return is_exhausted(process->cmdline_fd) ? process->cmdline_fd : 0;
    r = list_pids(search, group_fd);
    if (r < 0)
        return r;
    return lists(search, process->pid) && process_read_stat(process->stat_fd, &stat) >= 0 &&
           stat.start_ticks == start_ticks;
}

static int find_once(int proc_fd, int group_fd, MainProcessSearch *search, MainProcess *ret)
{
    _cleanup_main_process_ MainProcess process = MAIN_PROCESS_NONE;
    const Candidate *chosen;
    int r;

    r = list_pids(search, group_fd);
    if (r < 0)
        return r;
    if (search->n_pids == 0)
        return MAIN_PROCESS_EMPTY;
    r = read_candidates(proc_fd, search);
    if (r < 0)
        return r;
    chosen = choose(search, &process.trust);
    r = chosen ? open_chosen(proc_fd, group_fd, search, chosen, &process) : 0;
    if (r < 0)
        return r;
    if (r == 0)
        return MAIN_PROCESS_HIDDEN;
    *ret = process;
    process = MAIN_PROCESS_NONE;
    return 0;
}

/* A container that is about to end looks as one whose processes are hidden: a second look tells. */
int main_process_find(int proc_fd, int group_fd, MainProcessSearch *search, MainProcess *ret)
{
    int r = find_once(proc_fd, group_fd, search, ret);

    return r == MAIN_PROCESS_HIDDEN ? find_once(proc_fd, group_fd, search, ret) : r;
}
