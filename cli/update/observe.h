/* SPDX-License-Identifier: MIT */

/* Looking at a service for a while after it was started: what is healthy at once may not be so for
 * long. */

#pragma once

#include "cli/cli.h"
#include "cli/systemd/manager.h"
#include "cli/update/interrupt.h"

typedef struct Observation {
    const Cli *cli;
    Manager *manager;
    const char *name, *unit;
    uint64_t span_usec;
    Interrupt *interrupt; /* ends it, as something that went wrong; may be NULL */
    bool went_idle;       /* nobody needed it any more, and it was stopped: seen for less long */
} Observation;

/* CLI_EXIT_OK when it was up and not unhealthy all the time; CLI_EXIT_NO with the reason in a new
 * string; or -ENOMEM. One that is failing at the end is looked at until it is decided, at most as
 * long again. */
int observe(Observation *observation, char **ret_why);
