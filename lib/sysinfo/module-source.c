/* SPDX-License-Identifier: MIT */

/* /proc/phoenix_sysinfo. */

#include <fcntl.h>

#include "base/file.h"
#include "sysinfo/module-source.h"

/* About 1 KiB for a container, 6 at most. */
#define FILE_MAX ((size_t)SYSINFO_CONTAINERS_MAX * 6 * 1024)

bool module_source_is_there(int proc_fd)
{
    _cleanup_close_ int fd = openat(proc_fd, MODULE_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    return fd >= 0;
}

int module_source_read(int proc_fd, Sysinfo *ret)
{
    _cleanup_free_ char *text = NULL;
    size_t n;
    int r;

    r = file_read(proc_fd, MODULE_FILE, FILE_MAX, &text, &n);
    if (r >= 0)
        r = sysinfo_parse(text, n, ret);
    if (r >= 0)
        ret->source = SYSINFO_MODULE;
    return r;
}
