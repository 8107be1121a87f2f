/* SPDX-License-Identifier: MIT */
/*
 * How many connections wait at listening sockets: made by the kernel, and accepted by nobody yet.
 * For a service that is started by them, these are the ones that its start keeps waiting.
 */
#pragma once

#include <stdint.h>

/* `addresses`: as ListenStream= of systemd.socket(5) has them, in our own network namespace. One
 * question to the kernel for each of them, answered at once. Returns 0 or a negative errno; then
 * nobody can say. */
int accept_queue_length(char *const *addresses, uint64_t *ret);
