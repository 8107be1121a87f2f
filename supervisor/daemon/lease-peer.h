/* SPDX-License-Identifier: MIT */
/*
 * One connection of a lease: messages out, answers in. A lease that does not read or that breaks
 * the protocol is cut off; it reconnects by itself.
 */
#pragma once

#include <systemd/sd-event.h>

#include "supervisor/daemon/identity.h"
#include "supervisor/probe/door.h"

typedef struct LeasePeer LeasePeer;

typedef struct LeasePeerHandlers {
    /* The lease has said (or said again) what it is. */
    void (*hello)(LeasePeer *peer, const struct lease_hello *hello, void *userdata);
    /* The connection is over; pending requests were answered. The handler frees the peer. */
    void (*gone)(LeasePeer *peer, const char *why, void *userdata);
} LeasePeerHandlers;

/* Takes the descriptor, also on failure. */
int lease_peer_new(sd_event *event, int fd, const Identity *identity,
                   const LeasePeerHandlers *handlers, void *userdata, LeasePeer **ret);
LeasePeer *lease_peer_free(LeasePeer *peer);

const Identity *lease_peer_identity(const LeasePeer *peer);
int lease_peer_fd(const LeasePeer *peer);
/* Whatever the owner wants to find again; NULL at first. */
void lease_peer_set_tag(LeasePeer *peer, void *tag);
void *lease_peer_tag(const LeasePeer *peer);

/* All return 0 or a negative errno; on failure the peer is closed soon (gone is called from the
 * loop), so that callers may ignore it. */
int lease_peer_say(LeasePeer *peer, enum lease_type type); /* WELCOME, RESUME, PET, READY, GO */
int lease_peer_say_text(LeasePeer *peer, enum lease_type type, const char *text); /* STATUS, FAIL */
int lease_peer_end_payload(LeasePeer *peer, enum lease_type type, uint64_t grace_usec,
                           const char *reason); /* TRIGGER, ABORT */

/* As Door has them. */
int lease_peer_request(LeasePeer *peer, const DoorRequest *request, door_done_t done,
                       void *userdata, uint32_t *ret_id);
void lease_peer_cancel(LeasePeer *peer, uint32_t id);
