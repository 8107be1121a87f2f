/* SPDX-License-Identifier: MIT */
/*
 * How a string is written into a unit so that it comes out again byte for byte. A unit value passes
 * up to three readers (systemd's quoting, its "%" specifiers, its "$" variables), and a container's
 * one more (Quadlet); each has its own rules, and this is the one place that knows them.
 * systemd.syntax(7), systemd.service(5) "COMMAND LINES", systemd.unit(5) "SPECIFIERS".
 */
#pragma once

#include <stdbool.h>

#include "base/text.h"

typedef enum EscapeFlags {
    ESCAPE_SPECIFIERS = 1 << 0, /* "%" becomes "%%" */
    ESCAPE_VARIABLES = 1 << 1,  /* "$" becomes "$$" */
    ESCAPE_QUADLET = 1 << 2,    /* an argument that Quadlet reads and writes again */
    /* A word of Exec...= in a unit of ours. */
    ESCAPE_COMMAND = ESCAPE_SPECIFIERS | ESCAPE_VARIABLES,
    /* A word of Exec= and PodmanArgs= in a .container file: they end up in ExecStart=. */
    ESCAPE_CONTAINER = ESCAPE_COMMAND | ESCAPE_QUADLET,
} EscapeFlags;

/*
 * The variable that stands in for nothing. Quadlet's reader ends at an empty word and its writer
 * leaves a lone ";" bare, which systemd takes as the end of the command; "${PHOENIX_EMPTY}" passes
 * both and systemd makes it the empty string. The unit must then hold Environment=PHOENIX_EMPTY=.
 */
#define ESCAPE_EMPTY_VARIABLE "PHOENIX_EMPTY"

/* Adds one word, quoted when it needs to be. As text_add(): 0 or -ENOMEM. */
int escape_word(Text *text, const char *word, EscapeFlags flags);

/* Adds s as it is but for doubled "%": for values that systemd does not unquote (paths,
 * descriptions). */
int escape_specifiers(Text *text, const char *s);

/* The same with doubled "$" too: for values that Quadlet copies, unquoted, into a command line. */
int escape_plain_command(Text *text, const char *s);

/* Whether escape_word() with ESCAPE_QUADLET uses ESCAPE_EMPTY_VARIABLE for this word. */
bool escape_needs_empty(const char *word);

/* Whether Quadlet can pass this string on at all: it writes U+0080 as a lone byte 0x80. */
bool escape_survives_quadlet(const char *s);
