/* SPDX-License-Identifier: MIT */

/* How phoenixd itself is: what it lacks, and whether it suspects its own eyes. People must know
 * before they believe what it says of services. */

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "base/macros.h"
#include "cli/print/screen.h"
#include "cli/supervisor/collectors.h"

/* Strings come from the bus as they are. */
typedef struct Supervision {
    char *degraded; /* "" when nothing is lacking */
    bool brake;
    uint64_t brake_until_usec; /* CLOCK_REALTIME */
    char *brake_reason;        /* "5 of 6 checks began to fail at once: ..." */
    Postings postings;
} Supervision;

void supervision_done(Supervision *supervision);
#define _cleanup_supervision_ _cleanup_(supervision_done)

/* Reads the properties of the interface: "a{sv}". */
int supervision_read(sd_bus_message *m, Supervision *ret);

/* Whether there is nothing to say. */
bool supervision_is_good(const Supervision *supervision);

/* Appends what is not as it should be, a line each; nothing when all is well. */
void supervision_add(Text *t, const Screen *screen, const Supervision *supervision);
