/* SPDX-License-Identifier: MIT */

/* Findings for the reader: each as diag_format() writes it, with the source line and a caret. */

#pragma once

#include <stddef.h>

#include "cli/print/screen.h"
#include "spec/diag.h"

/* The text that findings point into; the last file is kept, as findings come file by file.
 * Initialise with { 0 }; a text that is in no file (standard input) may be put in beforehand. */
typedef struct Source {
    char *path;
    char *text; /* NULL: could not be read */
    size_t size;
} Source;

void source_done(Source *source);
#define _cleanup_source_ _cleanup_(source_done)

/* One finding; its hint and excerpt follow, indented. */
void finding_add(Text *t, const Screen *screen, const Diag *diag, Source *source);

/* All of a list. */
void findings_add(Text *t, const Screen *screen, const DiagList *list, Source *source);

/* All of a list as JSON objects, one per line; *any says whether one came before, and is updated.
 */
void findings_add_json(Text *t, const DiagList *list, bool *any);

/* How many of the kept findings are of this severity. */
size_t findings_count(const DiagList *list, DiagSeverity severity);
