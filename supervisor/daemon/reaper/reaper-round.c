/* SPDX-License-Identifier: MIT */
/*
 * One round of a policy: look, decide, have stopped, tell.
 */
#include "supervisor/daemon/reaper/reaper-internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/macros.h"
#include "base/text.h"
#include "supervisor/daemon/source.h"

/* Policies whose rounds fall together see the same: CPU rates need some time between two looks. */
#define LOOK_USEC USEC_PER_SEC

/* A container that is being stopped. Strings are copies: its container will be gone. */
typedef struct Reaping {
    Reaper *reaper;
    struct Reaping *next;
    SysinfoContainer key; /* to be found in the history again: id and cgroup_id */
    char *policy, *class, *name, *unit, *reason;
    EventReap event;
    bool pressure;
    Run *run; /* who waits for it, or NULL */
    size_t row;
} Reaping;

ReapPolicy *reaper_find_policy(Reaper *reaper, const char *name)
{
    for (size_t i = 0; i < reaper->n_policies; i++)
        if (streq(reaper->policies[i]->spec->name, name))
            return reaper->policies[i];
    return NULL;
}

/* ---- looking ---- */

/* Said once, until it works again. */
static int say_blind(Reaper *reaper, int error)
{
    if (!reaper->blind)
        log_warning("The containers cannot be read, so no policy is acted by: %s",
                    strerror(-error));
    reaper->blind = true;
    return error;
}

int reaper_look(Reaper *reaper)
{
    uint64_t now_usec = loop_now(reaper->event, CLOCK_MONOTONIC);
    int r = 0;

    if (reaper->look_usec > 0 && now_usec < reaper->look_usec + LOOK_USEC)
        return 0;
    if (!reaper->reader)
        r = sysinfo_reader_new(
            &(SysinfoOptions){.cgroup_root = reaper->cgroup_root, .proc_root = reaper->proc_root},
            &reaper->reader);
    if (r >= 0)
        r = reap_look(reaper->reader, reaper->proc_root, &reaper->look);
    if (r < 0)
        return say_blind(reaper, r);
    reaper->blind = false;
    reaper->look_usec = now_usec;
    return 0;
}

static bool goes_by_labels(const Reaper *reaper)
{
    for (size_t i = 0; i < reaper->n_policies; i++)
        if (reaper->policies[i]->spec->policy.match.labels)
            return true;
    return false;
}

/* Adds what engines know. Whether they are being asked for more, or -ENOMEM. */
static int look_up(Reaper *reaper)
{
    return engines_look_up(reaper->engines, &reaper->look, goes_by_labels(reaper));
}

bool reap_policy_has_to_wait(ReapPolicy *policy)
{
    const Policy *what = &policy->spec->policy;
    bool by_engines = what->match.labels || what->match.container || (what->spare && *what->spare);

    return reaper_look(policy->reaper) >= 0 && look_up(policy->reaper) > 0 && by_engines;
}

/* ---- telling ---- */

static void tell(Reaper *reaper, EventKind kind, const char *policy, const char *unit,
                 const char *reason, const EventReap *reap)
{
    Event event = {
        .kind = kind,
        .service = policy,
        .unit = unit,
        .reason = reason,
        .latency_usec = UINT64_MAX,
        .delay_usec = UINT64_MAX,
        .reap = reap,
    };

    events_emit(reaper->events, &event);
}

/* "stress_cpu_x (57a511dff574), of class cpu: number 2 from the newest, and only 1 is kept" */
static char *sentence(const char *name, const EventReap *reap, const char *reason, const char *more)
{
    return text_printf("%s%s%.12s%s, of class %s: %s%s%s", name, name[0] ? " (" : "", reap->id,
                       name[0] ? ")" : "", reap->class, reason, more[0] ? "; " : "", more);
}

/* ---- acting ---- */

static void reaping_free(Reaping *reaping)
{
    Reaping **link = &reaping->reaper->reapings;

    while (*link && *link != reaping)
        link = &(*link)->next;
    if (*link)
        *link = reaping->next;
    free(reaping->policy);
    free(reaping->class);
    free(reaping->name);
    free(reaping->unit);
    free(reaping->reason);
    free(reaping);
}

