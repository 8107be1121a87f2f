/* SPDX-License-Identifier: MIT */
/*
 * A thread beside the event loop; see worker.h. What both sides touch is in one struct that
 * whoever comes last frees: a thread that hangs in the kernel may outlive its worker.
 */
#include "supervisor/daemon/poster/worker.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/macros.h"

#define STACK_SIZE ((size_t)512 * 1024)

typedef struct Shared {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    worker_call_t work, finish; /* work: what is to be done, NULL: nothing */
    void *what, *finish_userdata;
    bool quit;  /* the worker is gone */
    bool ended; /* the thread is */
    int fd;     /* eventfd: the work is done */
} Shared;

struct Worker {
    Shared *shared;
    sd_event_source *source;
    worker_call_t done;
    void *userdata;
    bool busy;
};

/* ---- the thread ---- */

static void shared_free(Shared *shared)
{
    pthread_cond_destroy(&shared->changed);
    pthread_mutex_destroy(&shared->mutex);
    cleanup_close(&shared->fd);
    free(shared);
}

/* NULL: no more. */
static worker_call_t wait_for_work(Shared *shared)
{
    while (!shared->work && !shared->quit)
        pthread_cond_wait(&shared->changed, &shared->mutex);
    return shared->quit ? NULL : shared->work;
}

static void tell(Shared *shared)
{
    uint64_t one = 1;

    /* Cannot fail: nobody counts to 2^64. */
    (void)!write(shared->fd, &one, sizeof(one));
}

static void *run(void *userdata)
{
    Shared *shared = userdata;
    worker_call_t work;

    pthread_mutex_lock(&shared->mutex);
    while ((work = wait_for_work(shared))) {
        pthread_mutex_unlock(&shared->mutex);
        work(shared->what);
        pthread_mutex_lock(&shared->mutex);
        shared->work = NULL;
        tell(shared);
    }
    pthread_mutex_unlock(&shared->mutex);
    shared->finish(shared->finish_userdata);

    pthread_mutex_lock(&shared->mutex);
    bool last = shared->ended; /* the worker has not waited */
    shared->ended = true;
    pthread_cond_broadcast(&shared->changed);
    pthread_mutex_unlock(&shared->mutex);
    if (last)
        shared_free(shared);
    return NULL;
}

/* Signals are for the loop. */
static int start_thread(Shared *shared, const char *name)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    pthread_t thread;

    sigfillset(&all);
    int r = pthread_attr_init(&attributes);
    if (r != 0)
        return -r;
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    r = pthread_create(&thread, &attributes, run, shared);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r == 0)
        (void)pthread_setname_np(thread, name);
    pthread_attr_destroy(&attributes);
    return -r;
}

/* ---- the loop's side ---- */

static int on_done(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    Worker *worker = userdata;
    uint64_t n;

    if (read(fd, &n, sizeof(n)) < 0)
        return 0;
    worker->busy = false;
    worker->done(worker->userdata);
    return 0;
}

static int add_source(Worker *worker, sd_event *event)
{
    int r = sd_event_add_io(event, &worker->source, worker->shared->fd, EPOLLIN, on_done, worker);

    /* Behind everything that keeps services alive. */
    if (r >= 0)
        r = sd_event_source_set_priority(worker->source, SD_EVENT_PRIORITY_NORMAL + 50);
    return r < 0 ? r : sd_event_source_set_description(worker->source, "worker");
}

static int shared_new(Shared **ret)
{
    pthread_condattr_t attributes;
    Shared *shared = calloc(1, sizeof(Shared));

    if (!shared)
        return -ENOMEM;
    shared->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (shared->fd < 0) {
        int r = -errno;
        free(shared);
        return r;
    }
    pthread_mutex_init(&shared->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&shared->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    *ret = shared;
    return 0;
}

int worker_new(sd_event *event, const char *name, worker_call_t finish, void *userdata,
               Worker **ret)
{
    Worker *worker = calloc(1, sizeof(Worker));

    assert(event && name && finish && ret);

    if (!worker)
        return -ENOMEM;
    int r = shared_new(&worker->shared);
    if (r < 0) {
        free(worker);
        return r;
    }
    worker->shared->finish = finish;
    worker->shared->finish_userdata = userdata;
    r = add_source(worker, event);
    if (r >= 0)
        r = start_thread(worker->shared, name);
    if (r < 0) {
        sd_event_source_disable_unref(worker->source);
        shared_free(worker->shared);
        free(worker);
        return r;
    }
    *ret = worker;
    return 0;
}

void worker_start(Worker *worker, worker_call_t work, void *what, worker_call_t done,
                  void *userdata)
{
    Shared *shared = worker->shared;

    assert(!worker->busy);

    worker->busy = true;
    worker->done = done;
    worker->userdata = userdata;
    pthread_mutex_lock(&shared->mutex);
    shared->work = work;
    shared->what = what;
    pthread_cond_broadcast(&shared->changed);
    pthread_mutex_unlock(&shared->mutex);
}

static struct timespec end_of(uint64_t wait_usec)
{
    struct timespec at = {0};

    clock_gettime(CLOCK_MONOTONIC, &at);
    uint64_t usec = (uint64_t)at.tv_nsec / NSEC_PER_USEC + wait_usec;
    at.tv_sec += (time_t)(usec / USEC_PER_SEC);
    at.tv_nsec = (long)(usec % USEC_PER_SEC * NSEC_PER_USEC);
    return at;
}

Worker *worker_free(Worker *worker, uint64_t wait_usec)
{
    if (!worker)
        return NULL;
    Shared *shared = worker->shared;
    struct timespec end = end_of(wait_usec);

    sd_event_source_disable_unref(worker->source);
    free(worker);
    pthread_mutex_lock(&shared->mutex);
    shared->quit = true;
    pthread_cond_broadcast(&shared->changed);
    while (!shared->ended && wait_usec > 0 &&
           pthread_cond_timedwait(&shared->changed, &shared->mutex, &end) == 0)
        continue;
    bool last = shared->ended;
    shared->ended = true;
    pthread_mutex_unlock(&shared->mutex);
    if (last)
        shared_free(shared);
    return NULL;
}
