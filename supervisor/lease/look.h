/* SPDX-License-Identifier: MIT */
#pragma once

/* Paths as the service sees them: the time of a file, a connection to a unix socket. Run in a
 * worker, as the file system of a service may hang. */

#include "workers.h"

/* Carries a STAT or CONNECT request out and answers it. Returns 0 when the answer was sent, else a
 * negative errno. */
int look_into_payload(const struct job *job);
