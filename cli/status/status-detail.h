/* SPDX-License-Identifier: MIT */

/* All that `phoenix status NAME` tells people of one service. */

#pragma once

#include "cli/cli.h"
#include "cli/specs/services.h"

#define STATUS_DOT "●"

/* unit: everything about the unit, or an empty one. 0 or -ENOMEM. */
int status_add_detail(Text *t, const Cli *cli, const Services *services, const ServiceRow *row,
                      const UnitState *unit);
