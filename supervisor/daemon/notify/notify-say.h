/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with notifications themselves, said once when it begins and once when it is over,
 * as EVENT_DEGRADED and EVENT_RESTORED.
 */
#pragma once

#include "supervisor/daemon/notify/notify-queue.h"

typedef struct NotifySay NotifySay;

int notify_say_new(Events *events, NotifySay **ret);
NotifySay *notify_say_free(NotifySay *say);

/* No disk, no room. */
void notify_say_state(NotifySay *say, const NotifyQueueState *state);
/* A notification was given up; once per service until one of its notifications is accepted. */
void notify_say_given_up(NotifySay *say, const char *service, NotifyKind kind, const char *why);
void notify_say_accepted(NotifySay *say, const char *service);
