/* SPDX-License-Identifier: MIT */

/* What the fuzz targets share. Each target is one function that takes any bytes and aborts when a
 * property does not hold. With -Dfuzz=true libFuzzer drives it; otherwise replay-main.c runs it
 * over the files of its corpus, as an ordinary test. */

#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* assert() that no build type turns off. */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* The input as a string that ends where the input does, so that the sanitizer sees every byte read
 * beyond it. The caller frees. */
static inline char *fuzz_string(const uint8_t *data, size_t size)
{
    char *s = malloc(size + 1);

    REQUIRE(s);
    if (size > 0)
        memcpy(s, data, size);
    s[size] = '\0';
    return s;
}
