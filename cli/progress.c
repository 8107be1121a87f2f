/* SPDX-License-Identifier: MIT */

/* The line of the first service that is not done: its state, and the STATUS= text that the lease or
 * the service itself sets while it starts. */

#include <inttypes.h>
#include <sys/ioctl.h>

#include "progress.h"
#include "when.h"

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

static void on_tick(Manager *manager, const Jobs *jobs, void *userdata)
{
    Progress *progress = userdata;
    _cleanup_unit_state_ UnitState state = {0};
    _cleanup_text_ Text t = {0};
    const Job *job = NULL;
    size_t n = count_open(jobs, &job);

    if (n == 0)
        return;
    (void)manager_describe(manager, job->unit, &state);
    add_line(&t, progress, job, n, &state);
    cut(&t, progress->width);
    if (t.error < 0)
        return;
    (void)fprintf(stderr, WIPE "%s", t.data);
    progress->dirty = true;
}

void progress_attach(Progress *progress, Jobs *jobs)
{
    if (!progress->shown)
        return;
    jobs->tick = on_tick;
    jobs->userdata = progress;
}

void progress_clear(Progress *progress)
{
    if (progress->dirty)
        (void)fputs(WIPE, stderr);
    progress->dirty = false;
}
