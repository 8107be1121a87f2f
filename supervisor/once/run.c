/* SPDX-License-Identifier: MIT */

/*
 * Runs the hook's command; see run.h. Signals are taken with sigwaitinfo(), so nothing happens in a
 * handler and there is no moment between fork() and the first signal in which one could be lost.
 */

#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

static const int forwarded[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

static void run_child(char *const argv[], const sigset_t *mask, int error_fd)
{
    sigprocmask(SIG_SETMASK, mask, NULL);
    execvp(argv[0], argv);
    int error = errno;
    (void)!write(error_fd, &error, sizeof(error));
    _exit(127);
}

/* Waits for the child and hands signals on meanwhile. Returns its wait status. */
static int supervise(pid_t pid, const sigset_t *wanted)
{
    for (;;) {
        siginfo_t info;
        int status;

        int signal = sigwaitinfo(wanted, &info);
        if (signal > 0 && signal != SIGCHLD)
            kill(pid, signal);
        if (waitpid(pid, &status, WNOHANG) == pid)
            return status;
    }
}

int run_command(char *const argv[])
{
    sigset_t wanted, mask;
    int fds[2], error = 0;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
        sigaddset(&wanted, forwarded[i]);
    /* Ignored by whoever started us, SIGCHLD would take the exit code away. */
    signal(SIGCHLD, SIG_DFL);
    sigprocmask(SIG_BLOCK, &wanted, &mask);

    pid_t pid = fork();
    if (pid == 0)
        run_child(argv, &mask, fds[1]);
    int r = pid < 0 ? -errno : 0;
    close(fds[1]);
    if (pid > 0) {
        /* The pipe closes by itself when the exec succeeds. */
        ssize_t n = read(fds[0], &error, sizeof(error));
        int status = supervise(pid, &wanted);
        if (n == sizeof(error))
            r = -error;
        else
            r = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    close(fds[0]);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    return r;
}
