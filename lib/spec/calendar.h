/* SPDX-License-Identifier: MIT */

/* Checks OnCalendar= expressions without systemd's help: a generator must not start processes per
 * spec, and `phoenix check` must work where no systemd runs. The grammar is that of
 * systemd.time(7), section "CALENDAR EVENTS". */

#pragma once

/* 0 when expr is a calendar expression that systemd accepts. Otherwise -EINVAL, and *ret_reason,
 * when ret_reason is not NULL, gets what is wrong, like "hour 24 is not in 0..23" (caller frees;
 * NULL if even that failed).
 *
 * A time zone is "UTC" or a name like "Europe/Madrid", and must be a file below
 * /usr/share/zoneinfo where that folder exists. */
int calendar_check(const char *expr, char **ret_reason);