void reaper_forget_reapings(Reaper *reaper)
{
    while (reaper->reapings)
        reaping_free(reaper->reapings);
}

/* By name, as it may have changed, or gone, since. */
static void count(Reaping *reaping, UnitStopResult result)
{
    Reaper *reaper = reaping->reaper;
    ReapPolicy *policy = reaper_find_policy(reaper, reaping->policy);
    uint64_t now_usec = loop_now(reaper->event, CLOCK_MONOTONIC);
    ReapTry *try = policy ? reap_history_find(&policy->history, &reaping->key) : NULL;

    if (try)
        try->ended_usec = now_usec;
    if (policy && reaping->pressure)
        policy->history.pressure_usec = now_usec;
    for (size_t i = 0; policy && i < policy->spec->policy.classes.n; i++)
        if (streq(policy->classes[i].class, reaping->class))
            policy->classes[i].n_results[result]++;
}

static void on_stopped(UnitStopResult result, const char *why, void *userdata)
{
    Reaping *reaping = userdata;
    const char *more = result == UNIT_STOP_KILLED ? "it did not stop in time and was killed"
                       : result == UNIT_STOP_GONE ? "it had ended by itself"
                                                  : why;
    _cleanup_free_ char *text = NULL;

    reaping->event.result = unit_stop_result_word(result);
    text = sentence(reaping->name, &reaping->event, reaping->reason, more);
    count(reaping, result);
    tell(reaping->reaper, result == UNIT_STOP_FAILED ? EVENT_REAP_FAILED : EVENT_REAPED,
         reaping->policy, reaping->unit, text, &reaping->event);
    if (reaping->run)
        run_end_stop(reaping->run, reaping->row, result, why);
    reaping_free(reaping);
}

typedef struct Round {
    ReapPolicy *policy;
    ReapInput input;
    Run *run;
} Round;

static EventReap event_of(const Round *round, const ReapDecision *decision)
{
    const ReapContainer *container = &round->input.containers[decision->container];
    const SysinfoContainer *info = container->info;

    return (EventReap){
        .class = round->input.policy->classes.items[decision->class].name,
        .cause = reap_reason_word(decision->reason),
        .result = "",
        .id = info->id,
        .name = container->name,
        .rank = decision->rank,
        .pid = info->pid,
        .memory_bytes = info->memory_bytes,
        .read_bytes = info->rbytes,
        .written_bytes = info->wbytes,
        .cpu_percent = info->cpu_percent,
    };
}

static int reaping_new(const Round *round, const ReapDecision *decision, const char *reason,
                       Reaping **ret)
{
    const ReapContainer *container = &round->input.containers[decision->container];
    Reaper *reaper = round->policy->reaper;
    Reaping *reaping = calloc(1, sizeof(Reaping));

    if (!reaping)
        return -ENOMEM;
    *reaping = (Reaping){
        .reaper = reaper,
        .key = {.cgroup_id = container->info->cgroup_id},
        .policy = strdup(round->input.policy_name),
        .class = strdup(round->input.policy->classes.items[decision->class].name),
        .name = strdup(container->name),
        .unit = strdup(container->info->unit),
        .reason = strdup(reason),
        .event = event_of(round, decision),
        .pressure =
            decision->reason >= REAP_PRESSURE_MEMORY && decision->reason <= REAP_PRESSURE_IO,
    };
    memcpy(reaping->key.id, container->info->id, sizeof(reaping->key.id));
    reaping->event.class = reaping->class;
    reaping->event.name = reaping->name;
    reaping->event.id = reaping->key.id;
    if (!reaping->policy || !reaping->class || !reaping->name || !reaping->unit ||
        !reaping->reason) {
        reaping_free(reaping);
        return -ENOMEM;
    }
    reaping->next = reaper->reapings;
    reaper->reapings = reaping;
    *ret = reaping;
    return 0;
}

