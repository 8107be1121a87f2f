/* SPDX-License-Identifier: MIT */

/* What the module is measured against: a program that reads the same from cgroupfs and /proc, as
 * well as can be done in a few lines of C: it walks directories by descriptor, reads each file
 * once, and writes the same members of each container. It does not look for the main process, but
 * takes the first one that the cgroup lists. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

/* keep_open: the files of a container, five of them, are opened once and read again at each look;
 * otherwise each look opens them. Returns the length of the JSON, which is written to buf. */
size_t reader_look(bool keep_open, char *buf, size_t size);

/* Closes all, and forgets all containers. */
void reader_forget(void);
