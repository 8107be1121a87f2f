/* SPDX-License-Identifier: MIT */
/*
 * Rounds that somebody has asked for and waits for: the rows of the answer, which are copies, as
 * the containers are gone by the time it is given.
 */
#include "supervisor/daemon/reaper/reaper-internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "supervisor/daemon/source.h"

struct Run {
    Reaper *reaper;
    Run *next;
    char *name; /* of the policy, or "" */
    ReapView *rows;
    size_t n, n_pending;
    bool closed;
    view_reap_done_t done;
    void *userdata;
    sd_event_source *answer; /* not from inside of the call that asks */
};

static const char **strings_of(ReapView *row, size_t i)
{
    const char **strings[] = {&row->policy, &row->class, &row->id,
                              &row->name,   &row->unit,  &row->reason};

    return i < ELEMENTSOF(strings) ? strings[i] : NULL;
}

static void row_done(ReapView *row)
{
    const char **string;

    for (size_t i = 0; (string = strings_of(row, i)); i++)
        free((char *)*string);
}

static void run_free(Run *run)
{
    Run **link = &run->reaper->runs;

    while (*link && *link != run)
        link = &(*link)->next;
    if (*link)
        *link = run->next;
    for (size_t i = 0; i < run->n; i++)
        row_done(&run->rows[i]);
    free(run->rows);
    free(run->name);
    sd_event_source_disable_unref(run->answer);
    free(run);
}

static int on_answer(sd_event_source *source, void *userdata)
{
    Run *run = userdata;

    run->done(run->rows, run->n, run->userdata);
    run_free(run);
    return 0;
}

int run_new(Reaper *reaper, const char *name, view_reap_done_t done, void *userdata, Run **ret)
{
    Run *run = calloc(1, sizeof(Run));

    if (!run)
        return -ENOMEM;
    *run = (Run){.reaper = reaper, .next = reaper->runs, .done = done, .userdata = userdata};
    reaper->runs = run;
    run->name = strdup(name);
    run->rows = calloc(1, sizeof(ReapView));
    int r = run->name && run->rows ? sd_event_add_defer(reaper->event, &run->answer, on_answer, run)
                                   : -ENOMEM;
    if (r >= 0)
        r = sd_event_source_set_enabled(run->answer, SD_EVENT_OFF);
    if (r < 0) {
        run_free(run);
        return r;
    }
    source_set(run->answer, "reaper-answer", PRIORITY_SERVICE);
    *ret = run;
    return 0;
}

const char *run_name(const Run *run)
{
    return run->name;
}

Run *reaper_next_open_run(Reaper *reaper)
{
    Run *run = reaper->runs;

    while (run && run->closed)
        run = run->next;
    return run;
}

int run_add(Run *run, const ReapView *row)
{
    ReapView *grown = reallocarray(run->rows, run->n + 1, sizeof(ReapView));
    ReapView copy = *row;
    const char **string;
    bool complete = true;

    if (!grown)
        return -ENOMEM;
    run->rows = grown;
    for (size_t i = 0; (string = strings_of(&copy, i)); i++) {
        *string = strdup(*string);
        complete = complete && *string;
    }
    if (!complete) {
        row_done(&copy);
        return -ENOMEM;
    }
    run->rows[run->n] = copy;
    return (int)run->n++;
}

static void answer_when_done(Run *run)
{
    if (run->closed && run->n_pending == 0)
        (void)sd_event_source_set_enabled(run->answer, SD_EVENT_ONESHOT);
}

void run_begin_stop(Run *run)
{
    run->n_pending++;
}

void run_end_stop(Run *run, size_t row, UnitStopResult result, const char *why)
{
    ReapView *view = &run->rows[row];

    assert(run->n_pending > 0 && row < run->n);
    view->result = unit_stop_result_word(result);
    if (why[0]) {
        char *reason = text_printf("%s; %s", view->reason, why);
        if (reason) {
            free((char *)view->reason);
            view->reason = reason;
        }
    }
    run->n_pending--;
    answer_when_done(run);
}

void run_close(Run *run)
{
    run->closed = true;
    answer_when_done(run);
}

void reaper_forget_runs(Reaper *reaper)
{
    while (reaper->runs) {
        Run *run = reaper->runs;
        run->done(NULL, 0, run->userdata);
        run_free(run);
    }
}
