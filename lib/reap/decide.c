/* SPDX-License-Identifier: MIT */
/*
 * The decisions behind reap.h, in this order: whom it is about, how many of each class, how much
 * memory together, how much pressure.
 */
#include <assert.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/size.h"
#include "base/strv.h"
#include "reap/reap.h"
#include "sysinfo/classes.h"

#define COLLECTOR "phoenix-collector"

typedef struct Decider {
    const ReapInput *input;
    SysinfoRule *rules; /* of all classes, in their order */
    size_t n_rules;
    ReapDecision *items;
    size_t n;
} Decider;

static void decider_done(Decider *decider)
{
    free(decider->rules);
    free(decider->items);
}

void reap_decisions_done(ReapDecisions *decisions)
{
    free(decisions->items);
    *decisions = (ReapDecisions){0};
}

static bool matches(const char *glob, const char *name)
{
    return fnmatch(glob, name, 0) == 0;
}

static bool matches_any(char *const *globs, const char *name)
{
    STRV_FOREACH (glob, globs)
        if (matches(*glob, name))
            return true;
    return false;
}

/* ---- whom it is about ---- */

/* The service of Phoenix that a unit is, in `name`; false when it is none. */
static bool service_of_unit(const char *unit, char *name, size_t size)
{
    static const char prefix[] = "phoenix@", suffix[] = ".service";
    size_t n = unit ? strlen(unit) : 0, around = sizeof(prefix) - 1 + sizeof(suffix) - 1;

    if (n <= around || n - around >= size || strncmp(unit, prefix, sizeof(prefix) - 1) != 0 ||
        !streq(unit + n - (sizeof(suffix) - 1), suffix))
        return false;
    memcpy(name, unit + sizeof(prefix) - 1, n - around);
    name[n - around] = '\0';
    return true;
}

static bool is_named_service(const PolicyMatch *match, const SysinfoContainer *info)
{
    char service[256];

    return service_of_unit(info->unit, service, sizeof(service)) &&
           matches_any(match->services, service);
}

static bool has_labels(const PolicyMatch *match, const EngineContainer *container)
{
    STRV_FOREACH (label, match->labels)
        if (!engine_container_has_label(container, *label))
            return false;
    return true;
}

/* All but the labels. */
static bool is_matched(const PolicyMatch *match, const ReapContainer *container)
{
    const SysinfoRule rule = {.name = "", .command = match->command};

    if (!match->command && !match->container && !match->labels)
        return is_named_service(match, container->info);
    if (match->command && !sysinfo_classify(&rule, 1, container->info))
        return false;
    return !match->container || (container->name[0] && matches(match->container, container->name));
}

static int make_rules(Decider *decider)
{
    const PolicyClasses *classes = &decider->input->policy->classes;
    size_t n = 0;

    for (size_t i = 0; i < classes->n; i++)
        n += MAX(strv_length(classes->items[i].args), (size_t)1);
    decider->rules = calloc(n + 1, sizeof(SysinfoRule));
    if (!decider->rules)
        return -ENOMEM;
    for (size_t i = 0; i < classes->n; i++) {
        const PolicyClass *class = &classes->items[i];
        size_t args = MAX(strv_length(class->args), (size_t)1);
        for (size_t k = 0; k < args; k++)
            decider->rules[decider->n_rules++] = (SysinfoRule){
                .name = class->name,
                .command = class->command,
                .args = class->args ? class->args[k] : NULL,
            };
    }
    return 0;
}

/* The index of its class, or the number of classes when it is in none. */
static size_t class_of(const Decider *decider, const SysinfoContainer *info)
{
    const PolicyClasses *classes = &decider->input->policy->classes;
    const char *name = sysinfo_classify(decider->rules, decider->n_rules, info);
    size_t i = 0;

    while (name && i < classes->n && classes->items[i].name != name)
        i++;
    return name ? i : classes->n;
}

static bool is_collector(const ReapContainer *container)
{
    const char *unit = container->info->unit;

    return streq(container->name, COLLECTOR) ||
           (unit && strncmp(unit, COLLECTOR, strlen(COLLECTOR)) == 0);
}

