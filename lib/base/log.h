/* SPDX-License-Identifier: MIT */

/* Where messages for people go. Only main() calls log_setup(), and only the edges of a program log:
 * library code returns errors (see HACKING). This is the one place in Phoenix with static state. */

#pragma once

#include <syslog.h>

#include "base/macros.h"

typedef enum LogTarget {
    LOG_TARGET_STDERR,  /* "identifier: message" */
    LOG_TARGET_KMSG,    /* the kernel's ring buffer, for generators at boot */
    LOG_TARGET_JOURNAL, /* sd_journal_send(3) */
    LOG_TARGET_NULL,
} LogTarget;

/* identifier is not copied and must live as long as the program (a literal). max_level is the least
 * important level that is still written, LOG_EMERG to LOG_DEBUG of syslog(3). Without this call
 * messages up to LOG_INFO go to standard error. A target that cannot be opened falls back to
 * standard error. */
void log_setup(const char *identifier, LogTarget target, int max_level);

/* Writes one message, without a newline at its end; errno stays as it is. Standard error carries
 * the level as "<N>" in front, sd-daemon(3), when the journal reads it (JOURNAL_STREAM is set).
 * kmsg gets "<N>identifier[pid]: message", one record per message, at most 1 KiB or so: the kernel
 * takes no more; line breaks become blanks there. */
void log_msg(int level, const char *format, ...) _printf_(2, 3);

#define log_error(...)   log_msg(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_msg(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)  log_msg(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)    log_msg(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_msg(LOG_DEBUG, __VA_ARGS__)
