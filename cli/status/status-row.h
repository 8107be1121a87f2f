/* SPDX-License-Identifier: MIT */

/* How the service of a row is, in the eyes of those who know it best. */

#pragma once

#include "cli/specs/services.h"

/* When the state that is shown began, CLOCK_REALTIME; 0: not known. */
uint64_t status_since(const ServiceRow *row);
/* Whether it runs, starts or reloads, as systemd sees it. */
bool status_is_up(const ServiceRow *row);
/* "yes" or "no"; NULL: it does not run, or it is not known yet. */
const char *status_ready(const ServiceRow *row);
uint64_t status_restarts(const ServiceRow *row);
/* Whether it runs and is not known to be unwell. */
bool status_is_good(const ServiceRow *row);
