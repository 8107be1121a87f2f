/* SPDX-License-Identifier: MIT */

/* The thread that stores. */

#include "collector/writer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

#include "base/log.h"
#include "collector/clocks.h"
#include "collector/describe.h"
#include "collector/post.h"
#include "collector/steady.h"

#define GROUP_MAX         512 /* posts in one transaction */
#define GROUP_BYTES_MAX   (32U << 20)
#define ANNOUNCE_EVENTS   100
#define CLEAN_PAUSE_USEC  (2 * USEC_PER_MSEC) /* between two steps of cleaning */
#define CLEAN_FAILED_USEC USEC_PER_MINUTE

typedef struct Jobs {
    PostJob *first, **last;
} Jobs;

struct Writer {
    WriterOptions options;
    int done_fd;
    pthread_t thread;
    bool running;

    /* the thread's own */
    Store *store;
    Retention *retention;
    Steady steady;
    uint64_t clean_due_usec; /* CLOCK_MONOTONIC */
    bool clean_failed;

    /* shared */
    pthread_mutex_t mutex;
    pthread_cond_t work;
    Jobs waiting, done;
    bool stopping, damaged;
    unsigned generation;
    uint64_t busy_since_usec; /* 0: idle */
    WriterStats stats;
};

static void jobs_add(Jobs *jobs, PostJob *job)
{
    if (!jobs->first)
        jobs->last = &jobs->first;
    job->next = NULL;
    *jobs->last = job;
    jobs->last = &job->next;
}

static PostJob *jobs_take(Jobs *jobs)
{
    PostJob *job = jobs->first;

    if (job)
        jobs->first = job->next;
    return job;
}

Announcement *announcements_free(Announcement *list)
{
    while (list) {
        Announcement *next = list->next;
        free(list->json);
        free(list);
        list = next;
    }
    return NULL;
}

/* One post while it is being read. */
typedef struct Storing {
    Store *store;
    PostJob *job;
    const char *host;
    Announcement *sample, *events; /* events: the newest first */
    uint64_t sample_usec;
} Storing;

static Announcement *announcement_new(const char *kind, Text *json)
{
    Announcement *a = calloc(1, sizeof(*a));

    /* Who cannot be told for want of memory fetches it later. */
    if (!a || text_take(json, &a->json) < 0) {
        free(a);
        text_done(json);
        return NULL;
    }
    a->kind = kind;
    return a;
}

static void announce_sample(Storing *s, const Sample *sample)
{
    Text json = {0};

    if (s->sample && sample->time_usec < s->sample_usec)
        return;
    describe_sample(&json, s->host, sample);
    announcements_free(s->sample);
    s->sample = announcement_new("sample", &json);
    s->sample_usec = sample->time_usec;
}

static void announce_event(Storing *s, int64_t id, const SampleEvent *event)
{
    Text json = {0};
    Announcement *a;

    describe_event(&json, s->host, id, event);
    a = announcement_new("event", &json);
    if (!a)
        return;
    a->next = s->events;
    s->events = a;
}

/* In the order in which they came: the sample, then the newest events. */
static Announcement *announcements_take(Storing *s)
{
    Announcement *list = NULL;

    for (size_t i = 0; s->events && i < ANNOUNCE_EVENTS; i++) {
        Announcement *a = s->events;
        s->events = a->next;
        a->next = list;
        list = a;
    }
    s->events = announcements_free(s->events);
    if (!s->sample)
        return list;
    s->sample->next = list;
    return TAKE_PTR(s->sample);
}

static int on_sample(const Sample *sample, void *userdata)
{
    Storing *s = userdata;
    int r = store_sample(s->store, sample);

    if (r == 0) {
        s->job->n_samples++;
        announce_sample(s, sample);
    }
    /* Outcomes of the store must not be taken for POST_INVALID. */
    return r > 0 ? -EDQUOT : r;
}

static int on_event(const SampleEvent *event, void *userdata)
{
    Storing *s = userdata;
    int64_t id;
    int r = store_event(s->store, event, &id);

    if (r < 0)
        return r;
    s->job->n_events++;
    announce_event(s, id, event);
    return 0;
}

/* Stores what the post holds, or nothing of it. Negative: the transaction is lost. */
static int store_parts(Storing *s, Post *post)
{
    const PostSink sink = {on_sample, on_event, s};
    int r = post_read(post, &sink, &s->job->fault), ended;

    if (r < 0 && r != -EDQUOT)
        return r;
    ended = store_post_end(s->store, r == 0);
    if (ended < 0)
        return ended;
    s->job->outcome = r == 0 ? POST_STORED : r == POST_INVALID ? POST_REFUSED : POST_TOO_MANY;
    if (r == 0)
        s->job->announcements = announcements_take(s);
    if (r == 0 && post->is_last)
        s->job->last_of = strdup(s->host); /* without memory it is not known, nothing more */
    return 0;
}

