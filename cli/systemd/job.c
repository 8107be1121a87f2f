/* SPDX-License-Identifier: MIT */

/* Jobs. The signal that ends a job may arrive before the answer that names it; sd-bus then keeps it
 * in its queue until sd_bus_process(), when all paths are known. */

#include "cli/systemd/job.h"

#include <assert.h>
#include <errno.h>
#include <systemd/sd-bus.h>

#include "cli/print/when.h"
#include "cli/systemd/properties.h"

#define SERVICE   "org.freedesktop.systemd1"
#define OBJECT    "/org/freedesktop/systemd1"
#define INTERFACE SERVICE ".Manager"

#define TICK_USEC (250 * USEC_PER_MSEC)

/* Generators may take their time when there are many specs. */
#define RELOAD_TIMEOUT_USEC (180 * USEC_PER_SEC)

typedef struct Waiting {
    Manager *manager;
    Jobs *jobs;
    bool disconnected;
} Waiting;

const char *job_kind_word(JobKind kind)
{
    static const char *const words[] = {
        [JOB_START] = "start",
        [JOB_STOP] = "stop",
        [JOB_RESTART] = "restart",
    };

    static_assert(ELEMENTSOF(words) == _JOB_KIND_MAX, "a word for every kind");
    return words[kind];
}

void job_done(Job *job)
{
    free(job->path);
    free(job->result);
    free(job->error);
    *job = (Job){0};
}

/* JobRemoved(u id, o job, s unit, s result). */
static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
    Waiting *waiting = userdata;
    const char *path, *unit, *result;
    uint32_t id;

    if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0)
        return 0;
    for (size_t i = 0; i < waiting->jobs->n; i++) {
        Job *job = &waiting->jobs->items[i];

        if (job->path && streq(job->path, path))
            (void)properties_set_string(&job->result, result);
    }
    return 0;
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
    Waiting *waiting = userdata;

    waiting->disconnected = true;
    return 0;
}

static int call_manager(Manager *manager, const char *method, uint64_t timeout_usec,
                        const char *unit, const char *mode, sd_bus_error *error,
                        sd_bus_message **ret_reply)
{
    sd_bus_message *call = NULL;
    int r;

    r = sd_bus_message_new_method_call(manager_bus(manager), &call, SERVICE, OBJECT, INTERFACE,
                                       method);
    if (r >= 0 && unit)
        r = sd_bus_message_append(call, "s", unit);
    if (r >= 0 && mode)
        r = sd_bus_message_append(call, "s", mode);
    if (r >= 0)
        r = sd_bus_message_set_allow_interactive_authorization(call, true);
    if (r >= 0)
        r = sd_bus_call(manager_bus(manager), call, timeout_usec, error, ret_reply);
    sd_bus_message_unref(call);
    return r < 0 ? r : 0;
}

static int make_job(Manager *manager, JobKind kind, Job *job)
{
    static const char *const methods[] = {
        [JOB_START] = "StartUnit",
        [JOB_STOP] = "StopUnit",
        [JOB_RESTART] = "RestartUnit",
    };
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message *reply = NULL;
    const char *path;
    int r;

    job->asked_usec = when_now();
    r = call_manager(manager, methods[kind], 0, job->unit, "replace", &error, &reply);
    if (r >= 0)
        r = sd_bus_message_read(reply, "o", &path);
    if (r >= 0)
        r = properties_set_string(&job->path, path);
    else
        r = properties_set_string(&job->error, error.message ? error.message : strerror(-r));
    sd_bus_message_unref(reply);
    sd_bus_error_free(&error);
    return r;
}

static bool any_open(const Jobs *jobs)
{
    for (size_t i = 0; i < jobs->n; i++)
        if (jobs->items[i].path && !jobs->items[i].result)
            return true;
    return false;
}

static int wait_for_jobs(Waiting *waiting)
{
    sd_bus *bus = manager_bus(waiting->manager);
    Jobs *jobs = waiting->jobs;
    int r;

    while (any_open(jobs)) {
        if (waiting->disconnected)
            return -ECONNRESET;
        r = sd_bus_process(bus, NULL);
        if (r < 0)
            return r;
        if (r > 0)
            continue;
        if (jobs->tick)
            jobs->tick(waiting->manager, jobs, jobs->userdata);
        if (jobs->give_up && jobs->give_up(jobs->give_up_userdata))
            return 0;
        r = sd_bus_wait(bus, jobs->tick || jobs->give_up ? TICK_USEC : UINT64_MAX);
        if (r < 0 && r != -EINTR)
            return r;
    }
    return 0;
}

static int watch(Waiting *waiting, sd_bus_slot **ret_removed, sd_bus_slot **ret_disconnected)
{
    sd_bus *bus = manager_bus(waiting->manager);
    int r;

    r = sd_bus_match_signal(bus, ret_removed, SERVICE, OBJECT, INTERFACE, "JobRemoved",
                            on_job_removed, waiting);
    if (r >= 0)
        r = sd_bus_match_signal(bus, ret_disconnected, "org.freedesktop.DBus.Local", NULL,
                                "org.freedesktop.DBus.Local", "Disconnected", on_disconnected,
                                waiting);
    if (r >= 0)
        r = call_manager(waiting->manager, "Subscribe", 0, NULL, NULL, NULL, NULL);
    return r;
}

int jobs_run(Manager *manager, Jobs *jobs, bool no_block)
{
    Waiting waiting = {.manager = manager, .jobs = jobs};
    sd_bus_slot *removed = NULL, *disconnected = NULL;
    int r;

    r = watch(&waiting, &removed, &disconnected);
    for (size_t i = 0; i < jobs->n && r >= 0; i++)
        r = make_job(manager, jobs->kind, &jobs->items[i]);
    if (r >= 0 && !no_block)
        r = wait_for_jobs(&waiting);
    sd_bus_slot_unref(removed);
    sd_bus_slot_unref(disconnected);
    return r < 0 ? r : 0;
}

bool job_is_good(const Job *job, bool no_block)
{
    if (job->error || !job->path)
        return false;
    return no_block || (job->result && streq(job->result, "done"));
}

int manager_reload(Manager *manager, char **ret_why)
{
    sd_bus_error error = SD_BUS_ERROR_NULL;
    int r;

    r = call_manager(manager, "Reload", RELOAD_TIMEOUT_USEC, NULL, NULL, &error, NULL);
    if (r < 0)
        *ret_why = strdup(error.message ? error.message : strerror(-r));
    sd_bus_error_free(&error);
    return r;
}

int manager_reset_failed(Manager *manager, const char *unit)
{
    sd_bus_error error = SD_BUS_ERROR_NULL;
    int r;

    r = call_manager(manager, "ResetFailedUnit", 0, unit, NULL, &error, NULL);
    if (sd_bus_error_has_name(&error, SERVICE ".NoSuchUnit"))
        r = 0;
    sd_bus_error_free(&error);
    return r;
}

int manager_kill(Manager *manager, const char *unit, int signal)
{
    int r = sd_bus_call_method(manager_bus(manager), SERVICE, OBJECT, INTERFACE, "KillUnit", NULL,
                               NULL, "ssi", unit, "main", (int32_t)signal);

    return r < 0 ? r : 0;
}
