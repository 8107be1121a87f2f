/* SPDX-License-Identifier: MIT */
/*
 * A service whose payload is put to sleep and woken, by phoenix-idle or by anybody else. Its lease
 * tells; of one without checks, the status of phoenix-idle.
 */
#include <stdio.h>

#include "base/macros.h"
#include "base/timespan.h"
#include "supervisor/daemon/service.h"
#include "supervisor/daemon/source.h"

uint64_t service_in_state_usec(const Service *service)
{
    uint64_t now = loop_now(service->context->event, CLOCK_REALTIME);
    uint64_t since = service->record->state_since_usec;

    return now > since ? now - since : 0; /* the clock may have been set */
}

static void tell(Service *service, bool frozen, uint64_t slept_usec)
{
    _cleanup_free_ char *span = timespan_format(slept_usec - slept_usec % USEC_PER_MSEC);
    char reason[80] = "";

    if (!frozen)
        snprintf(reason, sizeof(reason), "frozen for %s", span ? span : "a while");
    service_emit(service, frozen ? EVENT_FROZEN : EVENT_THAWED,
                 frozen ? HEALTH_HEALTHY : HEALTH_FROZEN, reason, NULL, NULL);
}

void service_set_frozen(Service *service, bool frozen)
{
    uint64_t slept_usec = service_in_state_usec(service);
    bool was = service->state == HEALTH_FROZEN;

    service_post(service, frozen ? HEALTH_EVENT_FREEZE : HEALTH_EVENT_THAW, "");
    if ((service->state == HEALTH_FROZEN) == was)
        return;
    if (!frozen && service->record->maintenance)
        service_post(service, HEALTH_EVENT_MAINTENANCE_ON, NULL);
    if (!service->demand)
        tell(service, frozen, slept_usec);
    else if (frozen)
        service_demand_frozen(service);
    else
        service_demand_thawed(service, slept_usec);
}
