/* SPDX-License-Identifier: MIT */
/*
 * Tells who a spec names in onfailure of what happens to its service. Joins the queue with the
 * events that fill it and with the two ways out, a POST and a transient unit. What to tell, how
 * often and when again is decided in notify-policy.c and notify-queue.c.
 */
#include "supervisor/daemon/notify/notifier.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sys/random.h>

#include "base/strv.h"
#include "base/text.h"
#include "supervisor/daemon/notify/notifier-internal.h"
#include "supervisor/daemon/notify/notify-body.h"
#include "supervisor/daemon/notify/notify-post.h"
#include "supervisor/daemon/notify/notify-say.h"
#include "supervisor/probe/curl-loop.h"

/* Behind everything that keeps services alive. */
#define PRIORITY        (SD_EVENT_PRIORITY_NORMAL + 50)
#define ACCURACY_USEC   (100 * USEC_PER_MSEC)
#define SAVE_AGAIN_USEC (30 * USEC_PER_SEC)
#define BODY_MAX        ((size_t)192 * 1024)
#define EXEC_BODY_MAX   ((size_t)32 * 1024)

/* One attempt. */
typedef struct Job {
    Notifier *notifier;
    Notification *item;
    NotifyTarget target;
    NotifyPost *post;
    struct Job *next;
} Job;

struct Notifier {
    NotifierSetup setup;
    NotifyQueue *queue;
    sd_event_source *timer;
    Job *jobs;
    uint64_t save_usec; /* CLOCK_MONOTONIC; when the disk is tried again */
    NotifySay *say;
};

/* ---- ends of attempts ---- */

/* Fails only when the loop has ended; then the next run goes on. */
static void arm(Notifier *notifier, uint64_t usec)
{
    (void)sd_event_source_set_time(notifier->timer, usec);
    (void)sd_event_source_set_enabled(notifier->timer, SD_EVENT_ONESHOT);
}

static uint64_t now_usec(const Notifier *notifier, clockid_t clock)
{
    uint64_t usec = 0;

    (void)sd_event_now(notifier->setup.event, clock, &usec);
    return usec;
}

static void settle(Notifier *notifier, Notification *item, NotifyTarget target,
                   const NotifyAnswer *answer)
{
    NotifyResult result = {
        .verdict = answer->verdict,
        .wait_usec = answer->wait_usec,
        .now_usec = now_usec(notifier, CLOCK_MONOTONIC),
        .realtime_usec = now_usec(notifier, CLOCK_REALTIME),
    };
    char service[SPEC_NAME_MAX + 1];
    NotifyKind kind = item->kind;

    memcpy(service, item->service, sizeof(service));
    (void)getrandom(&result.random, sizeof(result.random), GRND_NONBLOCK); /* at worst no jitter */
    if (notify_queue_done(notifier->queue, item, target, &result))
        notify_say_given_up(notifier->say, service, kind, answer->what);
    else if (answer->verdict == NOTIFY_DELIVERED)
        notify_say_accepted(notifier->say, service);
    arm(notifier, 0);
}

static void settle_with(Notifier *notifier, Notification *item, NotifyTarget target,
                        NotifyVerdict verdict, const char *what)
{
    NotifyAnswer answer = {.verdict = verdict, .what = what};

    settle(notifier, item, target, &answer);
}

static Job *job_new(Notifier *notifier, Notification *item, NotifyTarget target)
{
    Job *job = calloc(1, sizeof(Job));

    if (!job)
        return NULL;
    *job = (Job){.notifier = notifier, .item = item, .target = target, .next = notifier->jobs};
    notifier->jobs = job;
    return job;
}

static void job_unlink(Job *job)
{
    Job **p = &job->notifier->jobs;

    while (*p != job)
        p = &(*p)->next;
    *p = job->next;
}

static void job_end(Job *job, const NotifyAnswer *answer)
{
    Notifier *notifier = job->notifier;

    job_unlink(job);
    settle(notifier, job->item, job->target, answer);
    notify_post_free(job->post);
    free(job);
}

/* ---- url ---- */

static void on_posted(const NotifyAnswer *answer, void *userdata)
{
    job_end(userdata, answer);
}

static int body_of(Notifier *notifier, const Notification *item, size_t max, char **ret)
{
    json_t *log = notify_log(notifier->setup.user, item->service, notify_fact(item, "unit"),
                             item->realtime_usec);

    return notify_body(item, log, max, ret);
}

static int start_post(Notifier *notifier, const char *url, Job *job)
{
    _cleanup_free_ char *body = NULL;
    int r;

    r = body_of(notifier, job->item, BODY_MAX, &body);
    if (r < 0)
        return r;
    return notify_post_new(notifier->setup.curl, url, job->item->id, body, on_posted, job,
                           &job->post);
}

/* ---- exec ---- */

