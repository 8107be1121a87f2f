/* SPDX-License-Identifier: MIT */
/* Which service a lease is of, and whose turn it is to start. */
#include <errno.h>

#include "base/log.h"
#include "base/macros.h"
#include "supervisor/daemon/manager-internal.h"
#include "supervisor/daemon/source.h"

/* A start that neither succeeds nor fails does not keep the others from starting for longer. */
#define GATE_TURN_MAX_USEC (2 * USEC_PER_MINUTE)

/* Plans are not read more often than this for names that are unknown. */
#define PLANS_AGE_USEC USEC_PER_SEC

/* The lease of a service that was generated a moment ago may come before the Reloading signal. */
static Service *find_service(Manager *manager, const Identity *identity)
{
    char name[IDENTITY_UNIT_MAX];

    if (identity_service_name(identity->unit, name, sizeof(name)) < 0)
        return NULL;
    Service *service = manager_service(manager, name);
    if (service)
        return service;
    if (loop_now(manager->event, CLOCK_MONOTONIC) < manager->plans_read_usec + PLANS_AGE_USEC)
        return NULL;
    (void)manager_read_plans(manager);
    return manager_service(manager, name);
}

/* ---- the gate ---- */

static int on_turn_over(sd_event_source *source, uint64_t usec, void *userdata)
{
    Service *service = userdata;

    service->context->settled(service, service->context->userdata);
    return 0;
}

static void let_in(Manager *manager, Service *service)
{
    if (service->gate_peer)
        (void)lease_peer_say(service->gate_peer, LEASE_GO);
    service->gate_timer = sd_event_source_disable_unref(service->gate_timer);
    if (sd_event_add_time_relative(manager->event, &service->gate_timer, CLOCK_MONOTONIC,
                                   GATE_TURN_MAX_USEC, 0, on_turn_over, service) >= 0)
        source_set(service->gate_timer, "gate-turn", PRIORITY_SERVICE);
}

#define SERVICE_OF_GATE(e) ((Service *)((char *)(e)-offsetof(Service, gate)))

static void let_in_next(Manager *manager)
{
    for (GateEntry *entry; (entry = gate_next(&manager->gate));)
        let_in(manager, SERVICE_OF_GATE(entry));
}

static void leave_gate(Manager *manager, Service *service)
{
    gate_leave(&manager->gate, &service->gate);
    service->gate_timer = sd_event_source_disable_unref(service->gate_timer);
    let_in_next(manager);
}

/* Called for each change of a unit, most of which never came to the gate. */
void manager_settled(Service *service, void *userdata)
{
    if (service->gate.running)
        leave_gate(userdata, service);
}

static void enter_gate(Manager *manager, Service *service, LeasePeer *peer)
{
    if (service->gate_peer == peer) /* HELLO again */
        return;
    if (service->gate_peer)
        lease_peer_set_tag(service->gate_peer, NULL);
    leave_gate(manager, service);
    service->gate_peer = peer;
    service->gate.restart = unit_watch_state(service->watch)->n_restarts > 0;
    gate_enter(&manager->gate, &service->gate);
    let_in_next(manager);
}

/* ---- leases ---- */

static void on_hello(LeasePeer *peer, const struct lease_hello *hello, void *userdata)
{
    Manager *manager = userdata;
    const Identity *identity = lease_peer_identity(peer);
    Service *service = find_service(manager, identity);

    if (!service) {
        log_warning("%s has a lease but no plan: it is not supervised", identity->unit);
        (void)lease_peer_say(peer, LEASE_WELCOME);
        (void)lease_peer_say(peer, hello->role == LEASE_ROLE_GATE ? LEASE_GO : LEASE_READY);
        return;
    }
    lease_peer_set_tag(peer, service);
    if (hello->role == LEASE_ROLE_GATE) {
        (void)lease_peer_say(peer, LEASE_WELCOME);
        enter_gate(manager, service, peer);
    } else {
        service_lease_hello(service, peer, hello);
    }
}

static void on_gone(LeasePeer *peer, const char *why, void *userdata)
{
    Manager *manager = userdata;
    Service *service = lease_peer_tag(peer);

    log_debug("%s: %s", lease_peer_identity(peer)->unit, why);
    if (service && service->gate_peer == peer) {
        service->gate_peer = NULL;
        if (!service->gate.running) /* stopped while it waited */
            leave_gate(manager, service);
    }
    if (service && service->lease == peer)
        service_lease_gone(service);
    lease_server_drop(manager->leases, peer);
    if (service && service->orphan)
        manager_forget_orphans(manager);
}

static void on_starved(int error, void *userdata)
{
    manager_lack(userdata, LACK_FDS,
                 error < 0 ? "out of file descriptors: new services are not supervised" : NULL);
}

const LeaseServerHandlers manager_lease_handlers = {
    .peer = {.hello = on_hello, .gone = on_gone},
    .starved = on_starved,
};
