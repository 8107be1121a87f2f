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
typedef struct LeasePeers LeasePeers;

typedef struct LeasePeerHandlers {
    /* The lease has said (or said again) what it is. */
    void (*hello)(LeasePeer *peer, const struct lease_hello *hello, void *userdata);
    /* The payload was frozen, or thawed; also said after each HELLO. NULL: of no interest. */
    void (*frozen)(LeasePeer *peer, bool frozen, void *userdata);
    /* The connection is over; pending requests were answered. The handler frees the peer. */
    void (*gone)(LeasePeer *peer, const char *why, void *userdata);
} LeasePeerHandlers;

/* What all connections share: their place in the loop and their owner. `handlers` must outlive
 * it. 0 or a negative errno. */
int lease_peers_new(sd_event *event, const LeasePeerHandlers *handlers, void *userdata,
                    LeasePeers **ret);
/* The peers were freed. */
LeasePeers *lease_peers_free(LeasePeers *peers);

/* Takes the descriptor, also on failure; copies the identity. */
int lease_peer_new(LeasePeers *peers, int fd, const Identity *identity, LeasePeer **ret);
/* Answers what is still asked with -ENOTCONN; `gone` is not called. */
LeasePeer *lease_peer_free(LeasePeer *peer);

const Identity *lease_peer_identity(const LeasePeer *peer);
int lease_peer_fd(const LeasePeer *peer);
/* Whatever the owner wants to find again; NULL at first. */
void lease_peer_set_tag(LeasePeer *peer, void *tag);
void *lease_peer_tag(const LeasePeer *peer);

/* What the server (lease-server.h) keeps with each peer; zeroed at first. */
typedef struct LeaseSlot {
    LeasePeer *next; /* in the same bucket */
    uint64_t number; /* of its name in systemd's store */
} LeaseSlot;
LeaseSlot *lease_peer_slot(LeasePeer *peer);

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
