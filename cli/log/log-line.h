/* SPDX-License-Identifier: MIT */

/* One entry of a service's journal as a line, or as a JSON object. */

#pragma once

#include "cli/print/screen.h"
#include "cli/systemd/journal.h"

/* Who says it. */
typedef enum LogSource {
    LOG_SOURCE_PAYLOAD,  /* the program or what runs in the container */
    LOG_SOURCE_UNIT,     /* what serves it inside the unit: podman, conmon, the lease */
    LOG_SOURCE_MANAGER,  /* systemd */
    LOG_SOURCE_PHOENIXD, /* an event */
    _LOG_SOURCE_MAX,
} LogSource;

typedef struct LogLine {
    uint64_t when_usec;
    LogSource source;
    char *identifier, *pid, *message;
    int priority; /* of syslog(3) */
} LogLine;

void log_line_done(LogLine *line);
#define _cleanup_log_line_ _cleanup_(log_line_done)

/* Takes the journal's present entry. */
int log_line_read(Journal *journal, LogLine *ret);

/* "Nov 23 12:00:00 web[123] | message": a bar stands before what the service itself says, a colon
 * before what others say of it. More lines of a message are indented. */
void log_line_add(Text *t, const Screen *screen, const LogLine *line);
void log_line_add_json(Text *t, const LogLine *line);

/* "Nov 23 12:00:00", local time. */
void log_line_add_time(Text *t, uint64_t when_usec);
