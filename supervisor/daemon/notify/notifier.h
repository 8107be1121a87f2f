/* SPDX-License-Identifier: MIT */
/*
 * The spec's "onfailure": tells a URL and a program of transitions. Listens to events; one pending
 * notification per service and kind (a newer one replaces it and says how many it stands for), at
 * most 1 a minute per service and kind, 60 a minute in all. What could not be delivered waits in a
 * queue on disk (`<state>/notify/`, bounded) and is tried again: 1 s, doubling to 15 min, with
 * jitter, given up and said after a day.
 */
#pragma once

#include <systemd/sd-event.h>

#include "supervisor/probe/probe.h"
#include "spec/spec.h"
#include "supervisor/daemon/units/units.h"
#include "supervisor/daemon/view.h"

typedef struct Notifier Notifier;

/* What the spec of a service says, by its name; NULL: there is no such service now. Used before the
 * loop goes on. */
typedef const SpecOnFailure *(*notifier_spec_t)(const char *name, void *userdata);

int notifier_new(sd_event *event, CurlLoop *curl, Units *units, Manager *manager,
                 const char *state_folder, bool user, notifier_spec_t spec, void *userdata,
                 Notifier **ret);
/* After the event loop has ended; before the CurlLoop, the Units and the Manager's Events go. */
Notifier *notifier_free(Notifier *notifier);
/* For metrics: delivered, failed for good, waiting. */
void notifier_counts(const Notifier *notifier, uint64_t *ret_sent, uint64_t *ret_dropped,
                     uint64_t *ret_waiting);
