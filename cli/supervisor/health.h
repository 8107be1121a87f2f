/* SPDX-License-Identifier: MIT */

/* How services are in the eyes of phoenixd: the answers of io.phoenix.Supervisor1 as structures.
 * All strings come from the bus as they are: clean them (screen.h) before they are shown. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "base/macros.h"
#include "cli/supervisor/demand.h"

/* One check that was made. */
typedef struct Sample {
    uint64_t when_usec;
    uint64_t latency_usec;
    char *outcome; /* "pass", "fail", "void" */
    char *reason;
} Sample;

typedef struct Samples {
    Sample *items; /* oldest first */
    size_t n;
} Samples;

typedef struct Probe {
    char *label; /* "GET /health" */
    char *type;
    char *verdict; /* "unknown", "passing", "failing", "exhausted" */
    bool readiness;
    uint32_t failures, retries;
    uint64_t interval_usec, timeout_usec;
    uint64_t next_usec; /* CLOCK_REALTIME; 0: none is due */
    uint64_t n_pass, n_fail, n_void;
    uint64_t p50_usec, p99_usec;
    Samples history;
    /* Only in the answer to ProbeNow(). */
    char *outcome, *reason;
    uint64_t latency_usec;
} Probe;

typedef struct Probes {
    Probe *items;
    size_t n;
} Probes;

/* Times are CLOCK_REALTIME microseconds, 0: never, UINT64_MAX: no end; spans are microseconds. */
typedef struct Health {
    char *name, *unit, *type;
    char *state; /* "healthy", "failing", "held", ... */
    char *reason;
    char *ready; /* "yes", "no", "unknown" */
    char *active_state, *sub_state, *result;
    bool supervised, lease, maintenance;
    uint64_t since_usec, maintenance_until_usec, held_until_usec;
    uint64_t starts, restarts, checks, failures, unhealthy, beats;
    double beats_per_minute; /* -1: it does not beat */
    uint64_t next_delay_usec;
    uint64_t last_healthy_usec, last_failure_usec;
    uint64_t watchdog_usec;
    uint32_t unit_restarts;
    /* The check that was made last; last_probe is NULL or "" when there was none. */
    char *last_probe, *last_outcome, *last_reason;
    uint64_t last_latency_usec;
    Demand demand; /* not known: it is not started by connections */
    Probes probes; /* only in the answer to GetService() */
} Health;

typedef struct Healths {
    Health *items;
    size_t n, allocated;
} Healths;

void probes_done(Probes *probes);
void health_done(Health *health);
void healths_done(Healths *healths);
#define _cleanup_probes_  _cleanup_(probes_done)
#define _cleanup_health_  _cleanup_(health_done)
#define _cleanup_healths_ _cleanup_(healths_done)

/* Each reads one value from a message: "a{sv}", "aa{sv}", "aa{sv}". */
int health_read(sd_bus_message *m, Health *ret);
int healths_read(sd_bus_message *m, Healths *ret);
int probes_read(sd_bus_message *m, Probes *ret);

const Health *healths_find(const Healths *healths, const char *name);

/* The reason without the label that it begins with, for where the label stands beside it: "200 OK"
 * of "GET /health: 200 OK" and "http GET /health". Points into reason. */
const char *health_reason_beside(const char *label, const char *reason);

/* Whether any check has been made yet. */
bool health_was_checked(const Health *health);

/* Whether the service does what it is there for, as far as anybody can tell: for exit statuses. */
bool health_is_good(const Health *health);
