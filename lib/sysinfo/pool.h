/* SPDX-License-Identifier: MIT */

/* Memory for the strings of one reading: thousands of small ones that are freed together. */

#pragma once

#include <stddef.h>

typedef struct SysinfoPool SysinfoPool;

/* A copy of n bytes with a NUL behind, which lives as long as the pool. *pool may be NULL before
 * the first. NULL when out of memory. */
char *pool_copy(SysinfoPool **pool, const char *s, size_t n);

SysinfoPool *pool_free(SysinfoPool *pool);
