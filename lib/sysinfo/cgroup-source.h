/* SPDX-License-Identifier: MIT */

/* The source that needs nothing of ours: cgroupfs and /proc. */

#pragma once

#include "sysinfo/sysinfo.h"

typedef struct CgroupSource CgroupSource;

/* Fields of options as in sysinfo_reader_new(), whose errors these are; never NULL. */
int cgroup_source_new(const SysinfoOptions *options, CgroupSource **ret);
CgroupSource *cgroup_source_free(CgroupSource *source);

/* *ret must be { 0 }; what a failed call leaves in it is to be freed, too. */
int cgroup_source_read(CgroupSource *source, Sysinfo *ret);
