/* SPDX-License-Identifier: MIT */
/*
 * The form of a file in the spool: one line with the version, the size and the hash of what
 * follows, and then the batch. Pure.
 */
#pragma once

#include <stddef.h>

/* The caller frees. -ENOMEM. */
int spool_file_make(const char *body, size_t size, char **ret, size_t *ret_size);

/* The batch, with a NUL behind; the caller frees. -EBADMSG when a byte of it is not as it was
 * written, or another version has written it; -ENOMEM. */
int spool_file_read(const char *text, size_t size, char **ret_body, size_t *ret_size);
