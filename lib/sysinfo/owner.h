/* SPDX-License-Identifier: MIT */

/* Whose a container is: the unit that is to be stopped for its end, and the manager that has it. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct Owner {
    const char *unit; /* within the path */
    size_t unit_size;
    uid_t manager; /* SYSINFO_SYSTEM_MANAGER, or whose user manager */
} Owner;

/* path: of a container's own cgroup, from the root of the hierarchy, n bytes. Returns whether there
 * is such a unit, or leaves *ret untouched: it is the container's own scope, or the service that
 * the cgroup lies in directly.
 *
 * Only the part of the path that managers make is looked at: slices, and then a unit; below that of
 * a user's manager the same again. What comes behind was made by whoever runs in the unit, who may
 * call it as he likes; so `x.service/sshd.service/libpod-payload-ID` is not sshd's. For the same
 * reason nothing is found for a container that lies deeper in a unit: that may be a whole machine,
 * or somebody's login session. */
bool owner_of(const char *path, size_t n, Owner *ret);