static int store_job(Store *store, PostJob *job)
{
    _cleanup_post_ Post post = {0};
    Storing storing = {.store = store, .job = job};
    int r = post_open(job->body, job->size, &post, &job->fault);

    job->n_samples = job->n_events = 0;
    if (r < 0)
        return r;
    if (r == POST_INVALID) {
        job->outcome = POST_REFUSED;
        return 0;
    }
    storing.host = post.host ? post.host : job->sender;
    r = store_post_begin(store, storing.host, post.key ? post.key : job->key, job->arrived_usec);
    if (r > 0)
        job->outcome = r == STORE_DUPLICATE ? POST_WAS_STORED : POST_TOO_MANY;
    if (r == 0)
        r = store_parts(&storing, &post);
    announcements_free(storing.sample);
    announcements_free(storing.events);
    return MIN(r, 0);
}

/* All or nothing. */
static int store_group(Store *store, PostJob *first)
{
    int r = store_begin(store);

    for (PostJob *job = first; job && r == 0; job = job->next)
        r = store_job(store, job);
    if (r == 0)
        r = store_commit(store);
    if (r < 0)
        store_rollback(store);
    return r;
}

static void forget_results(PostJob *first)
{
    for (PostJob *job = first; job; job = job->next) {
        job->announcements = announcements_free(job->announcements);
        free(TAKE_PTR(job->last_of));
        job->outcome = POST_FAILED;
    }
}

static int set_aside(Writer *w)
{
    _cleanup_free_ char *aside = NULL;
    int r = store_set_aside(w->store, &aside);

    if (aside)
        log_error("The database is damaged. It is kept as %s, and a fresh one was begun", aside);
    if (r < 0)
        log_error("A fresh database could not be begun: %s", strerror(-r));
    pthread_mutex_lock(&w->mutex);
    w->damaged = false;
    w->generation++;
    w->stats.set_aside++;
    pthread_mutex_unlock(&w->mutex);
    return r;
}

static void count_group(WriterStats *stats, PostJob *first, uint64_t took_usec, int error)
{
    stats->commits += error == 0;
    stats->commit_usec += took_usec;
    stats->commit_usec_max = MAX(stats->commit_usec_max, took_usec);
    stats->error = error;
    for (PostJob *job = first; job; job = job->next) {
        bool stored = job->outcome == POST_STORED;
        stats->posts += stored;
        stats->samples += stored ? job->n_samples : 0;
        stats->events += stored ? job->n_events : 0;
        stats->duplicates += job->outcome == POST_WAS_STORED;
        stats->refused += job->outcome == POST_REFUSED;
        stats->failed += job->outcome == POST_FAILED || job->outcome == POST_TOO_MANY;
    }
}

static void say_change(int before, int error)
{
    if (error < 0 && before != error)
        log_error("Posts cannot be stored: %s. They are refused until they can", strerror(-error));
    else if (error == 0 && before < 0)
        log_notice("Posts are stored again");
}

static void give_back(Writer *w, PostJob *first)
{
    pthread_mutex_lock(&w->mutex);
    while (first) {
        PostJob *next = first->next;
        w->stats.waiting--;
        w->stats.waiting_bytes -= first->size;
        jobs_add(&w->done, first);
        first = next;
    }
    pthread_mutex_unlock(&w->mutex);
    (void)eventfd_write(w->done_fd, 1);
}

static void serve_group(Writer *w, PostJob *first)
{
    uint64_t from = clock_usec(CLOCK_MONOTONIC);
    int before = w->stats.error, r = store_group(w->store, first);

    if (r == -EUCLEAN) {
        forget_results(first);
        r = set_aside(w);
        if (r == 0)
            r = store_group(w->store, first);
    }
    if (r < 0)
        forget_results(first);
    for (PostJob *job = first; job; job = job->next)
        job->error = r;
    pthread_mutex_lock(&w->mutex);
    count_group(&w->stats, first, clock_usec(CLOCK_MONOTONIC) - from, r);
    store_packing(w->store, &w->stats.entry_bytes, &w->stats.kept_bytes);
    pthread_mutex_unlock(&w->mutex);
    say_change(before, r);
    give_back(w, first);
}

/* One step of retention; sets when the next one is due. */
static void clean(Writer *w)
{
    uint64_t now = steady_now(&w->steady, clock_usec(CLOCK_REALTIME), clock_usec(CLOCK_BOOTTIME));
    int r = retention_step(w->retention, w->store, now);

    if (r == -EUCLEAN)
        r = set_aside(w);
    if (r < 0 && !w->clean_failed)
        log_warning("Old data cannot be deleted: %s. It is tried again", strerror(-r));
    w->clean_failed = r < 0;
    w->clean_due_usec = clock_usec(CLOCK_MONOTONIC) + (r < 0   ? CLEAN_FAILED_USEC
                                                       : r > 0 ? CLEAN_PAUSE_USEC
                                                               : w->options.clean_usec);
    pthread_mutex_lock(&w->mutex);
    w->stats.aged = retention_n_aged(w->retention);
    w->stats.squeezed = retention_n_squeezed(w->retention);
    pthread_mutex_unlock(&w->mutex);
}

