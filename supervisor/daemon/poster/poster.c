/* SPDX-License-Identifier: MIT */
/*
 * What follows what in the posting to one collector. All of it is on the event loop, and hands what
 * may take long to its thread: one job at a time, one post at a time.
 */
#include "supervisor/daemon/poster/poster.h"

#include <assert.h>
#include <errno.h>
#include <sys/random.h>

#include "base/macros.h"
#include "base/text.h"
#include "supervisor/daemon/http-post.h"
#include "supervisor/daemon/poster/answer.h"
#include "supervisor/daemon/poster/pending.h"
#include "supervisor/daemon/poster/say.h"
#include "supervisor/daemon/poster/store.h"
#include "supervisor/daemon/poster/worker.h"
#include "supervisor/daemon/source.h"
#include "supervisor/policy/delivery.h"
#include "supervisor/probe/curl-loop.h"

/* Behind everything that keeps services alive. */
#define PRIORITY       (SD_EVENT_PRIORITY_NORMAL + 50)
#define ACCURACY_USEC  (100 * USEC_PER_MSEC)
#define FIRST_USEC     USEC_PER_SEC          /* from the start to the first sample */
#define EARLY_USEC     (300 * USEC_PER_MSEC) /* events come in bunches */
#define EARLY_GAP_USEC USEC_PER_SEC          /* between two batches for events */
#define POST_USEC      (30 * USEC_PER_SEC)
#define MEMORY_MAX     (UINT64_C(4) * 1024 * 1024)
#define PATH           "/logs"
#define ERROR_MAX      ANSWER_WHAT_MAX

typedef struct Config {
    char *name, *url, *host, *token, *ca;
    uint64_t interval_usec;
    SpoolRules rules;
} Config;

struct Poster {
    PosterSetup setup;
    Config config, next;
    bool has_next;
    Worker *worker;
    Store *store; /* the thread's, and with it the job */
    StoreJob *job;
    bool busy;   /* the thread is at the job */
    bool opened; /* the spool was looked at */
    sd_event_source *tick, *early, *retry;
    uint64_t tick_usec, saved_usec, retry_usec; /* CLOCK_MONOTONIC */
    bool sample_due, events_due;
    Pending pending;

    HttpPost *post; /* one is under way */
    char *body;     /* which it posts */
    bool settle;    /* how it went is to be told to the spool */
    SpoolFate fate;
    uint32_t failures;

    SpoolState state;
    uint64_t posted, duplicates, lost, stored_usec;
    char error[ERROR_MAX]; /* of the last try; "" when it went well */
    PosterSay say;

    bool finishing;
    poster_done_t finished;
    void *finished_userdata;
};

static void step(Poster *poster);

static uint64_t now_usec(const Poster *poster)
{
    return loop_now(poster->setup.event, CLOCK_MONOTONIC);
}

static uint64_t random_number(void)
{
    uint64_t random = 0;

    (void)getrandom(&random, sizeof(random), GRND_NONBLOCK); /* at worst no jitter */
    return random;
}

