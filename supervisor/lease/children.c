/* SPDX-License-Identifier: MIT */

/* The reading of a cgroup's folder; see children.h. */

#include "children.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/abort/parse.h"

static void visit_entry(int parent, const char *name, void (*visit)(int group, void *userdata),
                        void *userdata)
{
    int group = openat(parent, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (group < 0)
        return;
    visit(group, userdata);
    close(group);
}

int children_visit(int parent, bool (*wanted)(const char *name),
                   void (*visit)(int group, void *userdata), void *userdata)
{
    _Alignas(struct dirent64) char buf[1024];
    ssize_t n;

    int fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    while ((n = getdents64(fd, buf, sizeof(buf))) > 0)
        for (ssize_t i = 0; i < n;) {
            const struct dirent64 *entry = (const void *)(buf + i);
            i += entry->d_reclen;
            if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 &&
                strcmp(entry->d_name, "..") != 0 && (!wanted || wanted(entry->d_name)))
                visit_entry(parent, entry->d_name, visit, userdata);
        }
    int r = n < 0 ? -errno : 0;
    close(fd);
    return r;
}

bool child_is_payload(const char *name)
{
    return strcmp(name, "payload") == 0 || cgroup_name_is_container(name);
}
