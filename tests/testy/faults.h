/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The ways in which phoenix-testy misbehaves.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command.h"

struct faults {
    bool unhealthy;
    bool beat_stopped;
    bool ignore_sigterm;
    bool burning;
    uint64_t slow_usec;
    uint64_t leak_rate; /* MiB per second */
    uint64_t leaked_bytes;
    uint64_t spam_rate; /* lines per second */
    uint64_t spam_lines;
    uint64_t last_tick_usec; /* USEC_NEVER while nothing leaks or spams */
};

void faults_init(struct faults *faults, bool ignore_sigterm);

/* Says why a command is impossible for this process, or NULL. */
const char *faults_obstacle(enum command_kind kind);

/* Obeys a command that is not final. */
void faults_set(struct faults *faults, const struct command *command, uint64_t now);

/* Obeys a final command; comes back only from "freeze", after SIGCONT. */
void faults_strike(const struct command *command);

/* When faults_tick() is due: USEC_NEVER when there is nothing to do. */
uint64_t faults_due(const struct faults *faults);
void faults_tick(struct faults *faults, uint64_t now);

/* With --catch-abort: has SIGABRT print a line and end the process, even one that hangs. Returns 0
 * or -errno. */
int faults_catch_abort(void);
