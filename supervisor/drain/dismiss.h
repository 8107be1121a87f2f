/* SPDX-License-Identifier: MIT */
#pragma once

/* What becomes of connections that nobody can serve. */

#include <stddef.h>

#include "connections.h"

/* Accepts those that wait on the listeners now, takes what they have sent so far, so that their
 * close is an orderly one, and closes them. Returns how many there were. */
int connections_dismiss(const struct listener *listeners, size_t n);
