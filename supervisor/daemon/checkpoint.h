/* SPDX-License-Identifier: MIT */
/*
 * What a supervisor that was killed had counted: one slot of shared memory (memfd_create(2)) per
 * service, which systemd keeps in phoenixd's descriptor store. Counting into it costs no more than
 * counting elsewhere, and nothing has to be saved in time. For what must survive a reboot see
 * persist.h.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "supervisor/daemon/persist.h"
#include "supervisor/policy/verdict.h"

#define CHECKPOINT_FD_NAME "checkpoint"

/* Checks of a service beyond these begin anew with each supervisor. */
#define CHECKPOINT_CHECKS 4

typedef struct CheckpointCheck {
    uint64_t label_hash; /* of the check this was counted for; 0: none */
    VerdictCounter counter;
} CheckpointCheck;

typedef struct CheckpointSlot {
    char name[72]; /* empty: free */
    int32_t state; /* HealthState */
    int32_t lease_pid;
    uint32_t triggered;
    uint32_t was_unhealthy;
    ServiceRecord record; /* as of the last change; the disk may not have it yet */
    CheckpointCheck checks[CHECKPOINT_CHECKS];
} CheckpointSlot;

typedef struct Checkpoint Checkpoint;

/* `fd`: what systemd kept (taken), or -1. One that does not look like ours is replaced. Returns 0
 * or a negative errno. */
int checkpoint_new(int fd, Checkpoint **ret);
Checkpoint *checkpoint_free(Checkpoint *checkpoint);

/* The slot of a service, as it was or zeroed; NULL when all are taken (more than 20,000 services).
 * Valid until it is released. */
CheckpointSlot *checkpoint_get(Checkpoint *checkpoint, const char *name);
void checkpoint_release(Checkpoint *checkpoint, CheckpointSlot *slot);
