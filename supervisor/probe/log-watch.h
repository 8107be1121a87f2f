/* SPDX-License-Identifier: MIT */
/*
 * When each log check last saw its line. One journal reader serves all of them; it sleeps until
 * journald wakes it, and a check only compares times.
 */
#pragma once

#include <stdint.h>

#include "supervisor/probe/probe.h"

typedef struct LogMatch LogMatch;

/* Watches the lines of a unit, and of the container of a unit phoenix@NAME.service, for a text.
 * Lines up to age_usec back count (of these, ten minutes at most are read). Returns 0, or a
 * negative errno: then the journal cannot be read now. */
int log_watch_add(LogWatch *watch, const char *unit, const char *text, uint64_t age_usec,
                  LogMatch **ret);
LogMatch *log_match_free(LogMatch *match);

/* CLOCK_MONOTONIC of the last line that matched; when there was none, of the moment since when
 * there was none for sure. -EAGAIN while older lines are still being read and none was found yet,
 * other negative errno while the journal cannot be read. */
int log_match_last(const LogMatch *match, uint64_t *ret_usec);
