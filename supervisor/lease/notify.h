/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a lease and phoenix-idle tell the service manager, sd_notify(3). Never blocks: a manager
 * that is busy for a while must not stop them from ending in time. What could not be sent is sent
 * later, the newest status only.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "line.h"

struct notify {
    int fd; /* -1: there is nobody to tell */
    socklen_t address_size;
    struct sockaddr_un address;
    bool ready_due, status_due, pet_due;
    uint64_t extend_usec; /* 0: not due */
    struct line status;
};

/* Takes the address from $NOTIFY_SOCKET. Returns 0, or a negative errno (-ENOENT: it is not set);
 * then all below does nothing. */
int notify_open(struct notify *notify);

/* Each says one thing more in the next packet. A status is one line without control characters,
 * as lease_parse() does not see to that. */
void notify_ready(struct notify *notify);
void notify_status(struct notify *notify, const char *text, size_t n);
void notify_pet(struct notify *notify);
void notify_extend(struct notify *notify, uint64_t usec);

/* True when something waits to be sent. */
bool notify_is_due(const struct notify *notify);

/* Sends what is due in one packet. Returns 0, or -EAGAIN: try again soon. */
int notify_flush(struct notify *notify);

/* The verdict and the newest status in one packet: PID 1 names the status as the reason. Returns 0,
 * or a negative errno (-EAGAIN: try again soon). */
int notify_trigger(struct notify *notify);
