/* SPDX-License-Identifier: MIT */
/*
 * What a sample is made of: how the services fare, copied on the event loop in one go, and what the
 * host and its containers use, read by the poster's thread, which then writes it all as JSON.
 */
#pragma once

#include "base/text.h"
#include "supervisor/daemon/view.h"
#include "sysinfo/sysinfo.h"

typedef struct SampleService {
    size_t name, unit, reason; /* places in the texts */
    HealthState state;
    int ready;                              /* 1, 0, -1: not known */
    uint64_t restarts, beats, latency_usec; /* UINT64_MAX: no check has ended yet */
    double beats_per_minute;                /* negative: it does not beat */
} SampleService;

/* Initialise with { 0 }. */
typedef struct SampleServices {
    SampleService *items;
    size_t n;
    Text texts; /* each with its NUL */
} SampleServices;

/* How all services fare now. 0 or -ENOMEM. */
int sample_services(Manager *manager, SampleServices *ret);
void sample_services_done(SampleServices *services);

/* Appends one sample of docs/collector-api.md. `sysinfo` may be NULL: it could not be read. */
void sample_to_json(uint64_t realtime_usec, const Sysinfo *sysinfo, const SampleServices *services,
                    Text *t);

/* Appends a time as RFC 3339 has it, in quotes: "2026-11-23T18:20:00.000000Z". */
void sample_add_time(Text *t, uint64_t realtime_usec);
