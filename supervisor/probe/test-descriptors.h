/* SPDX-License-Identifier: MIT */
/* For tests that must leave no descriptor behind. Include it after cmocka.h. */
#pragma once

#include <dirent.h>

#include "base/macros.h"

static inline size_t open_descriptors(void)
{
    _cleanup_closedir_ DIR *dir = opendir("/proc/self/fd");
    size_t n = 0;

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    return n;
}
