/* SPDX-License-Identifier: MIT */
/*
 * The listening socket of the leases: accepts, asks the kernel who it is, limits, and keeps the
 * connections in systemd's descriptor store (sd_pid_notify_with_fds(3)), so that they outlive
 * phoenixd.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "supervisor/daemon/lease-peer.h"

/* What systemd calls the connections that it keeps; a number follows. */
#define LEASE_STORE_PREFIX "peer-"

typedef struct LeaseServer LeaseServer;

typedef struct LeaseServerHandlers {
    LeasePeerHandlers peer;
    /* Out of descriptors: nothing is accepted for a second. error 0: it goes on. */
    void (*starved)(int error, void *userdata);
} LeaseServerHandlers;

/* `fd`: the listening socket from systemd; taken. `handlers` must outlive the server. */
int lease_server_new(sd_event *event, int fd, bool user, const LeaseServerHandlers *handlers,
                     void *userdata, LeaseServer **ret);
/* Frees the peers that are left, too; systemd keeps their connections. */
LeaseServer *lease_server_free(LeaseServer *server);

/* A connection that systemd kept: taken, and asked to say HELLO again. `name` is its name there. */
int lease_server_adopt(LeaseServer *server, int fd, const char *name);

/* Frees a peer, and has systemd forget its connection. */
void lease_server_drop(LeaseServer *server, LeasePeer *peer);

size_t lease_server_n_peers(const LeaseServer *server);
/* Connections that were turned away, since the start. */
uint64_t lease_server_n_refused(const LeaseServer *server);
