/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The commands that make phoenix-testy misbehave: one table for the HTTP path, the control file,
 * the client and the help text.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum command_kind {
    COMMAND_HANG,
    COMMAND_FREEZE,
    COMMAND_CRASH,
    COMMAND_SEGV,
    COMMAND_EXIT,
    COMMAND_SPIN,
    COMMAND_BURN,
    COMMAND_UNHEALTHY,
    COMMAND_HEALTHY,
    COMMAND_SLOW,
    COMMAND_LEAK,
    COMMAND_SPAM,
    COMMAND_IGNORE_SIGTERM,
    COMMAND_STOP_BEAT,
    COMMAND_START_BEAT,
    _COMMAND_MAX,
};

struct command {
    enum command_kind kind;
    uint64_t value;
};

/* Parses a name and its argument (NULL or "" for none).
 * Returns 0, -ENOENT for an unknown name, -EINVAL or -ERANGE when the argument is missing,
 * unexpected or wrong. */
int command_parse(const char *name, const char *argument, struct command *ret);

/* The same from one line, "exit 3". A line with nothing in it is "hang": so `touch` is enough for a
 * control file. */
int command_parse_line(const char *line, struct command *ret);

const char *command_name(enum command_kind kind);

/* True when the process will not come back to its loop, so that the command must wait until it has
 * been answered. */
bool command_is_final(enum command_kind kind);

/* One line for each command. */
void command_print_help(FILE *f, const char *indent);
