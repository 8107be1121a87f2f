/* SPDX-License-Identifier: MIT */

/*
 * See exec.h. Three processes: the lease, which never waits; this worker, which has entered the
 * namespaces, reads the output and looks at the clock; and the program, which alone is in the
 * container's PID namespace. The program stays in the unit's cgroup, so the service pays for it.
 *
 * Until it executes something, the program's process holds descriptors of the host while the
 * container can see it. It is not dumpable then, which keeps the container's root from tracing it.
 */

#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "identity.h"
#include "payload.h"

#define WORDS_MAX 64
#define PAYLOAD_SPACES                                                                             \
    (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

/* The last bytes of what was written. */
struct tail {
    size_t n;
    char bytes[LEASE_TEXT_MAX];
};

struct run {
    struct payload payload;
    struct identity identity;
    char *words[WORDS_MAX + 1];
    char words_buf[LEASE_MESSAGE_MAX];
    int null_fd, signal_fd;
    int output[2], failure[2]; /* pipes: what it writes; why it could not be executed */
    pid_t pid;
    int pidfd;
    struct tail tail;
};

static void tail_add(struct tail *tail, const char *bytes, size_t n)
{
    if (n > sizeof(tail->bytes)) {
        bytes += n - sizeof(tail->bytes);
        n = sizeof(tail->bytes);
    }
    size_t kept = tail->n + n > sizeof(tail->bytes) ? sizeof(tail->bytes) - n : tail->n;
    memmove(tail->bytes, tail->bytes + tail->n - kept, kept);
    memcpy(tail->bytes + kept, bytes, n);
    tail->n = kept + n;
}

/* Where the text begins: not inside of a character that was cut. */
static size_t tail_start(const struct tail *tail)
{
    size_t i = 0;

    if (tail->n < sizeof(tail->bytes))
        return 0;
    while (i < 3 && ((unsigned char)tail->bytes[i] & 0xc0) == 0x80)
        i++;
    return i;
}

static void split_words(struct run *run, const struct job *job)
{
    size_t n = 0;

    memcpy(run->words_buf, job->text, job->text_size);
    for (size_t i = 0; i < job->text_size && n < WORDS_MAX; i += strlen(run->words_buf + i) + 1)
        run->words[n++] = run->words_buf + i;
    run->words[n] = NULL;
}

static int open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

static int prepare(struct run *run)
{
    if (prctl(PR_SET_DUMPABLE, 0) < 0)
        return -errno;
    run->signal_fd = open_signals();
    run->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (run->signal_fd < 0 || run->null_fd < 0 || pipe2(run->output, O_CLOEXEC | O_NONBLOCK) < 0 ||
        pipe2(run->failure, O_CLOEXEC) < 0)
        return -errno;
    /* The program expects that writing may block. */
    return fcntl(run->output[1], F_SETFL, 0) < 0 ? -errno : 0;
}

static int enter(struct run *run)
{
    pid_t parent = getppid();
    int r = payload_join(&run->payload, CLONE_NEWUSER);

    if (r == 0)
        r = identity_read(&run->payload, &run->identity);
    if (r == 0)
        r = payload_join(&run->payload, PAYLOAD_SPACES);
    if (r < 0)
        return r;
    /* Other capabilities may have taken the signal for the parent's death away. */
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
        return -ESRCH;
    return 0;
}

static _Noreturn void program_run(struct run *run)
{
    sigset_t none;
    int r = 0;

    setsid();
    if (dup2(run->null_fd, STDIN_FILENO) < 0 || dup2(run->output[1], STDOUT_FILENO) < 0 ||
        dup2(run->output[1], STDERR_FILENO) < 0)
        r = -errno;
    if (r == 0)
        r = identity_put_on(&run->payload, &run->identity);
    if (r == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        r = -errno;
    if (r == 0) {
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        environ = run->identity.environment;
        execvp(run->words[0], run->words);
        r = -errno;
    }
    if (write(run->failure[1], &r, sizeof(r)) < 0)
        _exit(2);
    _exit(1);
}

static int start(struct run *run)
{
    run->pid = fork();
    if (run->pid < 0)
        return -errno;
    if (run->pid == 0)
        program_run(run);
    close(run->output[1]);
    close(run->failure[1]);
    run->pidfd = (int)syscall(SYS_pidfd_open, run->pid, 0);
    return run->pidfd < 0 ? -errno : 0;
}

static void read_output(struct run *run)
{
    char buf[4096];
    ssize_t n;

    /* Bounded, as a program may write faster than we read. */
    for (int i = 0; i < 32 && (n = read(run->output[0], buf, sizeof(buf))) > 0; i++)
        tail_add(&run->tail, buf, (size_t)n);
}

/* Returns 0 when the program has ended, -ETIMEDOUT, or -ECANCELED when the lease says so. */
static int watch(struct run *run, uint64_t until_usec)
{
    for (;;) {
        struct pollfd fds[] = {
            {.fd = run->pidfd, .events = POLLIN},
            {.fd = run->signal_fd, .events = POLLIN},
            {.fd = run->output[0], .events = POLLIN},
        };

        if (now_usec() >= until_usec)
            return -ETIMEDOUT;
        if (poll_until(fds, 3, until_usec) < 0 && errno != EINTR)
            return -errno;
        if (fds[1].revents)
            return -ECANCELED;
        if (fds[2].revents & POLLIN)
            read_output(run);
        else if (fds[2].revents) {
            /* Nobody has it open any more. */
            close(run->output[0]);
            run->output[0] = -1;
        }
        if (fds[0].revents)
            return 0;
    }
}

/* Ends the program and its group, and says how it ended. */
static int finish(struct run *run, uint32_t *ret_exit_code)
{
    int status, failure;

    kill(-run->pid, SIGKILL);
    kill(run->pid, SIGKILL);
    while (waitpid(run->pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    if (run->output[0] >= 0)
        read_output(run);
    if (read(run->failure[0], &failure, sizeof(failure)) == sizeof(failure))
        return failure;
    *ret_exit_code = (uint32_t)(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    return 0;
}

static int run_program(struct run *run, const struct job *job, uint64_t until_usec,
                       uint32_t *ret_exit_code)
{
    split_words(run, job);
    int r = payload_open(job->main_pid, &run->payload);
    if (r == 0)
        r = prepare(run);
    if (r == 0)
        r = enter(run);
    if (r == 0)
        r = start(run);
    if (r < 0)
        return r;
    r = watch(run, until_usec);
    int ended = finish(run, ret_exit_code);
    return r < 0 ? r : ended;
}

int exec_in_payload(const struct job *job, uint64_t timeout_usec)
{
    static struct run run; /* the process is of its own: nothing of this is the lease's memory */
    static struct {
        struct lease_answer fixed;
        char text[LEASE_TEXT_MAX];
    } packet;
    struct link link = {.fd = job->link_fd};
    struct lease_answer *answer = &packet.fixed;
    uint64_t start_usec = now_usec();

    int r = run_program(&run, job, start_usec + timeout_usec, &answer->exit_code);
    if (r == -ECANCELED)
        return 0;
    lease_header_init(&answer->header, LEASE_ANSWER, sizeof(*answer));
    answer->id = job->request->id;
    answer->error = r;
    answer->elapsed_usec = now_usec() - start_usec;
    size_t start_byte = tail_start(&run.tail);
    size_t size = lease_add_text(answer, offsetof(struct lease_answer, text),
                                 run.tail.bytes + start_byte, run.tail.n - start_byte);
    return link_send(&link, answer, size, -1);
}
