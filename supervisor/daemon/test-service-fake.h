/* SPDX-License-Identifier: MIT */
/*
 * What a service stands on, made by the test: systemd's view of its unit, the state file, the
 * journal, and checks whose results the test gives. The lease is at the other end of a real
 * connection, the counters are in a real checkpoint.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/macros.h"
#include "supervisor/daemon/accept-queue.h"
#include "supervisor/daemon/service.h"
#include "supervisor/loop/timers.h"

#define PATIENCE_USEC (10 * USEC_PER_SEC)
#define EVENTS_MAX    64
#define PROBES_MAX    8

struct Probe {
    probe_done_t done;
    void *userdata;
    bool running;
    char label[32];
};

struct UnitWatch {
    UnitState state;
    bool unread;
};

struct Units {
    unsigned n_reset, n_start, n_abort, n_beat;
    int error;
    uint64_t beat_usec;
    uint64_t changed_usec; /* of the socket */
};

static struct {
    Probe *probes[PROBES_MAX]; /* in the order of the spec */
    size_t n_probes;
    UnitWatch watch, socket, proxy, idle;
    uint64_t n_waiting; /* connections */
    ServiceRecord record;
    DemandRecord demand;
    char last_reason[PROBE_REASON_MAX];
    Event events[EVENTS_MAX];
    char reasons[EVENTS_MAX][PROBE_REASON_MAX];
    size_t n_events, n_told; /* told: looked at by the test */
    bool braked;
    unsigned n_onset, n_offset, n_settled;
} fake;

/* ---- checks ---- */

int probe_new(const ProbeContext *context, const SpecProbe *spec, const char *unit, Door *door,
              probe_done_t done, void *userdata, Probe **ret)
{
    Probe *probe = calloc(1, sizeof(*probe));

    assert_non_null(probe);
    assert_true(fake.n_probes < PROBES_MAX);
    *probe = (Probe){.done = done, .userdata = userdata};
    snprintf(probe->label, sizeof(probe->label), "tcp %d", (int)spec->port);
    fake.probes[fake.n_probes++] = probe;
    *ret = probe;
    return 0;
}

Probe *probe_free(Probe *probe)
{
    for (size_t i = 0; i < fake.n_probes; i++)
        if (fake.probes[i] == probe) {
            fake.n_probes--;
            memmove(&fake.probes[i], &fake.probes[i + 1],
                    (fake.n_probes - i) * sizeof(fake.probes[0]));
        }
    free(probe);
    return NULL;
}

int probe_run(Probe *probe)
{
    assert_false(probe->running); /* it never overlaps itself */
    probe->running = true;
    return 0;
}

bool probe_is_running(const Probe *probe)
{
    return probe->running;
}

void probe_cancel(Probe *probe)
{
    probe->running = false;
}

const char *probe_label(const Probe *probe)
{
    return probe->label;
}

/* ---- systemd ---- */

int units_watch(Units *units, const char *unit, void *tag, UnitWatch **ret)
{
    if (streq(unit, "phoenix@web.socket"))
        *ret = &fake.socket;
    else if (streq(unit, "phoenix-proxy@web.service"))
        *ret = &fake.proxy;
    else if (streq(unit, "phoenix-idle@web.service"))
        *ret = &fake.idle;
    else
        *ret = &fake.watch;
    return 0;
}

void unit_watch_with_times(UnitWatch *watch)
{
    assert_ptr_equal(watch, &fake.watch);
}

bool unit_watch_is_read(const UnitWatch *watch)
{
    return !watch->unread;
}

UnitWatch *unit_watch_free(UnitWatch *watch)
{
    return NULL;
}

const UnitState *unit_watch_state(const UnitWatch *watch)
{
    return &watch->state;
}

void units_cancel(Units *units, const void *userdata)
{
}

int units_reset_failed(Units *units, const char *unit, units_done_t done, void *userdata)
{
    units->n_reset++;
    return units->error;
}

int units_start(Units *units, const char *unit, units_done_t done, void *userdata)
{
    units->n_start++;
    return units->error;
}

