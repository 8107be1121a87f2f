/* SPDX-License-Identifier: MIT */

/* zstd with a dictionary of what entries are made of. */

#include "collector/pack.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/macros.h"

#define LEVEL      1            /* 6 costs up to a third more CPU in all for a twentieth less */
#define UNPACK_MAX (256U << 20) /* what a damaged size may not ask for; no post is so large */

/* What is in databases was packed with exactly this: it must not change. Another one needs another
 * column, or a mark in this one. What is met most often is nearest to the end. */
static const char dictionary[] =
    "{\"host\":\"\",\"key\":\"\",\"timestamp\":\"2026-11-23T18:20:00Z\",\"reason\":\"GET /health: "
    "503 Service Unavailable, 1 of 3\",\"state\":\"unhealthy\",\"state\":\"failing\",\"state\":"
    "\"held\",\"state\":\"starting\",\"state\":\"maintenance\",\"state\":\"frozen\",\"ready\":null,"
    "\"state\":\"stopped\",\"ready\":false,\"restarts\":0,\"beats\":0,\"beats_per_minute\":null,"
    "\"latency_usec\":null,\"cpu_percent\":null,\"memory_bytes\":null,\"reason\":\"\"},"
    "\"Cmdline\":\"stress --cpu 1 \",\"Cmdline\":\"stress --vm 1 --vm-bytes 256M \",\"Cmdline\":"
    "\"stress --io 1 \",\"Cmdline\":\"stress --hdd 1 --hdd-bytes 1G "
    "\",\"Class\":\"other\",\"Class\":"
    "\"cpu\",\"Class\":\"ram\",\"Class\":\"io\",\"Class\":\"disk\"},{\"timestamp\":\"2026-11-23T18:"
    "20:"
    "00.000000Z\",\"sysinfo\":{\"Memory\":{\"Total_Memory_MB\":31874,\"Free_Memory_MB\":17817,"
    "\"Used_Memory_MB\":14057,\"CPU_Usage_Percentage\":16.43},\"Docker_Containers\":[],"
    "\"services\":[{"
    "\"name\":\"web\",\"state\":\"healthy\",\"ready\":true,\"restarts\":0,\"beats\":120,"
    "\"beats_per_minute\":60.0,\"latency_usec\":850,\"cpu_percent\":1.5,\"memory_bytes\":52428800,"
    "\"reason\":\"\"}]}\"Docker_Containers\":[{\"PID\":52643,\"Name\":\"stress\",\"ContainerID\":"
    "\"c87b60cf51b9\",\"Cmdline\":\"stress --io 1 "
    "\",\"MemoryUsage_percent\":0.00,\"MemoryUsage_MB\":0,"
    "\"CPUUsage_percent\":0.00,\"DiskUse_MB\":0,\"Write_KBytes\":0,\"Read_KBytes\":0,\"IOReadOps\":"
    "0,"
    "\"IOWriteOps\":0},{\"PID\":";

/* Grows, and forgets what was in it. */
typedef struct Buffer {
    void *data;
    size_t size;
} Buffer;

static int buffer_reserve(Buffer *buffer, size_t size)
{
    void *data;

    if (size <= buffer->size && buffer->data)
        return 0;
    data = malloc(MAX(size, (size_t)4096));
    if (!data)
        return -ENOMEM;
    free(buffer->data);
    *buffer = (Buffer){data, MAX(size, (size_t)4096)};
    return 0;
}

struct Packer {
    ZSTD_CCtx *context;
    ZSTD_CDict *dictionary;
    Buffer out;
};

struct Unpacker {
    ZSTD_DCtx *context;
    ZSTD_DDict *dictionary;
    Buffer out;
};

Packer *packer_free(Packer *packer)
{
    if (!packer)
        return NULL;
    ZSTD_freeCCtx(packer->context);
    ZSTD_freeCDict(packer->dictionary);
    free(packer->out.data);
    free(packer);
    return NULL;
}

int packer_new(Packer **ret)
{
    Packer *packer = calloc(1, sizeof(*packer));

    if (!packer)
        return -ENOMEM;
    packer->context = ZSTD_createCCtx();
    packer->dictionary = ZSTD_createCDict(dictionary, sizeof(dictionary) - 1, LEVEL);
    if (!packer->context || !packer->dictionary ||
        ZSTD_isError(ZSTD_CCtx_setParameter(packer->context, ZSTD_c_checksumFlag, 1)) ||
        ZSTD_isError(ZSTD_CCtx_refCDict(packer->context, packer->dictionary))) {
        packer_free(packer);
        return -ENOMEM;
    }
    *ret = packer;
    return 0;
}

int packer_pack(Packer *packer, const char *text, size_t size, const void **ret, size_t *ret_size)
{
    size_t n;

    if (size == 0 || size > UNPACK_MAX ||
        buffer_reserve(&packer->out, ZSTD_compressBound(size)) < 0)
        return 0;
    n = ZSTD_compress2(packer->context, packer->out.data, packer->out.size, text, size);
    if (ZSTD_isError(n) || n >= size)
        return 0;
    *ret = packer->out.data;
    *ret_size = n;
    return 1;
}

Unpacker *unpacker_free(Unpacker *unpacker)
{
    if (!unpacker)
        return NULL;
    ZSTD_freeDCtx(unpacker->context);
    ZSTD_freeDDict(unpacker->dictionary);
    free(unpacker->out.data);
    free(unpacker);
    return NULL;
}

int unpacker_new(Unpacker **ret)
{
    Unpacker *unpacker = calloc(1, sizeof(*unpacker));

    if (!unpacker)
        return -ENOMEM;
    unpacker->context = ZSTD_createDCtx();
    unpacker->dictionary = ZSTD_createDDict(dictionary, sizeof(dictionary) - 1);
    if (!unpacker->context || !unpacker->dictionary) {
        unpacker_free(unpacker);
        return -ENOMEM;
    }
    *ret = unpacker;
    return 0;
}

int unpacker_unpack(Unpacker *unpacker, const void *data, size_t size, const char **ret,
                    size_t *ret_size)
{
    unsigned long long whole = ZSTD_getFrameContentSize(data, size);
    size_t n;
    int r;

    if (whole == ZSTD_CONTENTSIZE_UNKNOWN || whole == ZSTD_CONTENTSIZE_ERROR || whole > UNPACK_MAX)
        return -EUCLEAN;
    r = buffer_reserve(&unpacker->out, (size_t)whole);
    if (r < 0)
        return r;
    n = ZSTD_decompress_usingDDict(unpacker->context, unpacker->out.data, unpacker->out.size, data,
                                   size, unpacker->dictionary);
    if (ZSTD_isError(n) || n != whole)
        return -EUCLEAN;
    *ret = unpacker->out.data;
    *ret_size = n;
    return 0;
}
