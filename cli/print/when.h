/* SPDX-License-Identifier: MIT */

/* Points in time for people: how long ago, and which. The present is an argument, so that tests
 * need no clock. All times are microseconds since the epoch (CLOCK_REALTIME). */

#pragma once

#include <stdint.h>

#include "base/text.h"

uint64_t when_now(void);

/* Appends "just now", "42s ago", "3min ago", "2h 5min ago", "4 days ago", "in 12min": two units at
 * most, none smaller than a person would say. */
void when_add_relative(Text *t, uint64_t now_usec, uint64_t when_usec);

/* Appends local time: "Tue 2026-09-22 10:11:12 CEST". */
void when_add_local(Text *t, uint64_t when_usec);

/* Appends the local time of the day: "10:11:12". */
void when_add_clock(Text *t, uint64_t when_usec);

/* Appends RFC 3339, in UTC, for JSON: "2026-09-22T08:11:12.123456Z". */
void when_add_rfc3339(Text *t, uint64_t when_usec);

/* Appends a rounded span, "42s", "2h 5min", "4 days"; below a second "312ms", "2.5ms", "640us". */
void when_add_span(Text *t, uint64_t usec);

/* Reads a point in the past: "now", "today", "yesterday", "2026-11-23", "2026-11-23 12:00[:30]",
 * "@EPOCH", or a span back from now, "10min", "-10min", "10min ago". -EINVAL when it is none. */
int when_parse(const char *s, uint64_t now_usec, uint64_t *ret_usec);
