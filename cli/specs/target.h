/* SPDX-License-Identifier: MIT */

/* What `phoenix show` is about: a spec of the scope, given by NAME, or a file by itself. */

#pragma once

#include "cli/cli.h"
#include "spec/diag.h"
#include "spec/set.h"

typedef struct Target {
    SpecSet *set;
    char *path; /* of the file */
    char *name; /* instance name */
    Spec *spec; /* NULL when there is no good one */
    Spec *own;  /* what spec points to, when it is of no set */
    DiagList own_diags;
    const DiagList *diags;
    bool by_path;
} Target;

void target_done(Target *target);
#define _cleanup_target_ _cleanup_(target_done)

/* Fills target, which the caller empties also after a failure. Returns CLI_EXIT_OK;
 * CLI_EXIT_MISSING, said on standard error, when there is nothing of that name; CLI_EXIT_NO when it
 * cannot be reached; or -ENOMEM. */
int target_find(const Cli *cli, const char *arg, Target *target);

/* The file name of a path without ".json", in a new string; NULL when out of memory. */
char *target_stem(const char *path);
