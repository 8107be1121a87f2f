/* SPDX-License-Identifier: MIT */
/*
 * The supervisor: all services and what they share, on one event loop. What others may see of it
 * and ask of it stands in view.h.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "supervisor/daemon/view.h"

/* Descriptors that systemd passed (sd_listen_fds_with_names(3)). */
typedef struct PassedFds {
    int *fds; /* -1 where taken */
    char **names;
    size_t n;
} PassedFds;

/* `user`: supervises the services of the user's manager, else of the system's. `state_folder`: for
 * what must survive. Takes the descriptors it knows. Returns 0 or a negative errno. */
int manager_new(sd_event *event, bool user, const char *state_folder, PassedFds *passed,
                Manager **ret);
Manager *manager_free(Manager *manager);

/* Ends the event loop, after the last batches for collectors, or some seconds. */
void manager_stop(Manager *manager);

/* Writes what is not yet on disk. */
void manager_flush(Manager *manager);
