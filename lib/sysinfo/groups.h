/* SPDX-License-Identifier: MIT */

/* The containers that were there at the last reading, by the identity of their cgroups. */

#pragma once

#include "sysinfo/group.h"

/* Initialise with { 0 }. */
typedef struct Groups {
    Group **buckets;
    size_t n_buckets; /* a power of two */
    size_t n;
    uint64_t round;
} Groups;

void groups_done(Groups *groups);

/* The one of this cgroup, a new one when it was not there; marked as found in this round. NULL when
 * out of memory. */
Group *groups_get(Groups *groups, uint64_t cgroup_id);

/* Frees those that were not found in this round, and begins the next one. */
void groups_end_round(Groups *groups);

/* Closes what all of them hold. */
void groups_close(Groups *groups);
