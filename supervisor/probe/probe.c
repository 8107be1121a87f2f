/* SPDX-License-Identifier: MIT */
/*
 * The part that all checks share: begin, time limit, the question to the door, the one result. The
 * steps of each kind are in probe-KIND.c.
 */
#include "supervisor/probe/probe.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "supervisor/probe/probe-internal.h"
#include "supervisor/probe/reason.h"
#include "base/text.h"

/* The subject leaves room for what happened. */
#define SUBJECT_MAX 120

/* How much later than asked for a time limit may be noticed. */
#define TIMER_SLACK_USEC (5 * USEC_PER_MSEC)

/* There are as many as checks, and with its label and request one is to stay below 250 bytes. */
static_assert(sizeof(Probe) <= 88, "what only a running check needs belongs into ProbeRun");

static const ProbeKind *const kinds[_SPEC_PROBE_MAX] = {
    [SPEC_PROBE_HTTP] = &probe_kind_http, [SPEC_PROBE_HTTPS] = &probe_kind_http,
    [SPEC_PROBE_TCP] = &probe_kind_tcp,   [SPEC_PROBE_UNIX] = &probe_kind_unix,
    [SPEC_PROBE_EXEC] = &probe_kind_exec, [SPEC_PROBE_FILE] = &probe_kind_file,
    [SPEC_PROBE_LOG] = &probe_kind_log,   [SPEC_PROBE_GRPC] = &probe_kind_grpc,
};

uint64_t probe_now_usec(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / NSEC_PER_USEC;
}

bool probe_error_is_ours(int error)
{
    switch (-error) {
    case ENOTCONN: /* there is no lease */
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EPIPE:
    case ECANCELED:
    case EBADMSG:
    case EPROTO:
    case EBUSY:
    case EMSGSIZE:
        return true;
    default:
        return false;
    }
}

static const char *why_not(int error, char buffer[static REASON_WORDS_MAX])
{
    switch (-error) {
    case ENOTCONN:
        return "no lease of the service is connected";
    case EMFILE:
    case ENFILE:
        return "no file descriptors left";
    case ENOMEM:
    case ENOBUFS:
        return "out of memory";
    case ETIMEDOUT:
        return "its lease does not answer";
    default:
        return reason_errno(error, buffer);
    }
}

static const char *subject_of(const Probe *probe)
{
    size_t skip = probe->kind->bare ? strlen(spec_probe_word(probe->spec->type)) + 1 : 0;

    return probe->label + skip;
}

/* Lets go of everything; the probe can run again. */
static void settle(Probe *probe)
{
    ProbeRun *run = probe->run;

    if (run->asked) {
        run->asked = false;
        probe->door->cancel(probe->door, run->question);
    }
    if (probe->kind->stop)
        probe->kind->stop(probe);
    timer_disarm(probe->context->timers, &probe->timer);
    probe->run = NULL;
    free(run);
}

/* The callee may free the probe or run it again, so the result is its own by now. */
static void deliver(Probe *probe)
{
    ProbeResult result = probe->run->result;

    settle(probe);
    probe->done(probe, &result, probe->userdata);
}

void probe_end(Probe *probe, ProbeOutcome outcome, uint64_t value, const char *format, ...)
{
    ProbeRun *run = probe->run;
    char text[PROBE_REASON_MAX], reason[2 * PROBE_REASON_MAX];
    va_list ap;

    assert(run);
    if (run->ended)
        return;

    va_start(ap, format);
    reason_format(text, sizeof(text), format, ap);
    va_end(ap);

    int n = snprintf(reason, sizeof(reason), "%s: %s", subject_of(probe), text);
    reason_clean(run->result.reason, sizeof(run->result.reason), reason,
                 MIN((size_t)MAX(n, 0), sizeof(reason) - 1));
    run->result.outcome = outcome;
    run->result.value = value;
    run->result.latency_usec = probe_now_usec(CLOCK_MONOTONIC) - run->started_usec;
    run->ended = true;
    /* While it starts, the timer brings the result: nobody is called from inside probe_run(). */
    if (!run->starting)
        deliver(probe);
}

void probe_end_void(Probe *probe, int error)
{
    char words[REASON_WORDS_MAX];

    probe_end(probe, PROBE_VOID, 0, "not checked: %s", why_not(error, words));
}

