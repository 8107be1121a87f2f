/* SPDX-License-Identifier: MIT */
#pragma once

/* phoenix-idle at work: joins the rules (idle.h), the sockets, the cgroups and the manager. */

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/idle/door.h"
#include "supervisor/idle/group.h"
#include "supervisor/idle/idle.h"
#include "supervisor/idle/sockets.h"
#include "supervisor/lease/line.h"
#include "supervisor/lease/notify.h"

struct run_options {
    const char *name;
    const char *proxy; /* the slice whose processes tell of use, or NULL */
    uint64_t after_usec, min_usec, stop_usec;
    bool freeze, reclaim;
    bool with_proxy; /* the proxy has the sockets, and is frozen with the service */
};

struct run {
    struct run_options options;
    struct idle idle;
    struct group group;
    struct sockets sockets; /* none with a proxy */
    struct door door;       /* while it is frozen */
    struct notify notify;
    int signal_fd;
    int watch_fd;             /* of the proxy's slice, or -1 */
    int payload_fd;           /* of the service's payload, while it is frozen; or -1 */
    uint64_t quiet_usec;      /* until when ends of connections are not looked at */
    uint64_t reclaim_usec;    /* until when memory is taken back; 0: it is not */
    uint64_t memory_bytes;    /* what the service had when it was frozen */
    uint64_t frozen_at;       /* seconds of the day, UTC */
    uint64_t thaw_again_usec; /* 0: it is thawed */
    const char *trouble;      /* what does not work, as said last; NULL: nothing */
    bool monitored;           /* when it was frozen its container had a monitor */
    bool done, broken;
    struct line status; /* as told to the manager */
};

/* Begins: the options are set, and without a proxy the sockets are added. Returns 0 or a negative
 * errno. */
int run_open(struct run *run);

/* Stays until the service is to be stopped, or until it is told to end itself. Returns 0, or -EIO
 * when it cannot go on and should begin again. */
int run_loop(struct run *run);

/* guard.c: leaves a child behind that thaws the service as soon as it was told to end. */
void guard_start(const struct group *group);
