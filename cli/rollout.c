/* SPDX-License-Identifier: MIT */

/* The steps of a deployment that the service manager makes. */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "base/file.h"
#include "facts.h"
#include "progress.h"
#include "rollout.h"

#define UNIT_SIZE_MAX (1024U * 1024U)

/* A program that cannot run usually says so within this time. */
#define SETTLE_MSEC 1000

const char *rollout_action_word(RolloutAction action)
{
    static const char *const words[] = {
        [ROLLOUT_NOTHING] = "nothing",
        [ROLLOUT_START] = "started",
        [ROLLOUT_RESTART] = "restarted",
    };

    static_assert(ELEMENTSOF(words) == _ROLLOUT_ACTION_MAX, "a word for every action");
    return words[action];
}

void rollout_done(Rollout *rollout)
{
    free(rollout->name);
    free(rollout->unit);
    free(rollout->why);
    job_done(&rollout->job);
    *rollout = (Rollout){0};
}

int rollout_new(const Cli *cli, Manager *manager, const Spec *spec, Rollout *ret)
{
    _cleanup_rollout_ Rollout rollout = {.cli = cli, .manager = manager};

    rollout.name = strdup(spec->name);
    rollout.unit = text_printf("phoenix@%s.%s", spec->name, spec->schedule ? "timer" : "service");
    rollout.settle = !spec->schedule && spec->duration == SPEC_DURATION_DAEMON &&
                     spec->healthcheck.n == 0 && spec->readiness.n == 0;
    if (!rollout.name || !rollout.unit)
        return -ENOMEM;
    *ret = rollout;
    rollout = (Rollout){0};
    return 0;
}

/* Keeps the first reason: it is what will be told. */
static int fail(Rollout *rollout, char *why)
{
    if (!why)
        return -ENOMEM;
    if (rollout->why)
        free(why);
    else
        rollout->why = why;
    return CLI_EXIT_NO;
}

static int reload(Rollout *rollout)
{
    _cleanup_free_ char *why = NULL;
    int r;

    r = manager_reload(rollout->manager, &why);
    if (r < 0)
        return fail(rollout,
                    text_printf("the service manager cannot reload: %s", why ? why : strerror(-r)));
    return CLI_EXIT_OK;
}

/* Generators fail softly: what they could not make is a stub that says why. */
static int check_unit(Rollout *rollout, const char *spec_path)
{
    _cleanup_free_ char *unit = text_printf("phoenix@%s.service", rollout->name);
    _cleanup_unit_state_ UnitState state = {0};
    _cleanup_free_ char *text = NULL, *reason = NULL;
    int r;

    if (!unit)
        return -ENOMEM;
    r = manager_describe(rollout->manager, unit, &state);
    if (r < 0)
        return fail(rollout, text_printf("%s cannot be loaded: %s", unit, strerror(-r)));
    if (!state.load_state || !streq(state.load_state, "loaded"))
        return fail(rollout, text_printf("%s is not loaded: %s", unit,
                                         state.load_state ? state.load_state : "unknown"));
    if (!state.fragment_path || !strstr(state.fragment_path, rollout->name))
        return fail(rollout, strdup("the generator has made no unit of it"));
    r = file_read(AT_FDCWD, state.fragment_path, UNIT_SIZE_MAX, &text, NULL);
    if (r < 0 || !strstr(text, "\nState=stub\n"))
        return CLI_EXIT_OK;
    reason = facts_stub_reason(text, spec_path);
    return fail(rollout, reason ? text_printf("its unit is only a stub: %s", reason) : NULL);
}

static int run_job(Rollout *rollout, JobKind kind, Job *job)
{
    Progress progress = progress_new(rollout->cli);
    Jobs jobs = {.items = job, .n = 1, .kind = kind};
    int r;

    job->unit = rollout->unit;
    (void)manager_reset_failed(rollout->manager, rollout->unit);
    progress_attach(&progress, &jobs);
    r = jobs_run(rollout->manager, &jobs, false);
    progress_clear(&progress);
    if (r < 0)
        return r;
    return job_is_good(job, false) ? CLI_EXIT_OK : CLI_EXIT_NO;
}

bool rollout_is_up(const Rollout *rollout)
{
    _cleanup_unit_state_ UnitState state = {0};

    return manager_describe(rollout->manager, rollout->unit, &state) >= 0 && state.active_state &&
           !streq(state.active_state, "inactive") && !streq(state.active_state, "failed");
}

/* Without a health check "started" only means that the program could be executed. */
static int settle(Rollout *rollout)
{
    _cleanup_unit_state_ UnitState before = {0}, after = {0};

    if (!rollout->settle)
        return CLI_EXIT_OK;
    if (manager_describe(rollout->manager, rollout->unit, &before) < 0)
        return CLI_EXIT_OK;
    (void)poll(NULL, 0, SETTLE_MSEC);
    if (manager_describe(rollout->manager, rollout->unit, &after) < 0 || !after.active_state)
        return CLI_EXIT_OK;
    if (streq(after.active_state, "active") && after.restarts == before.restarts)
        return CLI_EXIT_OK;
    return fail(rollout, strdup("it started, but did not stay up"));
}

int rollout_run(Rollout *rollout, RolloutAction action, const char *spec_path)
{
    int r;

    r = reload(rollout);
    if (r == CLI_EXIT_OK)
        r = check_unit(rollout, spec_path);
    if (r != CLI_EXIT_OK || action == ROLLOUT_NOTHING)
        return r;
    rollout->job_made = true;
    r = run_job(rollout, action == ROLLOUT_RESTART ? JOB_RESTART : JOB_START, &rollout->job);
    return r != CLI_EXIT_OK ? r : settle(rollout);
}

/* The job that failed is kept: it is what will be told. */
int rollout_revert(Rollout *rollout, bool was_up)
{
    _cleanup_(job_done) Job job = {0};
    int r;

    r = reload(rollout);
    if (r != CLI_EXIT_OK)
        return r;
    if (was_up)
        return rollout->job_made ? run_job(rollout, JOB_RESTART, &job) : CLI_EXIT_OK;
    if (!rollout->job_made)
        return CLI_EXIT_OK;
    r = run_job(rollout, JOB_STOP, &job);
    (void)manager_reset_failed(rollout->manager, rollout->unit);
    return r;
}
