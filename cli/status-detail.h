/* SPDX-License-Identifier: MIT */

/* All that `phoenix status NAME` tells of one service: as lines for people, and as JSON. */

#pragma once

#include "services.h"

#define STATUS_DOT "●"

/* When the state that is shown began, CLOCK_REALTIME; 0: not known. */
uint64_t status_since(const ServiceRow *row);
/* "yes" or "no"; NULL: it does not run, or it is not known yet. */
const char *status_ready(const ServiceRow *row);
uint64_t status_restarts(const ServiceRow *row);

/* Whether it runs, starts or reloads, as systemd sees it. */
bool status_is_up(const ServiceRow *row);

/* Whether it runs and is not known to be unwell. */
bool status_is_good(const ServiceRow *row);

/* The begin of a line "Key: ". */
void status_add_key(Text *t, const char *key);

/* status-demand.c: lines and JSON of a service that is started by its connections, nothing for
 * others; and "idle (listening on 8080), 14 starts today, cold start p50 180 ms". */
void status_add_demand(Text *t, const Cli *cli, const ServiceRow *row);
void status_add_demand_json(Text *t, const ServiceRow *row);
void status_add_idle(Text *t, const ServiceRow *row);
void status_add_addresses(Text *t, const ServiceRow *row);

/* unit: everything about the unit, or an empty one. 0 or -ENOMEM. */
int status_add_detail(Text *t, const Cli *cli, const Services *services, const ServiceRow *row,
                      const UnitState *unit);

/* One object. unit: NULL when this is one of many, without checks and unit details. */
void status_add_json(Text *t, const ServiceRow *row, const UnitState *unit);
