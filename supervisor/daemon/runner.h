/* SPDX-License-Identifier: MIT */
/*
 * One check of one service over time: makes it when it is due, counts, remembers. What a verdict
 * means for the service is not decided here (service.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/daemon/checkpoint.h"
#include "supervisor/daemon/view.h"
#include "supervisor/policy/brake.h"
#include "supervisor/policy/verdict.h"
#include "supervisor/probe/probe.h"

typedef struct Runner Runner;

/* A result was counted; `before` is the verdict without it. May stop the runner, not free it. */
typedef void (*runner_result_t)(Runner *runner, Verdict before, const ProbeResult *result,
                                void *userdata);
/* Before that, when the check was asked for. `sample` is NULL when it was stopped instead. */
typedef void (*runner_answer_t)(Runner *runner, const ProbeSample *sample, void *userdata);

/* What all runners share; must outlive them. */
typedef struct RunnerContext {
    const ProbeContext *probes;
    runner_result_t result;
    runner_answer_t answer;
    uint64_t random; /* state of the generator that spreads checks */
} RunnerContext;

void runner_context_init(RunnerContext *context, const ProbeContext *probes, runner_result_t result,
                         runner_answer_t answer);

/* The spec, the unit's name and the door are borrowed. Counts in `check`, which must outlive the
 * runner, beginning with what is there if it is of the same check; NULL: counts in itself. The
 * check is not made before runner_start(). */
int runner_new(RunnerContext *context, const SpecProbe *spec, bool readiness, const char *unit,
               Door *door, CheckpointCheck *check, void *userdata, Runner **ret);
Runner *runner_free(Runner *runner);

/* The service has started: quick checks, grace time. */
void runner_start(Runner *runner);
/* The service is known to be up: the first check soon, spread over the interval. */
void runner_resume(Runner *runner);
/* As it was counted by the supervisor before this one. */
void runner_continue(Runner *runner);
void runner_stop(Runner *runner);

/* The caller takes it out of the brake before the runner is freed. */
BrakeEntry *runner_brake_entry(Runner *runner);

/* Makes the check now; its result counts like any other, and is answered as well. -EBUSY when that
 * was asked for already; -ENOTCONN when the runner is stopped. */
int runner_probe_now(Runner *runner);

bool runner_is_readiness(const Runner *runner);
/* An exhausted check restarts the service. */
bool runner_restarts(const Runner *runner);
bool runner_is_active(const Runner *runner);
Verdict runner_verdict(const Runner *runner);
uint32_t runner_failures(const Runner *runner);
const SpecProbe *runner_spec(const Runner *runner);
const char *runner_label(const Runner *runner);
void runner_view(const Runner *runner, ProbeView *ret);
