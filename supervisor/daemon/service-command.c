/* SPDX-License-Identifier: MIT */
/* What people ask of a service: a check now, maintenance. */
#include <errno.h>

#include "base/macros.h"
#include "supervisor/daemon/service.h"
#include "supervisor/daemon/source.h"

void service_check_answered(Runner *runner, const ProbeSample *sample, void *userdata)
{
    Service *service = userdata;
    ServiceAsk *ask = service->ask;
    ProbeView view;

    runner_view(runner, &view);
    if (sample)
        ask->done(&view, sample, ask->userdata);
    if (--ask->n_left > 0)
        return;
    service->ask = NULL; /* before it is told: it may ask again */
    ask->done(NULL, NULL, ask->userdata);
    free(ask);
}

int service_probe_now(Service *service, view_probe_done_t done, void *userdata)
{
    if (service->ask)
        return -EBUSY;
    if (service->n_runners == 0 || !runner_is_active(service->runners[0]))
        return -ENOTCONN;
    service->ask = calloc(1, sizeof(ServiceAsk));
    if (!service->ask)
        return -ENOMEM;
    *service->ask = (ServiceAsk){.done = done, .userdata = userdata};
    /* They are all active, or none is; the answers come later. */
    for (size_t i = 0; i < service->n_runners; i++)
        service->ask->n_left += runner_probe_now(service->runners[i]) >= 0;
    return (int)service->ask->n_left;
}

static int on_maintenance_over(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)service_set_maintenance(userdata, false, 0);
    return 0;
}

static void arm_maintenance(Service *service, uint64_t until_usec)
{
    service->maintenance_timer = sd_event_source_disable_unref(service->maintenance_timer);
    if (until_usec == UINT64_MAX)
        return;
    if (sd_event_add_time(service->context->event, &service->maintenance_timer, CLOCK_REALTIME,
                          until_usec, 0, on_maintenance_over, service) >= 0)
        source_set(service->maintenance_timer, "maintenance-end", PRIORITY_SERVICE);
}

int service_set_maintenance(Service *service, bool on, uint64_t until_usec)
{
    ServiceRecord *record = service->record;
    bool was = record->maintenance;
    HealthState before = service->state;

    record->maintenance = on;
    record->maintenance_until_usec = on ? until_usec : 0;
    service_touch(service);
    arm_maintenance(service, on ? until_usec : UINT64_MAX);
    if (was == on)
        return before == HEALTH_MAINTENANCE || !on || service->state == HEALTH_STOPPED ? -EALREADY
                                                                                       : 0;
    service_post(service, on ? HEALTH_EVENT_MAINTENANCE_ON : HEALTH_EVENT_MAINTENANCE_OFF, NULL);
    service_emit(service, on ? EVENT_MAINTENANCE_ON : EVENT_MAINTENANCE_OFF, before,
                 on ? "nothing is ended, checks go on" : "verdicts count again", NULL, NULL);
    if (!on)
        service_judge_again(service);
    return 0;
}
