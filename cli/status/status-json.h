/* SPDX-License-Identifier: MIT */

/* All that `phoenix status --json` tells programs of one service. */

#pragma once

#include "cli/specs/services.h"

/* One object. unit: NULL when this is one of many, without checks and unit details. */
void status_add_json(Text *t, const ServiceRow *row, const UnitState *unit);
