/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The cgroups right below another one. opendir() would need a heap, which these programs do not
 * have, so folders are read by getdents64().
 */

#include <stdbool.h>

/* Calls `visit` with a descriptor (O_PATH, closed afterwards) of each child whose name `wanted`
 * likes (NULL: all). Returns 0 or a negative errno. */
int children_visit(int parent, bool (*wanted)(const char *name),
                   void (*visit)(int group, void *userdata), void *userdata);

/* Whether a child of a unit's cgroup is where the service itself runs, without what we and Podman
 * run beside it: that of a container, or DelegateSubgroup=payload. */
bool child_is_payload(const char *name);