/* Fails only when the loop has ended. */
static void arm(sd_event_source *timer, uint64_t usec)
{
    (void)sd_event_source_set_time(timer, usec);
    (void)sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

/* ---- configuration ---- */

static void config_done(Config *config)
{
    free(config->name);
    free(config->url);
    free(config->host);
    free(config->token);
    free(config->ca);
    *config = (Config){0};
}

static int copy(const char *s, char **ret)
{
    *ret = s ? strdup(s) : NULL;
    return s && !*ret ? -ENOMEM : 0;
}

static int config_copy(const PosterConfig *from, Config *ret)
{
    Config config = {
        .interval_usec = from->interval_usec,
        .rules = {.size_max = from->spool_bytes,
                  .age_usec = from->spool_age_usec,
                  .memory_max = MIN(from->spool_bytes, MEMORY_MAX)},
    };
    int r = copy(from->name, &config.name);

    if (r >= 0)
        r = copy(from->url, &config.url);
    if (r >= 0)
        r = copy(from->host, &config.host);
    if (r >= 0)
        r = copy(from->token, &config.token);
    if (r >= 0)
        r = copy(from->ca, &config.ca);
    if (r < 0) {
        config_done(&config);
        return r;
    }
    *ret = config;
    return 0;
}

static bool same(const char *a, const char *b)
{
    return a && b ? streq(a, b) : a == b;
}

static bool config_same(const Config *a, const Config *b)
{
    return same(a->url, b->url) && same(a->host, b->host) && same(a->token, b->token) &&
           same(a->ca, b->ca) && a->interval_usec == b->interval_usec &&
           a->rules.size_max == b->rules.size_max && a->rules.age_usec == b->rules.age_usec;
}

static void use_config(Poster *poster)
{
    if (!poster->has_next)
        return;
    config_done(&poster->config);
    poster->config = poster->next;
    poster->next = (Config){0};
    poster->has_next = false;
    poster->say.name = poster->config.name;
    /* Whoever has mended something wants to see whether it helps. */
    poster->retry_usec = 0;
    poster->tick_usec = now_usec(poster) + MIN(FIRST_USEC, poster->config.interval_usec);
    arm(poster->tick, poster->tick_usec);
}

/* ---- posts ---- */

static void settle(Poster *poster, SpoolFate fate)
{
    poster->settle = true;
    poster->fate = fate;
}

static void failed(Poster *poster, const Answer *answer, uint64_t wait_usec)
{
    poster->failures++;
    poster->retry_usec =
        now_usec(poster) + delivery_delay(&delivery_rules, answer->verdict, poster->failures,
                                          wait_usec, random_number());
    arm(poster->retry, poster->retry_usec);
    settle(poster, SPOOL_LATER);
}

static void stored(Poster *poster, const Answer *answer)
{
    poster->posted++;
    poster->duplicates += answer->duplicate;
    poster->stored_usec = loop_now(poster->setup.event, CLOCK_REALTIME);
    poster->failures = 0;
    poster->retry_usec = 0;
    settle(poster, SPOOL_STORED);
}

/* One try has ended. Somebody who refuses a batch is there all the same. */
static void take_answer(Poster *poster, const Answer *answer, uint64_t wait_usec)
{
    snprintf(poster->error, sizeof(poster->error), "%s", answer->what);
    if (answer->verdict == DELIVERY_STORED) {
        stored(poster, answer);
    } else if (answer->verdict == DELIVERY_REFUSED) {
        poster->failures = 0;
        settle(poster, SPOOL_REFUSED);
    } else {
        failed(poster, answer, wait_usec);
    }
    poster_say_answer(&poster->say, answer, poster->failures,
                      poster->state.n > 0 ? poster->state.n - 1 : 0);
}

static void on_posted(const HttpPostAnswer *http, void *userdata)
{
    Poster *poster = userdata;
    Answer answer;

    answer_read(http, &answer);
    uint64_t wait_usec = http->wait_usec;
    poster->post = http_post_free(poster->post);
    free(TAKE_PTR(poster->body));
    take_answer(poster, &answer, wait_usec);
    step(poster);
}

/* It could not even be tried. */
static void take_failure(Poster *poster, DeliveryVerdict verdict, const char *what, const char *why)
{
    Answer answer = {.verdict = verdict};

    snprintf(answer.what, sizeof(answer.what), "%s%s", what, why);
    free(TAKE_PTR(poster->body));
    take_answer(poster, &answer, 0);
}

static void start_post(Poster *poster, StoreJob *job)
{
    CurlLoop *curl = poster->setup.curl;
    HttpPostRequest request = {
        .url = poster->config.url,
        .path = PATH,
        .key = job->key,
        .token = job->token_text,
        .ca = job->ca_path,
        .body_size = job->body_size,
        .body_stays = true,
        /* More are to follow at once. Else nothing is kept that the collector would have to keep,
         * too. */
        .keep = job->state.n > 1,
        .timeout_usec = POST_USEC,
        .answer_max = ANSWER_SIZE_MAX,
    };

    poster->body = TAKE_PTR(job->body);
    request.body = poster->body;
    if (job->token_error < 0)
        return take_failure(poster, DELIVERY_DENIED, "the token cannot be read: ",
                            job->token_error == -EBADMSG ? "it is not one line of printable text"
                            : job->token_error == -ENXIO ? "phoenixd.service has no credentials"
                                                         : strerror(-job->token_error));
    int r = http_post_new(curl, &request, on_posted, poster, &poster->post);
    if (r == -ELIBACC)
        take_failure(poster, DELIVERY_LATER, "", curl_loop_missing(curl));
    else if (r == -EINVAL)
        take_failure(poster, DELIVERY_ASTRAY,
                     "libcurl refuses the address, or the certificates of ", "\"ca\"");
    else if (r < 0)
        take_failure(poster, DELIVERY_LATER, "", strerror(-r));
}

/* ---- jobs ---- */

/* In the thread, which may outlive the poster: it gets to see the job only. */
static void run_job(void *userdata)
{
    store_run(userdata);
}

static void on_job(void *userdata)
{
    Poster *poster = userdata;
    StoreJob job = *poster->job;

    *poster->job = (StoreJob){0};
    poster->busy = false;
    poster->opened = true;
    poster->state = job.state;
    if (job.save_error < 0 && job.save_error != -ENOBUFS) /* which the spool counts */
        poster->lost++;
    poster_say_state(&poster->say, &poster->state, job.sysinfo_error);
    if (job.body)
        start_post(poster, &job);
    else if (job.take_error < 0)
        take_failure(poster, DELIVERY_LATER,
                     "the spool cannot be read: ", strerror(-job.take_error));
    store_job_done(&job);
    step(poster);
}

static void give_up_batch(Poster *poster)
{
    sample_services_done(&poster->job->services);
    poster->job->save = false;
    poster->lost++;
}

/* What is to be kept now, copied. */
static void prepare_save(Poster *poster)
{
    StoreJob *job = poster->job;
    Text events = {0};

    job->save = true;
    job->sampled = poster->sample_due;
    job->last = job->sampled && poster->finishing;
    poster->sample_due = poster->events_due = false;
    poster->saved_usec = now_usec(poster);
    pending_take(&poster->pending, &events);
    int r = text_take(&events, &job->events);
    if (r >= 0)
        r = copy(poster->config.host, &job->host);
    if (r >= 0 && job->sampled)
        r = sample_services(poster->setup.manager, &job->services);
    if (r < 0)
        give_up_batch(poster);
    text_done(&events);
}

static void prepare_take(Poster *poster)
{
    StoreJob *job = poster->job;

    job->take =
        copy(poster->config.token, &job->token) >= 0 && copy(poster->config.ca, &job->ca) >= 0;
}

static bool may_take(const Poster *poster)
{
    bool due = now_usec(poster) >= poster->retry_usec;

    /* What is left of the one before is told in the same job, so a number of one may mean none. */
    return !poster->post && due &&
           (poster->job->save || !poster->opened || poster->state.n > (poster->settle ? 1U : 0U));
}

static bool prepare_job(Poster *poster)
{
    StoreJob *job = poster->job;

    *job = (StoreJob){
        .store = poster->store,
        .rules = poster->config.rules,
        .realtime_usec = loop_now(poster->setup.event, CLOCK_REALTIME),
        .settle = poster->settle,
        .fate = poster->fate,
    };
    if (poster->sample_due || (poster->events_due && poster->pending.n > 0))
        prepare_save(poster);
    if (may_take(poster))
        prepare_take(poster);
    poster->settle = false;
    return job->settle || job->save || job->take;
}

static void finish_if_done(Poster *poster)
{
    poster_done_t finished = poster->finished;

    if (!poster->finishing || poster->post || !finished)
        return;
    poster->finished = NULL;
    finished(poster, poster->finished_userdata);
}

/* Whatever is next, if anything is. */
static void step(Poster *poster)
{
    if (poster->busy)
        return;
    if (!poster->post)
        use_config(poster);
    if (!prepare_job(poster)) {
        store_job_done(poster->job);
        return finish_if_done(poster);
    }
    poster->busy = true;
    worker_start(poster->worker, run_job, poster->job, on_job, poster);
}

/* ---- timers ---- */

/* What would have been while the machine or the thread stood still is left out. */
static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
    Poster *poster = userdata;
    uint64_t now = now_usec(poster), interval = poster->config.interval_usec;

    poster->tick_usec += interval;
    if (poster->tick_usec <= now)
        poster->tick_usec = now + interval;
    arm(poster->tick, poster->tick_usec);
    poster->sample_due = true;
    step(poster);
    return 0;
}

