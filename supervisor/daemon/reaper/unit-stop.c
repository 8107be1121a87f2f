/* SPDX-License-Identifier: MIT */
/*
 * The steps of the end of a unit, behind unit-stop.h. Whatever systemd says of a job, the cgroup
 * has the last word: as long as there are processes in it, nothing has been stopped.
 */
#include "supervisor/daemon/reaper/unit-stop-internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "supervisor/daemon/source.h"

/* ---- life ---- */

static UnitStop *unit_stop_free(UnitStop *stop)
{
    if (!stop)
        return NULL;
    if (stop->previous)
        stop->previous->next = stop->next;
    else if (stop->stops->first == stop)
        stop->stops->first = stop->next;
    if (stop->next)
        stop->next->previous = stop->previous;
    sd_bus_slot_unref(stop->call);
    sd_bus_slot_unref(stop->kill);
    sd_event_source_disable_unref(stop->timer);
    free(stop->unit);
    free(stop->cgroup);
    free(stop->job);
    free(stop->early_job);
    free(stop->early_result);
    free(stop->why);
    free(stop);
    return NULL;
}

/* Not from inside a callback of the connection itself. */
static int on_close(sd_event_source *source, void *userdata)
{
    UnitStops *stops = userdata;

    if (!stops->first || sd_bus_is_open(stops->bus) <= 0)
        unit_stops_disconnect(stops);
    return 0;
}

int unit_stops_new(sd_event *event, bool user, const char *cgroup_root, UnitStops **ret)
{
    UnitStops *stops = calloc(1, sizeof(UnitStops));

    if (!stops)
        return -ENOMEM;
    stops->event = sd_event_ref(event);
    stops->user = user;
    stops->cgroup_root = strdup(cgroup_root ? cgroup_root : "/sys/fs/cgroup");
    int r =
        stops->cgroup_root ? sd_event_add_defer(event, &stops->close, on_close, stops) : -ENOMEM;
    if (r >= 0)
        r = sd_event_source_set_enabled(stops->close, SD_EVENT_OFF);
    if (r < 0) {
        unit_stops_free(stops);
        return r;
    }
    source_set(stops->close, "reaper-close", PRIORITY_SERVICE);
    *ret = stops;
    return 0;
}

UnitStops *unit_stops_free(UnitStops *stops)
{
    if (!stops)
        return NULL;
    while (stops->first)
        unit_stop_free(stops->first);
    unit_stops_disconnect(stops);
    sd_event_source_disable_unref(stops->close);
    sd_event_unref(stops->event);
    free(stops->cgroup_root);
    free(stops);
    return NULL;
}

size_t unit_stops_count(const UnitStops *stops)
{
    size_t n = 0;

    for (const UnitStop *stop = stops->first; stop; stop = stop->next)
        n++;
    return n;
}

/* The last thing done with it. */
static void finish(UnitStop *stop, UnitStopResult result)
{
    _cleanup_free_ char *why = TAKE_PTR(stop->why);
    unit_stop_done_t done = stop->done;
    void *userdata = stop->userdata;
    UnitStops *stops = stop->stops;

    unit_stop_free(stop);
    if (!stops->first)
        (void)sd_event_source_set_enabled(stops->close, SD_EVENT_ONESHOT);
    done(result, result == UNIT_STOP_FAILED && why ? why : "", userdata);
}

static void set_why(UnitStop *stop, const char *format, const char *detail)
{
    if (!stop->why)
        stop->why = text_printf("%s%s", format, detail);
}

/* ---- steps ---- */

static void wait_for(UnitStop *stop, uint64_t usec)
{
    (void)sd_event_source_set_time_relative(stop->timer, usec);
    (void)sd_event_source_set_enabled(stop->timer, SD_EVENT_ONESHOT);
}

static void verify(UnitStop *stop)
{
    int populated = unit_stop_is_populated(stop->stops->cgroup_root, stop->cgroup);

    if (populated == 0) {
        finish(stop, stop->unknown  ? UNIT_STOP_GONE
                     : stop->killed ? UNIT_STOP_KILLED
                                    : UNIT_STOP_STOPPED);
    } else if (loop_now(stop->stops->event, CLOCK_MONOTONIC) < stop->verify_usec) {
        wait_for(stop, GONE_LOOK_USEC);
    } else {
        set_why(stop, populated < 0 ? "its processes cannot be looked for" : "it still runs", "");
        finish(stop, UNIT_STOP_FAILED);
    }
}

static void begin_verify(UnitStop *stop)
{
    stop->phase = PHASE_VERIFY;
    stop->verify_usec = loop_now(stop->stops->event, CLOCK_MONOTONIC) + GONE_USEC;
    verify(stop);
}