/* Why it is none of the policy's business; _REAP_REASON_MAX when it is. */
static ReapReason spare_reason(const ReapInput *input, const ReapContainer *container)
{
    const SysinfoContainer *info = container->info;
    char *const *spare = input->policy->spare;
    char service[256];

    if (is_collector(container))
        return REAP_COLLECTOR;
    if (container->name[0] && matches_any(spare, container->name))
        return REAP_NAMED;
    if (!info->unit)
        return REAP_NO_UNIT;
    if (info->manager != input->manager)
        return REAP_MANAGER;
    if (matches_any(spare, info->unit))
        return REAP_NAMED;
    if (!container->name[0] && spare && *spare)
        return REAP_NAMELESS;
    if (service_of_unit(info->unit, service, sizeof(service)) &&
        !matches_any(input->policy->match.services, service))
        return REAP_SERVICE;
    return info->unit_shared ? REAP_SHARED : _REAP_REASON_MAX;
}

/* Without its labels nobody knows whether it is the policy's. That is told of those that would be
 * its business; the others are left alone either way. */
static bool is_concerned(const ReapInput *input, const ReapContainer *container, ReapReason *spare)
{
    const PolicyMatch *match = &input->policy->match;

    if (!match->labels)
        return true;
    if (container->engine)
        return has_labels(match, container->engine);
    if (*spare != _REAP_REASON_MAX)
        return false;
    *spare = REAP_LABELLESS;
    return true;
}

static void sort_out(Decider *decider)
{
    const ReapInput *input = decider->input;

    for (size_t i = 0; i < input->n; i++) {
        const ReapContainer *container = &input->containers[i];
        if (!is_matched(&input->policy->match, container))
            continue;
        size_t class = class_of(decider, container->info);
        if (class == input->policy->classes.n)
            continue;
        ReapReason reason = spare_reason(input, container);
        if (!is_concerned(input, container, &reason))
            continue;
        bool spared = reason != _REAP_REASON_MAX;
        decider->items[decider->n++] = (ReapDecision){
            .container = i,
            .class = class,
            .verdict = spared ? REAP_SPARE : REAP_KEEP,
            .reason = spared ? reason : REAP_NEWEST,
        };
    }
}

/* ---- how many ---- */

static int compare_decisions(const void *a, const void *b, void *userdata)
{
    const ReapDecision *left = a, *right = b;
    const ReapContainer *containers = userdata;
    bool left_spared = left->verdict == REAP_SPARE, right_spared = right->verdict == REAP_SPARE;

    if (left->class != right->class)
        return left->class < right->class ? -1 : 1;
    if (left_spared != right_spared)
        return left_spared ? 1 : -1;
    return sysinfo_compare_age(containers[right->container].info, containers[left->container].info);
}

/* One that was asked not long ago is not asked again. */
static ReapVerdict stop_or_wait(const ReapInput *input, const ReapDecision *decision)
{
    const ReapTry *before =
        input->history
            ? reap_history_find(input->history, input->containers[decision->container].info)
            : NULL;

    if (!before || before->ended_usec == 0)
        return REAP_STOP;
    if (before->ended_usec == UINT64_MAX ||
        input->now_usec < before->ended_usec + input->policy->cooldown_usec)
        return REAP_WAIT;
    return REAP_STOP;
}

static void mark(Decider *decider, ReapDecision *decision, ReapReason reason)
{
    decision->reason = reason;
    decision->verdict = stop_or_wait(decider->input, decision);
}

static void keep_newest(Decider *decider)
{
    const PolicyClasses *classes = &decider->input->policy->classes;
    size_t rank = 0;

    for (size_t i = 0; i < decider->n; i++) {
        ReapDecision *decision = &decider->items[i];
        if (i == 0 || decision->class != decider->items[i - 1].class)
            rank = 0;
        if (decision->verdict == REAP_SPARE)
            continue;
        decision->rank = ++rank;
        if (rank > (size_t)classes->items[decision->class].keep)
            mark(decider, decision, REAP_SURPLUS);
    }
}

/* ---- how much ---- */

typedef double (*measure_t)(const SysinfoContainer *info);

static double memory_of(const SysinfoContainer *info)
{
    return (double)info->memory_bytes;
}

static double cpu_of(const SysinfoContainer *info)
{
    return info->cpu_percent;
}