void probe_end_errno(Probe *probe, int error)
{
    char words[REASON_WORDS_MAX];

    probe_end(probe, PROBE_FAIL, 0, "%s", reason_errno(error, words));
}

void probe_end_late(Probe *probe, const char *what)
{
    char span[REASON_WORDS_MAX];

    probe_end(probe, PROBE_FAIL, 0, "%s within %s", what,
              reason_span(probe->spec->timeout_usec, span));
}

static void on_answer(DoorAnswer *answer, void *userdata)
{
    Probe *probe = userdata;

    probe->run->asked = false;
    probe->run->answered(probe, answer);
}

void probe_ask(Probe *probe, const DoorRequest *request, probe_answer_t answered)
{
    ProbeRun *run = probe->run;

    assert(!run->asked);

    run->answered = answered;
    int r = probe->door->request(probe->door, request, on_answer, probe, &run->question);
    if (r < 0)
        probe_end_void(probe, r);
    else
        run->asked = true;
}

static void on_timer(Timer *timer)
{
    Probe *probe = (Probe *)timer;

    if (probe->run->ended)
        deliver(probe);
    else
        probe->kind->late(probe);
}

int probe_set_subject(Probe *probe, const char *format, ...)
{
    char subject[SUBJECT_MAX];
    va_list ap;

    va_start(ap, format);
    reason_format(subject, sizeof(subject), format, ap);
    va_end(ap);

    /* "GET /health" is short for what it is; "tcp 5432" names it already. */
    probe->label = probe->kind->bare
                       ? text_printf("%s %s", spec_probe_word(probe->spec->type), subject)
                       : strdup(subject);
    return probe->label ? 0 : -ENOMEM;
}

static int fill(Probe *probe, const char *unit)
{
    int r = timer_init(probe->context->timers, &probe->timer, on_timer);

    return r < 0 ? r : probe->kind->init(probe, unit);
}

int probe_new(const ProbeContext *context, const SpecProbe *spec, const char *unit, Door *door,
              probe_done_t done, void *userdata, Probe **ret)
{
    assert(context && spec && unit && door && done && ret);

    if (spec->type < 0 || spec->type >= _SPEC_PROBE_MAX)
        return -EOPNOTSUPP;
    const ProbeKind *kind = kinds[spec->type];
    Probe *probe = calloc(1, kind->size);
    if (!probe)
        return -ENOMEM;
    probe->context = context;
    probe->kind = kind;
    probe->spec = spec;
    probe->door = door;
    probe->done = done;
    probe->userdata = userdata;

    int r = fill(probe, unit);
    if (r < 0) {
        probe_free(probe);
        return r;
    }
    *ret = probe;
    return 0;
}

/* Timers count from when the turn of the loop began, the check from now. */
static void arm(Probe *probe)
{
    uint64_t turn_usec = probe->run->started_usec;

    (void)sd_event_now(probe->context->event, CLOCK_MONOTONIC, &turn_usec);
    uint64_t passed_usec = probe->run->started_usec - MIN(turn_usec, probe->run->started_usec);
    timer_arm(probe->context->timers, &probe->timer, probe->spec->timeout_usec + passed_usec,
              TIMER_SLACK_USEC);
}

int probe_run(Probe *probe)
{
    assert(probe);

    if (probe->run)
        return -EBUSY;
    ProbeRun *run = calloc(1, probe->kind->run_size);
    if (!run)
        return -ENOMEM;
    probe->run = run;
    run->started_usec = probe_now_usec(CLOCK_MONOTONIC);
    arm(probe);
    run->starting = true;
    probe->kind->start(probe);
    run->starting = false;
    if (run->ended)
        timer_arm(probe->context->timers, &probe->timer, 0, 0);
    return 0;
}

bool probe_is_running(const Probe *probe)
{
    return probe->run;
}

void probe_cancel(Probe *probe)
{
    if (probe->run)
        settle(probe);
}

Probe *probe_free(Probe *probe)
{
    if (!probe)
        return NULL;
    probe_cancel(probe);
    if (probe->kind->destroy)
        probe->kind->destroy(probe);
    timer_done(probe->context->timers, &probe->timer);
    free(probe->label);
    free(probe);
    return NULL;
}

const char *probe_label(const Probe *probe)
{
    return probe->label;
}
