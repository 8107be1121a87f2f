/* SPDX-License-Identifier: MIT */

/* Whether the service manager works with the present version of a spec. The generator leaves the
 * resolved plan of each good spec beside the units; comparing it with the plan that the spec gives
 * now answers without asking anybody. */

#pragma once

#include "spec/set.h"

typedef enum Loaded {
    LOADED_UNKNOWN, /* there is no manager, or its plans cannot be read */
    LOADED_CURRENT, /* the plan is what the spec gives; or, rightly, there is none */
    LOADED_OTHER,   /* the manager has another version of the spec */
    LOADED_MISSING, /* the manager has not read the spec yet */
    LOADED_STALE,   /* the manager still has a version although nothing is generated any more */
    _LOADED_MAX,
} Loaded;

/* scope: that of the manager. $PHOENIX_PLAN_DIR overrides where its plans are looked for. */
Loaded loaded_of_entry(SpecScope scope, const SpecEntry *entry);

/* The same for an instance that has no spec. */
Loaded loaded_of_orphan(SpecScope scope, const char *unit);

/* Whether a daemon-reload would change something. */
static inline bool loaded_needs_reload(Loaded loaded)
{
    return loaded == LOADED_OTHER || loaded == LOADED_MISSING || loaded == LOADED_STALE;
}

const char *loaded_word(Loaded loaded);
