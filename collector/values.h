/* SPDX-License-Identifier: MIT */

/* Members of parsed objects, checked as they are taken. Each function returns 0 (which is also what
 * a member that may be missing and is gives), or POST_INVALID with the fault filled. */

#pragma once

#include "collector/fault.h"
#include "collector/sample.h"

/* The object that members are taken from. */
typedef struct Members {
    const json_t *object;
    const char *path;
    Fault *fault;
} Members;

/* A finite number from 0. When it is missing or null: *ret stays as it is. */
int members_number(const Members *m, const char *name, double *ret);

/* A string of at most max bytes; missing or null: *ret stays as it is. */
int members_text(const Members *m, const char *name, size_t max, const char **ret);

/* 1 to 253 bytes without control characters, resp. 1 to 32 of a-z, 0-9, "-". */
int members_name(const Members *m, const char *name, bool needed, const char **ret);
int members_word(const Members *m, const char *name, bool needed, const char **ret);

/* RFC 3339; has to be there. */
int members_time(const Members *m, uint64_t *ret_usec);

/* true: 1, false: 0; missing or null: *ret stays as it is. */
int members_bool(const Members *m, const char *name, int *ret);

/* A sample, all but raw and raw_size. services is allocated: the caller frees it. -ENOMEM. */
int sample_read(const Members *m, bool needs_sysinfo, Sample *ret);
int sample_event_read(const Members *m, SampleEvent *ret);
