/* SPDX-License-Identifier: MIT */
/*
 * The folder that units are written to. Every file appears whole, by a rename: systemd, the
 * supervisor and another run of the generator into the same folder see the old one or the new one.
 */
#pragma once

#include "base/text.h"

typedef struct Output {
    char *path; /* the folder, as the manager knows it */
    int fd;
} Output;

void output_done(Output *output);
#define _cleanup_output_ _cleanup_(output_done)

/* Opens the folder and makes it and its folder "phoenix" when they are missing. Returns 0 or
 * negative errno. */
int output_open(const char *path, Output *ret);

/* Writes a file; name may have one of our folders in front ("phoenix/web.json"). */
int output_file(const Output *output, const char *name, const Text *text);

/* Makes FOLDER/NAME a link to TARGET, and FOLDER when it is missing ("multi-user.target.wants"). */
int output_link(const Output *output, const char *folder, const char *name, const char *target);
