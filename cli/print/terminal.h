/* SPDX-License-Identifier: MIT */

/* A terminal as a page that is redrawn in place: single keys in, whole frames out. Whatever ends
 * the program in an orderly way puts the terminal back as it was. */

#pragma once

#include <stdint.h>
#include <termios.h>

#include "cli/print/screen.h"

typedef struct Terminal {
    struct termios saved;
    int signal_fd; /* SIGINT, SIGTERM, SIGHUP, SIGWINCH */
    bool open;
} Terminal;

/* What terminal_wait() came back for, when it was no key. */
enum {
    TERMINAL_TIMEOUT = 0,
    TERMINAL_RESIZED = -1000,
    TERMINAL_END = -1001, /* a signal, or the terminal is gone */
};

/* Only when both ends are a terminal. Negative errno otherwise. */
int terminal_open(Terminal *ret);
void terminal_close(Terminal *terminal);
#define _cleanup_terminal_ _cleanup_(terminal_close)

/* A key (1 to 255), one of the values above, or a negative errno. */
int terminal_wait(Terminal *terminal, uint64_t timeout_usec);

/* Height of the terminal in lines. */
unsigned terminal_height(void);

/* Shows the text, which must have no more lines than the terminal, instead of what was there: in
 * one write, without clearing first, so that nothing flickers. */
int terminal_draw(const Text *frame);