int units_abort(Units *units, const char *unit, units_done_t done, void *userdata)
{
    units->n_abort++;
    return units->error;
}

int units_get_beat(Units *units, const char *unit, units_time_t done, void *userdata)
{
    units->n_beat++;
    done(0, units->beat_usec, userdata);
    return 0;
}

int units_get_changed(Units *units, const char *unit, units_time_t done, void *userdata)
{
    assert_string_equal(unit, "phoenix@web.socket");
    if (units->error == 0)
        done(0, units->changed_usec, userdata);
    return units->error;
}

int accept_queue_length(char *const *addresses, uint64_t *ret)
{
    assert_string_equal(addresses[0], "8080");
    *ret = fake.n_waiting;
    return 0;
}

/* ---- the state file, the journal, the manager ---- */

ServiceRecord *persist_get(Persist *persist, const char *name)
{
    return &fake.record;
}

DemandRecord *persist_get_demand(ServiceRecord *record)
{
    return &fake.demand;
}

void persist_touch(Persist *persist)
{
}

void persist_set_last_reason(Persist *persist, ServiceRecord *record, const char *reason)
{
    snprintf(fake.last_reason, sizeof(fake.last_reason), "%s", reason);
}

void events_emit(Events *events, const Event *event)
{
    assert_true(fake.n_events < EVENTS_MAX);
    assert_non_null(event->reason);
    snprintf(fake.reasons[fake.n_events], PROBE_REASON_MAX, "%s", event->reason);
    fake.events[fake.n_events++] = *event;
}

static inline void on_onset(Runner *runner, void *userdata)
{
    fake.n_onset++;
}

static inline void on_offset(Runner *runner, void *userdata)
{
    fake.n_offset++;
}

static inline bool on_is_braked(void *userdata)
{
    return fake.braked;
}

static inline void on_settled(Service *service, void *userdata)
{
    fake.n_settled++;
}

/* ---- the whole ---- */

typedef struct Fixture {
    Units units;
    ServiceContext context;
    Service *service;
    int lease;                       /* the lease's end; -1: there is none */
    char status[LEASE_TEXT_MAX + 1]; /* what the lease shows, of what was heard */
    LeasePeers *peers;
    LeasePeer *peer;
    size_t n_health, n_ready; /* checks of the spec that make_service() makes */
    uint64_t grace_usec, watchdog_usec;
    int type;
    bool on_demand, native, freeze; /* listens on 8080; idle after 30 s */
    uint64_t stop_usec;             /* frozen for that long: stopped */
} Fixture;

static inline void on_peer_hello(LeasePeer *peer, const struct lease_hello *hello, void *userdata)
{
    Fixture *f = userdata;

    service_lease_hello(f->service, peer, hello);
}

static inline void on_peer_gone(LeasePeer *peer, const char *why, void *userdata)
{
    Fixture *f = userdata;

    if (f->service->lease == peer)
        service_lease_gone(f->service);
    if (f->peer == peer)
        f->peer = NULL;
    lease_peer_free(peer);
}

static const LeasePeerHandlers peer_handlers = {.hello = on_peer_hello, .gone = on_peer_gone};

static inline int setup(void **state)
{
    Fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    memset(&fake, 0, sizeof(fake));
    fake.watch.state = UNIT_STATE_NONE;
    fake.record.state = -1;
    fake.socket.state = fake.proxy.state = fake.idle.state = UNIT_STATE_NONE;
    f->lease = -1;
    f->n_health = 1;
    f->watchdog_usec = USEC_INFINITY;
    f->type = SPEC_TYPE_BINARY;
    f->context = (ServiceContext){.units = &f->units,
                                  .onset = on_onset,
                                  .offset = on_offset,
                                  .is_braked = on_is_braked,
                                  .settled = on_settled,
                                  .userdata = f};
    assert_int_equal(sd_event_new(&f->context.event), 0);
    f->context.probes.event = f->context.event;
    assert_int_equal(
        timers_new(f->context.event, "checks", SD_EVENT_PRIORITY_NORMAL, &f->context.probes.timers),
        0);
    service_context_init(&f->context);
    assert_int_equal(lease_peers_new(f->context.event, &peer_handlers, f, &f->peers), 0);
    assert_int_equal(checkpoint_new(-1, &f->context.checkpoint), 0);
    *state = f;
    return 0;
}

