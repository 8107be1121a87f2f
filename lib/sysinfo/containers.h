/* SPDX-License-Identifier: MIT */

/* The list of containers of one reading: how either source fills it, and what is added once it is
 * whole. */

#pragma once

#include "sysinfo/sysinfo.h"

typedef struct Containers {
    Sysinfo *sysinfo;
    size_t allocated;
} Containers;

/* A new one, all zero but for cmdline, which is "". NULL when out of memory. It stays valid until
 * the next is added. */
SysinfoContainer *containers_add(Containers *containers);

/* Takes the last one off again. */
void containers_drop_last(Containers *containers);

/* Sets the path, and what follows from it: the runtime, the unit and its manager. path has n bytes,
 * and ends with the container's own cgroup. -ENOMEM. */
int containers_set_cgroup(Containers *containers, SysinfoContainer *container, const char *path,
                          size_t n);

/* -ENOMEM. */
int containers_set_cmdline(Containers *containers, SysinfoContainer *container, const char *s,
                           size_t n);

/* Brings them into order, and marks units that several have. -ENOMEM. */
int containers_finish(Containers *containers);