/* The first posts that wait, as a list of their own. With the lock. */
static PostJob *take_group(Writer *w)
{
    Jobs group = {0};
    size_t n = 0, bytes = 0;

    while (w->waiting.first && n < GROUP_MAX && bytes < GROUP_BYTES_MAX) {
        PostJob *job = jobs_take(&w->waiting);
        n++;
        bytes += job->size;
        jobs_add(&group, job);
    }
    return group.first;
}

/* Until there is work or cleaning is due. With the lock. */
static void wait_for_work(Writer *w)
{
    struct timespec until = {
        .tv_sec = (time_t)(w->clean_due_usec / USEC_PER_SEC),
        .tv_nsec = (long)(w->clean_due_usec % USEC_PER_SEC * NSEC_PER_USEC),
    };

    while (!w->waiting.first && !w->stopping && !w->damaged)
        if (pthread_cond_clockwait(&w->work, &w->mutex, CLOCK_MONOTONIC, &until) != 0)
            return;
}

static void *writer_main(void *userdata)
{
    Writer *w = userdata;

    for (;;) {
        pthread_mutex_lock(&w->mutex);
        w->busy_since_usec = 0;
        wait_for_work(w);
        PostJob *group = take_group(w);
        bool end = !group && w->stopping, damaged = w->damaged;
        w->busy_since_usec = clock_usec(CLOCK_MONOTONIC);
        pthread_mutex_unlock(&w->mutex);
        if (end)
            return NULL;
        if (damaged)
            (void)set_aside(w);
        if (group)
            serve_group(w, group);
        if (clock_usec(CLOCK_MONOTONIC) >= w->clean_due_usec)
            clean(w);
    }
}

/* Signals are for the main thread. */
static int start_thread(Writer *w)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int r = pthread_create(&w->thread, NULL, writer_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    w->running = r == 0;
    return -r;
}

int writer_new(Store *store, const WriterOptions *options, int done_fd, Writer **ret)
{
    Writer *w = calloc(1, sizeof(*w));
    int r;

    if (!w) {
        store_free(store);
        return -ENOMEM;
    }
    *w = (Writer){.options = *options,
                  .done_fd = done_fd,
                  .store = store,
                  .mutex = PTHREAD_MUTEX_INITIALIZER,
                  .work = PTHREAD_COND_INITIALIZER};
    r = retention_new(&options->keep, &w->retention);
    if (r == 0)
        r = start_thread(w);
    if (r < 0) {
        writer_free(w);
        return r;
    }
    *ret = w;
    return 0;
}

void writer_stop(Writer *w)
{
    if (!w || !w->running)
        return;
    pthread_mutex_lock(&w->mutex);
    w->stopping = true;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    w->running = false;
}

Writer *writer_free(Writer *w)
{
    if (!w)
        return NULL;
    writer_stop(w);
    retention_free(w->retention);
    store_free(w->store);
    pthread_cond_destroy(&w->work);
    pthread_mutex_destroy(&w->mutex);
    free(w);
    return NULL;
}

int writer_push(Writer *w, PostJob *job)
{
    int r = 0;

    job->outcome = POST_FAILED;
    job->announcements = NULL;
    job->last_of = NULL;
    pthread_mutex_lock(&w->mutex);
    if (w->stats.waiting_bytes + job->size > w->options.max_waiting && w->stats.waiting > 0) {
        r = -ENOBUFS;
    } else {
        w->stats.waiting++;
        w->stats.waiting_bytes += job->size;
        jobs_add(&w->waiting, job);
        pthread_cond_signal(&w->work);
    }
    pthread_mutex_unlock(&w->mutex);
    return r;
}

PostJob *writer_take_done(Writer *w)
{
    pthread_mutex_lock(&w->mutex);
    PostJob *first = w->done.first;
    w->done = (Jobs){0};
    pthread_mutex_unlock(&w->mutex);
    return first;
}

void writer_report_damage(Writer *w)
{
    pthread_mutex_lock(&w->mutex);
    w->damaged = true;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->mutex);
}

unsigned writer_generation(Writer *w)
{
    pthread_mutex_lock(&w->mutex);
    unsigned generation = w->generation;
    pthread_mutex_unlock(&w->mutex);
    return generation;
}

void writer_stats(Writer *w, WriterStats *ret)
{
    pthread_mutex_lock(&w->mutex);
    *ret = w->stats;
    if (w->busy_since_usec > 0)
        ret->busy_usec = clock_usec(CLOCK_MONOTONIC) - w->busy_since_usec;
    pthread_mutex_unlock(&w->mutex);
}