static inline void drop_lease(Fixture *f)
{
    if (f->lease >= 0)
        close(f->lease);
    f->lease = -1;
    while (f->peer)
        assert_true(sd_event_run(f->context.event, PATIENCE_USEC) > 0);
}

static inline int teardown(void **state)
{
    Fixture *f = *state;

    service_free(f->service);
    f->service = NULL;
    if (f->lease >= 0)
        close(f->lease);
    lease_peer_free(f->peer);
    lease_peers_free(f->peers);
    assert_int_equal(fake.n_probes, 0);
    assert_int_equal(f->context.n_checks, 0);
    assert_int_equal(f->context.n_active, 0);
    timers_free(f->context.probes.timers);
    checkpoint_free(f->context.checkpoint);
    sd_event_unref(f->context.event);
    free(f);
    return 0;
}

static inline void fill_probes(SpecProbes *probes, size_t n, int port, const Fixture *f,
                               bool restart)
{
    probes->items = calloc(n, sizeof(*probes->items));
    assert_true(n == 0 || probes->items);
    probes->n = n;
    for (size_t i = 0; i < n; i++)
        probes->items[i] = (SpecProbe){
            .type = SPEC_PROBE_TCP,
            .port = port + (int)i,
            .interval_usec = 1000,
            .timeout_usec = USEC_PER_SEC,
            .retries = 3,
            .successes = 1,
            .grace_usec = f->grace_usec,
            .restart = restart,
        };
}

static inline void fill_listen(Spec *spec, const Fixture *f)
{
    spec->listen.items = calloc(1, sizeof(*spec->listen.items));
    assert_non_null(spec->listen.items);
    spec->listen.n = 1;
    spec->listen.items[0].stream = strdup("8080");
    spec->activation = f->native ? SPEC_ACTIVATION_NATIVE : SPEC_ACTIVATION_PROXY;
    spec->idle = (SpecIdle){.after_usec = 30 * USEC_PER_SEC,
                            .action = f->freeze ? SPEC_IDLE_FREEZE : SPEC_IDLE_STOP,
                            .min_usec = 0,
                            .stop_usec = f->stop_usec > 0 ? f->stop_usec : USEC_INFINITY};
}

static inline Plan *make_plan(const Fixture *f)
{
    _cleanup_spec_free_ Spec *spec = spec_new();
    Plan *plan = NULL;

    assert_non_null(spec);
    spec->type = f->type;
    spec->duration = SPEC_DURATION_DAEMON;
    spec->watchdog_usec = f->watchdog_usec;
    spec->restart = (SpecRestart){.delay_usec = 20000,
                                  .max_usec = USEC_PER_MINUTE,
                                  .reset_usec = 5 * USEC_PER_MINUTE,
                                  .burst = 5};
    if (f->on_demand)
        fill_listen(spec, f);
    fill_probes(&spec->healthcheck, f->n_health, 80, f, true);
    fill_probes(&spec->readiness, f->n_ready, 90, f, false);
    assert_int_equal(plan_new("web", 123, spec, &plan), 0);
    return plan;
}

static inline void make_service(Fixture *f)
{
    Plan *plan = make_plan(f);

    assert_int_equal(service_new(&f->context, &plan, &f->service), 0);
    assert_null(plan);
}

/* A lease connects and says what it is. */
static inline void come(Fixture *f, pid_t pid, enum lease_phase phase)
{
    const Identity identity = {.pid = pid, .unit = "phoenix@web.service"};
    struct lease_hello hello = {.role = LEASE_ROLE_SERVICE, .phase = phase};
    int ends[2];

    drop_lease(f);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    f->lease = ends[1];
    assert_int_equal(lease_peer_new(f->peers, ends[0], &identity, &f->peer), 0);
    lease_header_init(&hello.header, LEASE_HELLO, sizeof(hello));
    assert_int_equal(send(f->lease, &hello, sizeof(hello), 0), sizeof(hello));
    while (f->service->lease != f->peer)
        assert_true(sd_event_run(f->context.event, PATIENCE_USEC) > 0);
}

