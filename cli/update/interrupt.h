/* SPDX-License-Identifier: MIT */

/* Ctrl-C and the like at a moment when just ending would leave things half done: the signals wait
 * until somebody asks for them. */

#pragma once

#include <signal.h>
#include <stdbool.h>

typedef struct Interrupt {
    sigset_t signals, before;
    bool came;
} Interrupt;

/* From now on SIGINT, SIGTERM and SIGHUP wait. Programs that are run (process.h) do not inherit
 * that. */
void interrupt_hold(Interrupt *interrupt);

/* Whether one has come; then it has for good. */
bool interrupt_came(Interrupt *interrupt);

/* What was before interrupt_hold(). One that came and was not asked for ends the program. */
void interrupt_release(Interrupt *interrupt);
