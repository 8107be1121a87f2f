/* SPDX-License-Identifier: MIT */

/* phoenix stress: a workload for trying policies. On: a timer makes ten containers of random kind
 * in each round. Off: the timer, all containers and the units are gone. */

#include <errno.h>

#include "base/log.h"
#include "base/strv.h"
#include "cli/cli.h"
#include "cli/containers/stress.h"
#include "cli/print/json.h"
#include "cli/specs/service.h"
#include "cli/systemd/job.h"
#include "cli/update/podman.h"

typedef struct Stress {
    const Cli *cli;
    Manager *manager;
    UnitStates units; /* of the workload, loaded */
} Stress;

static void stress_done(Stress *stress)
{
    unit_states_done(&stress->units);
    manager_free(stress->manager);
}

static bool is_up(const UnitState *state)
{
    return state->active_state && !streq(state->active_state, "inactive") &&
           !streq(state->active_state, "failed");
}

static size_t count_up(const UnitStates *units)
{
    size_t n = 0;

    for (size_t i = 0; i < units->n; i++)
        n += is_up(&units->items[i]);
    return n;
}

/* Also the end of it: they are listed anew then. */
static int list(Stress *stress)
{
    unit_states_done(&stress->units);
    stress->units = (UnitStates){0};
    return manager_list(stress->manager, STRESS_PATTERN, &stress->units);
}

static int reload(Stress *stress)
{
    _cleanup_free_ char *why = NULL;
    int r = manager_reload(stress->manager, &why);

    if (r >= 0)
        return CLI_EXIT_OK;
    log_error("the service manager could not be reloaded: %s", why ? why : strerror(-r));
    return CLI_EXIT_FAILED;
}

/* Says which of them failed. Returns how many did, or negative errno. */
static int run_jobs(Stress *stress, JobKind kind, char *const *names)
{
    size_t n = strv_length(names);
    Jobs jobs = {.items = calloc(n + 1, sizeof(Job)), .n = n, .kind = kind};
    int r, failed = 0;

    if (!jobs.items)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        jobs.items[i].unit = names[i];
    r = n > 0 ? jobs_run(stress->manager, &jobs, false) : 0;
    for (size_t i = 0; i < n; i++) {
        const Job *job = &jobs.items[i];
        if (r >= 0 && !job_is_good(job, false)) {
            failed++;
            log_error("%s: %s", job->unit, job->error ? job->error : job->result ?: "no answer");
        }
        job_done(&jobs.items[i]);
    }
    free(jobs.items);
    return r < 0 ? r : failed;
}

static int run_job(Stress *stress, JobKind kind, const char *unit)
{
    char *names[] = {(char *)unit, NULL};

    return run_jobs(stress, kind, names);
}

/* ---- on ---- */

static int check_image(void)
{
    _cleanup_podman_image_ PodmanImage image = {0};
    _cleanup_free_ char *why = NULL;
    int r = podman_inspect(STRESS_IMAGE, &image, &why);

    if (r >= 0)
        return CLI_EXIT_OK;
    if (r == -ENOENT)
        log_error("there is no image " STRESS_IMAGE " here; phoenix(1) says how to build it");
    else
        log_error("Podman: %s", why ? why : strerror(-r));
    return r == -ENOMEM ? r : CLI_EXIT_NO;
}

static int turn_on(Stress *stress)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_text_ Text t = {0};
    int r = check_image();

    if (r != CLI_EXIT_OK)
        return r;
    r = stress_install(stress->cli->scope, &path);
    if (r < 0) {
        log_error("%s: %s", path ? path : "Quadlet's run-time folder", strerror(-r));
        return CLI_EXIT_FAILED;
    }
    r = reload(stress);
    if (r == CLI_EXIT_OK)
        r = run_job(stress, JOB_START, STRESS_TIMER);
    if (r == CLI_EXIT_OK) /* the first one; the timer counts from its end */
        r = run_job(stress, JOB_START, STRESS_ROUND);
    if (r != CLI_EXIT_OK)
        return r < 0 ? r : CLI_EXIT_NO;
    text_addf(&t, "The stress workload is on: %u containers in each round, at most %u at a time.\n",
              STRESS_PER_ROUND, STRESS_MAX);
    return cli_print(&t);
}

/* ---- a round ---- */

static int choose(char ***ret, size_t n)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < n; i++) {
        char *unit = stress_random_unit();
        r = unit ? strv_consume(ret, unit) : -ENOMEM;
    }
    return r;
}

static const char *id_of(const char *unit)
{
    const char *at = strchr(unit, '@');

    return at ? at + 1 : unit;
}

static void add_created(Text *t, const char *unit)
{
    const char *kind = stress_kinds[stress_kind_of_unit(unit)];

    text_addf(t, "Container created: stress_%s_%.8s (kind %s)\n", kind, id_of(unit), kind);
}