/* The check is made; the test says with what result. */
static inline void give(Fixture *f, size_t i, ProbeOutcome outcome, const char *reason)
{
    ProbeResult result = {.outcome = outcome, .latency_usec = 100};

    assert_true(i < fake.n_probes);
    while (!fake.probes[i]->running)
        assert_true(sd_event_run(f->context.event, PATIENCE_USEC) > 0);
    snprintf(result.reason, sizeof(result.reason), "%s", reason);
    fake.probes[i]->running = false;
    fake.probes[i]->done(fake.probes[i], &result, fake.probes[i]->userdata);
}

static inline void fail_for_good(Fixture *f)
{
    for (int i = 0; i < 3; i++)
        give(f, 0, PROBE_FAIL, "tcp 80: refused");
}

/* systemd says something else of the unit. */
static inline void unit_is(Fixture *f, UnitActive active, const char *sub, const char *result,
                           uint32_t n)
{
    UnitState before = fake.watch.state, *now = &fake.watch.state;

    now->known = true;
    now->active = active;
    now->sub = sub;
    now->result = result;
    now->n_restarts = n;
    now->entered_usec = UINT64_MAX; /* later than any lease */
    service_unit_changed(f->service, &before, now);
}

/* The next message that the lease got, its text in f->status if it is one; -1: there is none. */
static inline int next_message(Fixture *f, char *ret_text)
{
    _Alignas(uint64_t) char packet[LEASE_MESSAGE_MAX + 1];
    struct lease_message message;
    ssize_t n = recv(f->lease, packet, LEASE_MESSAGE_MAX, MSG_DONTWAIT);

    if (n <= 0)
        return -1;
    assert_int_equal(lease_parse(packet, (size_t)n, LEASE_END_LEASE, &message), 0);
    snprintf(ret_text, LEASE_TEXT_MAX + 1, "%.*s", (int)message.text_size,
             message.text ? message.text : "");
    if (message.type == LEASE_STATUS)
        strcpy(f->status, ret_text);
    return (int)message.type;
}

static inline void hears(Fixture *f, enum lease_type type, const char *text)
{
    char got[LEASE_TEXT_MAX + 1] = "";

    assert_int_equal(next_message(f, got), type);
    if (text)
        assert_string_equal(got, text);
}

/* Whatever else the lease was told. */
static inline void shows(Fixture *f, const char *status)
{
    char text[LEASE_TEXT_MAX + 1];

    while (next_message(f, text) >= 0)
        ;
    assert_string_equal(f->status, status);
}

static inline void hears_nothing(Fixture *f)
{
    char byte;

    assert_int_equal(recv(f->lease, &byte, 1, MSG_DONTWAIT), -1);
}

/* The next event that was told. */
static inline void tells(EventKind kind, const char *reason)
{
    assert_true(fake.n_told < fake.n_events);
    assert_string_equal(event_kind_word(fake.events[fake.n_told].kind), event_kind_word(kind));
    if (reason)
        assert_string_equal(fake.reasons[fake.n_told], reason);
    fake.n_told++;
}

static inline void tells_nothing(void)
{
    assert_int_equal(fake.n_told, fake.n_events);
}

/* Up and healthy, everything said about it heard. */
static inline void be_healthy(Fixture *f)
{
    if (!f->service)
        make_service(f);
    unit_is(f, UNIT_ACTIVATING, "start-post", "success", 0);
    come(f, 100, LEASE_PHASE_WAITING);
    for (size_t i = 0; i < f->n_health + f->n_ready; i++)
        give(f, i, PROBE_PASS, "tcp 80: open");
    unit_is(f, UNIT_ACTIVE, "running", "success", 0);
    assert_int_equal(f->service->state, HEALTH_HEALTHY);
    shows(f, "healthy");
    fake.n_told = fake.n_events;
}
