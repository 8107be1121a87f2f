/* SPDX-License-Identifier: MIT */

/* FNV-1a, to tell short texts apart in names of files and users. Not for hostile input: whoever can
 * choose the text can make two collide. http://www.isthe.com/chongo/tech/comp/fnv/ */

#pragma once

#include <stddef.h>
#include <stdint.h>

#define HASH32_START UINT32_C(2166136261)
#define HASH64_START UINT64_C(14695981039346656037)

/* The hash of what was hashed before (begin with HASH32_START) and then these n bytes. */
static inline uint32_t hash32(uint32_t hash, const char *data, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (unsigned char)data[i]) * UINT32_C(16777619);
    return hash;
}

/* The same with 64 bits; begin with HASH64_START. */
static inline uint64_t hash64(uint64_t hash, const char *data, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (unsigned char)data[i]) * UINT64_C(1099511628211);
    return hash;
}
