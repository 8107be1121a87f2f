/* SPDX-License-Identifier: MIT */

/* What a service's row says, where phoenixd and systemd may each know something. */

#include "cli/status/status-row.h"

#include "base/macros.h"

uint64_t status_since(const ServiceRow *row)
{
    if (services_row_health(row))
        return row->health->since_usec;
    return row->state ? row->state->changed_usec : 0;
}

bool status_is_up(const ServiceRow *row)
{
    return row->state && (streq(row->state->active_state, "active") ||
                          streq(row->state->active_state, "reloading") ||
                          streq(row->state->active_state, "activating"));
}

const char *status_ready(const ServiceRow *row)
{
    const char *ready = row->health && status_is_up(row) ? row->health->ready : NULL;

    return ready && !streq(ready, "unknown") ? ready : NULL;
}

uint64_t status_restarts(const ServiceRow *row)
{
    /* The last one that systemd counts before it gives up is none. */
    if (row->health && streq(row->health->state, "held"))
        return row->health->restarts;
    if (row->health)
        return MAX(row->health->restarts, (uint64_t)row->health->unit_restarts);
    return row->state ? row->state->restarts : 0;
}

bool status_is_good(const ServiceRow *row)
{
    if (row->entry && row->entry->fate == SPEC_FATE_BROKEN)
        return false;
    if (services_row_is_idle(row))
        return true;
    if (services_row_health(row))
        return health_is_good(row->health);
    return status_is_up(row);
}
