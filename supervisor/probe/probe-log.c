/* SPDX-License-Identifier: MIT */
/* log: the service still says what it says when it works. The reading is done by log-watch.c. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "supervisor/probe/log-watch.h"
#include "supervisor/probe/probe-internal.h"
#include "supervisor/probe/reason.h"

typedef struct LogProbe {
    Probe probe;
    const char *unit;
    LogMatch *match; /* NULL until the journal could be read */
    char text[64];   /* what is looked for, clean */
} LogProbe;

static LogProbe *log_of(Probe *probe)
{
    return (LogProbe *)probe;
}

static int last_line(LogProbe *log, uint64_t *ret_usec)
{
    const SpecProbe *spec = log->probe.spec;

    if (!log->match) {
        int r = log_watch_add(log->probe.context->logs, log->unit, spec->match, spec->age_usec,
                              &log->match);

        if (r < 0)
            return r;
    }
    return log_match_last(log->match, ret_usec);
}

static void start(Probe *probe)
{
    LogProbe *log = log_of(probe);
    char span[REASON_WORDS_MAX];
    uint64_t last;
    int r = last_line(log, &last);

    if (r == -EAGAIN) {
        probe_end(probe, PROBE_VOID, 0, "not checked: the journal is still being read");
        return;
    }
    if (r < 0) {
        probe_end(probe, PROBE_VOID, 0, "not checked: the journal cannot be read: %s",
                  reason_errno(r, span));
        return;
    }
    uint64_t now = probe_now_usec(CLOCK_MONOTONIC), age = now - MIN(last, now);
    if (age > probe->spec->age_usec)
        probe_end(probe, PROBE_FAIL, age, "no line with \"%s\" for %s", log->text,
                  reason_span(age, span));
    else
        probe_end(probe, PROBE_PASS, age, "\"%s\" %s ago", log->text, reason_span(age, span));
}

/* Its result stands at once. */
static void late(Probe *probe)
{
    probe_end_late(probe, "no answer");
}

static int init(Probe *probe, const char *unit)
{
    LogProbe *log = log_of(probe);

    if (!probe->spec->match)
        return -EINVAL;
    log->unit = unit;
    reason_clean(log->text, sizeof(log->text), probe->spec->match, strlen(probe->spec->match));
    return probe_set_subject(probe, "log");
}

static void destroy(Probe *probe)
{
    log_match_free(log_of(probe)->match);
}

const ProbeKind probe_kind_log = {
    .size = sizeof(LogProbe),
    .run_size = sizeof(ProbeRun),
    .init = init,
    .start = start,
    .late = late,
    .destroy = destroy,
};
