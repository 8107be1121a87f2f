/* SPDX-License-Identifier: MIT */
/*
 * Where specs lie. One list of folders, searched in order; the first file of a name wins, and a
 * link to /dev/null masks the name, as systemd does with unit files (systemd.unit(5)).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "spec/spec.h"

typedef struct SpecFile {
    char *path;     /* absolute path of the file that wins */
    char *stem;     /* its file name without ".json" */
    bool masked;    /* a link to /dev/null, or an empty file */
    char **shadows; /* paths of the files of the same name that lose, in order; may be NULL */
} SpecFile;

typedef struct SpecFiles {
    SpecFile *items;
    size_t n, allocated;
} SpecFiles;

void spec_files_done(SpecFiles *files);

/*
 * The folders of a manager. PHOENIX_SPEC_PATH (colon-separated) overrides them all.
 * scope: SPEC_SCOPE_SYSTEM or SPEC_SCOPE_USER.
 * Returns 0, or -ENOMEM.
 */
int spec_folders(SpecScope scope, char ***ret);

/*
 * All specs in the folders, sorted by stem in byte order whatever order the folders list them in.
 * Only *.json counts, hidden files do not; a folder that is missing is no error. Returns 0 or
 * -ENOMEM; folders that cannot be read are left out.
 */
int spec_scan(char *const *folders, SpecFiles *ret);
