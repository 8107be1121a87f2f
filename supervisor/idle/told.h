/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Whether a service that sleeps has been told to end, or has been killed: what its processes have
 * waiting, which they hear of when they wake up, and who of them is already on its way out. The
 * service manager learns of an end only after it.
 */

#include <stdbool.h>

#include "supervisor/idle/group.h"

/* Whether a signal waits for one of its processes. Also when nobody can say, and when there is no
 * process left. */
bool told_to_end(const struct group *service);

/* Whether it will be gone, or parts of it, as soon as it is thawed; or is gone already. Not when
 * nobody can say. */
bool told_is_dying(const struct group *service);

/* Whether Podman's monitor of the container is there and stays. */
bool told_is_monitored(const struct group *service);
