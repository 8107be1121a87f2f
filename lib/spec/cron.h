/* SPDX-License-Identifier: MIT */

/* Five-field cron schedules to OnCalendar= expressions, for specs that come from a crontab. The
 * reading is that of Vixie cron, crontab(5); the output that of systemd.time(7). */

#pragma once

#include <stdbool.h>

/* Whether s is meant as a cron schedule rather than as a calendar expression: "@" and a letter, or
 * exactly five blank-separated fields of characters that occur in cron fields. It may still be a
 * wrong one; cron_to_calendar() says why. */
bool cron_looks_like(const char *s);

/* Translates "minute hour day-of-month month day-of-week", or @yearly @annually @monthly @weekly
 * @daily @midnight @hourly, exactly. Fields are *, values, a-b, each range or * with /n, and comma
 * lists of them; months and weekdays also as jan..dec and sun..sat in any case; Sunday is 0 or 7.
 *
 * *ret_calendars (caller frees with strv_free()) gets one expression, or two when a day may match
 * by date *or* by weekday, which one OnCalendar= cannot say: that is when neither of these two
 * fields starts with '*'. When one does (an every-second-day step too) both must match, as in
 * Vixie cron. Expressions are in the form that `systemd-analyze calendar` calls normalized.
 *
 * -EINVAL when it is not valid (@reboot is not a time); *ret_reason, when ret_reason is not NULL,
 * then gets a text like "minute: 61 is not in 0-59" (caller frees; NULL if even that failed).
 * -ENOMEM. Outputs are untouched otherwise. */
int cron_to_calendar(const char *cron, char ***ret_calendars, char **ret_reason);
