/* SPDX-License-Identifier: MIT */
/*
 * A check and its timer. There is one for each check of each service, so what can be looked up is
 * not kept: the rules are the spec's, and what all have in common is in the RunnerContext.
 */
#include "supervisor/daemon/runner.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/macros.h"
#include "supervisor/daemon/source.h"
#include "supervisor/loop/timers.h"
#include "supervisor/policy/cadence.h"

struct Runner {
    RunnerContext *context;
    void *userdata;
    Probe *probe;
    const SpecProbe *spec;
    VerdictCounter *counter; /* in the checkpoint, or `own` */
    Timer timer;
    BrakeEntry brake;
    Cadence cadence;
    uint16_t jitter_permille;
    bool readiness, active;
    bool asked; /* the next result is answered */
    uint32_t n_fail, n_void;
    Histogram latency; /* of all that passed */
    History history;
    VerdictCounter own[]; /* one, or none */
};

#define RUNNER_OF_TIMER(t) ((Runner *)((char *)(t)-offsetof(Runner, timer)))

/* ---- when ---- */

void runner_context_init(RunnerContext *context, const ProbeContext *probes, runner_result_t result,
                         runner_answer_t answer)
{
    *context = (RunnerContext){.probes = probes, .result = result, .answer = answer};
    /* Without entropy (early at boot) checks are spread as they were the last time. */
    (void)!getrandom(&context->random, sizeof(context->random), GRND_NONBLOCK | GRND_INSECURE);
}

