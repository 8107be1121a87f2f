/* SPDX-License-Identifier: MIT */

/* The walk. Most cgroups are leaves, and opening one costs much more than asking how many links it
 * has: cgroupfs counts a cgroup's own entry and one for each cgroup within. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/macros.h"
#include "kmod/text.h"
#include "sysinfo/tree.h"

#define BUFFER_SIZE ((size_t)32 * 1024)

void tree_done(Tree *tree)
{
    for (size_t i = 0; i < TREE_DEPTH_MAX; i++)
        free(tree->buffers[i]);
    *tree = (Tree){0};
}

static bool path_push(Tree *tree, const char *name, size_t n)
{
    if (tree->path_size + n + 2 > sizeof(tree->path))
        return false;
    tree->path[tree->path_size++] = '/';
    memcpy(tree->path + tree->path_size, name, n + 1);
    tree->path_size += n;
    return true;
}

static void path_pop(Tree *tree, size_t size)
{
    tree->path[size] = '\0';
    tree->path_size = size;
}

static bool is_exhausted(int r)
{
    return r == -ENOMEM || r == -EMFILE || r == -ENFILE;
}

static bool is_gone(int r)
{
    return r == -ENOENT || r == -ENODEV;
}

/* Other file systems than cgroupfs may count no links of folders, which gives 1. */
static bool may_have_children(int fd, const char *name)
{
    struct stat st;

    return fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) >= 0 && S_ISDIR(st.st_mode) &&
           st.st_nlink != 2;
}

static int walk(Tree *tree, int fd, unsigned depth);

static int descend(Tree *tree, int fd, const char *name, unsigned depth)
{
    _cleanup_close_ int child_fd = -1;
    int r;

    if (!may_have_children(fd, name))
        return 0;
    if (depth >= TREE_DEPTH_MAX) {
        tree->n_refused++;
        return 0;
    }
    child_fd = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    r = child_fd < 0 ? -errno : walk(tree, child_fd, depth);
    if (child_fd >= 0 || is_exhausted(r))
        return r;
    if (!is_gone(r))
        tree->n_refused++;
    return 0;
}

static int visit(Tree *tree, int fd, const struct dirent64 *entry, unsigned depth)
{
    struct phoenix_container_ref ref;
    const char *name = entry->d_name;
    size_t n = strlen(name), before = tree->path_size;
    int r;

    if (!path_push(tree, name, n)) {
        tree->n_refused++;
        return 0;
    }
    if (phoenix_container_of(name, n, &ref)) {
        TreeContainer container = {
            .parent_fd = fd,
            .name = name,
            .path = tree->path,
            .path_size = tree->path_size,
            .id = tree->path + before + 1 + ref.id_offset,
            .cgroup_id = entry->d_ino,
        };

        r = tree->found(&container, tree->userdata);
    } else {
        r = descend(tree, fd, name, depth + 1);
    }
    path_pop(tree, before);
    return r;
}

static bool is_folder(const struct dirent64 *entry)
{
    return (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN) && !streq(entry->d_name, ".") &&
           !streq(entry->d_name, "..");
}

static int visit_all(Tree *tree, int fd, const char *buffer, size_t n, unsigned depth)
{
    for (size_t at = 0; at < n;) {
        const struct dirent64 *entry = (const struct dirent64 *)(const void *)(buffer + at);

        at += entry->d_reclen;
        if (is_folder(entry)) {
            int r = visit(tree, fd, entry, depth);

            if (r < 0)
                return r;
        }
    }
    return 0;
}

static int walk(Tree *tree, int fd, unsigned depth)
{
    if (!tree->buffers[depth])
        tree->buffers[depth] = malloc(BUFFER_SIZE);
    if (!tree->buffers[depth])
        return -ENOMEM;
    for (;;) {
        ssize_t n = getdents64(fd, tree->buffers[depth], BUFFER_SIZE);
        int r;

        if (n == 0)
            return 0;
        if (n < 0 && depth > 0 && is_gone(-errno))
            return 0;
        if (n < 0)
            return -errno;
        r = visit_all(tree, fd, tree->buffers[depth], (size_t)n, depth);
        if (r < 0)
            return r;
    }
}

int tree_walk(Tree *tree, int root_fd, TreeFound found, void *userdata)
{
    tree->n_refused = 0;
    tree->path_size = 0;
    tree->found = found;
    tree->userdata = userdata;
    if (lseek(root_fd, 0, SEEK_SET) < 0)
        return -errno;
    return walk(tree, root_fd, 0);
}
