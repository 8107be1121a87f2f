/* SPDX-License-Identifier: MIT */

/*
 * See server.h. SIGSTOP and waitpid() are used to hold it: when waitpid() says that it is stopped
 * it accepts nothing more, and SIGKILL ends it there, without one more instruction.
 */

#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A process stops at once, unless it waits for a disk. */
#define PATIENCE_NSEC 50000000
#define HOLD_TRIES    40

/* sd_listen_fds(3) looks whether the sockets are meant for the process that asks. Newer versions
 * also compare a pidfd, but only when they are given one. */
static void hand_sockets_on(void)
{
    char pid[16];

    (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
    (void)setenv("LISTEN_PID", pid, 1);
    (void)unsetenv("LISTEN_PIDFDID");
    /* The manager listens to us only. */
    (void)unsetenv("NOTIFY_SOCKET");
}

static void run(char *const argv[], const sigset_t *mask, pid_t parent, int error_fd)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    hand_sockets_on();
    (void)signal(SIGTERM, SIG_IGN);
    (void)sigprocmask(SIG_SETMASK, mask, NULL);
    execv(argv[0], argv);
    int error = errno;
    (void)!write(error_fd, &error, sizeof(error));
    _exit(127);
}

pid_t server_start(char *const argv[], const sigset_t *mask)
{
    pid_t parent = getpid();
    int fds[2], error = 0;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid == 0)
        run(argv, mask, parent, fds[1]);
    error = pid < 0 ? errno : 0;
    close(fds[1]);
    /* The pipe closes by itself when the exec succeeds. */
    if (pid > 0 && read(fds[0], &error, sizeof(error)) == sizeof(error))
        (void)waitpid(pid, NULL, 0);
    close(fds[0]);
    return error > 0 ? -error : pid;
}

enum { NEITHER, STOPPED, ENDED };

/* What has become of it, within the patience that there is; or a negative errno. */
static int wait_for_stop(pid_t pid, const sigset_t *child, int *ret_status)
{
    const struct timespec patience = {.tv_nsec = PATIENCE_NSEC};

    for (;;) {
        int status;
        pid_t found = waitpid(pid, &status, WUNTRACED | WNOHANG);

        if (found < 0)
            return -errno;
        if (found == pid && WIFSTOPPED(status))
            return STOPPED;
        if (found == pid) {
            *ret_status = status;
            return ENDED;
        }
        if (sigtimedwait(child, NULL, &patience) < 0 && errno == EAGAIN)
            return NEITHER;
    }
}

int server_hold(pid_t pid, int *ret_status)
{
    sigset_t child;
    int r = NEITHER;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    for (int i = 0; i < HOLD_TRIES && r == NEITHER; i++)
        r = kill(pid, SIGSTOP) < 0 ? -errno : wait_for_stop(pid, &child, ret_status);
    switch (r) {
    case STOPPED:
        return 0;
    case ENDED:
        return 1;
    case NEITHER:
        server_go_on(pid);
        return -ETIMEDOUT;
    default:
        return r;
    }
}

void server_go_on(pid_t pid)
{
    (void)kill(pid, SIGCONT);
}

void server_end(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}
