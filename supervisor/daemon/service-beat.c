/* SPDX-License-Identifier: MIT */
/*
 * Heartbeats of services that beat by themselves. systemd tells nobody of a beat, but keeps the
 * time of the last one (WatchdogTimestamp=). Looking twice per watchdog time sees each beat of a
 * program that follows sd_watchdog_enabled(3); of one that beats faster, the rate is a lower bound.
 */
#include <stdlib.h>

#include "base/macros.h"
#include "supervisor/daemon/service.h"

static void on_beat(int error, uint64_t timestamp_usec, void *userdata)
{
    Service *service = userdata;

    if (error < 0 || timestamp_usec <= service->beat_usec)
        return;
    uint64_t gap = service->beat_usec ? timestamp_usec - service->beat_usec : 0;
    /* The first time that is seen may be that of the start. */
    service->record->beats += gap > 0;
    service->beat_usec = timestamp_usec;
    if (gap)
        service->beat_gap_usec =
            service->beat_gap_usec ? (3 * service->beat_gap_usec + gap) / 4 : gap;
}

static uint64_t period(const Service *service)
{
    return MAX(service->spec->watchdog_usec / 2, 100 * USEC_PER_MSEC);
}

static int on_due(sd_event_source *source, uint64_t usec, void *userdata)
{
    Service *service = userdata;

    (void)units_get_beat(service->context->units, service->unit, on_beat, service);
    sd_event_source_set_time_relative(source, period(service));
    sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
    return 0;
}

void service_disarm_beat(Service *service)
{
    sd_event_source_disable_unref(service->beat_timer);
    service->beat_timer = NULL;
    service->beat_usec = service->beat_gap_usec = 0;
}

void service_arm_beat(Service *service)
{
    if (service->spec->watchdog_usec == USEC_INFINITY || service->beat_timer)
        return;
    if (sd_event_add_time_relative(service->context->event, &service->beat_timer, CLOCK_MONOTONIC,
                                   period(service), 0, on_due, service) >= 0)
        sd_event_source_set_description(service->beat_timer, "beat");
}
