/* SPDX-License-Identifier: MIT */

/* subuid(5) and subgid(5): which ranges of ids users may give to their containers. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/macros.h"

/* What an ordinary image expects: 16 bits of ids. */
#define SUBID_COUNT 65536U

typedef struct SubidRange {
    char *owner;
    uint64_t first, count;
    bool own; /* of the user who is looked at */
} SubidRange;

typedef struct Subids {
    SubidRange *items;
    size_t n;
} Subids;

void subids_done(Subids *subids);
#define _cleanup_subids_ _cleanup_(subids_done)

/* Reads lines OWNER:FIRST:COUNT, the owner by name or number. Lines of any other shape are left
 * out, as newuidmap(1) does. 0 or -ENOMEM. */
int subids_parse(const char *text, const char *user, uid_t uid, Subids *ret);

/* How many ids are the user's own. */
uint64_t subids_own(const Subids *subids);

/* One of another owner that shares ids with one of the user's own; NULL when there is none. */
const SubidRange *subids_overlap(const Subids *subids);

/* The first of SUBID_COUNT ids that are in none of both; 0 when there is no such room. */
uint64_t subids_free(const Subids *uids, const Subids *gids);
