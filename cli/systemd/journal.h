/* SPDX-License-Identifier: MIT */

/* The journal as the command reads it: entries of one service, or the events that phoenixd writes.
 * Only fields that journald itself has set decide what belongs where, since everybody may write
 * anything else. All strings come as they are: clean them (screen.h) before they are shown. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "spec/spec.h"

typedef struct Journal Journal;

#define JOURNAL_ALL_LINES UINT64_MAX

/* $PHOENIX_JOURNAL_DIR: a folder of journal files instead of the machine's. */
int journal_open(Journal **ret);
Journal *journal_free(Journal *journal);

static inline void journal_freep(Journal **journal)
{
    journal_free(*journal);
}
#define _cleanup_journal_ _cleanup_(journal_freep)

/* All of a service: what it and its container write, and what the service manager and phoenixd say
 * of it. scope: SPEC_SCOPE_SYSTEM or SPEC_SCOPE_USER. 0 or -ENOMEM. */
int journal_match_service(Journal *journal, SpecScope scope, const char *name);

/* The events of phoenixd, of one service or (NULL) of all. */
int journal_match_events(Journal *journal, SpecScope scope, const char *name);

/* Goes to the first of the last so many entries since then (0: since ever). */
int journal_seek(Journal *journal, uint64_t since_usec, uint64_t lines);

/* The next entry: 1, 0 at the end, or a negative errno. */
int journal_next(Journal *journal);

/* Returns when there may be new entries. */
int journal_wait(Journal *journal);

/* Of the present entry. */
int journal_time(Journal *journal, uint64_t *ret_usec);
/* A new string (an embedded NUL ends it), NULL when the entry has no such field; -ENOMEM, ... */
int journal_get(Journal *journal, const char *field, char **ret);
