/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The stamp of a hook and its lock, as files in the state directory.
 */

#include <stdbool.h>
#include <stddef.h>

/* Opens the state directory. Returns a file descriptor or a negative errno. */
int stamp_open_directory(const char *path);

/* Waits for the lock of the hook, so that two starts at a time run it one after the other. It is
 * held until the returned file descriptor is closed. Returns a negative errno on failure. */
int stamp_lock(int directory, const char *name);

/* Reads the stamp. Returns 1 and its (cut) text when it is there, 0 when it is not, or a negative
 * errno. */
int stamp_read(int directory, const char *name, char *ret_text, size_t size);

/* Writes the stamp so that after a power cut it is either whole or not there. Returns 0 or a
 * negative errno. */
int stamp_write(int directory, const char *name, const char *text);
