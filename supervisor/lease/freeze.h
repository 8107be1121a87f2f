/* SPDX-License-Identifier: MIT */
#pragma once

/* Whether the payload of our own unit is frozen, as its cgroup.events says. */

#include <stdbool.h>

struct freeze {
    int fd; /* POLLPRI when something has changed; -1: it has no cgroup of its own */
    bool frozen;
};

/* Finds the payload's cgroup; the payload is there. */
void freeze_open(struct freeze *freeze);

/* Looks, and returns whether `frozen` is another one than before. */
bool freeze_has_changed(struct freeze *freeze);
