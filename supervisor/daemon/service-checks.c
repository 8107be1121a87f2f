/* SPDX-License-Identifier: MIT */
/*
 * The set of checks of a service: made as its plan says, begun and stopped together. And the count
 * of checks that are made at this time, which the brake goes by.
 */
#include <arpa/inet.h>
#include <errno.h>

#include "base/macros.h"
#include "spec/demand.h"
#include "supervisor/daemon/service.h"

/* Of all services together; what is beyond is not supervised, and said. */
#define CHECKS_MAX 50000

/* ---- the way to what systemd listens on for a service: not through the service ---- */

static int outside_request(Door *door, const DoorRequest *request, door_done_t done, void *userdata,
                           uint32_t *ret_id)
{
    return -ENOTCONN;
}

static void outside_cancel(Door *door, uint32_t id)
{
}

static int outside_shares_network(Door *door)
{
    return 1;
}

void service_context_init(ServiceContext *context)
{
    runner_context_init(&context->runners, &context->probes, service_check_done,
                        service_check_answered);
    context->outside = (Door){.request = outside_request,
                              .cancel = outside_cancel,
                              .shares_network = outside_shares_network,
                              .source = inet_addr(SPEC_CHECK_SOURCE),
                              .port_first = SPEC_CHECK_PORT_FIRST,
                              .port_last = SPEC_CHECK_PORT_LAST};
}

static int add_check(Service *service, size_t i)
{
    CheckpointCheck *check =
        service->slot && i < CHECKPOINT_CHECKS ? &service->slot->checks[i] : NULL;
    const PlanDemand *demand = service->plan->demand;
    Door *door = demand && demand->outside >> i & 1 ? &service->context->outside : &service->door;
    bool readiness = i >= service->plan->n_liveness;
    int r = runner_new(&service->context->runners, &service->plan->checks[i], readiness,
                       service->unit, door, check, service, &service->runners[i]);

    if (r < 0)
        return r;
    service->n_runners++;
    service->n_liveness += !readiness;
    service->context->n_checks++;
    return 0;
}

int service_make_checks(Service *service)
{
    size_t n = service->plan->n_checks;
    int r = 0;

    service_free_checks(service);
    if (n == 0)
        return 0;
    if (service->context->n_checks + n > CHECKS_MAX)
        return -E2BIG;
    service->runners = calloc(n, sizeof(*service->runners));
    if (!service->runners)
        return -ENOMEM;
    for (size_t i = 0; i < n && r >= 0; i++)
        r = add_check(service, i);
    if (r < 0)
        service_free_checks(service);
    return r;
}

void service_free_checks(Service *service)
{
    service_stop_checks(service); /* who asked for a check now is told */
    for (size_t i = 0; i < service->n_runners; i++) {
        service->context->offset(service->runners[i], service->context->userdata);
        runner_free(service->runners[i]);
    }
    service->context->n_checks -= service->n_runners;
    free(service->runners);
    service->runners = NULL;
    service->n_runners = service->n_liveness = 0;
}

void service_start_checks(Service *service, void (*start)(Runner *runner))
{
    for (size_t i = 0; i < service->n_runners; i++) {
        service->context->n_active += !runner_is_active(service->runners[i]);
        start(service->runners[i]);
    }
}

void service_stop_checks(Service *service)
{
    for (size_t i = 0; i < service->n_runners; i++) {
        service->context->n_active -= runner_is_active(service->runners[i]);
        runner_stop(service->runners[i]);
    }
}
