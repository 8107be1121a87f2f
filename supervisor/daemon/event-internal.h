/* SPDX-License-Identifier: MIT */
/* What the parts of event.h share with each other and with their test. */
#pragma once

#include "base/text.h"
#include "supervisor/daemon/event.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* events_new() with another socket than journald's. */
int events_new_at(const char *socket, bool user, Events **ret);

int event_kind_priority(EventKind kind);

/* Appends s as one line that no terminal obeys: control characters become blanks, what is not UTF-8
 * becomes "?". */
void event_add_line(Text *text, const char *s);

/* The entry in journald's own protocol. Returns 0 or -ENOMEM. */
int event_journal_entry(const Event *event, bool user, Text *text);
