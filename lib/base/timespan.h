/* SPDX-License-Identifier: MIT */

/* Time spans as people write them, exactly as systemd.time(7), section "PARSING TIME SPANS", reads
 * them, so that a value means the same in a spec and in a unit. */

#pragma once

#include <stdint.h>

/* Reads "500ms", "10s", "1min 30s", "1min30s", "2d 3h", "1.5h", "5" (a number without unit is
 * seconds), "infinity" (USEC_INFINITY). Units: usec us µs; msec ms; seconds second sec s; minutes
 * minute min m; hours hour hr h; days day d; weeks week w; months month M (30.44 days); years year
 * y (365.25 days). A fraction below a microsecond is cut off. *ret_usec is microseconds.
 * -EINVAL when it is not a time span, -ERANGE when it is negative, or finite and of 584542 years
 * and more, where systemd's arithmetic ends. */
int timespan_parse(const char *s, uint64_t *ret_usec);

/* The canonical form, which reads back as the same value: whole years, months or weeks when it is a
 * multiple of one ("2w"), otherwise days to microseconds, zero parts left out ("1d 12h",
 * "1min 30s", "20ms"); "0" and "infinity". ASCII only. Caller frees; NULL when out of memory. */
char *timespan_format(uint64_t usec);
