/* SPDX-License-Identifier: MIT */

/* What is told of a service that is started by its connections; nothing for others. */

#pragma once

#include "cli/cli.h"
#include "cli/specs/services.h"

void status_add_demand(Text *t, const Cli *cli, const ServiceRow *row);
void status_add_demand_json(Text *t, const ServiceRow *row);

/* "idle (listening on 8080), 14 starts today, cold start p50 180 ms" */
void status_add_idle(Text *t, const ServiceRow *row);
/* "8080, [::1]:9090" */
void status_add_addresses(Text *t, const ServiceRow *row);
