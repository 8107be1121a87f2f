/* SPDX-License-Identifier: MIT */
/* One service as the interfaces may see it (view.h). */
#include "base/macros.h"
#include "supervisor/daemon/service.h"

static double beats_per_minute(const Service *service)
{
    if (service->plan->watchdog_usec == USEC_INFINITY)
        return -1;
    if (!service->beat || service->beat->gap_usec == 0)
        return 0;
    return (double)USEC_PER_MINUTE / (double)service->beat->gap_usec;
}

static uint64_t next_delay(const Service *service, const UnitState *state)
{
    if (state->known && state->restart_usec_next != UINT64_MAX)
        return state->restart_usec_next;
    return restart_delay(&service->plan->restart, state->n_restarts);
}

static const char *ready_word(const Service *service)
{
    if (service->ready >= 0)
        return service->ready ? "yes" : "no";
    /* Without checks of readiness a healthy service is ready. */
    if (service->n_runners == service->n_liveness && service->state == HEALTH_HEALTHY)
        return "yes";
    return service->state == HEALTH_STOPPED || service->state == HEALTH_HELD ? "no" : "unknown";
}

static const char *shown_reason(const Service *service)
{
    if (service->state != HEALTH_HEALTHY || service->ready != 0)
        return service_reason(service);
    return service->ready_reason ? service->ready_reason : "";
}

void service_view(Service *service, ServiceView *ret)
{
    const ServiceRecord *record = service->record;
    const UnitState *state = unit_watch_state(service->watch);

    *ret = (ServiceView){
        .name = service->name,
        .unit = service->unit,
        .type = spec_type_word(service->plan->type),
        .state = service->state,
        .since_usec = record->state_since_usec,
        .reason = shown_reason(service),
        .ready = ready_word(service),
        .supervised = service_is_supervised(service),
        .lease = service->lease != NULL,
        .maintenance = record->maintenance,
        .maintenance_until_usec = record->maintenance_until_usec,
        .held_until_usec = service->state == HEALTH_HELD ? service_held_until(service) : 0,
        .unit_state = state,
        .starts = record->starts,
        .restarts = record->restarts,
        .checks = record->checks,
        .failures = record->failures,
        .unhealthy = record->unhealthy,
        .beats = record->beats,
        .beats_per_minute = beats_per_minute(service),
        .next_delay_usec = next_delay(service, state),
        .last_healthy_usec = record->last_healthy_usec,
        .last_failure_usec = record->last_failure_usec,
        .n_probes = service->n_runners,
        .on_demand = service->demand != NULL,
    };
    if (service->demand)
        service_view_demand(service, &ret->demand);
}