/* Operations, as bytes alone say nothing of many small ones. */
static double io_of(const SysinfoContainer *info)
{
    return (double)(info->rbytes + info->wbytes) / 4096 + (double)(info->rios + info->wios);
}

/* Who uses most of those that are kept, the oldest of several; NULL when nobody uses any. */
static ReapDecision *largest(Decider *decider, measure_t measure)
{
    const ReapContainer *containers = decider->input->containers;
    ReapDecision *found = NULL;
    double most = 0;

    for (size_t i = 0; i < decider->n; i++) {
        ReapDecision *decision = &decider->items[i];
        const SysinfoContainer *info = containers[decision->container].info;
        double value = measure(info);
        if (decision->verdict != REAP_KEEP || value <= 0 || value < most)
            continue;
        if (found && value <= most &&
            sysinfo_compare_age(info, containers[found->container].info) > 0)
            continue;
        found = decision;
        most = value;
    }
    return found;
}

static double memory_budget(const ReapInput *input)
{
    const char *text = input->policy->budget.memory;
    uint32_t permyriad;
    uint64_t bytes;

    if (!text)
        return -1;
    if (percent_parse(text, &permyriad) >= 0)
        return (double)input->memory_total_bytes * permyriad / 10000;
    return size_parse(text, &bytes) >= 0 ? (double)bytes : -1;
}

static void keep_memory(Decider *decider)
{
    const ReapInput *input = decider->input;
    double budget = memory_budget(input), used = 0;
    ReapDecision *most;

    if (budget < 0)
        return;
    for (size_t i = 0; i < decider->n; i++)
        if (decider->items[i].verdict == REAP_KEEP)
            used += memory_of(input->containers[decider->items[i].container].info);
    while (used > budget && (most = largest(decider, memory_of))) {
        used -= memory_of(input->containers[most->container].info);
        mark(decider, most, REAP_MEMORY);
    }
}

/* Whether somebody goes already, which may be all that is needed. */
static bool is_somebody_going(const Decider *decider)
{
    for (size_t i = 0; i < decider->n; i++)
        if (decider->items[i].verdict == REAP_STOP || decider->items[i].verdict == REAP_WAIT)
            return true;
    return false;
}

static bool is_above(const char *limit, double pressure)
{
    uint32_t permyriad;

    return limit && percent_parse(limit, &permyriad) >= 0 && pressure * 100 > permyriad;
}

static void keep_pressure(Decider *decider)
{
    const ReapInput *input = decider->input;
    const PolicyPressure *limits = &input->policy->budget.psi;
    const struct {
        const char *limit;
        double pressure;
        measure_t measure;
        ReapReason reason;
    } kinds[] = {
        {limits->memory, input->pressure.memory, memory_of, REAP_PRESSURE_MEMORY},
        {limits->cpu, input->pressure.cpu, cpu_of, REAP_PRESSURE_CPU},
        {limits->io, input->pressure.io, io_of, REAP_PRESSURE_IO},
    };
    uint64_t last_usec = input->history ? input->history->pressure_usec : 0;

    if (last_usec > 0 && input->now_usec < last_usec + input->policy->cooldown_usec)
        return;
    for (size_t i = 0; i < ELEMENTSOF(kinds) && !is_somebody_going(decider); i++) {
        ReapDecision *most =
            is_above(kinds[i].limit, kinds[i].pressure) ? largest(decider, kinds[i].measure) : NULL;
        if (most)
            mark(decider, most, kinds[i].reason);
    }
}

int reap_decide(const ReapInput *input, ReapDecisions *ret)
{
    _cleanup_(decider_done) Decider decider = {.input = input};

    assert(input && input->policy && ret);

    decider.items = calloc(input->n + 1, sizeof(ReapDecision));
    if (!decider.items)
        return -ENOMEM;
    int r = make_rules(&decider);
    if (r < 0)
        return r;
    sort_out(&decider);
    qsort_r(decider.items, decider.n, sizeof(ReapDecision), compare_decisions,
            (void *)input->containers);
    keep_newest(&decider);
    keep_memory(&decider);
    keep_pressure(&decider);
    *ret = (ReapDecisions){.items = TAKE_PTR(decider.items), .n = decider.n};
    return 0;
}