/* SplitMix64 (Steele, Lea, Flood 2014): good enough to spread, and no system call per check. */
static uint32_t random_bits(RunnerContext *context)
{
    uint64_t bits = context->random += UINT64_C(0x9e3779b97f4a7c15);

    bits = (bits ^ bits >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    bits = (bits ^ bits >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(bits >> 32);
}

static uint64_t now_usec(const Runner *runner, clockid_t clock)
{
    return loop_now(runner->context->probes->event, clock);
}

/* The timer may be late by a tenth, so that the checks of many services share wakeups. */
static void schedule(Runner *runner, uint64_t delay_usec)
{
    timer_arm(runner->context->probes->timers, &runner->timer, delay_usec,
              MIN(delay_usec / 10, 250 * USEC_PER_MSEC));
}

/* One system call or two of ours, and nothing that the service has to start. */
static bool is_cheap(int type)
{
    return type == SPEC_PROBE_TCP || type == SPEC_PROBE_UNIX || type == SPEC_PROBE_HTTP;
}

/* Checks in small steps must not use up the retries of a service in no time, nor its successes. */
static bool is_fine(const Runner *runner)
{
    const VerdictRules rules = {.grace_usec = runner->spec->grace_usec};

    return is_cheap(runner->spec->type) && runner->counter->passes == 0 &&
           verdict_in_grace(runner->counter, &rules, now_usec(runner, CLOCK_MONOTONIC));
}

static void schedule_next(Runner *runner)
{
    const CadenceRules rules = {.interval_usec = runner->spec->interval_usec,
                                .jitter_permille = runner->jitter_permille,
                                .fine = is_fine(runner)};

    schedule(runner, cadence_next(&runner->cadence, &rules, random_bits(runner->context)));
}

/* The first check of what has run for a while: not of all services at once. */
static void schedule_spread(Runner *runner)
{
    schedule(runner,
             random_bits(runner->context) * runner->spec->interval_usec / (uint64_t)UINT32_MAX);
}

/* ---- what came of it ---- */

/* As the histogram's: one that is full stays full. */
static void count_up(uint32_t *count)
{
    if (*count < UINT32_MAX)
        (*count)++;
}

static void remember(Runner *runner, const ProbeResult *result)
{
    history_add(&runner->history, &(ProbeSample){
                                      .realtime_usec = now_usec(runner, CLOCK_REALTIME),
                                      .latency_usec = result->latency_usec,
                                      .outcome = result->outcome,
                                      .reason = result->reason,
                                  });
    if (result->outcome == PROBE_PASS)
        histogram_add(&runner->latency, result->latency_usec);
    else
        count_up(result->outcome == PROBE_FAIL ? &runner->n_fail : &runner->n_void);
}

static void count(Runner *runner, const ProbeResult *result)
{
    const VerdictRules rules = {
        .retries = (uint32_t)runner->spec->retries,
        .successes = (uint32_t)runner->spec->successes,
        .grace_usec = runner->spec->grace_usec,
    };

    if (result->outcome != PROBE_VOID)
        verdict_add(runner->counter, &rules, result->outcome == PROBE_PASS,
                    now_usec(runner, CLOCK_MONOTONIC));
    if (runner->counter->passed_once)
        cadence_settle(&runner->cadence);
}

/* Who asked for a check gets its sample, or NULL. */
static void answer(Runner *runner, bool made)
{
    ProbeSample sample;

    if (!runner->asked)
        return;
    runner->asked = false;
    if (made)
        history_get(&runner->history, 0, &sample);
    runner->context->answer(runner, made ? &sample : NULL, runner->userdata);
}

static void on_done(Probe *probe, const ProbeResult *result, void *userdata)
{
    Runner *runner = userdata;
    Verdict before = runner->counter->verdict;

    remember(runner, result);
    count(runner, result);
    schedule_next(runner);
    answer(runner, true);
    runner->context->result(runner, before, result, runner->userdata);
}

static void on_due(Timer *timer)
{
    Runner *runner = RUNNER_OF_TIMER(timer);
    int r = probe_run(runner->probe);

    /* Busy can only mean that the check outlived its interval: the next one comes after it. */
    if (r < 0 && r != -EBUSY) {
        ProbeResult result = {.outcome = PROBE_VOID};
        snprintf(result.reason, sizeof(result.reason), "%s: cannot be made: %s",
                 probe_label(runner->probe), strerror(-r));
        on_done(runner->probe, &result, runner);
    }
}

/* ---- life ---- */

/* A label's hash tells whether what was counted is of this very check. */
static void count_in(Runner *runner, CheckpointCheck *check)
{
    const char *label = probe_label(runner->probe);
    uint64_t hash = hash64(HASH64_START, label, strlen(label));

    if (check->label_hash != hash)
        *check = (CheckpointCheck){.label_hash = hash};
    runner->counter = &check->counter;
}

static int read_jitter(Runner *runner)
{
    uint32_t permille;
    int r = cadence_parse_jitter(runner->spec->jitter, &permille);

    if (r >= 0)
        runner->jitter_permille = (uint16_t)permille;
    return r;
}

int runner_new(RunnerContext *context, const SpecProbe *spec, bool readiness, const char *unit,
               Door *door, CheckpointCheck *check, void *userdata, Runner **ret)
{
    Runner *runner = calloc(1, sizeof(*runner) + (check ? 0 : sizeof(runner->own[0])));
    int r;

    if (!runner)
        return -ENOMEM;
    runner->context = context;
    runner->spec = spec;
    runner->readiness = readiness;
    runner->userdata = userdata;
    r = read_jitter(runner);
    if (r >= 0)
        r = timer_init(context->probes->timers, &runner->timer, on_due);
    if (r >= 0)
        r = probe_new(context->probes, spec, unit, door, on_done, runner, &runner->probe);
    if (r < 0) {
        runner_free(runner);
        return r;
    }
    if (check)
        count_in(runner, check);
    else
        runner->counter = runner->own;
    *ret = runner;
    return 0;
}

Runner *runner_free(Runner *runner)
{
    if (!runner)
        return NULL;
    probe_free(runner->probe);
    timer_done(runner->context->probes->timers, &runner->timer);
    history_done(&runner->history);
    free(runner);
    return NULL;
}

void runner_start(Runner *runner)
{
    probe_cancel(runner->probe);
    runner->active = true;
    verdict_start(runner->counter, now_usec(runner, CLOCK_MONOTONIC));
    cadence_start(&runner->cadence);
    schedule(runner, 0); /* it may well be up already */
}

void runner_resume(Runner *runner)
{
    probe_cancel(runner->probe);
    runner->active = true;
    verdict_resume(runner->counter, now_usec(runner, CLOCK_MONOTONIC));
    cadence_settle(&runner->cadence);
    schedule_spread(runner);
}

void runner_continue(Runner *runner)
{
    probe_cancel(runner->probe);
    runner->active = true;
    if (runner->counter->passed_once) {
        cadence_settle(&runner->cadence);
        schedule_spread(runner);
    } else {
        cadence_start(&runner->cadence);
        schedule(runner, 0);
    }
}

void runner_stop(Runner *runner)
{
    runner->active = false;
    probe_cancel(runner->probe);
    timer_disarm(runner->context->probes->timers, &runner->timer);
    answer(runner, false);
}

int runner_probe_now(Runner *runner)
{
    if (!runner->active)
        return -ENOTCONN;
    if (runner->asked)
        return -EBUSY;
    runner->asked = true;
    /* One that is under way answers as well. */
    if (!probe_is_running(runner->probe))
        schedule(runner, 0);
    return 0;
}

/* ---- what is known of it ---- */

BrakeEntry *runner_brake_entry(Runner *runner)
{
    return &runner->brake;
}

bool runner_is_readiness(const Runner *runner)
{
    return runner->readiness;
}

bool runner_restarts(const Runner *runner)
{
    return runner->spec->restart == 1;
}

bool runner_is_active(const Runner *runner)
{
    return runner->active;
}

Verdict runner_verdict(const Runner *runner)
{
    return runner->counter->verdict;
}

uint32_t runner_failures(const Runner *runner)
{
    return runner->counter->failures;
}

const SpecProbe *runner_spec(const Runner *runner)
{
    return runner->spec;
}

const char *runner_label(const Runner *runner)
{
    return probe_label(runner->probe);
}

/* When the next check is due by the wall clock. */
static uint64_t next_realtime(const Runner *runner)
{
    uint64_t at = runner->timer.at_usec, now = now_usec(runner, CLOCK_MONOTONIC);

    if (!timer_is_armed(&runner->timer))
        return 0;
    return now_usec(runner, CLOCK_REALTIME) + (at > now ? at - now : 0);
}

void runner_view(const Runner *runner, ProbeView *ret)
{
    static const char *const verdicts[] = {
        [VERDICT_UNKNOWN] = "unknown",
        [VERDICT_PASSING] = "passing",
        [VERDICT_FAILING] = "failing",
        [VERDICT_EXHAUSTED] = "exhausted",
    };

    *ret = (ProbeView){
        .label = runner_label(runner),
        .type = spec_probe_word(runner->spec->type),
        .readiness = runner->readiness,
        .verdict = verdicts[runner->counter->verdict],
        .failures = runner->counter->failures,
        .retries = (uint32_t)runner->spec->retries,
        .interval_usec = runner->spec->interval_usec,
        .timeout_usec = runner->spec->timeout_usec,
        .next_usec = next_realtime(runner),
        .history = &runner->history,
        .latency = &runner->latency,
        .n_pass = histogram_count(&runner->latency),
        .n_fail = runner->n_fail,
        .n_void = runner->n_void,
    };
}
