/* SPDX-License-Identifier: MIT */
/*
 * Work on many items on all processors: generators stand between a machine and its boot.
 */
#pragma once

#include <stddef.h>

/* Works on the items first..end-1. Returns 0 or negative errno. */
typedef int (*ParallelWork)(void *context, size_t first, size_t end);

/*
 * Cuts n items into slices of neighbours, at least `slice` items each, and works on them at the
 * same time; on few items without any thread. Work on one item must not depend on another's.
 * Returns 0, or the failure of the first slice that failed; all slices have ended then.
 */
int parallel_for(size_t n, size_t slice, ParallelWork work, void *context);
