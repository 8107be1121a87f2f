/* SPDX-License-Identifier: MIT */

/* A spec file in its folder: put in place whole or not at all, the version before it kept beside
 * it, and taken back when it turns out to be no good. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/macros.h"

typedef struct Install {
    char *path;   /* "/etc/phoenix.d/web.json" */
    char *kept;   /* "/etc/phoenix.d/web.json.old", when there was an older version */
    bool changed; /* the file is not what it was */
} Install;

void install_done(Install *install);
#define _cleanup_install_ _cleanup_(install_done)

/* Writes the text to path, whose folder is made when it is missing. What was there goes to
 * PATH.old, which generators do not read; the same text once more changes nothing. Negative errno:
 * all is as it was. */
int install_file(const char *path, const char *text, size_t size, mode_t mode, Install *ret);

/* Makes it so that install_file() had not been called. */
int install_undo(Install *install);
