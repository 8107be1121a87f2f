/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * phoenix-testy as a running service: start, the loop, the end.
 */

#include "options.h"

/* Runs until it is stopped. Returns the exit code. */
int service_run(const struct options *options);
