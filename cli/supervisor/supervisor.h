/* SPDX-License-Identifier: MIT */

/* The client of phoenixd: io.phoenix.Supervisor1 on the system's or the user's bus, which starts
 * phoenixd when it does not run. */

#pragma once

#include "cli/supervisor/health.h"
#include "cli/supervisor/reap-rows.h"
#include "cli/supervisor/supervision.h"
#include "spec/spec.h"

/* How long "every check of a service" may take at most: the largest timeouts, one after another,
 * are no use to a person who waits. */
#define SUPERVISOR_PROBE_TIMEOUT_USEC (120 * USEC_PER_SEC)

typedef struct Supervisor Supervisor;

/* Connects to the bus; phoenixd is not asked yet. Negative errno when there is no bus. */
int supervisor_open(SpecScope scope, Supervisor **ret);
Supervisor *supervisor_free(Supervisor *supervisor);

static inline void supervisor_freep(Supervisor **supervisor)
{
    supervisor_free(*supervisor);
}
#define _cleanup_supervisor_ _cleanup_(supervisor_freep)

/* All return 0 or a negative errno: -ENOENT when phoenixd knows no such service, -ENOTCONN when the
 * service does not run, -EBUSY, -EACCES, -EHOSTUNREACH when phoenixd cannot be reached. */
int supervisor_list(Supervisor *supervisor, Healths *ret);
int supervisor_get(Supervisor *supervisor, const char *name, Health *ret);
int supervisor_probe_now(Supervisor *supervisor, const char *name, Probes *ret);
/* until_usec: CLOCK_REALTIME; UINT64_MAX: until it is turned off. */
int supervisor_set_maintenance(Supervisor *supervisor, const char *name, bool on,
                               uint64_t until_usec);
int supervisor_release(Supervisor *supervisor, const char *name);
/* Acts by a policy, or by all for "", and waits until what it stops has ended. */
int supervisor_reap(Supervisor *supervisor, const char *policy, ReapRows *ret);
int supervisor_state(Supervisor *supervisor, Supervision *ret);

/* Why the last call failed, in words, as it came from the bus. */
const char *supervisor_why(const Supervisor *supervisor);
