/* SPDX-License-Identifier: MIT */
/*
 * What the files of rules share: the letters they speak of, and how a check answers.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "spec/rules.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

/* What a check returns. */
static inline int yes(bool ok)
{
    return ok ? 0 : -EINVAL;
}

/* Not empty, and none but the accepted characters. */
static inline bool only(const char *s, const char *accepted)
{
    return *s && s[strspn(s, accepted)] == '\0';
}

static inline bool has_control(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return true;
    return false;
}

/* rules-path.c: absolute, short enough, without ".." and control characters. */
bool path_is_normal(const char *s);
