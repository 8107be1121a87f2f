/* SPDX-License-Identifier: MIT */

/* The source that one read gives all of: the file of the kernel module phoenix_sysinfo. */

#pragma once

#include "sysinfo/sysinfo.h"

#define MODULE_FILE "phoenix_sysinfo"

/* Whether it is there and may be read. The module lets only processes of the host read it. */
bool module_source_is_there(int proc_fd);

/* *ret must be { 0 } or of an earlier reading, and is as it was on failure. Negative errno: -ENOENT
 * when the module is not loaded, -EACCES, -EPERM when it may not be read, -EBADMSG. */
int module_source_read(int proc_fd, Sysinfo *ret);
