/* SPDX-License-Identifier: MIT */
/*
 * What a notification says: one JSON object, described in phoenix-spec(5). The facts are taken down
 * when the event happens; the log is read when it is told, so that it is on no disk but the
 * journal's. All text is cleaned: UTF-8, no control characters.
 */
#pragma once

#include "supervisor/daemon/notify/notify-queue.h"
#include "supervisor/daemon/view.h"

/* The facts of an event. NULL: no memory. */
json_t *notify_facts(const Event *event, NotifyKind kind, const char *host, Manager *manager);

/* A text of the facts, "" when there is none. */
const char *notify_fact(const Notification *notification, const char *key);

/* The object as text of at most max bytes: the oldest lines of the log are left out first, then the
 * samples of the checks. Takes over the log, an array or NULL. Returns 0, -ENOMEM or -EFBIG. */
int notify_body(const Notification *notification, json_t *log, size_t max, char **ret);

/* One line of the log as it stands in the array. NULL: no memory. */
json_t *notify_line(uint64_t realtime_usec, const char *message, size_t size);

/* log: the last lines of a service up to a time, as an array; what the payload of a container said
 * too. Bounded in lines, bytes and time; empty when there is no journal. NULL: no memory. */
json_t *notify_log(bool user, const char *service, const char *unit, uint64_t until_usec);
