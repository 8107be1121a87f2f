/* SPDX-License-Identifier: MIT */

/* Entries as they lie in the database: zstd (RFC 8878), each for itself, so that any of them can be
 * read and deleted alone. A dictionary makes small ones small, too. One of each per thread. */

#pragma once

#include <stddef.h>

typedef struct Packer Packer;
typedef struct Unpacker Unpacker;

/* -ENOMEM */
int packer_new(Packer **ret);
Packer *packer_free(Packer *packer);

/* 1 and what it is packed, which is valid until the next call; 0: it would not be smaller. */
int packer_pack(Packer *packer, const char *text, size_t size, const void **ret, size_t *ret_size);

int unpacker_new(Unpacker **ret);
Unpacker *unpacker_free(Unpacker *unpacker);

/* The text that was packed, valid until the next call. -EUCLEAN: it is damaged, which its checksum
 * tells; -ENOMEM. */
int unpacker_unpack(Unpacker *unpacker, const void *data, size_t size, const char **ret,
                    size_t *ret_size);
