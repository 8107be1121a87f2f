/* SPDX-License-Identifier: MIT */

/* Whole files in and out: bounded reads of files that somebody else wrote, writes that appear whole
 * or not at all, and the folders around them. Paths are relative to a directory descriptor, or to
 * the working directory with AT_FDCWD; an absolute path ignores the descriptor, as openat(2). */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Reads a regular file of at most max bytes. *ret has a NUL after the last byte (contents may hold
 * others; caller frees), *ret_size (may be NULL) the size without it. Links are followed. Never
 * blocks on a FIFO or a device: -EISDIR for a folder, -EINVAL for other non-regular files. -EFBIG
 * when there is more than max; -ENOMEM; else the errno of open, fstat or read. */
int file_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_size);

/* Makes name (which may have folders in front; they must exist) a regular file with exactly these
 * contents and this mode, whatever the umask. It is written under a unique name that starts with
 * ".#" in the same folder and renamed, so that readers and other writers see the old file or the
 * new one, whole. With sync the data is on disk before the rename, and the rename before this
 * returns. On failure (negative errno) no temporary file is left behind. */
int file_write_atomic(int dirfd, const char *name, const char *data, size_t size, mode_t mode,
                      bool sync);

/* Makes name a symbolic link to target, replacing what was there (but not a folder: -EISDIR), by a
 * rename as above. */
int symlink_atomic(int dirfd, const char *target, const char *name);

/* mkdir -p: makes the folder and the missing ones above it, with this mode less the umask. 0 also
 * when it is there already (or is a link to a folder); -ENOTDIR when something else is. */
int dir_make(const char *path, mode_t mode);

/* rm -rf: removes a folder and all below, or a single file. Never follows a link and never crosses
 * into another mount. Meant for our own temporary folders: more than 64 levels are -ELOOP. 0 also
 * when there is no such path; otherwise goes on after a failure and returns the first one. */
int dir_remove_tree(const char *path);
