/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The service behind the proxy, as its cgroup shows it: the proxy is started after it, but also
 * when it could not be started, as systemd has no order that depends on the outcome but fails the
 * proxy too.
 */

#include <stdbool.h>

/* Whether the unit of that name, in our slice or one above it, is up: it has processes, and none
 * of them is a lease that still waits until it is healthy. with_lease: one has to be there, too,
 * since the service has begun to run only when it is. What cannot be told is true. */
bool service_is_up(const char *unit, bool with_lease);
