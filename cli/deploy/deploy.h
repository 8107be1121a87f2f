/* SPDX-License-Identifier: MIT */

/* One deployment: a spec file that becomes a service, or leaves everything as it was. */

#pragma once

#include "cli/cli.h"
#include "cli/deploy/install.h"
#include "cli/deploy/rollout.h"
#include "cli/update/image-switch.h"
#include "cli/update/interrupt.h"
#include "spec/diag.h"
#include "spec/set.h"

/* How long something new is looked at after its start, unless the user says otherwise. */
#define DEPLOY_OBSERVE_USEC (30 * USEC_PER_SEC)

typedef struct Deploy {
    const Cli *cli;
    Manager *manager;
    const char *source; /* path of the file that is to be deployed */
    bool update;        /* it must be there already, and is restarted whether or not it changed */
    bool rollback;      /* like update, to another image: wanted, or the last good one */
    const char *wanted; /* what people write for an entry of the ledger, or NULL */
    bool dry_run;       /* only find out what would be done */

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

    bool has_images; /* it is a container, and its image is part of what is done */
    ImageSwitch images;
    Interrupt interrupt;
    bool held;              /* interrupt_hold() was called */
    uint64_t observed_usec; /* how long it was looked at */
    int lock;               /* -1: not taken */
} Deploy;

void deploy_done(Deploy *deploy);
#define _cleanup_deploy_ _cleanup_(deploy_done)

/* Fill cli, manager, source and what is to be done, with lock -1. Returns CLI_EXIT_OK, CLI_EXIT_NO
 * or CLI_EXIT_MISSING with the reason in the structure, or a negative errno. */
int deploy_run(Deploy *deploy);

/* After a failure: puts the old spec and image back, or takes the new ones away, and brings the
 * service back to how it was. Says in reverted whether it could. reason: why, for the ledger. */
void deploy_revert(Deploy *deploy, const char *reason);
