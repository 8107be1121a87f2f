/* SPDX-License-Identifier: MIT */
/*
 * Whose line a journal entry is. Fields that begin with "_" are journald's word and are believed;
 * CONTAINER_NAME comes from podman's log driver, and anybody could write it, so it counts only in
 * entries of the user who runs the containers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define LOG_UNIT_MAX 256

typedef struct LogLine {
    char unit[LOG_UNIT_MAX];      /* "phoenix@web.service", or "" */
    char container[LOG_UNIT_MAX]; /* "phoenix-web", or "" */
    bool own_uid;                 /* written by the user of the supervisor */
} LogLine;

/* Takes one field "NAME=value" of an entry into account. */
void log_line_add(LogLine *line, bool user, uid_t uid, const void *field, size_t n);

/* Whether the line is of this unit, or of this container ("" is none). */
bool log_line_is_of(const LogLine *line, bool user, const char *unit, const char *container);

/* "phoenix-web" for "phoenix@web.service"; "" for other units. */
void log_container_name(const char *unit, char *buffer, size_t size);
