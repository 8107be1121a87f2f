/* SPDX-License-Identifier: MIT */

/* The line of the first service that is not done: its state, and the STATUS= text that the lease or
 * the service itself sets while it starts; before it, what there is to tell of all of them. */

#include "cli/log/progress.h"

#include <inttypes.h>
#include <sys/ioctl.h>

#include "cli/print/when.h"

/* However many services are started at once, the manager has other work to do. */
#define LOOKS_PER_TICK 8U

#define WIDTH_DEFAULT 80U
#define WIPE          "\r\x1b[K"

static unsigned width_of_stderr(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
        return WIDTH_DEFAULT;
    return size.ws_col;
}

Progress progress_new(const Cli *cli)
{
    const char *term = getenv("TERM");
    bool dumb = term && streq(term, "dumb");

    return (Progress){
        .cli = cli,
        .shown = isatty(STDERR_FILENO) && !dumb && !(cli->options & CLI_JSON),
        .width = width_of_stderr(),
        .started_usec = when_now(),
    };
}

static size_t count_open(const Jobs *jobs, const Job **ret_first)
{
    size_t n = 0;

    for (size_t i = 0; i < jobs->n; i++)
        if (jobs->items[i].path && !jobs->items[i].result && n++ == 0)
            *ret_first = &jobs->items[i];
    return n;
}

/* "web" of "phoenix@web.service": the line is short of room. */
static void add_name(Text *t, const char *unit)
{
    const char *at = strchr(unit, '@'), *dot = at ? strrchr(at, '.') : NULL;
    _cleanup_free_ char *name = dot ? strndup(at + 1, (size_t)(dot - at - 1)) : NULL;

    screen_add_clean(t, name ? name : unit);
}

static void add_line(Text *t, const Progress *progress, const Job *job, size_t n,
                     const UnitState *state)
{
    uint64_t now_usec = when_now(), elapsed_usec = 0;

    if (now_usec > progress->started_usec)
        elapsed_usec = now_usec - progress->started_usec;
    add_name(t, job->unit);
    text_addf(t, ": %" PRIu64 "s", elapsed_usec / USEC_PER_SEC);
    if (n > 1)
        text_addf(t, ", %zu more", n - 1);
    text_add(t, ", ");
    if (state->status_text && *state->status_text) {
        screen_add_clean(t, state->status_text);
        return;
    }
    screen_add_clean(t, state->active_state ? state->active_state : "waiting");
    if (state->sub_state) {
        text_add(t, " (");
        screen_add_clean(t, state->sub_state);
        text_add_char(t, ')');
    }
}

/* A line that wraps could not be wiped. */
static void cut(Text *t, unsigned width)
{
    size_t bytes = 0;

    if (t->error < 0 || screen_length(t->data) < width)
        return;
    for (unsigned i = 0; i + 1 < width; i++)
        bytes += utf8_char(t->data + bytes, t->size - bytes);
    text_truncate(t, bytes);
}

static void wipe(Progress *progress)
{
    if (progress->dirty)
        (void)fputs(WIPE, stderr);
    progress->dirty = false;
}

static void show(Progress *progress, const Job *job, size_t n, const UnitState *state)
{
    _cleanup_text_ Text t = {0};

    if (!progress->shown)
        return;
    add_line(&t, progress, job, n, state);
    cut(&t, progress->width);
    if (t.error < 0)
        return;
    (void)fprintf(stderr, WIPE "%s", t.data);
    progress->dirty = true;
}

static void tell_restarts(Progress *progress, const Job *job, const UnitState *state)
{
    _cleanup_text_ Text t = {0};

    restart_news_follow(progress->news, job, state, &t);
    if (t.size == 0 || t.error < 0)
        return;
    wipe(progress);
    (void)fputs(t.data, stderr);
}

static void look_at(Progress *progress, Manager *manager, const Job *job, const Job *first,
                    size_t n_open)
{
    _cleanup_unit_state_ UnitState state = {0};

    if (manager_describe(manager, job->unit, &state) < 0)
        return;
    tell_restarts(progress, job, &state);
    if (job == first)
        show(progress, job, n_open, &state);
}

/* The first one, and some of the others in turn. */
static void on_tick(Manager *manager, const Jobs *jobs, void *userdata)
{
    Progress *progress = userdata;
    const Job *first = NULL;
    size_t n_open = count_open(jobs, &first), looks = 1;

    if (n_open == 0)
        return;
    look_at(progress, manager, first, first, n_open);
    for (size_t i = 0; progress->news && i < jobs->n && looks < LOOKS_PER_TICK; i++) {
        const Job *job = &jobs->items[progress->next++ % jobs->n];
        if (job == first || !job->path || job->result)
            continue;
        look_at(progress, manager, job, first, n_open);
        looks++;
    }
}

void progress_attach(Progress *progress, Jobs *jobs)
{
    if (jobs->kind != JOB_STOP)
        progress->news = restart_news_new(progress->cli);
    if (!progress->shown && !progress->news)
        return;
    jobs->tick = on_tick;
    jobs->userdata = progress;
}

void progress_clear(Progress *progress)
{
    wipe(progress);
    progress->news = restart_news_free(progress->news);
}