static void on_run(int error, const char *message, void *userdata)
{
    Job *job = userdata;
    NotifyAnswer answer = {
        .verdict = error < 0 ? NOTIFY_RETRY : NOTIFY_DELIVERED,
        .what = error < 0 ? (message ? message : strerror(-error)) : "",
    };

    job_end(job, &answer);
}

static int add_variable(char ***environment, const char *name, const char *value)
{
    return strv_consume(environment, text_printf("%s=%s", name, value));
}

static int environment_of(Notifier *notifier, const Notification *item, char ***ret)
{
    _cleanup_strv_free_ char **environment = NULL;
    _cleanup_free_ char *body = NULL;
    int r;

    r = body_of(notifier, item, EXEC_BODY_MAX, &body);
    if (r >= 0)
        r = add_variable(&environment, "PHOENIX_EVENT", notify_kind_word(item->kind));
    if (r >= 0)
        r = add_variable(&environment, "PHOENIX_SERVICE", item->service);
    if (r >= 0)
        r = add_variable(&environment, "PHOENIX_UNIT", notify_fact(item, "unit"));
    if (r >= 0)
        r = add_variable(&environment, "PHOENIX_STATE", notify_fact(item, "state"));
    if (r >= 0)
        r = add_variable(&environment, "PHOENIX_REASON", notify_fact(item, "reason"));
    if (r >= 0)
        r = add_variable(&environment, "PHOENIX_NOTIFICATION", body);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(environment);
    return 0;
}

/* One unit per service, so that systemd itself refuses a second program while the first one runs;
 * it is then tried again. */
static int start_exec(Notifier *notifier, char *const *argv, Job *job)
{
    _cleanup_strv_free_ char **environment = NULL;
    char name[sizeof("phoenix-notify-.service") + SPEC_NAME_MAX], description[256];
    int r;

    r = environment_of(notifier, job->item, &environment);
    if (r < 0)
        return r;
    snprintf(name, sizeof(name), "phoenix-notify-%s.service", job->item->service);
    snprintf(description, sizeof(description), "Notification that %s is %s", job->item->service,
             notify_kind_word(job->item->kind));
    return units_run(notifier->setup.units, name, description, argv, environment, on_run, job);
}

/* ---- beginnings ---- */

static int start_job(Notifier *notifier, const SpecOnFailure *to, Job *job)
{
    return job->target == NOTIFY_TO_URL ? start_post(notifier, to->url, job)
                                        : start_exec(notifier, to->exec, job);
}

/* Why it need not be tried, or NULL. */
static const char *hopeless(const SpecOnFailure *to, NotifyTarget target)
{
    if (target == NOTIFY_TO_EXEC && to->exec[0][0] != '/')
        return "the program is not an absolute path";
    return NULL;
}

static bool asks_for(const SpecOnFailure *to, NotifyTarget target)
{
    return target == NOTIFY_TO_URL ? to->url != NULL : to->exec && to->exec[0];
}

/* The spec is asked now, not when the event happened: an address that was wrong can be mended. */
static void start(Notifier *notifier, Notification *item, NotifyTarget target)
{
    const SpecOnFailure *to = notifier->setup.spec(item->service, notifier->setup.userdata);
    const char *why;
    Job *job;
    int r;

    if (!to)
        return settle_with(notifier, item, target, NOTIFY_RETRY, "there is no such service now");
    if (!asks_for(to, target))
        return settle_with(notifier, item, target, NOTIFY_UNWANTED, "");
    why = hopeless(to, target);
    if (why)
        return settle_with(notifier, item, target, NOTIFY_REFUSED, why);
    job = job_new(notifier, item, target);
    r = job ? start_job(notifier, to, job) : -ENOMEM;
    if (r >= 0)
        return;
    if (job)
        job_unlink(job);
    free(job);
    settle_with(notifier, item, target, r == -EINVAL ? NOTIFY_REFUSED : NOTIFY_RETRY,
                r == -ELIBACC ? curl_loop_missing(notifier->setup.curl) : strerror(-r));
}

/* Returns when the disk is to be tried again, or USEC_INFINITY. */
static uint64_t save_again(Notifier *notifier, uint64_t now)
{
    NotifyQueueState state;

    notify_queue_state(notifier->queue, &state);
    if (state.disk_error < 0 && now >= notifier->save_usec) {
        notify_queue_save(notifier->queue);
        notify_queue_state(notifier->queue, &state);
        notifier->save_usec = now + SAVE_AGAIN_USEC;
    }
    notify_say_state(notifier->say, &state);
    return state.disk_error < 0 ? notifier->save_usec : USEC_INFINITY;
}

/* One beginning at a time: reading the log takes a while, and others are waiting for the loop. */
static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    Notifier *notifier = userdata;
    uint64_t now = now_usec(notifier, CLOCK_MONOTONIC), due_usec = 0, save_usec;
    Notification *item;
    NotifyTarget target;

    save_usec = save_again(notifier, now);
    item = notify_queue_next(notifier->queue, now, &target, &due_usec);
    if (item)
        start(notifier, item, target);
    due_usec = item ? now : MIN(due_usec, save_usec);
    if (due_usec != USEC_INFINITY)
        arm(notifier, due_usec);
    return 0;
}

