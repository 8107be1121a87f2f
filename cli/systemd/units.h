/* SPDX-License-Identifier: MIT */

/* The units of one service: the service itself, its timer, its sockets, the proxy in front of it.
 */

#pragma once

#include "cli/systemd/manager.h"

/* Those that the manager has loaded. */
int units_list(Manager *manager, const char *name, UnitStates *ret);

/* Paths of those that the generator has made, sorted, as a string vector. An empty one when there
 * is no manager. 0 or -ENOMEM. */
int units_generated(SpecScope scope, const char *name, char ***ret);
