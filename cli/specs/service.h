/* SPDX-License-Identifier: MIT */

/* What NAME means to the verbs that do something to a running service: a spec that is generated
 * here, or a unit that is still there although its spec is gone. */

#pragma once

#include "cli/cli.h"
#include "cli/systemd/manager.h"
#include "spec/set.h"

typedef struct Service {
    char *name;             /* instance */
    char *unit;             /* "phoenix@web.service" */
    const SpecEntry *entry; /* NULL: a unit without a spec; borrowed from the set */
} Service;

void service_done(Service *service);
#define _cleanup_service_ _cleanup_(service_done)

/* Finds the service of that name. Returns CLI_EXIT_OK; CLI_EXIT_MISSING when there is neither a
 * spec nor a unit, CLI_EXIT_NO when nothing is generated here (masked, another machine); both have
 * been said on standard error then; or a negative errno. */
int service_find(const Cli *cli, const SpecSet *set, Manager *manager, const char *arg,
                 Service *ret);

/* Connects to the manager, or says that it does not answer and returns CLI_EXIT_FAILED. */
int service_open_manager(const Cli *cli, Manager **ret);