/* ---- events ---- */

static bool is_asked_for(const SpecOnFailure *to, NotifyKind kind)
{
    if (!asks_for(to, NOTIFY_TO_URL) && !asks_for(to, NOTIFY_TO_EXEC))
        return false;
    return !to->on || strv_contains(to->on, notify_kind_word(kind));
}

static int enqueue(Notifier *notifier, const Event *event, NotifyKind kind, const SpecOnFailure *to)
{
    Notification *notification;
    char host[HOST_NAME_MAX + 1] = "";
    json_t *facts;
    int r;

    (void)gethostname(host, sizeof(host) - 1);
    facts = notify_facts(event, kind, host, notifier->setup.manager);
    if (!facts)
        return -ENOMEM;
    r = notification_new(event->service, kind, event->realtime_usec, facts, &notification);
    if (r < 0)
        return r;
    for (int t = 0; t < _NOTIFY_TARGET_MAX; t++)
        notification->to[t].wanted = asks_for(to, (NotifyTarget)t);
    notify_queue_add(notifier->queue, notification);
    return 0;
}

static void on_event(const Event *event, void *userdata)
{
    Notifier *notifier = userdata;
    int kind = notify_kind_of_event(event);
    const SpecOnFailure *to;

    if (kind < 0 || !spec_name_valid(event->service))
        return;
    to = notifier->setup.spec(event->service, notifier->setup.userdata);
    if (!to || !is_asked_for(to, (NotifyKind)kind))
        return;
    if (enqueue(notifier, event, (NotifyKind)kind, to) < 0)
        notify_say_given_up(notifier->say, event->service, (NotifyKind)kind, "out of memory");
    arm(notifier, 0);
}

/* ---- life ---- */

static void notifier_freep(Notifier **notifier)
{
    notifier_free(*notifier);
}

static int add_timer(Notifier *notifier)
{
    int r;

    /* At once: there may be something left from an earlier run. */
    r = sd_event_add_time(notifier->setup.event, &notifier->timer, CLOCK_MONOTONIC, 0,
                          ACCURACY_USEC, on_timer, notifier);
    if (r >= 0)
        r = sd_event_source_set_priority(notifier->timer, PRIORITY);
    if (r >= 0)
        r = sd_event_source_set_description(notifier->timer, "notifier");
    return r;
}

int notifier_new_from(const NotifierSetup *setup, Notifier **ret)
{
    _cleanup_(notifier_freep) Notifier *notifier = NULL;
    int r;

    assert(setup && setup->spec && ret);

    notifier = calloc(1, sizeof(Notifier));
    if (!notifier)
        return -ENOMEM;
    notifier->setup = *setup;
    sd_event_ref(setup->event);
    r = notify_say_new(manager_events(setup->manager), &notifier->say);
    if (r >= 0)
        r = notify_queue_new(setup->folder, setup->rules, &notifier->queue);
    if (r >= 0)
        r = add_timer(notifier);
    if (r >= 0)
        r = events_listen(manager_events(setup->manager), on_event, notifier);
    if (r < 0)
        return r;
    notifier->setup.folder = NULL; /* was the caller's */
    *ret = TAKE_PTR(notifier);
    return 0;
}

int notifier_new(sd_event *event, CurlLoop *curl, Units *units, Manager *manager,
                 const char *state_folder, bool user, notifier_spec_t spec, void *userdata,
                 Notifier **ret)
{
    _cleanup_free_ char *folder = text_printf("%s/notify", state_folder);
    NotifierSetup setup = {
        .event = event,
        .curl = curl,
        .units = units,
        .manager = manager,
        .folder = folder,
        .user = user,
        .spec = spec,
        .userdata = userdata,
        .rules = &notify_rules,
    };

    return folder ? notifier_new_from(&setup, ret) : -ENOMEM;
}

/* What is under way is still in the queue on disk, so it is told by the next run. The loop does not
 * go on after this: neither events nor answers come any more. */
Notifier *notifier_free(Notifier *notifier)
{
    if (!notifier)
        return NULL;
    for (Job *job = notifier->jobs, *next; job; job = next) {
        next = job->next;
        notify_post_free(job->post);
        free(job);
    }
    sd_event_source_disable_unref(notifier->timer);
    notify_queue_free(notifier->queue);
    notify_say_free(notifier->say);
    sd_event_unref(notifier->setup.event);
    free(notifier);
    return NULL;
}

void notifier_counts(const Notifier *notifier, uint64_t *ret_sent, uint64_t *ret_dropped,
                     uint64_t *ret_waiting)
{
    NotifyQueueState state;

    notify_queue_state(notifier->queue, &state);
    *ret_sent = state.delivered;
    *ret_dropped = state.dropped;
    *ret_waiting = state.waiting;
}
