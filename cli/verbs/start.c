/* SPDX-License-Identifier: MIT */

/* phoenix start, stop and restart: jobs of the service manager, with an answer when they fail. A
 * start returns when the service is healthy, since its unit is not active before. */

#include <errno.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/log/failure.h"
#include "cli/log/progress.h"
#include "cli/print/json.h"
#include "cli/print/screen.h"
#include "cli/specs/service.h"
#include "cli/specs/specs.h"
#include "cli/supervisor/supervisor.h"
#include "cli/systemd/job.h"

typedef struct Action {
    const Cli *cli;
    Manager *manager;
    SpecSet *set;
    Service *services;
    Jobs jobs;
    bool no_block;
} Action;

static void action_done(Action *action)
{
    for (size_t i = 0; i < action->jobs.n; i++) {
        job_done(&action->jobs.items[i]);
        service_done(&action->services[i]);
    }
    free(action->jobs.items);
    free(action->services);
    spec_set_free(action->set);
    manager_free(action->manager);
}

/* All names are looked up before anything is done. */
static int find_services(Action *action, char *const *args)
{
    size_t n = 0;
    int r;

    while (args[n])
        n++;
    action->services = calloc(n, sizeof(*action->services));
    action->jobs.items = calloc(n, sizeof(*action->jobs.items));
    if (!action->services || !action->jobs.items)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        r = service_find(action->cli, action->set, action->manager, args[i], &action->services[i]);
        if (r != CLI_EXIT_OK)
            return r;
        action->jobs.items[action->jobs.n++].unit = action->services[i].unit;
    }
    return CLI_EXIT_OK;
}

static int prepare(Action *action, char *const *args)
{
    int r;

    r = service_open_manager(action->cli, &action->manager);
    if (r != CLI_EXIT_OK)
        return r;
    r = specs_load(action->cli, &action->set);
    return r < 0 ? r : find_services(action, args);
}

/* A start by hand is a clean slate: neither systemd's start limit nor phoenixd's hold stand in its
 * way. phoenixd may well not be there. */
static void release(Action *action)
{
    _cleanup_supervisor_ Supervisor *supervisor = NULL;

    for (size_t i = 0; i < action->jobs.n; i++)
        (void)manager_reset_failed(action->manager, action->services[i].unit);
    if (supervisor_open(action->cli->scope, &supervisor) < 0)
        return;
    for (size_t i = 0; i < action->jobs.n; i++)
        if (supervisor_release(supervisor, action->services[i].name) == -EHOSTUNREACH)
            return;
}

static void add_failures(Text *t, Action *action)
{
    for (size_t i = 0; i < action->jobs.n; i++) {
        const Job *job = &action->jobs.items[i];

        if (!job_is_good(job, action->no_block))
            failure_add(t, action->cli, action->manager, action->jobs.kind, job,
                        action->services[i].name);
    }
}

/* A service that was stopped starts again with the next connection as long as its socket listens,
 * as systemctl(1) says of its units. */
static void add_listening(Text *t, Action *action)
{
    _cleanup_unit_states_ UnitStates sockets = {0};
    const char *user = action->cli->scope == SPEC_SCOPE_USER ? "--user " : "";

    if (manager_list(action->manager, "phoenix@*.socket", &sockets) < 0)
        return;
    for (size_t i = 0; i < action->jobs.n; i++) {
        const char *name = action->services[i].name;
        _cleanup_free_ char *unit = text_printf("phoenix@%s.socket", name);
        const UnitState *socket = unit ? unit_states_find(&sockets, unit) : NULL;

        if (!socket || !streq(socket->active_state, "active") ||
            !job_is_good(&action->jobs.items[i], action->no_block))
            continue;
        screen_add_clean(t, name);
        text_add(t, ": the next connection starts it again; to end that, too: systemctl ");
        text_addf(t, "%sstop ", user);
        screen_add_clean(t, unit);
        text_add_char(t, '\n');
    }
}

static void add_json(Text *t, Action *action)
{
    text_add_char(t, '[');
    for (size_t i = 0; i < action->jobs.n; i++) {
        const Job *job = &action->jobs.items[i];
        bool good = job_is_good(job, action->no_block);

        text_add(t, i > 0 ? ",\n  {" : "\n  {");
        json_add_string(t, "name", action->services[i].name);
        json_add_string(t, "unit", job->unit);
        json_add_string(t, "verb", job_kind_word(action->jobs.kind));
        json_add_bool(t, "ok", good);
        json_add_string(t, "job", job->result);
        if (!good)
            failure_add_json(t, action->cli, action->manager, job, action->services[i].name);
        text_add_char(t, '}');
    }
    text_add(t, "\n]\n");
}

static int finish(Action *action)
{
    _cleanup_text_ Text t = {0};
    bool good = true;
    int r = CLI_EXIT_OK;

    for (size_t i = 0; i < action->jobs.n; i++)
        good = good && job_is_good(&action->jobs.items[i], action->no_block);

    if (action->cli->options & CLI_JSON) {
        add_json(&t, action);
        r = cli_print(&t);
    } else {
        add_failures(&t, action);
        if (action->jobs.kind == JOB_STOP)
            add_listening(&t, action);
        if (t.size > 0 && t.error >= 0)
            (void)fwrite(t.data, 1, t.size, stderr);
    }
    if (r != CLI_EXIT_OK)
        return r;
    return good ? CLI_EXIT_OK : CLI_EXIT_NO;
}

static int run(const Cli *cli, JobKind kind, char *const *args)
{
    _cleanup_(action_done) Action action = {
        .cli = cli,
        .jobs = {.kind = kind},
        .no_block = cli->options & CLI_NO_BLOCK,
    };
    Progress progress = progress_new(cli);
    int r;

    r = prepare(&action, args);
    if (r != CLI_EXIT_OK)
        return r;
    if (kind != JOB_STOP)
        release(&action);
    progress_attach(&progress, &action.jobs);
    r = jobs_run(action.manager, &action.jobs, action.no_block);
    progress_clear(&progress);
    return r < 0 ? r : finish(&action);
}

int verb_start(const Cli *cli, char *const *args)
{
    return run(cli, JOB_START, args);
}

int verb_stop(const Cli *cli, char *const *args)
{
    return run(cli, JOB_STOP, args);
}

int verb_restart(const Cli *cli, char *const *args)
{
    return run(cli, JOB_RESTART, args);
}
