/* SPDX-License-Identifier: MIT */

/* See workers.h. The lease itself never waits for a worker but at its own end. */

#include "workers.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "exec.h"
#include "look.h"

#define TIMEOUT_DEFAULT_USEC (5 * USEC_PER_SEC)
#define TIMEOUT_MAX_USEC     (24 * 3600 * USEC_PER_SEC)
/* A worker ends its program in time by itself; one that does not hangs in the kernel. */
#define SPARE_USEC (500 * USEC_PER_MSEC)
#define END_USEC   (100 * USEC_PER_MSEC)

int answer_error(const struct link *link, uint32_t id, int error)
{
    struct lease_answer answer = {.id = id, .error = error};
    size_t size = offsetof(struct lease_answer, text);

    lease_header_init(&answer.header, LEASE_ANSWER, size);
    return link_send(link, &answer, size, -1);
}

static _Noreturn void worker_run(const struct job *job, uint64_t timeout_usec, pid_t parent)
{
    sigset_t none;

    /* The lease blocks signals to read them from a descriptor. */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
        _exit(1);
    int r = job->request->op == LEASE_OP_EXEC ? exec_in_payload(job, timeout_usec)
                                              : look_into_payload(job);
    _exit(r < 0 ? 1 : 0);
}

int workers_start(struct workers *workers, const struct job *job, uint64_t now_usec)
{
    const struct lease_request *request = job->request;
    struct worker *free_place = NULL;
    uint64_t timeout_usec = request->timeout_usec;

    for (size_t i = 0; i < WORKERS_MAX; i++)
        if (workers->places[i].pid == 0)
            free_place = &workers->places[i];
    if (!free_place)
        return -EBUSY;
    if (timeout_usec == 0)
        timeout_usec = TIMEOUT_DEFAULT_USEC;
    if (timeout_usec > TIMEOUT_MAX_USEC)
        timeout_usec = TIMEOUT_MAX_USEC;

    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0)
        worker_run(job, timeout_usec, parent);
    bool is_exec = request->op == LEASE_OP_EXEC;
    *free_place = (struct worker){
        .pid = pid,
        .id = request->id,
        .op = request->op,
        .deadline_usec = now_usec + timeout_usec + (is_exec ? SPARE_USEC : 0),
    };
    return 0;
}

static void worker_stop(struct worker *worker, int signal)
{
    worker->forgotten = true;
    worker->deadline_usec = NEVER_USEC;
    kill(worker->pid, signal);
}

void workers_cancel(struct workers *workers, uint32_t id)
{
    for (size_t i = 0; i < WORKERS_MAX; i++)
        if (workers->places[i].pid > 0 && workers->places[i].id == id)
            worker_stop(&workers->places[i], SIGTERM);
}

void workers_forget(struct workers *workers)
{
    for (size_t i = 0; i < WORKERS_MAX; i++)
        if (workers->places[i].pid > 0)
            worker_stop(&workers->places[i], SIGTERM);
}

void workers_look_after(struct workers *workers, const struct link *link, uint64_t now_usec)
{
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        struct worker *worker = &workers->places[i];
        int status;

        if (worker->pid == 0)
            continue;
        if (waitpid(worker->pid, &status, WNOHANG) == worker->pid) {
            bool answered = WIFEXITED(status) && WEXITSTATUS(status) == 0;
            if (!answered && !worker->forgotten && link->fd >= 0)
                answer_error(link, worker->id, -EIO);
            *worker = (struct worker){};
        } else if (now_usec >= worker->deadline_usec) {
            if (!worker->forgotten && link->fd >= 0)
                answer_error(link, worker->id, -ETIMEDOUT);
            worker_stop(worker, SIGKILL);
        }
    }
}

uint64_t workers_deadline(const struct workers *workers)
{
    uint64_t deadline_usec = NEVER_USEC;

    for (size_t i = 0; i < WORKERS_MAX; i++)
        if (workers->places[i].pid > 0)
            deadline_usec = earlier(deadline_usec, workers->places[i].deadline_usec);
    return deadline_usec;
}

/* Returns true when all are gone. */
static bool workers_reap(struct workers *workers)
{
    bool gone = true;

    for (size_t i = 0; i < WORKERS_MAX; i++) {
        pid_t *pid = &workers->places[i].pid;
        if (*pid > 0 && waitpid(*pid, NULL, WNOHANG) != 0)
            *pid = 0;
        gone = gone && *pid == 0;
    }
    return gone;
}

void workers_end(struct workers *workers)
{
    uint64_t until_usec = now_usec() + END_USEC;
    sigset_t child;

    workers_forget(workers);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    while (!workers_reap(workers)) {
        /* SIGCHLD is blocked, so none can be missed between the look and the wait. */
        uint64_t now = now_usec();
        if (now >= until_usec)
            return;
        struct timespec left = {.tv_nsec = (long)(until_usec - now) * 1000};
        sigtimedwait(&child, NULL, &left);
    }
}
