/* SPDX-License-Identifier: MIT */

/* What the tests in the mini VM share: a test is a function that runs in a process of its own, as
 * root of a machine that has nothing but this program, the module and an empty cgroup hierarchy.
 * When it ends, all that it has left behind is removed: processes, cgroups, the module. */

#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/types.h>

#include "base/macros.h"

typedef struct Test {
    const char *name;
    void (*run)(void);
} Test;

/* Each ends with an entry without a name. */
extern const Test access_tests[];
extern const Test container_tests[];
extern const Test reader_tests[];
extern const Test text_tests[];
extern const Test value_tests[];
extern const Test load_tests[];

/* Says what does not hold and ends the process, and with it the test. */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            test_fail(__FILE__, __LINE__, #condition);                                             \
    } while (0)
#define REQUIRE_NUMBER(a, operator, b)                                                             \
    do {                                                                                           \
        int64_t a_ = (int64_t)(a), b_ = (int64_t)(b);                                              \
        if (!(a_ operator b_))                                                                     \
            test_fail_numbers(__FILE__, __LINE__, #a " " #operator" " #b, a_, b_);                 \
    } while (0)
#define REQUIRE_STRING(a, b)                                                                       \
    do {                                                                                           \
        const char *a_ = (a), *b_ = (b);                                                           \
        if (!a_ || !b_ || strcmp(a_, b_) != 0)                                                     \
            test_fail_strings(__FILE__, __LINE__, #a, a_, b_);                                     \
    } while (0)

_Noreturn void test_fail(const char *file, int line, const char *what);
_Noreturn void test_fail_numbers(const char *file, int line, const char *what, int64_t a,
                                 int64_t b);
_Noreturn void test_fail_strings(const char *file, int line, const char *what, const char *a,
                                 const char *b);

/* A number that the kernel's command line gives (NAME=NUMBER), or the other one. */
unsigned setting(const char *name, unsigned otherwise);

/* Whole files; what cannot be read or written is a failed test. The result ends with a NUL. */
char *file_text(const char *path, size_t *ret_size);
void file_write(const char *path, const char *text);
bool file_exists(const char *path);

/* The value behind KEY in a file of "KEY VALUE" lines. */
uint64_t file_value(const char *path, const char *key);

uint64_t now_usec(void);
void sleep_msec(unsigned msec);

/* Runs a function in a child process and returns its result, 0 to 255; dying is a failed test. */
int in_child(int (*function)(void *argument), void *argument);
