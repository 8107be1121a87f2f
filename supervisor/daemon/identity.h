/* SPDX-License-Identifier: MIT */
/*
 * Which unit is at the other end of a connection: told by the kernel (SO_PEERCRED, SO_PEERPIDFD of
 * unix(7), the cgroup of /proc/PID/cgroup), never by the peer.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define IDENTITY_UNIT_MAX 256

typedef struct Identity {
    pid_t pid;
    uid_t uid;
    const char *unit; /* "phoenix@web.service"; borrowed */
} Identity;

/* `user`: the unit must be one of this user's manager, else of the system's. The name of the unit
 * is written to `unit`, which ret->unit points to. Returns 0; -EPERM when the peer is in no
 * phoenix@ unit of this manager; -ESRCH when the process that connected is gone (its PID may be
 * somebody else's by now); or another negative errno. */
int identity_of_peer(int fd, bool user, char unit[static IDENTITY_UNIT_MAX], Identity *ret);

/* The name of the service: "web" of "phoenix@web.service" (unescaped). Returns 0, -EINVAL for a
 * unit that is none of ours. `size` bytes at ret, NUL included. */
int identity_service_name(const char *unit, char *ret, size_t size);