static int on_early(sd_event_source *source, uint64_t usec, void *userdata)
{
    Poster *poster = userdata;

    poster->events_due = true;
    step(poster);
    return 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
    step(userdata);
    return 0;
}

static int add_timer(Poster *poster, const char *name, sd_event_time_handler_t handler,
                     sd_event_source **ret)
{
    int r = sd_event_add_time(poster->setup.event, ret, CLOCK_MONOTONIC, 0, ACCURACY_USEC, handler,
                              poster);

    if (r >= 0)
        r = sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
    if (r >= 0)
        r = sd_event_source_set_priority(*ret, PRIORITY);
    return r < 0 ? r : sd_event_source_set_description(*ret, name);
}

static int add_timers(Poster *poster)
{
    int r = add_timer(poster, "poster-sample", on_tick, &poster->tick);

    if (r >= 0)
        r = add_timer(poster, "poster-events", on_early, &poster->early);
    if (r >= 0)
        r = add_timer(poster, "poster-retry", on_retry, &poster->retry);
    return r;
}

/* ---- events ---- */

void poster_tell(Poster *poster, const Event *event)
{
    int armed = SD_EVENT_OFF;

    pending_add(&poster->pending, event);
    /* That it is away cannot be told to a collector now. */
    if (!pending_matters(event) || event->kind == EVENT_COLLECTOR_AWAY)
        return;
    (void)sd_event_source_get_enabled(poster->early, &armed);
    if (armed == SD_EVENT_OFF)
        arm(poster->early, MAX(now_usec(poster) + EARLY_USEC, poster->saved_usec + EARLY_GAP_USEC));
}

