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
    manager_read_plans(manager);
    return manager_service(manager, name);
}

/* ---- the gate ---- */

/* From the moment a service comes to the gate to the end of its start. */
struct GateTurn {
    GateEntry entry;
    Service *service;
    LeasePeer *peer; /* waits, or has gone ahead; NULL: has gone */
    sd_event_source *timer;
};

#define TURN_OF_ENTRY(e) ((GateTurn *)((char *)(e)-offsetof(GateTurn, entry)))

static int on_turn_over(sd_event_source *source, uint64_t usec, void *userdata)
{
    Service *service = userdata;

    service->context->settled(service, service->context->userdata);
    return 0;
}

static void let_in(Manager *manager, GateTurn *turn)
{
    if (turn->peer)
        (void)lease_peer_say(turn->peer, LEASE_GO);
    if (sd_event_add_time_relative(manager->event, &turn->timer, CLOCK_MONOTONIC,
                                   GATE_TURN_MAX_USEC, 0, on_turn_over, turn->service) >= 0)
        source_set(turn->timer, "gate-turn", PRIORITY_SERVICE);
}

static void let_in_next(Manager *manager)
{
    for (GateEntry *entry; (entry = gate_next(&manager->gate));)
        let_in(manager, TURN_OF_ENTRY(entry));
}

static void end_turn(Manager *manager, Service *service)
{
    GateTurn *turn = TAKE_PTR(service->turn);

    gate_leave(&manager->gate, &turn->entry);
    sd_event_source_disable_unref(turn->timer);
    if (turn->peer)
        lease_peer_set_tag(turn->peer, NULL);
    free(turn);
}

void manager_leave_gate(Manager *manager, Service *service)
{
    if (!service->turn)
        return;
    end_turn(manager, service);
    let_in_next(manager);
}

void manager_close_gate(Manager *manager)
{
    for (size_t i = 0; i < manager->n_services; i++)
        if (manager->services[i]->turn)
            end_turn(manager, manager->services[i]);
}

/* Called for each change of a unit, most of which never came to the gate. */
void manager_settled(Service *service, void *userdata)
{
    if (service->turn && service->turn->entry.running)
        manager_leave_gate(userdata, service);
}

static void enter_gate(Manager *manager, Service *service, LeasePeer *peer)
{
    if (service->turn && service->turn->peer == peer) /* HELLO again */
        return;
    manager_leave_gate(manager, service);
    GateTurn *turn = calloc(1, sizeof(*turn));
    if (!turn) { /* nobody is kept from starting for that */
        (void)lease_peer_say(peer, LEASE_GO);
        return;
    }
    turn->service = service;
    turn->peer = peer;
    turn->entry.dependents = service->dependents;
    turn->entry.restart = unit_watch_state(service->watch)->n_restarts > 0;
    service->turn = turn;
    gate_enter(&manager->gate, &turn->entry);
    let_in_next(manager);
}

static void on_gate_peer_gone(Manager *manager, Service *service)
{
    service->turn->peer = NULL;
    if (!service->turn->entry.running) /* stopped while it waited */
        manager_leave_gate(manager, service);
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

/* One that comes before HELLO was sent to the supervisor before this one; it is said again after.
 */
static void on_frozen(LeasePeer *peer, bool frozen, void *userdata)
{
    Service *service = lease_peer_tag(peer);

    if (service && service->lease == peer)
        service_set_frozen(service, frozen);
}

static void on_gone(LeasePeer *peer, const char *why, void *userdata)
{
    Manager *manager = userdata;
    Service *service = lease_peer_tag(peer);

    log_debug("%s: %s", lease_peer_identity(peer)->unit, why);
    if (service && service->turn && service->turn->peer == peer)
        on_gate_peer_gone(manager, service);
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
    .peer = {.hello = on_hello, .frozen = on_frozen, .gone = on_gone},
    .starved = on_starved,
};
