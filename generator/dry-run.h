/* SPDX-License-Identifier: MIT */
/*
 * Units for people to look at: generated as always, but into a temporary folder and then printed.
 */
#pragma once

#include <stdio.h>

#include "generator/generate.h"

/*
 * Generates into a temporary folder and prints every file after a line "# PATH", links as
 * "# PATH -> TARGET", as `systemctl cat` does. options->folder is ignored, options->known_as is the
 * folder's path that is shown. Returns 0 or negative errno.
 */
int dry_run(const GenerateOptions *options, const Platform *platform, SpecSet *set, FILE *out);
