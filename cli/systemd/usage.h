/* SPDX-License-Identifier: MIT */

/* What a unit uses, read from its control group (cgroups(7), version 2) and not over D-Bus: a few
 * small files are much cheaper than a unit's properties, and `phoenix top` reads them every two
 * seconds. */

#pragma once

#include <stdint.h>

#include "base/macros.h"

#define USAGE_UNKNOWN UINT64_MAX

typedef struct Usage {
    uint64_t cpu_usec; /* since the group was made */
    uint64_t memory_bytes;
    uint64_t tasks;
    uint64_t disk_bytes; /* read and written since the group was made */
    uint64_t io_ops;     /* reads and writes */
} Usage;

#define USAGE_NONE                                                                                 \
    ((Usage){USAGE_UNKNOWN, USAGE_UNKNOWN, USAGE_UNKNOWN, USAGE_UNKNOWN, USAGE_UNKNOWN})

/* root: "/sys/fs/cgroup"; control_group: the unit's ControlGroup=, NULL or "" when it has none.
 * What cannot be read (a controller may be missing) is USAGE_UNKNOWN. */
Usage usage_read(const char *root, const char *control_group);
