/* SPDX-License-Identifier: MIT */

/* The steps of a deployment that the service manager makes. */

#include "cli/deploy/rollout.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include "base/file.h"
#include "cli/facts/facts.h"
#include "cli/log/progress.h"
#include "cli/print/when.h"
#include "cli/update/observe.h"

#define UNIT_SIZE_MAX (1024U * 1024U)

/* A program that cannot run usually says so within this time. */
#define SETTLE_MSEC 1000

/* Connections to a service that is not well are not worth a long wait. */
#define DRAIN_TO_REVERT_USEC USEC_PER_SEC

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
    _cleanup_rollout_ Rollout rollout = {.cli = cli,
                                         .manager = manager,
                                         .timeout_usec = USEC_INFINITY,
                                         .drain_usec = USEC_INFINITY,
                                         .timer = spec->schedule != NULL};

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

/* What is looked at while a job runs. */
typedef struct Limits {
    Rollout *rollout;
    uint64_t begin_usec;
    uint64_t timeout_usec, drain_usec; /* USEC_INFINITY: none */
    Interrupt *interrupt;              /* or NULL */
    bool hurried;                      /* the proxy was told to wait no longer */
} Limits;

static bool has_passed(const Limits *limits, uint64_t span_usec)
{
    uint64_t now_usec = when_now();

    return now_usec > limits->begin_usec && now_usec - limits->begin_usec >= span_usec;
}

/* phoenix-drain, in front of the proxy, takes a second SIGTERM as "now". Only one that is being
 * stopped has had the first. */
static void hurry_drain(Limits *limits)
{
    _cleanup_free_ char *unit = text_printf("phoenix-proxy@%s.service", limits->rollout->name);
    _cleanup_unit_state_ UnitState state = {0};
    Manager *manager = limits->rollout->manager;

    if (limits->hurried || !unit || !has_passed(limits, limits->drain_usec))
        return;
    if (manager_describe(manager, unit, &state) >= 0 && state.active_state &&
        streq(state.active_state, "deactivating"))
        (void)manager_kill(manager, unit, SIGTERM);
    limits->hurried = true;
}

static bool give_up(void *userdata)
{
    Limits *limits = userdata;
    Rollout *rollout = limits->rollout;

    hurry_drain(limits);
    if (limits->interrupt && interrupt_came(limits->interrupt)) {
        (void)fail(rollout, strdup("the update was interrupted"));
        return true;
    }
    if (has_passed(limits, limits->timeout_usec)) {
        _cleanup_text_ Text span = {0};

        when_add_span(&span, limits->timeout_usec);
        (void)fail(rollout, text_printf("it was not up after %s", span.error < 0 ? "" : span.data));
        return true;
    }
    return false;
}

static int run_job(Rollout *rollout, JobKind kind, Limits *limits, Job *job)
{
    Progress progress = progress_new(rollout->cli);
    Jobs jobs = {.items = job, .n = 1, .kind = kind};
    int r;

    job->unit = rollout->unit;
    (void)manager_reset_failed(rollout->manager, rollout->unit);
    progress_attach(&progress, &jobs);
    jobs.give_up = give_up;
    jobs.give_up_userdata = limits;
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

int rollout_load(Rollout *rollout, const char *spec_path)
{
    int r;

    rollout->loaded = true;
    r = reload(rollout);
    return r != CLI_EXIT_OK ? r : check_unit(rollout, spec_path);
}

int rollout_run(Rollout *rollout, RolloutAction action)
{
    Limits limits = {
        .rollout = rollout,
        .begin_usec = when_now(),
        .timeout_usec = rollout->timeout_usec,
        .drain_usec = rollout->drain_usec,
        .interrupt = rollout->interrupt,
    };
    int r;

    if (action == ROLLOUT_NOTHING)
        return CLI_EXIT_OK;
    rollout->job_made = true;
    r = run_job(rollout, action == ROLLOUT_RESTART ? JOB_RESTART : JOB_START, &limits,
                &rollout->job);
    return r != CLI_EXIT_OK ? r : settle(rollout);
}

int rollout_observe(Rollout *rollout, uint64_t span_usec)
{
    Observation observation = {
        .cli = rollout->cli,
        .manager = rollout->manager,
        .name = rollout->name,
        .unit = rollout->unit,
        .span_usec = span_usec,
        .interrupt = rollout->interrupt,
    };
    char *why = NULL;
    int r = observe(&observation, &why);

    rollout->went_idle = observation.went_idle;
    return why ? fail(rollout, why) : r;
}

/* The job that failed is kept: it is what will be told. */
int rollout_revert(Rollout *rollout, bool was_up)
{
    _cleanup_(job_done) Job job = {0};
    Limits limits = {
        .rollout = rollout,
        .begin_usec = when_now(),
        .timeout_usec = USEC_INFINITY,
        .drain_usec = DRAIN_TO_REVERT_USEC,
    };
    int r;

    r = reload(rollout);
    if (r != CLI_EXIT_OK)
        return r;
    if (was_up)
        return rollout->job_made ? run_job(rollout, JOB_RESTART, &limits, &job) : CLI_EXIT_OK;
    if (!rollout->job_made)
        return CLI_EXIT_OK;
    r = run_job(rollout, JOB_STOP, &limits, &job);
    (void)manager_reset_failed(rollout->manager, rollout->unit);
    return r;
}
