/* SPDX-License-Identifier: MIT */

/* Blocks of memory in a list, filled from front to back. */

#include "base/macros.h"
#include "sysinfo/pool.h"

#define BLOCK_SIZE ((size_t)64 * 1024)

struct SysinfoPool {
    SysinfoPool *next;
    size_t used, size;
    char data[];
};

static SysinfoPool *block_new(SysinfoPool *next, size_t size)
{
    SysinfoPool *block = malloc(sizeof(*block) + size);

    if (block) {
        block->next = next;
        block->used = 0;
        block->size = size;
    }
    return block;
}

char *pool_copy(SysinfoPool **pool, const char *s, size_t n)
{
    char *copy;

    if (!*pool || (*pool)->size - (*pool)->used <= n) {
        SysinfoPool *block = block_new(*pool, MAX(BLOCK_SIZE, n + 1));

        if (!block)
            return NULL;
        *pool = block;
    }
    copy = (*pool)->data + (*pool)->used;
    if (n > 0)
        memcpy(copy, s, n);
    copy[n] = '\0';
    (*pool)->used += n + 1;
    return copy;
}

SysinfoPool *pool_free(SysinfoPool *pool)
{
    while (pool) {
        SysinfoPool *next = pool->next;

        free(pool);
        pool = next;
    }
    return NULL;
}
