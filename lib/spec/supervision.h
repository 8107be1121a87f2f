/* SPDX-License-Identifier: MIT */
/*
 * What follows for a service from having checks: the times that systemd has to wait. The generator
 * writes them, `phoenix explain` says where they come from.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "spec/spec.h"

/* WatchdogSec= is at least this: a busy machine must not look like a dead supervisor. */
#define SUPERVISION_WATCHDOG_LEAST_USEC (15 * USEC_PER_SEC)

/* A daemon with checks: phoenixd watches it through a lease. The spec must be resolved, here and
 * below. */
bool spec_is_supervised(const Spec *spec);

/* WatchdogSec=: the beats the application promised, or those of the lease, which come after each
 * check. USEC_INFINITY: none. */
uint64_t spec_watchdog_usec(const Spec *spec);

/* When a held service is tried again, from when it was held: the longest of the delay, the time in
 * which restarts are counted (systemd's own start limit is over then), and a minute. */
uint64_t spec_held_retry_usec(const SpecRestart *restart);

/* How long it can take from the start until the checks have decided, by the slowest of them; 0
 * without checks. */
uint64_t spec_health_wait_usec(const Spec *spec);