static int make_round(Stress *stress)
{
    _cleanup_strv_free_ char **names = NULL;
    _cleanup_text_ Text t = {0};
    int r = list(stress);

    if (r < 0)
        return r;
    size_t up = count_up(&stress->units), room = up < STRESS_MAX ? STRESS_MAX - up : 0;
    r = choose(&names, MIN(room, (size_t)STRESS_PER_ROUND));
    if (r >= 0)
        r = run_jobs(stress, JOB_START, names);
    if (r < 0)
        return r;
    int failed = r;
    STRV_FOREACH (name, names)
        if (failed == 0)
            add_created(&t, *name);
    if (!names)
        text_addf(&t, "%zu containers run, so none is added\n", up);
    r = cli_print(&t);
    return r == CLI_EXIT_OK && failed > 0 ? CLI_EXIT_NO : r;
}

/* ---- off ---- */

/* The timer first, so that no round begins meanwhile; its end takes the containers along. */
static int stop_all(Stress *stress, size_t *ret_stopped)
{
    _cleanup_strv_free_ char **names = NULL;
    int r = run_job(stress, JOB_STOP, STRESS_TIMER), failed = r;

    if (r >= 0)
        r = run_job(stress, JOB_STOP, STRESS_ROUND);
    if (r >= 0)
        r = list(stress);
    *ret_stopped = r >= 0 ? count_up(&stress->units) : 0;
    for (size_t i = 0; r >= 0 && i < stress->units.n; i++) {
        if (!is_up(&stress->units.items[i]))
            (void)manager_reset_failed(stress->manager, stress->units.items[i].id);
        else
            r = strv_push(&names, stress->units.items[i].id);
    }
    if (r >= 0)
        r = run_jobs(stress, JOB_STOP, names);
    return r < 0 ? r : r + failed;
}

static int turn_off(Stress *stress)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_text_ Text t = {0};
    size_t n_stopped = 0;
    int r = stop_all(stress, &n_stopped), failed = r;

    if (r < 0)
        return r;
    r = stress_remove(stress->cli->scope, &path);
    if (r < 0) {
        log_error("%s: %s", path ? path : "Quadlet's run-time folder", strerror(-r));
        return CLI_EXIT_FAILED;
    }
    r = reload(stress);
    if (r != CLI_EXIT_OK)
        return r;
    text_addf(&t, "The stress workload is off: %zu container%s stopped, the timer removed.\n",
              n_stopped, n_stopped == 1 ? "" : "s");
    r = cli_print(&t);
    return r == CLI_EXIT_OK && failed > 0 ? CLI_EXIT_NO : r;
}

/* ---- status ---- */

static void add_status_json(Text *t, const UnitState *timer, const size_t *counts)
{
    text_add_char(t, '{');
    json_add_bool(t, "on", is_up(timer));
    for (size_t i = 0; i < STRESS_KINDS; i++)
        json_add_number(t, stress_kinds[i], counts[i]);
    text_add(t, "}\n");
}

static void add_status(Text *t, const UnitState *timer, const size_t *counts)
{
    text_addf(t, "The stress workload is %s.\n", is_up(timer) ? "on" : "off");
    for (size_t i = 0; i < STRESS_KINDS; i++)
        text_addf(t, "  %-4s  %zu\n", stress_kinds[i], counts[i]);
}

static int show_status(Stress *stress)
{
    _cleanup_unit_state_ UnitState timer = {0};
    _cleanup_text_ Text t = {0};
    size_t counts[STRESS_KINDS + 1] = {0};
    int r = manager_describe(stress->manager, STRESS_TIMER, &timer);

    if (r >= 0)
        r = list(stress);
    if (r < 0)
        return r;
    for (size_t i = 0; i < stress->units.n; i++)
        if (is_up(&stress->units.items[i]))
            counts[stress_kind_of_unit(stress->units.items[i].id)]++;
    if (stress->cli->options & CLI_JSON)
        add_status_json(&t, &timer, counts);
    else
        add_status(&t, &timer, counts);
    return cli_print(&t);
}

int verb_stress(const Cli *cli, char *const *args)
{
    static const struct {
        const char *word;
        int (*run)(Stress *stress);
    } words[] = {
        {"on", turn_on},
        {"off", turn_off},
        {"status", show_status},
        {"round", make_round}, /* what the timer starts */
    };
    _cleanup_(stress_done) Stress stress = {.cli = cli};
    const char *word = args[0] ? args[0] : "status";
    int r;

    for (size_t i = 0; i < ELEMENTSOF(words); i++) {
        if (!streq(words[i].word, word))
            continue;
        r = service_open_manager(cli, &stress.manager);
        return r != CLI_EXIT_OK ? r : words[i].run(&stress);
    }
    log_error("\"on\", \"off\" or \"status\" is expected, not \"%s\"", word);
    return CLI_EXIT_USAGE;
}
