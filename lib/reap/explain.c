/* SPDX-License-Identifier: MIT */
/*
 * Decisions in words, behind reap.h.
 */
#include <assert.h>
#include <inttypes.h>

#include "base/macros.h"
#include "reap/reap.h"

const char *reap_verdict_word(ReapVerdict verdict)
{
    static const char *const words[] = {
        [REAP_KEEP] = "keep",
        [REAP_STOP] = "stop",
        [REAP_WAIT] = "wait",
        [REAP_SPARE] = "spare",
    };
    static_assert(ELEMENTSOF(words) == _REAP_VERDICT_MAX, "a word for every verdict");

    assert(verdict >= 0 && verdict < _REAP_VERDICT_MAX);
    return words[verdict];
}

const char *reap_reason_word(ReapReason reason)
{
    static const char *const words[] = {
        [REAP_NEWEST] = "newest",
        [REAP_SURPLUS] = "surplus",
        [REAP_MEMORY] = "memory",
        [REAP_PRESSURE_MEMORY] = "memory-pressure",
        [REAP_PRESSURE_CPU] = "cpu-pressure",
        [REAP_PRESSURE_IO] = "io-pressure",
        [REAP_NAMED] = "spared",
        [REAP_NAMELESS] = "name-unknown",
        [REAP_LABELLESS] = "labels-unknown",
        [REAP_SERVICE] = "service",
        [REAP_COLLECTOR] = "collector",
        [REAP_MANAGER] = "other-manager",
        [REAP_NO_UNIT] = "no-unit",
        [REAP_SHARED] = "shared-unit",
    };
    static_assert(ELEMENTSOF(words) == _REAP_REASON_MAX, "a word for every reason");

    assert(reason >= 0 && reason < _REAP_REASON_MAX);
    return words[reason];
}

static void add_pressure(Text *t, const char *what, double pressure, const char *limit)
{
    text_addf(t, "uses most, and the pressure on %s is %.2f%%, above %s", what, pressure,
              limit ? limit : "?");
}

static void add_rank(Text *t, const ReapInput *input, const ReapDecision *decision)
{
    int64_t keep = input->policy->classes.items[decision->class].keep;

    if (decision->reason == REAP_NEWEST)
        text_addf(t, "number %zu from the newest, %" PRId64 " %s kept", decision->rank, keep,
                  keep == 1 ? "is" : "are");
    else
        text_addf(t, "number %zu from the newest, and only %" PRId64 " %s kept", decision->rank,
                  keep, keep == 1 ? "is" : "are");
}

void reap_explain(const ReapInput *input, const ReapDecision *decision, Text *t)
{
    static const char *const spared[_REAP_REASON_MAX] = {
        [REAP_NAMED] = "the policy spares it",
        [REAP_NAMELESS] = "its name is not known, and the policy spares by name",
        [REAP_LABELLESS] =
            "its labels are not known: Podman or Docker could not be asked, or do not "
            "list it yet",
        [REAP_SERVICE] = "a service of Phoenix that the policy does not name",
        [REAP_COLLECTOR] = "the collector is never stopped",
        [REAP_MANAGER] = "its unit belongs to another service manager",
        [REAP_NO_UNIT] = "no unit of systemd is its own",
        [REAP_SHARED] = "its unit has other containers in it, too",
    };
    const PolicyBudget *budget = &input->policy->budget;

    switch (decision->reason) {
    case REAP_NEWEST:
    case REAP_SURPLUS:
        add_rank(t, input, decision);
        break;
    case REAP_MEMORY:
        text_addf(t, "uses most memory, and all together use more than %s",
                  budget->memory ? budget->memory : "?");
        break;
    case REAP_PRESSURE_MEMORY:
        add_pressure(t, "memory", input->pressure.memory, budget->psi.memory);
        break;
    case REAP_PRESSURE_CPU:
        add_pressure(t, "CPUs", input->pressure.cpu, budget->psi.cpu);
        break;
    case REAP_PRESSURE_IO:
        add_pressure(t, "IO", input->pressure.io, budget->psi.io);
        break;
    default:
        text_add(t, spared[decision->reason]);
        break;
    }
    if (decision->verdict == REAP_WAIT)
        text_add(t, "; was asked to stop before");
}
