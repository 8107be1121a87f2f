/* SPDX-License-Identifier: MIT */

/*
 * The reader of a dying container's output; see pump.h. The payload is alive and hostile while we
 * look at its descriptors, so nothing of it is opened before it is known to be a pipe.
 */

#include "pump.h"
#include "settle.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIPES_MAX     16
#define CHUNK_SIZE    (64 * 1024)
#define READY_MSEC    500
#define USEC_PER_MSEC 1000
#define SETTLE_USEC   (100 * USEC_PER_MSEC) /* well below what the parent gives us */
#define COPY_MAX_TEXT "1 MiB"

struct pipes {
    struct pollfd fds[PIPES_MAX];
    size_t n;
    bool joined; /* already in the container's user namespace, from where no way leads back */
};

/* Whoever reads the pipe must not lose a byte to us, be it a conmon that still lives, one inside of
 * the container or ourselves, when stdout and stderr are the same pipe. The kernel knows: the write
 * side of a pipe without readers is in error. Returns 0, 1 or a negative errno. */
static int has_reader(const char *path)
{
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    struct pollfd side = {.fd = fd};
    bool broken = poll(&side, 1, 0) > 0 && (side.revents & POLLERR);
    close(fd);
    return !broken;
}

/* Takes a handle (O_PATH) that can be anything the payload has open. Returns 0, also when there is
 * nothing to read, or a negative errno. */
static int pipes_add(struct pipes *pipes, int handle)
{
    char path[64];
    struct stat st;
    struct statfs fs;

    if (fstat(handle, &st) < 0 || fstatfs(handle, &fs) < 0)
        return -errno;
    if (!S_ISFIFO(st.st_mode) || fs.f_type != PIPEFS_MAGIC || pipes->n == PIPES_MAX)
        return 0;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", handle);
    int r = has_reader(path);
    if (r != 0)
        return r < 0 ? r : 0;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    pipes->fds[pipes->n++] = (struct pollfd){.fd = fd, .events = POLLIN};
    return 0;
}

/* A process that is gone or has closed the descriptor has nothing to read. */
static int pipes_add_stdio(struct pipes *pipes, int process_dir)
{
    static const char *const names[] = {"fd/1", "fd/2"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        int handle = openat(process_dir, names[i], O_PATH | O_CLOEXEC);
        if (handle < 0 && errno != ENOENT && errno != ESRCH)
            return -errno;
        if (handle < 0)
            continue;
        int r = pipes_add(pipes, handle);
        close(handle);
        if (r < 0)
            return r;
    }
    return 0;
}

/* A rootless container runs with subordinate UIDs, which are strangers to a plain user outside, but
 * he owns the container's user namespace and thus has every capability in it. */
static int join_user_namespace(struct pipes *pipes, int process_dir)
{
    int fd = openat(process_dir, "ns/user", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    int r = setns(fd, CLONE_NEWUSER) < 0 ? -errno : 0;
    close(fd);
    pipes->joined = r == 0;
    return r;
}

/* The folder in /proc is opened before the check that this PID is payload: it stays that of the
 * process it was opened for, however PIDs are reused. */
static int pipes_add_process(struct pipes *pipes, const struct payload *payload, pid_t pid)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/%d", payload->roots.proc, pid) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return 0;
    int pidfd = payload_open_process(payload, pid);
    if (pidfd < 0) {
        close(dir);
        return 0;
    }
    close(pidfd);
    int r = pipes_add_stdio(pipes, dir);
    if ((r == -EACCES || r == -EPERM) && !pipes->joined) {
        r = join_user_namespace(pipes, dir);
        if (r == 0)
            r = pipes_add_stdio(pipes, dir);
    }
    close(dir);
    return r;
}

/* The init has the descriptors the container was made with, whatever the program did to its own. */
static int pipes_open(struct pipes *pipes, const struct payload *payload)
{
    struct process_list list;
    int r = payload_list(payload, &list);

    if (r < 0)
        return r;
    for (size_t i = 0; i < list.n_items; i++)
        if (list.items[i].status.ns_init) {
            int added = pipes_add_process(pipes, payload, list.items[i].pid);
            if (added < 0)
                r = added;
        }
    process_list_free(&list);
    return pipes->n > 0 ? 0 : r;
}

