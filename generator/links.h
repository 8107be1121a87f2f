/* SPDX-License-Identifier: MIT */
/*
 * Which units start by themselves. Generated units cannot be enabled with `systemctl enable`, so
 * "enable" in the spec, and [Install] in its "unit", become the links that command would make.
 */
#pragma once

#include <stdbool.h>

#include "generator/emit.h"
#include "generator/output.h"

/*
 * Makes the links for an entry whose service (or stub) has been written. An [Install] that names no
 * unit adds a warning to the entry. Returns 0 or negative errno.
 */
int links_make(const EmitContext *context, const Output *output, SpecEntry *entry);

/* Whether the service is to start at boot, or at login, in this manager. */
bool links_enabled(const EmitContext *context, const SpecEntry *entry);

/* Whether the spec is meant for this manager, where both read the file: one of the machine that
 * says nothing about it is for the system's. */
bool links_is_for_manager(const EmitContext *context, const SpecEntry *entry);

/* phoenixd runs as long as there is a policy or a collector, with or without services. Returns 0 or
 * negative errno. */
int links_uphold_supervisor(const EmitContext *context, const Output *output);
