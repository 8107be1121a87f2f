/* SPDX-License-Identifier: MIT */

/* The few macros every file may use: cleanup attributes, ownership hand-over, attributes the
 * compiler checks, and the units of time. Anything that needs more than one line of C is a
 * function in one of the other files of this folder, not a macro here. */

#pragma once

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Runs f(&variable) when the variable goes out of scope. */
#define _cleanup_(f)   __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_       __attribute__((unused))

static inline void cleanup_free(void *p)
{
    free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void cleanup_fclose(FILE **f)
{
    if (*f)
        fclose(*f);
}

static inline void cleanup_closedir(DIR **d)
{
    if (*d)
        closedir(*d);
}

/* A variable marked with one of these must be initialised (NULL, or -1 for a descriptor). */
#define _cleanup_free_     _cleanup_(cleanup_free)
#define _cleanup_close_    _cleanup_(cleanup_close)
#define _cleanup_fclose_   _cleanup_(cleanup_fclose)
#define _cleanup_closedir_ _cleanup_(cleanup_closedir)

/* The value of p (or fd), which is left NULL (or -1): hands ownership on. */
#define TAKE_PTR(p)                                                                                \
    ({                                                                                             \
        __typeof__(p) *_take_from = &(p);                                                          \
        __typeof__(p) _taken = *_take_from;                                                        \
        *_take_from = NULL;                                                                        \
        _taken;                                                                                    \
    })
#define TAKE_FD(fd)                                                                                \
    ({                                                                                             \
        int *_take_from = &(fd);                                                                   \
        int _taken = *_take_from;                                                                  \
        *_take_from = -1;                                                                          \
        _taken;                                                                                    \
    })

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))

#define streq(a, b) (strcmp((a), (b)) == 0)

/* Both arguments are evaluated once; they must have the same type, or -Wsign-compare complains. */
#undef MIN
#undef MAX
#define MIN(a, b)                                                                                  \
    ({                                                                                             \
        __typeof__(a) _min_a = (a);                                                                \
        __typeof__(b) _min_b = (b);                                                                \
        _min_a < _min_b ? _min_a : _min_b;                                                         \
    })
#define MAX(a, b)                                                                                  \
    ({                                                                                             \
        __typeof__(a) _max_a = (a);                                                                \
        __typeof__(b) _max_b = (b);                                                                \
        _max_a > _max_b ? _max_a : _max_b;                                                         \
    })

/* Times are uint64_t microseconds, in variables that end in _usec. A month and a year have the
 * mean lengths that systemd.time(7) gives them: 30.4375 and 365.25 days. */
#define USEC_INFINITY   UINT64_MAX
#define USEC_PER_MSEC   UINT64_C(1000)
#define USEC_PER_SEC    UINT64_C(1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR   (60 * USEC_PER_MINUTE)
#define USEC_PER_DAY    (24 * USEC_PER_HOUR)
#define USEC_PER_WEEK   (7 * USEC_PER_DAY)
#define USEC_PER_MONTH  (UINT64_C(2629800) * USEC_PER_SEC)
#define USEC_PER_YEAR   (UINT64_C(31557600) * USEC_PER_SEC)
#define NSEC_PER_USEC   UINT64_C(1000)
