/* SPDX-License-Identifier: MIT */

/* One deployment: a spec file that becomes a service, or leaves everything as it was. */

#pragma once

#include "cli.h"
#include "install.h"
#include "rollout.h"
#include "spec/diag.h"
#include "spec/set.h"

typedef struct Deploy {
    const Cli *cli;
    Manager *manager;
    const char *source; /* path of the file that is to be deployed */
    bool update;        /* it must be there already, and is restarted whether or not it changed */

    char *text; /* of the source */
    size_t size;
    mode_t mode;
    Spec *spec;
    DiagList diags;
    Install install;
    Rollout rollout;
    RolloutAction action;
    bool was_up;
    bool reverted; /* what was there before is there again */
    char *why;     /* what went wrong; NULL: see rollout */
} Deploy;

void deploy_done(Deploy *deploy);
#define _cleanup_deploy_ _cleanup_(deploy_done)

/* Fill cli, manager, source and update. Returns CLI_EXIT_OK, CLI_EXIT_NO or CLI_EXIT_MISSING with
 * the reason in the structure, or a negative errno. */
int deploy_run(Deploy *deploy);

/* After a failure: puts the old spec back, or takes the new one away, and brings the service back
 * to how it was. Says in reverted whether it could. */
void deploy_revert(Deploy *deploy);