/* ---- life ---- */

int poster_configure(Poster *poster, const PosterConfig *config)
{
    Config next;

    int r = config_copy(config, &next);
    if (r < 0)
        return r;
    config_done(&poster->next);
    poster->next = next;
    poster->has_next = !config_same(&poster->config, &next);
    step(poster);
    return 0;
}

static void finish_store(void *userdata)
{
    store_free(userdata);
}

static int start_thread(Poster *poster)
{
    _cleanup_free_ char *folder =
        text_printf("%s/collector/%s", poster->setup.state_folder, poster->config.name);
    Store *store;

    int r = folder ? store_new(folder, &store) : -ENOMEM;
    if (r < 0)
        return r;
    r = worker_new(poster->setup.event, "poster", finish_store, store, &poster->worker);
    if (r < 0) {
        store_free(store);
        return r;
    }
    poster->store = store;
    poster->job = store_job(store);
    return 0;
}

int poster_new(const PosterSetup *setup, const PosterConfig *config, Poster **ret)
{
    Poster *poster = calloc(1, sizeof(Poster));

    assert(setup && config && ret);

    if (!poster)
        return -ENOMEM;
    poster->setup = *setup;
    poster->say.events = manager_events(setup->manager);
    int r = config_copy(config, &poster->config);
    if (r >= 0)
        r = add_timers(poster);
    if (r >= 0)
        r = start_thread(poster);
    if (r < 0) {
        poster_free(poster, 0);
        return r;
    }
    poster->say.name = poster->config.name;
    poster->tick_usec = now_usec(poster) + MIN(FIRST_USEC, config->interval_usec);
    arm(poster->tick, poster->tick_usec);
    *ret = poster;
    return 0;
}

Poster *poster_free(Poster *poster, uint64_t wait_usec)
{
    if (!poster)
        return NULL;
    http_post_free(poster->post);
    free(poster->body);
    sd_event_source_disable_unref(poster->tick);
    sd_event_source_disable_unref(poster->early);
    sd_event_source_disable_unref(poster->retry);
    pending_done(&poster->pending);
    config_done(&poster->config);
    config_done(&poster->next);
    worker_free(poster->worker, wait_usec);
    free(poster);
    return NULL;
}

const char *poster_name(const Poster *poster)
{
    return poster->config.name;
}

void poster_finish(Poster *poster, poster_done_t done, void *userdata)
{
    poster->finishing = true;
    poster->finished = done;
    poster->finished_userdata = userdata;
    (void)sd_event_source_set_enabled(poster->tick, SD_EVENT_OFF);
    poster->sample_due = true;
    step(poster);
}

void poster_view(const Poster *poster, CollectorView *ret)
{
    *ret = (CollectorView){
        .name = poster->config.name,
        .url = poster->config.url,
        .host = poster->config.host,
        .away = poster->failures > 0,
        .error = poster->error,
        .posted = poster->posted,
        .duplicates = poster->duplicates,
        .dropped = poster->state.dropped + poster->lost,
        .refused = poster->state.refused,
        .events_dropped = poster->pending.dropped,
        .waiting = poster->state.n,
        .waiting_bytes = poster->state.size,
        .stored_usec = poster->stored_usec,
    };
}