/* What cannot be asked is looked at once all the same: it may have ended by itself. */
static void give_up(UnitStop *stop)
{
    stop->phase = PHASE_VERIFY;
    stop->verify_usec = 0;
    verify(stop);
}

static void begin(UnitStop *stop)
{
    int r = unit_stops_connect(stop->stops);

    if (r >= 0)
        r = unit_stop_ask(stop);
    if (r < 0) {
        set_why(stop, "systemd cannot be asked: ", strerror(-r));
        give_up(stop);
        return;
    }
    stop->phase = PHASE_STOP;
    wait_for(stop, stop->grace_usec);
}

static void begin_kill(UnitStop *stop)
{
    int r = unit_stop_kill(stop);

    if (r < 0) {
        set_why(stop, "systemd cannot be asked: ", strerror(-r));
        give_up(stop);
        return;
    }
    stop->phase = PHASE_KILL;
    stop->killed = true;
    wait_for(stop, KILLED_USEC);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    UnitStop *stop = userdata;

    switch (stop->phase) {
    case PHASE_BEGIN:
        begin(stop);
        break;
    case PHASE_STOP:
        begin_kill(stop);
        break;
    case PHASE_KILL:
        set_why(stop, "systemd has not stopped it, even after SIGKILL", "");
        give_up(stop);
        break;
    case PHASE_VERIFY:
        verify(stop);
        break;
    }
    return 0;
}

static void end_job(UnitStop *stop, const char *result)
{
    if (!streq(result, "done"))
        set_why(stop, "systemd's job has ended with ", result);
    begin_verify(stop);
}

void unit_stop_asked(UnitStop *stop, const char *job, int error, const char *message)
{
    stop->call = sd_bus_slot_unref(stop->call);
    if (stop->phase == PHASE_VERIFY)
        return;
    if (!job) {
        stop->unknown = error == -ENOENT;
        set_why(stop, message ? message : strerror(-error), "");
        give_up(stop);
        return;
    }
    stop->job = strdup(job); /* without memory the timer goes on */
    if (stop->early_job && streq(stop->early_job, job))
        end_job(stop, stop->early_result ? stop->early_result : "done");
}

/* Which job is ours is not known before the answer. Only the last can be, as one job of a unit
 * replaces the other. */
static void keep_early(UnitStop *stop, const char *job, const char *result)
{
    free(stop->early_job);
    free(stop->early_result);
    stop->early_job = strdup(job);
    stop->early_result = strdup(result);
}

/* One job of a unit replaces the other, so that of another client may have been ours. */
void unit_stops_job_removed(UnitStops *stops, const char *job, const char *unit, const char *result)
{
    for (UnitStop *stop = stops->first; stop; stop = stop->next) {
        if (stop->phase == PHASE_VERIFY)
            continue;
        if (!stop->job && streq(stop->unit, unit))
            keep_early(stop, job, result);
        if (!stop->job || !streq(stop->job, job))
            continue;
        end_job(stop, result);
        return;
    }
}

void unit_stops_lost(UnitStops *stops)
{
    UnitStop *next;

    for (UnitStop *stop = stops->first; stop; stop = next) {
        next = stop->next;
        if (stop->phase != PHASE_STOP && stop->phase != PHASE_KILL)
            continue;
        /* The job goes on without us; for the answer to this stop, its processes are all we have.
         */
        set_why(stop, "the connection to systemd has ended", "");
        stop->phase = PHASE_VERIFY;
        stop->verify_usec = loop_now(stops->event, CLOCK_MONOTONIC) + stop->grace_usec;
        wait_for(stop, 0);
    }
    (void)sd_event_source_set_enabled(stops->close, SD_EVENT_ONESHOT);
}

int unit_stop_new(UnitStops *stops, const char *unit, const char *cgroup, uint64_t grace_usec,
                  unit_stop_done_t done, void *userdata)
{
    UnitStop *stop;

    assert(stops && unit && cgroup && done);

    for (stop = stops->first; stop; stop = stop->next)
        if (streq(stop->unit, unit))
            return -EALREADY;
    stop = calloc(1, sizeof(UnitStop));
    if (!stop)
        return -ENOMEM;
    *stop = (UnitStop){
        .stops = stops,
        .unit = strdup(unit),
        .cgroup = strdup(cgroup),
        .grace_usec = grace_usec,
        .done = done,
        .userdata = userdata,
    };
    int r = !stop->unit || !stop->cgroup
                ? -ENOMEM
                : sd_event_add_time_relative(stops->event, &stop->timer, CLOCK_MONOTONIC, 0, 0,
                                             on_timer, stop);
    if (r < 0) {
        unit_stop_free(stop);
        return r;
    }
    source_set(stop->timer, "reaper-stop", PRIORITY_SERVICE);
    stop->next = stops->first;
    if (stop->next)
        stop->next->previous = stop;
    stops->first = stop;
    return 0;
}
