/* SPDX-License-Identifier: MIT */
/* Counts results in a row. Nothing here overflows or starts over, however long a check fails. */
#include "supervisor/policy/verdict.h"

void verdict_start(VerdictCounter *counter, uint64_t now_usec)
{
    *counter = (VerdictCounter){.verdict = VERDICT_UNKNOWN, .start_usec = now_usec};
}

void verdict_resume(VerdictCounter *counter, uint64_t now_usec)
{
    *counter =
        (VerdictCounter){.verdict = VERDICT_PASSING, .start_usec = now_usec, .passed_once = true};
}

/* Counters of services that fail for years stay where they are. */
static void count_up(uint32_t *counter)
{
    if (*counter < UINT32_MAX)
        (*counter)++;
}

static void add_pass(VerdictCounter *counter, const VerdictRules *rules)
{
    bool was_exhausted = counter->failures >= rules->retries;

    count_up(&counter->passes);
    if (counter->passes >= rules->successes) {
        counter->verdict = VERDICT_PASSING;
        counter->failures = 0;
        counter->passed_once = true;
        return;
    }
    /* Not enough yet: what had failed for good has no new retries before it passes. */
    if (!was_exhausted)
        counter->failures = 0;
    if (counter->verdict == VERDICT_EXHAUSTED)
        counter->verdict = VERDICT_FAILING;
}

static void add_failure(VerdictCounter *counter, const VerdictRules *rules, uint64_t now_usec)
{
    counter->passes = 0;
    if (verdict_in_grace(counter, rules, now_usec))
        return;
    count_up(&counter->failures);
    counter->verdict = counter->failures >= rules->retries ? VERDICT_EXHAUSTED : VERDICT_FAILING;
}

Verdict verdict_add(VerdictCounter *counter, const VerdictRules *rules, bool passed,
                    uint64_t now_usec)
{
    if (passed)
        add_pass(counter, rules);
    else
        add_failure(counter, rules, now_usec);
    return counter->verdict;
}

bool verdict_in_grace(const VerdictCounter *counter, const VerdictRules *rules, uint64_t now_usec)
{
    if (counter->passed_once)
        return false;
    return now_usec < counter->start_usec || now_usec - counter->start_usec < rules->grace_usec;
}
