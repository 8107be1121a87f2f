/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

/* Waits until the journal has read what was written to stderr, for at most `usec`; not at all when
 * stderr is no socket. The journal asks /proc which unit a line is of when it gets to it: the last
 * lines of a process that has ended by then belong to no unit in a user's journal. */
void stderr_settle(uint64_t usec);
