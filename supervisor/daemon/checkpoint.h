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
    uint32_t has_demand;  /* 1: there is a CheckpointDemand */
    ServiceRecord record; /* as of the last change; the disk may not have it yet */
    CheckpointCheck checks[CHECKPOINT_CHECKS];
} CheckpointSlot;

/* Of a service that is started by its connections: the record, and what is under way. */
typedef struct CheckpointDemand {
    DemandRecord record;
    uint64_t left_usec;  /* CLOCK_MONOTONIC: when the last start began that was seen */
    uint64_t held;       /* connections that wait for it */
    uint32_t starting;   /* 1: it is not over ... */
    uint32_t connection; /* 1: ... and is for one */
    uint32_t seen;       /* 1: how the socket was when it began has been seen */
    uint32_t up;         /* 1: the service is up */
} CheckpointDemand;

typedef struct Checkpoint Checkpoint;

/* `fd`: what systemd kept (taken), or -1. One that does not look like ours is replaced. Returns 0
 * or a negative errno. */
int checkpoint_new(int fd, Checkpoint **ret);
Checkpoint *checkpoint_free(Checkpoint *checkpoint);

/* The slot of a service, as it was or zeroed; NULL when all are taken (more than 20,000 services)
 * or there is no memory. Valid until it is released. */
CheckpointSlot *checkpoint_get(Checkpoint *checkpoint, const char *name);
/* What goes with the slot; as it was, or zeroed. */
CheckpointDemand *checkpoint_demand(Checkpoint *checkpoint, CheckpointSlot *slot);
void checkpoint_release(Checkpoint *checkpoint, CheckpointSlot *slot);
