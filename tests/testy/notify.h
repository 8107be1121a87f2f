/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The service's side of the sd_notify protocol (sd_notify(3)), without libsystemd: this program is
 * static and has to run in an image with nothing else in it.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
    int fd; /* -1 when nobody listens */
    struct sockaddr_un address;
    socklen_t length;
};

/* Prepares to talk to `path`, $NOTIFY_SOCKET: a path, or "@name" for an abstract socket. NULL is no
 * error. Returns 0, -EINVAL for any other kind of address, -ENAMETOOLONG, or what socket() said. */
int notify_open(struct notify *notify, const char *path);
void notify_close(struct notify *notify);

/* Sends one message, variables separated by newlines. Returns 0 (also with nobody to tell) or a
 * negative errno. */
int notify_send(const struct notify *notify, const char *message);

/* The watchdog's period from $WATCHDOG_USEC, when it is meant for this process ($WATCHDOG_PID);
 * else 0. */
uint64_t notify_watchdog_usec(const char *usec, const char *pid);
