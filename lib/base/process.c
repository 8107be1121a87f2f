/* SPDX-License-Identifier: MIT */

/* Runs a program and collects its output. The end of the program is seen through a pidfd, not
 * through the end of its output: a helper it left behind may hold the pipes for ever. Input comes
 * from a memfd, so that writing can neither block nor raise SIGPIPE. */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/macros.h"
#include "base/process.h"
#include "base/text.h"

enum { OUT, ERR, _STREAMS };

typedef struct Run {
    pid_t pid; /* 0 when there is nothing to reap */
    int pid_fd;
    int cancel_fd;          /* borrowed; -1: none */
    uint64_t grace_usec;    /* between SIGTERM and SIGKILL; 0: SIGKILL at once */
    int read_fds[_STREAMS]; /* -1: at its end, or not wanted */
    int child_fds[3];       /* what becomes the child's 0, 1, 2 */
    Text texts[_STREAMS];
    size_t max_output;
} Run;

#define RUN_EMPTY                                                                                  \
    {                                                                                              \
        .pid_fd = -1, .cancel_fd = -1, .read_fds = {-1, -1}, .child_fds = { -1, -1, -1 }           \
    }

static void close_and_forget(int *fd)
{
    cleanup_close(fd);
    *fd = -1;
}

/* Ends the child if there is still one, and frees everything. */
static void run_done(Run *run)
{
    if (run->pid > 0) {
        kill(-run->pid, SIGKILL);
        while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    close_and_forget(&run->pid_fd);
    for (size_t i = 0; i < ELEMENTSOF(run->child_fds); i++)
        close_and_forget(&run->child_fds[i]);
    for (size_t i = 0; i < _STREAMS; i++) {
        close_and_forget(&run->read_fds[i]);
        text_done(&run->texts[i]);
    }
}

static uint64_t now_usec(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / NSEC_PER_USEC;
}

/* Moves a descriptor out of 0..2, where dup2() in the child would overwrite it, and closes the one
 * given. Takes errors of the call that made it: returns the descriptor or negative errno. */
static int above_stdio(int fd)
{
    int moved;

    if (fd < 0)
        return -errno;
    if (fd > STDERR_FILENO)
        return fd;
    moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (moved < 0)
        moved = -errno;
    close(fd);
    return moved;
}

static int open_input(const char *text)
{
    _cleanup_close_ int fd = -1;

    if (!text)
        return above_stdio(open("/dev/null", O_RDONLY | O_CLOEXEC));

    fd = above_stdio(memfd_create("stdin", MFD_CLOEXEC));
    if (fd < 0)
        return fd;
    for (size_t n = strlen(text), done = 0; done < n;) {
        ssize_t written = pwrite(fd, text + done, n - done, (off_t)done);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        done += (size_t)written;
    }
    return TAKE_FD(fd);
}

static int open_output(bool wanted, int *ret_read, int *ret_child)
{
    int fds[2], r = 0;

    if (!wanted) {
        *ret_child = above_stdio(open("/dev/null", O_WRONLY | O_CLOEXEC));
        return MIN(*ret_child, 0);
    }
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    *ret_read = above_stdio(fds[0]);
    *ret_child = above_stdio(fds[1]);
    if (*ret_read < 0 || *ret_child < 0)
        return MIN(*ret_read, *ret_child);
    if (fcntl(*ret_read, F_SETFL, O_NONBLOCK) < 0)
        r = -errno;
    return r;
}

/* A fresh process group, default signal handling, and the three descriptors. */
static int set_up_spawn(const Run *run, posix_spawn_file_actions_t *actions,
                        posix_spawnattr_t *attr)
{
    sigset_t all, none;
    int r = 0;

    sigfillset(&all);
    sigemptyset(&none);
    for (int i = 0; i < (int)ELEMENTSOF(run->child_fds) && r == 0; i++)
        r = posix_spawn_file_actions_adddup2(actions, run->child_fds[i], i);
    if (r == 0)
        r = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
                                               POSIX_SPAWN_SETSIGMASK);
    if (r == 0)
        r = posix_spawnattr_setsigdefault(attr, &all);
    if (r == 0)
        r = posix_spawnattr_setsigmask(attr, &none);
    return -r;
}

static int run_spawn(Run *run, char *const argv[], char *const envp[])
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    pid_t pid;
    int r;

    if (posix_spawn_file_actions_init(&actions) != 0)
        return -ENOMEM;
    if (posix_spawnattr_init(&attr) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return -ENOMEM;
    }
    r = set_up_spawn(run, &actions, &attr);
    if (r == 0)
        r = -posix_spawnp(&pid, argv[0], &actions, &attr, argv, envp ? envp : environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    if (r < 0)
        return r;

    run->pid = pid;
    for (size_t i = 0; i < ELEMENTSOF(run->child_fds); i++)
        close_and_forget(&run->child_fds[i]);
    run->pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    return run->pid_fd < 0 ? -errno : 0;
}

