/* SPDX-License-Identifier: MIT */
#include "supervisor/daemon/runner.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/macros.h"
#include "supervisor/daemon/source.h"
#include "supervisor/policy/cadence.h"

/* Reasons that differ (a body's changing text, say) and are remembered at once: as many as samples.
 */
#define REASONS VIEW_HISTORY

struct Runner {
    sd_event *event;
    sd_event_source *timer;
    Probe *probe;
    const SpecProbe *spec;
    bool readiness, active;
    VerdictRules verdict_rules;
    VerdictCounter own, *counter; /* counts in the checkpoint when there is room */
    BrakeEntry brake;
    CadenceRules cadence_rules;
    Cadence cadence;
    runner_result_t result;
    void *userdata;
    runner_now_t now;
    void *now_userdata;
    ProbeSample history[VIEW_HISTORY];
    char *reasons[REASONS];
    size_t n_history, newest;
    Histogram latency;
    uint64_t n_outcomes[3];
};

static uint32_t random_bits(void)
{
    uint32_t bits = 0;

    /* Without entropy (early at boot) checks are just not spread. */
    (void)!getrandom(&bits, sizeof(bits), GRND_NONBLOCK | GRND_INSECURE);
    return bits;
}

static int on_due(sd_event_source *source, uint64_t usec, void *userdata);

/* The timer may be late by a tenth, so that the checks of many services share wakeups. */
static void schedule(Runner *runner, uint64_t delay_usec)
{
    uint64_t accuracy = MIN(delay_usec / 10, 250 * USEC_PER_MSEC);

    if (!runner->timer) {
        if (sd_event_add_time_relative(runner->event, &runner->timer, CLOCK_MONOTONIC, delay_usec,
                                       MAX(accuracy, UINT64_C(1)), on_due, runner) >= 0)
            source_set(runner->timer, "check", PRIORITY_CHECK);
        return;
    }
    sd_event_source_set_time_accuracy(runner->timer, MAX(accuracy, UINT64_C(1)));
    sd_event_source_set_time_relative(runner->timer, delay_usec);
    sd_event_source_set_enabled(runner->timer, SD_EVENT_ONESHOT);
}

static void schedule_next(Runner *runner)
{
    schedule(runner, cadence_next(&runner->cadence, &runner->cadence_rules, random_bits()));
}

/* A reason that is the same as one in memory shares its string; a slot that no sample uses any more
 * is taken for a new one. */
static const char *remember_reason(Runner *runner, const char *reason)
{
    for (size_t i = 0; i < REASONS; i++)
        if (runner->reasons[i] && streq(runner->reasons[i], reason))
            return runner->reasons[i];
    for (size_t i = 0; i < REASONS; i++) {
        bool used = false;
        for (size_t j = 0; j < runner->n_history && !used; j++)
            used = runner->reasons[i] && runner->history[j].reason == runner->reasons[i];
        if (used)
            continue;
        char *copy = strdup(reason);
        if (!copy)
            break;
        free(runner->reasons[i]);
        return runner->reasons[i] = copy;
    }
    return "";
}

static const ProbeSample *remember(Runner *runner, const ProbeResult *result)
{
    size_t i =
        runner->n_history < VIEW_HISTORY ? runner->n_history : (runner->newest + 1) % VIEW_HISTORY;
    ProbeSample *sample = &runner->history[i];

    sample->reason = NULL; /* the one that falls out does not hold its reason */
    *sample = (ProbeSample){
        .realtime_usec = loop_now(runner->event, CLOCK_REALTIME),
        .latency_usec = result->latency_usec,
        .outcome = result->outcome,
        .reason = remember_reason(runner, result->reason),
    };
    if (runner->n_history < VIEW_HISTORY)
        runner->n_history++;
    runner->newest = i;
    runner->n_outcomes[result->outcome]++;
    if (result->outcome == PROBE_PASS)
        histogram_add(&runner->latency, result->latency_usec);
    return sample;
}

static void on_done(Probe *probe, const ProbeResult *result, void *userdata)
{
    Runner *runner = userdata;
    Verdict before = runner->counter->verdict;
    const ProbeSample *sample = remember(runner, result);
    runner_now_t now = runner->now;

    if (result->outcome != PROBE_VOID)
        verdict_add(runner->counter, &runner->verdict_rules, result->outcome == PROBE_PASS,
                    loop_now(runner->event, CLOCK_MONOTONIC));
    if (runner->counter->passed_once)
        cadence_settle(&runner->cadence);
    schedule_next(runner);
    runner->now = NULL;
    if (now)
        now(runner, sample, runner->now_userdata);
    runner->result(runner, before, result, runner->userdata);
}

