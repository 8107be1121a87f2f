/* SPDX-License-Identifier: MIT */
/* Whether a cgroup still has processes: cgroup.events, cgroups(7). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "supervisor/daemon/reaper/unit-stop-internal.h"

#define EVENTS_MAX 4096U

int unit_stop_is_populated(const char *cgroup_root, const char *cgroup)
{
    _cleanup_free_ char *path = text_printf("%s%s/cgroup.events", cgroup_root, cgroup);
    _cleanup_free_ char *text = NULL;

    int r = path ? file_read(AT_FDCWD, path, EVENTS_MAX, &text, NULL) : -ENOMEM;
    if (r == -ENOENT || r == -ENODEV)
        return 0;
    if (r < 0)
        return -1;
    const char *line = strstr(text, "populated ");
    return line ? line[strlen("populated ")] == '1' : -1;
}