/* Takes what a stream holds right now. */
static int drain(Run *run, size_t stream)
{
    char buffer[16 * 1024];

    while (run->read_fds[stream] >= 0) {
        ssize_t n = read(run->read_fds[stream], buffer, sizeof(buffer));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -errno;
        if (n == 0)
            close_and_forget(&run->read_fds[stream]);
        else if ((size_t)n > run->max_output - run->texts[stream].size)
            return -EFBIG;
        else if (text_add_n(&run->texts[stream], buffer, (size_t)n) < 0)
            return run->texts[stream].error;
    }
    return 0;
}

static int drain_both(Run *run)
{
    int r = drain(run, OUT);

    return r < 0 ? r : drain(run, ERR);
}

/* Waits until something is to be done: 1 when the child has ended, 0 when there may be output. */
static int run_poll(const Run *run, uint64_t deadline_usec)
{
    struct pollfd fds[] = {
        {.fd = run->read_fds[OUT], .events = POLLIN},
        {.fd = run->read_fds[ERR], .events = POLLIN},
        {.fd = run->pid_fd, .events = POLLIN},
        {.fd = run->cancel_fd, .events = POLLIN},
    };
    struct timespec left = {0};
    uint64_t now = now_usec();

    if (deadline_usec != USEC_INFINITY) {
        if (now >= deadline_usec)
            return -ETIMEDOUT;
        left.tv_sec = (time_t)((deadline_usec - now) / USEC_PER_SEC);
        left.tv_nsec = (long)((deadline_usec - now) % USEC_PER_SEC * NSEC_PER_USEC);
    }
    if (ppoll(fds, ELEMENTSOF(fds), deadline_usec == USEC_INFINITY ? NULL : &left, NULL) < 0)
        return errno == EINTR ? 0 : -errno;
    if (fds[2].revents == 0 && fds[3].revents != 0)
        return -ECANCELED;
    return fds[2].revents != 0;
}

/* Until the child has ended, which is left to be reaped. */
static int run_watch(Run *run, uint64_t timeout_usec)
{
    uint64_t start = now_usec(), deadline_usec = USEC_INFINITY;
    bool ended;
    int r;

    /* A deadline that does not fit a time_t is none. */
    if (timeout_usec < INT64_MAX - start)
        deadline_usec = start + timeout_usec;

    do {
        r = run_poll(run, deadline_usec);
        if (r < 0)
            return r;
        ended = r > 0;
        r = drain_both(run);
        if (r < 0)
            return r;
    } while (!ended);
    return 0;
}

static int run_wait(Run *run, uint64_t timeout_usec)
{
    siginfo_t info = {0};
    int r;

    r = run_watch(run, timeout_usec);
    if ((r == -ETIMEDOUT || r == -ECANCELED) && run->grace_usec > 0) {
        kill(run->pid, SIGTERM);
        run->cancel_fd = -1;
        (void)run_watch(run, run->grace_usec);
    }
    if (r < 0)
        return r;
    if (waitid(P_PID, (id_t)run->pid, &info, WEXITED) < 0)
        return -errno;
    run->pid = 0;
    return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

static int run_output(Run *run, char **ret_stdout, char **ret_stderr)
{
    _cleanup_free_ char *out = NULL, *err = NULL;
    int r;

    r = text_take(&run->texts[OUT], &out);
    if (r < 0)
        return r;
    r = text_take(&run->texts[ERR], &err);
    if (r < 0)
        return r;
    if (ret_stdout)
        *ret_stdout = TAKE_PTR(out);
    if (ret_stderr)
        *ret_stderr = TAKE_PTR(err);
    return 0;
}

static int run(Run *run, char *const argv[], char *const envp[], const char *stdin_text,
               uint64_t timeout_usec, char **ret_stdout, char **ret_stderr)
{
    int r, status;

    assert(argv && argv[0]);

    run->child_fds[0] = open_input(stdin_text);
    if (run->child_fds[0] < 0)
        return run->child_fds[0];
    r = open_output(ret_stdout, &run->read_fds[OUT], &run->child_fds[1]);
    if (r < 0)
        return r;
    r = open_output(ret_stderr, &run->read_fds[ERR], &run->child_fds[2]);
    if (r < 0)
        return r;
    r = run_spawn(run, argv, envp);
    if (r < 0)
        return r;

    status = run_wait(run, timeout_usec);
    if (status < 0)
        return status;
    r = run_output(run, ret_stdout, ret_stderr);
    return r < 0 ? r : status;
}

int process_run(char *const argv[], char *const envp[], const char *stdin_text,
                uint64_t timeout_usec, size_t max_output, char **ret_stdout, char **ret_stderr)
{
    _cleanup_(run_done) Run here = RUN_EMPTY;

    here.max_output = max_output;
    return run(&here, argv, envp, stdin_text, timeout_usec, ret_stdout, ret_stderr);
}

int process_run_until(int cancel_fd, char *const argv[], uint64_t timeout_usec, uint64_t grace_usec,
                      size_t max_output, char **ret_stdout, char **ret_stderr)
{
    _cleanup_(run_done) Run here = RUN_EMPTY;

    here.cancel_fd = cancel_fd;
    here.grace_usec = grace_usec;
    here.max_output = max_output;
    return run(&here, argv, NULL, NULL, timeout_usec, ret_stdout, ret_stderr);
}
