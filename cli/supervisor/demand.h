/* SPDX-License-Identifier: MIT */

/* How a service is started by its connections, in the eyes of phoenixd: what io.phoenix.Supervisor1
 * has under "OnDemand". Strings come from the bus as they are. */

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "base/text.h"
#include "spec/spec.h"

typedef struct Demand {
    bool known; /* phoenixd has said so; what follows is empty otherwise */
    char *socket_state, *socket_result;
    uint64_t waiting; /* connections, while it does not run */
    uint64_t starts, starts_today, held, idle_stops, stops, freezes, thaws;
    uint64_t frozen_usec;
    uint64_t cold_p50_usec, cold_p99_usec;
} Demand;

void demand_done(Demand *demand);

/* Reads "a{sv}" into a Demand (Property.read). */
int demand_read(sd_bus_message *m, void *field);

/* ", 14 starts today, cold start p50 180 ms": nothing of what there is not. */
void demand_add_summary(Text *t, const Demand *demand);

/* "180 ms", "12s", "over 1min": one that phoenixd told. */
void demand_add_cold_start(Text *t, uint64_t usec);

/* Members of a JSON object: what the spec says of it, which needs no phoenixd, and its numbers. */
void demand_add_spec_json(Text *t, const Spec *spec);
void demand_add_json(Text *t, const Demand *demand);
