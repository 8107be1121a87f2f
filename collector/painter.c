/* SPDX-License-Identifier: MIT */

/* The thread that draws. */

#include "collector/painter.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/eventfd.h>

#include "base/file.h"
#include "base/macros.h"
#include "base/text.h"
#include "collector/clocks.h"
#include "collector/graphs.h"
#include "collector/reader.h"

struct Painter {
    char *db_path, *folder;
    int done_fd;
    pthread_t thread;
    bool running;
    Reader *reader;  /* the thread's own */
    GraphData *data; /* likewise: it is large */

    /* shared */
    pthread_mutex_t mutex;
    pthread_cond_t work;
    PaintJob *waiting, *done;
    bool stopping, reopen;
};

PaintJob *paint_job_free(PaintJob *job)
{
    if (job)
        free(job->host);
    free(job);
    return NULL;
}

static void add_point(Points *points, uint64_t time_usec, double value)
{
    if (points->n < ELEMENTSOF(points->items))
        points->items[points->n++] = (Point){time_usec, value};
}

static int on_system(uint64_t time_usec, uint64_t n, const SystemValues *values, void *userdata)
{
    GraphData *data = userdata;

    add_point(&data->cpu, time_usec, values->cpu_percent);
    data->newest = *values;
    data->n_samples += n;
    return 0;
}

static int on_class(uint64_t time_usec, ContainerClass class, const ClassValues *values,
                    void *userdata)
{
    struct GraphClass *c = &((GraphData *)userdata)->classes[class];

    add_point(&c->cpu, time_usec, values->cpu_percent);
    add_point(&c->memory, time_usec, values->memory_percent);
    c->newest = *values;
    return 0;
}

static int read_values(Painter *p, const PaintJob *job)
{
    GraphData *data = p->data;

    data->step_usec = MAX((data->until_usec - data->since_usec) / GRAPH_POINTS, USEC_PER_SEC);
    /* What a clock ahead of ours has sent is shown, too, at the edge. */
    const Span span = {data->since_usec, data->until_usec + USEC_PER_MINUTE};
    int r = reader_each_system(p->reader, job->host, &span, data->step_usec, on_system, data);
    return r < 0 ? r
                 : reader_each_class(p->reader, job->host, &span, data->step_usec, on_class, data);
}

static void clear(GraphData *data, const PaintJob *job, uint64_t since_usec)
{
    memset(data, 0, sizeof(*data));
    data->host = job->host;
    data->newest = (SystemValues){NAN, NAN, NAN, NAN};
    data->since_usec = since_usec;
    data->until_usec = job->when_usec;
}

static int gather(Painter *p, PaintJob *job)
{
    GraphData *data = p->data;
    int r = 0;

    clear(data, job, job->when_usec > job->span_usec ? job->when_usec - job->span_usec : 0);
    if (!job->host)
        r = reader_newest_host(p->reader, &job->host);
    if (r < 0 || !job->host)
        return r;
    data->host = job->host;
    r = read_values(p, job);
    uint64_t since_usec = graph_since(data);
    if (r >= 0 && since_usec != data->since_usec) {
        clear(data, job, since_usec); /* and in finer steps */
        r = read_values(p, job);
    }
    graph_mark_gone(data);
    return r;
}

static int put(Painter *p, const char *name,
               int (*draw)(const GraphData *, unsigned char **, size_t *))
{
    _cleanup_free_ char *path = text_printf("%s/%s", p->folder, name);
    _cleanup_free_ unsigned char *png = NULL;
    size_t size;
    int r = path ? draw(p->data, &png, &size) : -ENOMEM;

    return r < 0 ? r : file_write_atomic(AT_FDCWD, path, (const char *)png, size, 0644, false);
}

static void paint(Painter *p, PaintJob *job)
{
    job->when_usec = clock_usec(CLOCK_REALTIME);
    int r = gather(p, job);

    /* No database yet is no data yet. */
    if (r >= 0 || r == -ENOENT)
        r = dir_make(p->folder, 0755);
    if (r >= 0)
        r = put(p, GRAPH_SYSTEM, graph_system);
    if (r >= 0)
        r = put(p, GRAPH_CONTAINERS, graph_containers);
    job->error = MIN(r, 0);
    job->n_samples = p->data->n_samples;
}

static void append(PaintJob **list, PaintJob *job)
{
    while (*list)
        list = &(*list)->next;
    job->next = NULL;
    *list = job;
}

/* Jobs are taken one by one; NULL: the end. */
static PaintJob *next_job(Painter *p)
{
    pthread_mutex_lock(&p->mutex);
    while (!p->waiting && !p->stopping)
        pthread_cond_wait(&p->work, &p->mutex);
    PaintJob *job = p->waiting;
    if (job)
        p->waiting = job->next;
    bool reopen = p->reopen;
    p->reopen = false;
    pthread_mutex_unlock(&p->mutex);
    if (reopen)
        reader_reopen(p->reader);
    return job;
}

static void *painter_main(void *userdata)
{
    Painter *p = userdata;

    for (PaintJob *job; (job = next_job(p));) {
        paint(p, job);
        pthread_mutex_lock(&p->mutex);
        append(&p->done, job);
        pthread_mutex_unlock(&p->mutex);
        (void)eventfd_write(p->done_fd, 1);
    }
    return NULL;
}

static int start_thread(Painter *p)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int r = pthread_create(&p->thread, NULL, painter_main, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    p->running = r == 0;
    return -r;
}

int painter_new(const char *db_path, const char *folder, int done_fd, Painter **ret)
{
    Painter *p = calloc(1, sizeof(*p));
    int r;

    if (!p)
        return -ENOMEM;
    *p = (Painter){.done_fd = done_fd,
                   .mutex = PTHREAD_MUTEX_INITIALIZER,
                   .work = PTHREAD_COND_INITIALIZER,
                   .db_path = strdup(db_path),
                   .folder = strdup(folder),
                   .data = calloc(1, sizeof(GraphData))};
    r = p->db_path && p->folder && p->data ? reader_new(p->db_path, &p->reader) : -ENOMEM;
    if (r >= 0)
        r = start_thread(p);
    if (r < 0) {
        painter_free(p);
        return r;
    }
    *ret = p;
    return 0;
}

void painter_stop(Painter *p)
{
    if (!p || !p->running)
        return;
    pthread_mutex_lock(&p->mutex);
    p->stopping = true;
    pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->mutex);
    pthread_join(p->thread, NULL);
    p->running = false;
}

static void free_list(PaintJob *job)
{
    while (job) {
        PaintJob *next = job->next;
        paint_job_free(job);
        job = next;
    }
}

Painter *painter_free(Painter *p)
{
    if (!p)
        return NULL;
    painter_stop(p);
    free_list(p->waiting);
    free_list(p->done);
    reader_free(p->reader);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->mutex);
    free(p->db_path);
    free(p->folder);
    free(p->data);
    free(p);
    return NULL;
}

void painter_push(Painter *p, PaintJob *job)
{
    pthread_mutex_lock(&p->mutex);
    append(&p->waiting, job);
    pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->mutex);
}

PaintJob *painter_take_done(Painter *p)
{
    pthread_mutex_lock(&p->mutex);
    PaintJob *job = p->done;
    if (job)
        p->done = job->next;
    pthread_mutex_unlock(&p->mutex);
    return job;
}

void painter_reopen(Painter *p)
{
    pthread_mutex_lock(&p->mutex);
    p->reopen = true;
    pthread_mutex_unlock(&p->mutex);
}