static void run_now(Runner *runner)
{
    int r = probe_run(runner->probe);

    /* Busy can only mean that the check outlived its interval: the next one comes after it. */
    if (r < 0 && r != -EBUSY) {
        ProbeResult result = {.outcome = PROBE_VOID};
        snprintf(result.reason, sizeof(result.reason), "%s: cannot be made: %s",
                 probe_label(runner->probe), strerror(-r));
        on_done(runner->probe, &result, runner);
    }
}

static int on_due(sd_event_source *source, uint64_t usec, void *userdata)
{
    run_now(userdata);
    return 0;
}

int runner_new(const ProbeContext *context, const SpecProbe *spec, bool readiness, const char *unit,
               Door *door, runner_result_t result, void *userdata, Runner **ret)
{
    Runner *runner = calloc(1, sizeof(*runner));
    int r;

    if (!runner)
        return -ENOMEM;
    runner->event = sd_event_ref(context->event);
    runner->spec = spec;
    runner->readiness = readiness;
    runner->result = result;
    runner->userdata = userdata;
    runner->counter = &runner->own;
    runner->verdict_rules = (VerdictRules){
        .retries = (uint32_t)spec->retries,
        .successes = (uint32_t)spec->successes,
        .grace_usec = spec->grace_usec,
    };
    runner->cadence_rules.interval_usec = spec->interval_usec;
    r = cadence_parse_jitter(spec->jitter, &runner->cadence_rules.jitter_permille);
    if (r >= 0)
        r = probe_new(context, spec, unit, door, on_done, runner, &runner->probe);
    if (r < 0) {
        runner_free(runner);
        return r;
    }
    *ret = runner;
    return 0;
}

Runner *runner_free(Runner *runner)
{
    if (!runner)
        return NULL;
    probe_free(runner->probe);
    sd_event_source_disable_unref(runner->timer);
    sd_event_unref(runner->event);
    for (size_t i = 0; i < REASONS; i++)
        free(runner->reasons[i]);
    free(runner);
    return NULL;
}

void runner_start(Runner *runner)
{
    probe_cancel(runner->probe);
    runner->active = true;
    verdict_start(runner->counter, loop_now(runner->event, CLOCK_MONOTONIC));
    cadence_start(&runner->cadence);
    schedule(runner, 0); /* it may well be up already */
}

void runner_resume(Runner *runner)
{
    probe_cancel(runner->probe);
    runner->active = true;
    verdict_resume(runner->counter, loop_now(runner->event, CLOCK_MONOTONIC));
    cadence_settle(&runner->cadence);
    schedule(runner, (uint64_t)random_bits() * runner->spec->interval_usec / UINT32_MAX);
}

void runner_stop(Runner *runner)
{
    runner_now_t now = runner->now;

    runner->active = false;
    probe_cancel(runner->probe);
    if (runner->timer)
        sd_event_source_set_enabled(runner->timer, SD_EVENT_OFF);
    runner->now = NULL;
    if (now)
        now(runner, NULL, runner->now_userdata);
}

int runner_probe_now(Runner *runner, runner_now_t done, void *userdata)
{
    if (!runner->active)
        return -ENOTCONN;
    if (runner->now)
        return -EBUSY;
    runner->now = done;
    runner->now_userdata = userdata;
    /* One that is under way answers as well. */
    if (!probe_is_running(runner->probe))
        schedule(runner, 0);
    return 0;
}

void runner_forget(Runner *runner)
{
    runner->now = NULL;
}

/* A label's hash tells whether what was counted is of this very check. */
void runner_count_in(Runner *runner, CheckpointCheck *check)
{
    const char *label = probe_label(runner->probe);
    uint64_t hash = hash64(HASH64_START, label, strlen(label));

    if (check->label_hash != hash) {
        check->counter = *runner->counter;
        check->label_hash = hash;
    }
    runner->counter = &check->counter;
}

void runner_continue(Runner *runner)
{
    probe_cancel(runner->probe);
    runner->active = true;
    if (runner->counter->passed_once) {
        cadence_settle(&runner->cadence);
        schedule(runner, (uint64_t)random_bits() * runner->spec->interval_usec / UINT32_MAX);
    } else {
        cadence_start(&runner->cadence);
        schedule(runner, 0);
    }
}

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
    uint64_t at, monotonic, realtime;

    if (!runner->active || !runner->timer || sd_event_source_get_time(runner->timer, &at) < 0 ||
        sd_event_now(runner->event, CLOCK_MONOTONIC, &monotonic) < 0 ||
        sd_event_now(runner->event, CLOCK_REALTIME, &realtime) < 0)
        return 0;
    return realtime + (at > monotonic ? at - monotonic : 0);
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
        .history = runner->history,
        .n_history = runner->n_history,
        .newest = runner->newest,
        .latency = &runner->latency,
        .n_pass = runner->n_outcomes[PROBE_PASS],
        .n_fail = runner->n_outcomes[PROBE_FAIL],
        .n_void = runner->n_outcomes[PROBE_VOID],
    };
}
