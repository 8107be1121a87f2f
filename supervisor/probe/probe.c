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
#define TIMER_ACCURACY_USEC (5 * USEC_PER_MSEC)

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

/* Lets go of everything; the probe can run again. */
static void settle(Probe *probe)
{
    if (probe->asked) {
        probe->asked = false;
        probe->door->cancel(probe->door, probe->question);
    }
    if (probe->kind->stop)
        probe->kind->stop(probe);
    sd_event_source_set_enabled(probe->timer, SD_EVENT_OFF);
    probe->running = probe->ended = false;
}

/* The callee may free the probe or run it again, so the result is its own by now. */
static void deliver(Probe *probe)
{
    ProbeResult result = probe->result;

    settle(probe);
    probe->done(probe, &result, probe->userdata);
}

void probe_end(Probe *probe, ProbeOutcome outcome, uint64_t value, const char *format, ...)
{
    char text[PROBE_REASON_MAX];
    va_list ap;
    int n;

    assert(probe->running);
    if (probe->ended)
        return;

    va_start(ap, format);
    reason_format(text, sizeof(text), format, ap);
    va_end(ap);

    char reason[2 * PROBE_REASON_MAX];
    n = snprintf(reason, sizeof(reason), "%s: %s", probe->subject, text);
    reason_clean(probe->result.reason, sizeof(probe->result.reason), reason,
                 MIN((size_t)MAX(n, 0), sizeof(reason) - 1));
    probe->result.outcome = outcome;
    probe->result.value = value;
    probe->result.latency_usec = probe_now_usec(CLOCK_MONOTONIC) - probe->started_usec;
    probe->ended = true;
    /* While it starts, the timer brings the result: nobody is called from inside probe_run(). */
    if (!probe->starting)
        deliver(probe);
}

void probe_end_void(Probe *probe, int error)
{
    char words[REASON_WORDS_MAX];

    probe_end(probe, PROBE_VOID, 0, "not checked: %s", why_not(error, words));
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

    probe->asked = false;
    probe->answered(probe, answer);
}

void probe_ask(Probe *probe, const DoorRequest *request, probe_answer_t answered)
{
    assert(!probe->asked);

    probe->answered = answered;
    int r = probe->door->request(probe->door, request, on_answer, probe, &probe->question);
    if (r < 0)
        probe_end_void(probe, r);
    else
        probe->asked = true;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    Probe *probe = userdata;

    if (probe->ended)
        deliver(probe);
    else if (probe->running)
        probe->kind->late(probe);
    return 0;
}

static int add_timer(Probe *probe)
{
    int r = sd_event_add_time(probe->context->event, &probe->timer, CLOCK_MONOTONIC, 0,
                              TIMER_ACCURACY_USEC, on_timer, probe);

    if (r < 0)
        return r;
    r = sd_event_source_set_enabled(probe->timer, SD_EVENT_OFF);
    if (r >= 0)
        r = sd_event_source_set_description(probe->timer, "probe-timeout");
    return r;
}

int probe_set_subject(Probe *probe, const char *format, ...)
{
    const char *word = spec_probe_word(probe->spec->type);
    char subject[SUBJECT_MAX];
    va_list ap;

    va_start(ap, format);
    reason_format(subject, sizeof(subject), format, ap);
    va_end(ap);

    /* "GET /health" is short for what it is; "tcp 5432" names it already. */
    size_t n = strlen(word);
    bool named = strncmp(subject, word, n) == 0 && (subject[n] == ' ' || subject[n] == '\0');
    probe->subject = strdup(subject);
    probe->label = named ? strdup(subject) : text_printf("%s %s", word, subject);
    return probe->subject && probe->label ? 0 : -ENOMEM;
}

static int fill(Probe *probe, const char *unit)
{
    probe->unit = strdup(unit);
    if (!probe->unit)
        return -ENOMEM;
    int r = add_timer(probe);
    return r < 0 ? r : probe->kind->init(probe);
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
    probe->spec = spec;
    probe->kind = kind;
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

static int arm(Probe *probe, uint64_t after_usec)
{
    uint64_t at = after_usec == 0 ? 0 : probe->started_usec + after_usec;
    int r = sd_event_source_set_time(probe->timer, at);

    return r < 0 ? r : sd_event_source_set_enabled(probe->timer, SD_EVENT_ONESHOT);
}

int probe_run(Probe *probe)
{
    assert(probe);

    if (probe->running)
        return -EBUSY;
    probe->started_usec = probe_now_usec(CLOCK_MONOTONIC);
    int r = arm(probe, probe->spec->timeout_usec);
    if (r < 0)
        return r;
    probe->running = probe->starting = true;
    probe->kind->start(probe);
    probe->starting = false;
    if (!probe->ended)
        return 0;
    r = arm(probe, 0);
    if (r < 0)
        settle(probe);
    return r;
}

bool probe_is_running(const Probe *probe)
{
    return probe->running;
}

void probe_cancel(Probe *probe)
{
    if (probe->running)
        settle(probe);
}

Probe *probe_free(Probe *probe)
{
    if (!probe)
        return NULL;
    probe_cancel(probe);
    if (probe->kind->destroy)
        probe->kind->destroy(probe);
    sd_event_source_disable_unref(probe->timer);
    free(probe->unit);
    free(probe->label);
    free(probe->subject);
    free(probe);
    return NULL;
}

const char *probe_label(const Probe *probe)
{
    return probe->label;
}
