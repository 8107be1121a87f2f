/* SPDX-License-Identifier: MIT */
/*
 * Heartbeats of services that beat by themselves. systemd tells nobody of a beat, but keeps the
 * time of the last one (WatchdogTimestamp=). Twice per watchdog time that is read two times in a
 * row; the pause between them is halved when a beat fell into it, and doubled when none did, so
 * that soon it holds about one beat, and the difference of the two times is the gap between beats.
 */
#include <stdlib.h>

#include "base/macros.h"
#include "supervisor/daemon/service.h"
#include "supervisor/daemon/source.h"

#define PAUSE_LEAST_USEC (10 * USEC_PER_MSEC)

static uint64_t period(const Service *service)
{
    return MAX(service->plan->watchdog_usec / 2, 100 * USEC_PER_MSEC);
}

static void arm(Service *service, uint64_t delay_usec)
{
    sd_event_source_set_time_relative(service->beat->timer, delay_usec);
    sd_event_source_set_enabled(service->beat->timer, SD_EVENT_ONESHOT);
}

/* Smoothed, but at once when it was too long: then more than one beat was taken for one. */
static void learn_gap(ServiceBeat *beat, uint64_t gap_usec)
{
    if (beat->gap_usec == 0 || gap_usec < beat->gap_usec / 4 * 3)
        beat->gap_usec = gap_usec;
    else
        beat->gap_usec = (3 * beat->gap_usec + gap_usec) / 4;
}

static void take_second(Service *service, uint64_t timestamp_usec)
{
    ServiceBeat *beat = service->beat;

    if (timestamp_usec > beat->last_usec) {
        /* In a pause that is longer than two gaps it may have been several. */
        if (beat->gap_usec == 0 || beat->pause_usec < 2 * (timestamp_usec - beat->last_usec))
            learn_gap(beat, timestamp_usec - beat->last_usec);
        beat->pause_usec = MAX(beat->pause_usec / 2, PAUSE_LEAST_USEC);
    } else {
        beat->pause_usec = MIN(beat->pause_usec * 2, period(service));
    }
}

static void count_beats(Service *service, uint64_t timestamp_usec)
{
    ServiceBeat *beat = service->beat;

    /* The first time that is seen may be that of the start. */
    if (beat->last_usec && timestamp_usec > beat->last_usec && beat->gap_usec)
        service->record->beats += MAX(
            (timestamp_usec - beat->last_usec + beat->gap_usec / 2) / beat->gap_usec, UINT64_C(1));
    beat->last_usec = timestamp_usec;
}

static void on_beat(int error, uint64_t timestamp_usec, void *userdata)
{
    Service *service = userdata;
    ServiceBeat *beat = service->beat;

    if (!beat) /* it has stopped meanwhile */
        return;
    if (error < 0) {
        beat->second = false;
        arm(service, period(service));
        return;
    }
    if (beat->second)
        take_second(service, timestamp_usec);
    count_beats(service, timestamp_usec);
    beat->second = !beat->second;
    arm(service, beat->second ? beat->pause_usec : period(service));
}

static int on_due(sd_event_source *source, uint64_t usec, void *userdata)
{
    Service *service = userdata;

    if (units_get_beat(service->context->units, service->unit, on_beat, service) < 0)
        arm(service, period(service));
    return 0;
}

void service_disarm_beat(Service *service)
{
    if (service->beat)
        sd_event_source_disable_unref(service->beat->timer);
    free(service->beat);
    service->beat = NULL;
}

void service_arm_beat(Service *service)
{
    if (service->plan->watchdog_usec == USEC_INFINITY || service->beat)
        return;
    ServiceBeat *beat = calloc(1, sizeof(*beat));
    if (!beat)
        return;
    beat->pause_usec = period(service) / 2;
    if (sd_event_add_time_relative(service->context->event, &beat->timer, CLOCK_MONOTONIC,
                                   period(service), PAUSE_LEAST_USEC / 2, on_due, service) < 0) {
        free(beat);
        return;
    }
    source_set(beat->timer, "beat", PRIORITY_SERVICE);
    service->beat = beat;
}
