/* SPDX-License-Identifier: MIT */

/* The generator as a function: what it would write, asked of the installed program itself, so that
 * `phoenix show` never says anything else than what a daemon-reload does. */

#pragma once

#include <stddef.h>

#include "spec/spec.h"

/* One file or symbolic link of the generator's output. */
typedef struct GeneratedFile {
    char *path;
    char *target; /* of a link; NULL for a file */
    char *text;   /* "" for a link */
} GeneratedFile;

typedef struct GeneratedFiles {
    GeneratedFile *items;
    size_t n, allocated;
} GeneratedFiles;

void generated_files_done(GeneratedFiles *files);
#define _cleanup_generated_files_ _cleanup_(generated_files_done)

/* Runs `phoenix-generator --dry-run=name` for a manager: $PHOENIX_GENERATOR, or the installed one.
 * spec_path: PHOENIX_SPEC_PATH for it, or NULL. Its standard output and error come back as strings
 * the caller frees. Returns its exit status, or what process_run() returns. */
int generator_dry_run(SpecScope scope, const char *name, const char *spec_path, char **ret_stdout,
                      char **ret_stderr);

/* Takes the output apart: each file begins with a line "# PATH", a link is a line "# PATH ->
 * TARGET". 0 or -ENOMEM. */
int generated_files_parse(const char *output, GeneratedFiles *ret);

/* The text of the first file, not link, whose path ends in this, or NULL. */
const char *generated_files_find(const GeneratedFiles *files, const char *suffix);
