/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * An exec check: a program run inside of the service, as the service's own main process would run
 * it, without podman or conmon. See exec.c for what it shares with that process.
 */

#include "workers.h"

/* Carries an EXEC request out and answers it; returns when the program has ended or was ended.
 * Returns 0 when the answer was sent, else a negative errno. */
int exec_in_payload(const struct job *job, uint64_t timeout_usec);
