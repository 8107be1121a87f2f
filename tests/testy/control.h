/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The control file: a command by `touch` or `echo`, for services without a port and for shells in
 * containers.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "command.h"

struct control {
    const char *path; /* "" for none */
    int fd;           /* inotify on its folder, or -1: then it is looked at each second */
    uint64_t check_due;
    struct stat obeyed; /* the last file that could not be removed */
};

void control_init(struct control *control, const char *path, uint64_t now);
void control_close(struct control *control);

/* To be called when control->fd is readable or control->check_due is reached, and once at start.
 * Returns 1 and a command, 0 when there is none, or -EINVAL after it has complained about the file.
 */
int control_check(struct control *control, bool at_start, uint64_t now, struct command *ret);
