/* SPDX-License-Identifier: MIT */

/* Whether a service starts by itself, and why or why not: `systemctl is-enabled` says only
 * "generated" about units that a generator made (systemd#28006). */

#pragma once

#include <stdbool.h>

#include "spec/set.h"

typedef struct Boot {
    bool yes;
    const char *why; /* completes "it does (not) start at boot: ..."; NULL: nothing to add */
} Boot;

/* What the generator does with "enable" for this manager. */
Boot boot_of_entry(SpecScope scope, const SpecEntry *entry);

/* Whether the user's manager itself starts at boot, rather than at the first login
 * (loginctl enable-linger). */
bool boot_user_lingers(void);