/* May block as long as the journal does; the parent does not wait for that. */
static bool write_all(const char *buf, size_t size)
{
    while (size > 0) {
        ssize_t n = write(STDERR_FILENO, buf, size);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            buf += n;
            size -= (size_t)n;
        }
    }
    return true;
}

static void pipe_end(struct pollfd *fd, size_t *open_pipes)
{
    close(fd->fd);
    fd->fd = -1;
    (*open_pipes)--;
}

/* A payload that goes on writing after the limit must see a broken pipe, not a full one. */
static void pipes_close(struct pipes *pipes)
{
    for (size_t i = 0; i < pipes->n; i++)
        if (pipes->fds[i].fd >= 0)
            close(pipes->fds[i].fd);
    pipes->n = 0;
}

static void pipes_copy(struct pipes *pipes)
{
    static char buf[CHUNK_SIZE];
    size_t left = PUMP_COPY_MAX, open_pipes = pipes->n;
    char last = '\n';

    while (open_pipes > 0 && left > 0) {
        if (poll(pipes->fds, pipes->n, -1) < 0 && errno != EINTR)
            break;
        for (size_t i = 0; i < pipes->n && left > 0; i++) {
            if (pipes->fds[i].fd < 0)
                continue;
            ssize_t n = read(pipes->fds[i].fd, buf, left < sizeof(buf) ? left : sizeof(buf));
            if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                pipe_end(&pipes->fds[i], &open_pipes);
            if (n <= 0)
                continue;
            if (!write_all(buf, (size_t)n))
                return;
            left -= (size_t)n;
            last = buf[n - 1];
        }
    }
    pipes_close(pipes);
    /* What follows in the journal is ours and must not look like the end of a line of theirs. */
    if (last != '\n')
        write_all("\n", 1);
    if (left == 0)
        fprintf(stderr, "phoenix-abort: output of the container cut after " COPY_MAX_TEXT "\n");
    stderr_settle(SETTLE_USEC);
}

static _Noreturn void child_run(const struct payload *payload, pid_t parent, int ready_fd)
{
    struct pipes pipes = {};
    int r = pipes_open(&pipes, payload);

    if (r < 0)
        fprintf(stderr, "phoenix-abort: cannot read the output of the container: %s\n",
                strerror(-r));
    if (r < 0 || pipes.n == 0)
        _exit(0);
    /* The unit must not wait for us when our parent is killed. Not earlier: joining a user
     * namespace may clear it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(0);
    if (write(ready_fd, "", 1) != 1)
        _exit(0);
    pipes_copy(&pipes);
    _exit(0);
}

static bool is_container(const struct payload *payload)
{
    const char *name = payload->n_groups > 0 ? strrchr(payload->groups[0].path, '/') : NULL;

    return name && cgroup_name_is_container(name + 1);
}

/* Returns true when the child did or said something in time, false when it must be given up. */
static bool wait_child(int fd, int msec)
{
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    int r;

    do
        r = poll(&wanted, 1, msec);
    while (r < 0 && errno == EINTR);
    return r > 0;
}

static void pump_end(struct pump *pump)
{
    /* Also when it is done: its PID cannot be another's before we have waited for it. */
    kill(pump->child, SIGKILL);
    while (waitpid(pump->child, NULL, 0) < 0 && errno == EINTR)
        ;
    close(pump->fd);
    *pump = (struct pump){.fd = -1};
}

/* Says nothing itself: were the journal stuck, the payload would live on. */
void pump_start(const struct payload *payload, struct pump *ret)
{
    int fds[2];
    char byte;

    *ret = (struct pump){.fd = -1};
    if (!is_container(payload) || pipe2(fds, O_CLOEXEC) < 0)
        return;
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        close(fds[0]);
        child_run(payload, parent, fds[1]);
    }
    close(fds[1]);
    if (child < 0) {
        close(fds[0]);
        return;
    }
    *ret = (struct pump){.child = child, .fd = fds[0]};
    if (!wait_child(fds[0], READY_MSEC) || read(fds[0], &byte, 1) != 1)
        pump_end(ret);
}

void pump_stop(struct pump *pump, uint64_t usec)
{
    if (pump->child <= 0)
        return;
    bool done = wait_child(pump->fd, (int)(usec / USEC_PER_MSEC));
    pump_end(pump);
    if (!done)
        fprintf(stderr, "phoenix-abort: not all output of the container was copied in time\n");
}
