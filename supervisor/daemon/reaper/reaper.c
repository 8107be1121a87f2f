/* SPDX-License-Identifier: MIT */
/*
 * The policies behind reaper.h: which there are, and when each has its round.
 */
#include "supervisor/daemon/reaper/reaper-internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/macros.h"
#include "base/text.h"
#include "spec/plan.h"
#include "supervisor/daemon/source.h"

/* ---- a policy ---- */

static ReapPolicy *policy_free(ReapPolicy *policy)
{
    if (!policy)
        return NULL;
    sd_event_source_disable_unref(policy->timer);
    reap_history_done(&policy->history);
    spec_free(policy->spec);
    free(policy->plan);
    free(policy->classes);
    free(policy);
    return NULL;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    ReapPolicy *policy = userdata;

    policy->waits = reap_policy_has_to_wait(policy);
    if (!policy->waits)
        reap_policy_round(policy, NULL);
    (void)sd_event_source_set_time_relative(source, policy->spec->policy.interval_usec);
    (void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
    return 0;
}

static char *plan_text(const Spec *spec)
{
    _cleanup_text_ Text text = {0};
    char *plan = NULL;

    return plan_write(spec, &text) >= 0 && text_take(&text, &plan) >= 0 ? plan : NULL;
}

static int make_classes(ReapPolicy *policy)
{
    const PolicyClasses *classes = &policy->spec->policy.classes;

    policy->classes = calloc(classes->n + 1, sizeof(PolicyView));
    if (!policy->classes)
        return -ENOMEM;
    for (size_t i = 0; i < classes->n; i++)
        policy->classes[i] =
            (PolicyView){.policy = policy->spec->name, .class = classes->items[i].name};
    return 0;
}

/* The first round is in the next turn of the loop. Takes the spec. */
static int policy_new(Reaper *reaper, Spec **spec, ReapPolicy **ret)
{
    ReapPolicy *policy = calloc(1, sizeof(ReapPolicy));

    if (!policy)
        return -ENOMEM;
    policy->reaper = reaper;
    policy->spec = TAKE_PTR(*spec);
    policy->plan = plan_text(policy->spec);
    int r = policy->plan ? make_classes(policy) : -ENOMEM;
    if (r >= 0)
        r = sd_event_add_time_relative(reaper->event, &policy->timer, CLOCK_MONOTONIC, 0,
                                       USEC_PER_SEC / 10, on_timer, policy);
    if (r < 0) {
        policy_free(policy);
        return r;
    }
    source_set(policy->timer, "reaper-round", PRIORITY_SERVICE);
    *ret = policy;
    return 0;
}

/* What the policy has done, and to whom, stays when its spec is changed. */
static void policy_inherit(ReapPolicy *policy, ReapPolicy *before)
{
    policy->history = before->history;
    before->history = (ReapHistory){0};
    for (size_t i = 0; i < policy->spec->policy.classes.n; i++)
        for (size_t k = 0; k < before->spec->policy.classes.n; k++)
            if (streq(policy->classes[i].class, before->classes[k].class))
                memcpy(policy->classes[i].n_results, before->classes[k].n_results,
                       sizeof(policy->classes[i].n_results));
}

/* ---- all of them ---- */

static void make_rounds(Reaper *reaper, Run *run)
{
    const char *name = run_name(run);

    for (size_t i = 0; i < reaper->n_policies; i++)
        if (!name[0] || streq(name, reaper->policies[i]->spec->name))
            reap_policy_round(reaper->policies[i], run);
    run_close(run);
}

/* The rounds that have waited for it. */
static void on_engines(void *userdata)
{
    Reaper *reaper = userdata;
    Run *run;

    for (size_t i = 0; i < reaper->n_policies; i++) {
        ReapPolicy *policy = reaper->policies[i];
        if (policy->waits)
            reap_policy_round(policy, NULL);
        policy->waits = false;
    }
    while ((run = reaper_next_open_run(reaper)))
        make_rounds(reaper, run);
}

static int make_engines(Reaper *reaper, const char *run_folder)
{
    const char *folder = run_folder ? run_folder : getenv("XDG_RUNTIME_DIR");
    char *sockets[_ENGINE_KIND_MAX];
    EnginesSetup setup = {
        .event = reaper->event, .manager = reaper->manager, .done = on_engines, .userdata = reaper};

    for (size_t i = 0; i < _ENGINE_KIND_MAX; i++)
        setup.sockets[i] = sockets[i] =
            engine_socket_path((EngineKind)i, reaper->user || run_folder, folder);
    int r = engines_new(&setup, &reaper->engines);
    for (size_t i = 0; i < _ENGINE_KIND_MAX; i++)
        free(sockets[i]);
    return r;
}

static int copy(const char *s, char **ret)
{
    *ret = s ? strdup(s) : NULL;
    return s && !*ret ? -ENOMEM : 0;
}

int reaper_new(const ReaperSetup *setup, Reaper **ret)
{
    Reaper *reaper = calloc(1, sizeof(Reaper));

    assert(setup && setup->event && setup->events && ret);

    if (!reaper)
        return -ENOMEM;
    reaper->event = sd_event_ref(setup->event);
    reaper->user = setup->user;
    reaper->manager = setup->user ? getuid() : SYSINFO_SYSTEM_MANAGER;
    reaper->events = setup->events;
    int r = copy(setup->cgroup_root, &reaper->cgroup_root);
    if (r >= 0)
        r = copy(setup->proc_root, &reaper->proc_root);
    if (r >= 0)
        r = unit_stops_new(setup->event, setup->user, setup->cgroup_root, &reaper->stops);
    if (r >= 0)
        r = make_engines(reaper, setup->run_folder);
    if (r < 0) {
        reaper_free(reaper);
        return r;
    }
    *ret = reaper;
    return 0;
}

/* Descriptors and memory of the last look are for nothing then. */
static void stop_looking(Reaper *reaper)
{
    reaper->reader = sysinfo_reader_free(reaper->reader);
    reap_look_done(&reaper->look);
    reaper->look_usec = 0;
}

Reaper *reaper_free(Reaper *reaper)
{
    if (!reaper)
        return NULL;
    engines_free(reaper->engines);
    unit_stops_free(reaper->stops);
    reaper_forget_reapings(reaper);
    reaper_forget_runs(reaper);
    for (size_t i = 0; i < reaper->n_policies; i++)
        policy_free(reaper->policies[i]);
    free(reaper->policies);
    stop_looking(reaper);
    sd_event_unref(reaper->event);
    free(reaper->cgroup_root);
    free(reaper->proc_root);
    free(reaper);
    return NULL;
}

/* The policy of this spec: the one that there was, when nothing has changed. Takes one of both. */
static int take_policy(Reaper *reaper, Spec **spec, ReapPolicy **ret)
{
    ReapPolicy *before = reaper_find_policy(reaper, (*spec)->name);
    _cleanup_free_ char *plan = before ? plan_text(*spec) : NULL;

    if (before && plan && streq(plan, before->plan)) {
        *ret = before;
        return 0;
    }
    int r = policy_new(reaper, spec, ret);
    if (r >= 0 && before)
        policy_inherit(*ret, before);
    return r;
}

static bool is_among(ReapPolicy *const *policies, size_t n, const ReapPolicy *policy)
{
    for (size_t i = 0; i < n; i++)
        if (policies[i] == policy)
            return true;
    return false;
}

void reaper_set_policies(Reaper *reaper, Spec **policies, size_t n)
{
    ReapPolicy **taken = calloc(n + 1, sizeof(ReapPolicy *));
    size_t n_taken = 0;

    if (!taken) {
        log_warning("Policies cannot be taken over: %s", strerror(ENOMEM));
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (take_policy(reaper, &policies[i], &taken[n_taken]) >= 0)
            n_taken++;
        else
            log_warning("A policy cannot be taken over: %s", strerror(ENOMEM));
    }
    for (size_t i = 0; i < reaper->n_policies; i++)
        if (!is_among(taken, n_taken, reaper->policies[i]))
            policy_free(reaper->policies[i]);
    free(reaper->policies);
    reaper->policies = taken;
    reaper->n_policies = n_taken;
    if (n_taken == 0)
        stop_looking(reaper);
}

/* ---- what others ask ---- */

static bool has_to_wait(Reaper *reaper, const char *name)
{
    for (size_t i = 0; i < reaper->n_policies; i++)
        if ((!name[0] || streq(name, reaper->policies[i]->spec->name)) &&
            reap_policy_has_to_wait(reaper->policies[i]))
            return true;
    return false;
}

int reaper_run(Reaper *reaper, const char *name, view_reap_done_t done, void *userdata)
{
    Run *run;

    if (name[0] && !reaper_find_policy(reaper, name))
        return -ENOENT;
    int r = reaper->n_policies > 0 ? reaper_look(reaper) : 0;
    if (r >= 0)
        r = run_new(reaper, name, done, userdata, &run);
    if (r < 0)
        return r;
    if (!has_to_wait(reaper, name))
        make_rounds(reaper, run);
    return 0;
}

size_t reaper_n_classes(const Reaper *reaper)
{
    size_t n = 0;

    for (size_t i = 0; i < reaper->n_policies; i++)
        n += reaper->policies[i]->spec->policy.classes.n;
    return n;
}

void reaper_view_class(const Reaper *reaper, size_t i, PolicyView *ret)
{
    size_t k = 0;

    assert(i < reaper_n_classes(reaper));
    for (; i >= reaper->policies[k]->spec->policy.classes.n; k++)
        i -= reaper->policies[k]->spec->policy.classes.n;
    *ret = reaper->policies[k]->classes[i];
}
