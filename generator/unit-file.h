/* SPDX-License-Identifier: MIT */
/*
 * A unit file being written: sections in the order of their first use, settings in the order they
 * were added. It remembers its first failure, so that emitters need not check every line, and it
 * refuses what no unit file can hold (a newline in a plain value) instead of writing something
 * else.
 */
#pragma once

#include <stddef.h>

#include "base/text.h"
#include "generator/unit-escape.h"

typedef struct UnitSection {
    char *name;
    Text body;
} UnitSection;

/* Zero-initialised is empty. */
typedef struct UnitFile {
    UnitSection *sections;
    size_t n;
    char *refused; /* why a value cannot be written, for people; the first one only */
    int error;     /* 0 or -ENOMEM */
} UnitFile;

/* Returned by unit_render() for a file with a refused value. */
#define UNIT_REFUSED 1

/* systemd gives up on a whole unit for a line longer than 1 MiB. */
#define UNIT_LINE_MAX 1000000U

void unit_done(UnitFile *unit);
#define _cleanup_unit_ _cleanup_(unit_done)

/* Adds KEY=value as it is: the value is unit syntax already. An empty value resets the key. */
void unit_add(UnitFile *unit, const char *section, const char *key, const char *value);
void unit_addf(UnitFile *unit, const char *section, const char *key, const char *format, ...)
    _printf_(4, 5);

/* Adds KEY= with one value that systemd does not unquote, "%" doubled. */
void unit_add_plain(UnitFile *unit, const char *section, const char *key, const char *value);

/* The same with "$" doubled, too: what Quadlet copies into a command line. */
void unit_add_plain_command(UnitFile *unit, const char *section, const char *key,
                            const char *value);

/* Adds KEY= with words, each escaped with the flags. */
void unit_add_words(UnitFile *unit, const char *section, const char *key, char *const *words,
                    EscapeFlags flags);

/*
 * Adds a command line, KEY=PREFIX PROGRAM ARGUMENTS: `prefix` is NULL or one of systemd's special
 * executable prefixes ("-"), `first` are words of our own before argv, NULL for none. what: which
 * part of the spec this is, for the message when it cannot be written ("hooks.started").
 */
void unit_add_command(UnitFile *unit, const char *section, const char *key, const char *prefix,
                      char *const *first, char *const *argv, const char *what);

/* Adds a comment line to the section. */
void unit_comment(UnitFile *unit, const char *section, const char *comment);

/* For callers that ran out of memory while making a value. */
void unit_fail_memory(UnitFile *unit);

/* Marks the file as one that cannot be written. */
void unit_refuse(UnitFile *unit, const char *format, ...) _printf_(2, 3);

/*
 * Adds the whole file to text, after the header (comment lines with newlines; may be NULL).
 * Returns 0, UNIT_REFUSED (see unit->refused), or -ENOMEM.
 */
int unit_render(const UnitFile *unit, const char *header, Text *text);