/* Another policy may be stopping it already; then it is that one's. */
static int stop(Round *round, const ReapDecision *decision, const char *reason, int row)
{
    const SysinfoContainer *info = round->input.containers[decision->container].info;
    ReapTry *try = reap_history_add(&round->policy->history, info);
    Reaping *reaping = NULL;

    int r = try ? reaping_new(round, decision, reason, &reaping) : -ENOMEM;
    if (r >= 0)
        r = unit_stop_new(round->policy->reaper->stops, info->unit, info->cgroup,
                          round->input.policy->grace_usec, on_stopped, reaping);
    if (r < 0 && reaping)
        reaping_free(reaping);
    if (r < 0)
        return r == -EALREADY ? 0 : r;
    try->ended_usec = UINT64_MAX;
    if (round->run && row >= 0) {
        reaping->run = round->run;
        reaping->row = (size_t)row;
        run_begin_stop(round->run);
    }
    return 0;
}

/* Once for each container. */
static int only_tell(Round *round, const ReapDecision *decision, const char *reason)
{
    const ReapContainer *container = &round->input.containers[decision->container];
    ReapTry *try = reap_history_add(&round->policy->history, container->info);
    EventReap event = event_of(round, decision);

    if (!try)
        return -ENOMEM;
    if (try->told)
        return 0;
    _cleanup_free_ char *text = sentence(container->name, &event, reason, "");
    try->told = true;
    event.result = "none";
    tell(round->policy->reaper, EVENT_REAP_DUE, round->input.policy_name, container->info->unit,
         text, &event);
    return 0;
}

static int add_row(const Round *round, const ReapDecision *decision, const char *reason)
{
    const ReapContainer *container = &round->input.containers[decision->container];
    const SysinfoContainer *info = container->info;
    ReapView row = {
        .policy = round->input.policy_name,
        .class = round->input.policy->classes.items[decision->class].name,
        .id = info->id,
        .name = container->name,
        .unit = info->unit ? info->unit : "",
        .verdict = reap_verdict_word(decision->verdict),
        .cause = reap_reason_word(decision->reason),
        .result = "",
        .reason = reason,
        .rank = decision->rank,
        .pid = info->pid,
        .memory_bytes = info->memory_bytes,
        .cpu_percent = info->cpu_percent,
    };

    return round->run ? run_add(round->run, &row) : -1;
}

static int act(Round *round, const ReapDecision *decision)
{
    PolicyView *class = &round->policy->classes[decision->class];
    _cleanup_text_ Text reason = {0};

    class->n_containers++;
    class->n_spared += decision->verdict == REAP_SPARE;
    reap_explain(&round->input, decision, &reason);
    if (reason.error < 0)
        return reason.error;
    int row = add_row(round, decision, reason.data);
    if (decision->verdict != REAP_STOP)
        return 0;
    return round->input.policy->action == POLICY_ACTION_STOP
               ? stop(round, decision, reason.data, row)
               : only_tell(round, decision, reason.data);
}

void reap_policy_round(ReapPolicy *policy, Run *run)
{
    _cleanup_reap_decisions_ ReapDecisions decisions = {0};
    Reaper *reaper = policy->reaper;
    int r = reaper_look(reaper);

    if (r < 0)
        return;
    r = look_up(reaper);
    Round round = {
        .policy = policy,
        .run = run,
        .input =
            {
                .policy_name = policy->spec->name,
                .policy = &policy->spec->policy,
                .containers = reaper->look.containers,
                .n = reaper->look.sysinfo.n_containers,
                .memory_total_bytes = reaper->look.sysinfo.memory_total_bytes,
                .pressure = reaper->look.pressure,
                .history = &policy->history,
                .now_usec = loop_now(reaper->event, CLOCK_MONOTONIC),
                .manager = reaper->manager,
            },
    };
    reap_history_forget(&policy->history, round.input.containers, round.input.n);
    for (size_t i = 0; i < policy->spec->policy.classes.n; i++)
        policy->classes[i].n_containers = policy->classes[i].n_spared = 0;
    if (r >= 0)
        r = reap_decide(&round.input, &decisions);
    for (size_t i = 0; r >= 0 && i < decisions.n; i++)
        r = act(&round, &decisions.items[i]);
    if (r < 0)
        log_warning("Policy %s: %s", policy->spec->name, strerror(-r));
}
