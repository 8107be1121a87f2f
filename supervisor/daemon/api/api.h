/* SPDX-License-Identifier: MIT */
/*
 * io.phoenix.Supervisor1 on the bus (docs/man/io.phoenix.Supervisor1.5). Reads through view.h;
 * commands only from root or the user that the supervisor runs as, checked with the peer's
 * credentials on top of the bus policy.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "supervisor/daemon/view.h"

typedef struct Api Api;
typedef void (*api_connected_t)(bool yes, int error, void *userdata);

/* Has a bus connection of its own and connects again when the bus restarts (1 s, doubling to 30 s);
 * `connected` is told. */
int api_new(sd_event *event, bool user, Manager *manager, api_connected_t connected, void *userdata,
            Api **ret);
Api *api_free(Api *api);
