/* SPDX-License-Identifier: MIT */

/* The restarts of units that are waited for. systemd counts them; why there was one is found in the
 * journal, as the properties of the unit are those of its next run by then. */

#include "cli/log/restart-news.h"

#include <inttypes.h>

#include "cli/log/failure.h"
#include "cli/print/when.h"

/* Of one unit. */
typedef struct Watched {
    const char *unit; /* borrowed from the job */
    uint32_t told;    /* restarts that were told of */
    uint64_t told_usec;
} Watched;

struct RestartNews {
    const Cli *cli;
    Watched *items;
    size_t n;
};

RestartNews *restart_news_new(const Cli *cli)
{
    RestartNews *news = cli->options & CLI_JSON ? NULL : calloc(1, sizeof(*news));

    if (news)
        news->cli = cli;
    return news;
}

RestartNews *restart_news_free(RestartNews *news)
{
    if (!news)
        return NULL;
    free(news->items);
    free(news);
    return NULL;
}

static Watched *find(RestartNews *news, const Job *job)
{
    for (size_t i = 0; i < news->n; i++)
        if (streq(news->items[i].unit, job->unit))
            return &news->items[i];
    Watched *items = reallocarray(news->items, news->n + 1, sizeof(*items));
    if (!items)
        return NULL;
    news->items = items;
    items[news->n] = (Watched){.unit = job->unit, .told_usec = job->asked_usec};
    return &items[news->n++];
}

/* "web" of "phoenix@web.service", in a new string. */
static char *name_of(const char *unit)
{
    const char *at = strchr(unit, '@'), *dot = strrchr(unit, '.');

    return at && dot > at ? strndup(at + 1, (size_t)(dot - at - 1)) : strdup(unit);
}

static void add_reason(Text *t, const RestartNews *news, const Watched *watched, const char *name)
{
    _cleanup_free_ char *verdict = failure_verdict(news->cli, watched->told_usec, name);
    _cleanup_free_ char *result =
        verdict ? NULL : failure_result(news->cli, watched->told_usec, name);

    if (verdict)
        text_add(t, ": it ");
    else if (result)
        text_add(t, ": ");
    screen_add_clean(t, verdict ? verdict : result ? result : "");
}

static void add_line(Text *t, const RestartNews *news, const Watched *watched, uint32_t restarts)
{
    _cleanup_free_ char *name = name_of(watched->unit);

    if (!name)
        return;
    screen_add_clean(t, name);
    if (restarts > watched->told + 1)
        text_addf(t, ": restarts %" PRIu32 " to %" PRIu32, watched->told + 1, restarts);
    else
        text_addf(t, ": restart %" PRIu32, restarts);
    add_reason(t, news, watched, name);
    text_add_char(t, '\n');
}

void restart_news_follow(RestartNews *news, const Job *job, const UnitState *state, Text *ret)
{
    Watched *watched = news ? find(news, job) : NULL;

    if (!watched)
        return;
    /* systemd counts the one that it then refuses, too. */
    if (state->active_state && streq(state->active_state, "failed"))
        return;
    if (state->restarts > watched->told) {
        add_line(ret, news, watched, state->restarts);
        watched->told_usec = when_now();
    }
    /* It may have begun anew with the start. */
    watched->told = state->restarts;
}
