/* SPDX-License-Identifier: MIT */
/*
 * A check's own TCP connection, to the service or to a literal address: the socket of the right
 * network, the connection, the other loopback address when the first one refuses. No allocation,
 * and no turn of the event loop where the kernel knows the outcome at once, as it does for loopback
 * addresses.
 */
#pragma once

#include "supervisor/loop/ready.h"
#include "supervisor/probe/probe-internal.h"
#include "supervisor/probe/route.h"

typedef struct Dial Dial;

typedef struct DialUser {
    /* Puts the connection that was begun to its first use. 0: it stands; -EAGAIN: not yet (called
     * again when there is news); another negative errno: it does not stand. */
    int (*attempt)(Dial *dial);
    /* The connection stands, or there is none for a reason that dial_fail() can say. A check whose
     * socket could not be made has ended without this. */
    void (*done)(Dial *dial, int error);
} DialUser;

struct Dial {
    Ready ready; /* first; of the socket, also when the connection stands */
    Probe *probe;
    const DialUser *user;
    Route route;
    int fd;           /* -1: the socket is waited for */
    bool tried_other; /* the other loopback address, after a refusal */
};

/* Begins; it may be done, or end the check, at once. The host of the check has a family. */
void dial_start(Dial *dial, Probe *probe, const DialUser *user);
/* Closes what there is; takes one that was not started (zeroed). */
void dial_stop(Dial *dial);

/* connect(2), which may be asked again how it went: 0 or a negative errno (-EINPROGRESS, -EALREADY:
 * not known yet). */
int dial_connect(Dial *dial);

/* Waits for EPOLLIN or EPOLLOUT, in place of what was waited for before. When it cannot, the check
 * ends, and this is false. */
bool dial_wait(Dial *dial, uint32_t events, ready_t callback);

/* Ends the check for an error on the way. */
void dial_fail(Dial *dial, int error);
/* The time is over; `what` did not happen in it. */
void dial_late(Dial *dial, const char *what);
