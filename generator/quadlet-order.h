/* SPDX-License-Identifier: MIT */
/*
 * Quadlet writes some options of `podman run` in the order of a Go map, a different one at each
 * run. Units must be the same for the same spec, so these options are put in order again.
 */
#pragma once

#include "base/text.h"

/*
 * Adds the command line of a container's ExecStart= to text, with the options of each such group in
 * alphabetical order. Only neighbours within a group change places, an option given twice keeps its
 * order, and nothing is touched from the first word on that is not an option known here: the
 * command means the same. Returns 0 or -ENOMEM.
 */
int quadlet_order_options(const char *command, Text *text);
