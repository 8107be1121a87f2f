/* SPDX-License-Identifier: MIT */

/*
 * See door.h. A socket is found by its inode, which the kernel's list of listening sockets and the
 * links in /proc/PID/fd have in common. The links of a process of another user are not to be read,
 * for the owner of its user namespace neither (proc_pid_fd(5)), though its descriptors may be taken
 * all the same: there those are tried that sockets are handed over as.
 */

#include "door.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervisor/lease/line.h"

#define LISTEN_FDS_START 3

struct hunt {
    struct door *door;
    uint32_t inodes[SOCKETS_MAX];
    bool found[SOCKETS_MAX];
    size_t n, n_found;
    int error; /* why not all of a process could be looked at */
};

/* "socket:[4711]" */
static uint32_t inode_of(const char *link)
{
    static const char prefix[] = "socket:[";

    return strncmp(link, prefix, sizeof(prefix) - 1) == 0
               ? (uint32_t)strtoul(link + sizeof(prefix) - 1, NULL, 10)
               : 0;
}

static void keep(struct hunt *hunt, size_t i, int fd)
{
    hunt->door->fds[hunt->door->n++] = fd;
    hunt->found[i] = true;
    hunt->n_found++;
}

/* Returns a place that is still to be found and has this inode, or n. */
static size_t place_of(const struct hunt *hunt, uint32_t inode)
{
    for (size_t i = 0; i < hunt->n; i++)
        if (hunt->inodes[i] == inode && !hunt->found[i])
            return i;
    return hunt->n;
}

static int take(int pidfd, int number)
{
    int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);

    return fd < 0 ? -errno : fd;
}

static void consider_link(struct hunt *hunt, int pidfd, int folder, const char *name)
{
    char link[64];

    ssize_t n = readlinkat(folder, name, link, sizeof(link) - 1);
    if (n < 0)
        return;
    link[n] = '\0';
    uint32_t inode = inode_of(link);
    size_t i = place_of(hunt, inode);
    if (inode == 0 || i == hunt->n)
        return;
    int fd = take(pidfd, atoi(name));
    if (fd < 0)
        hunt->error = fd;
    else
        keep(hunt, i, fd);
}

static void search_links(struct hunt *hunt, int pidfd, int folder)
{
    _Alignas(struct dirent64) char buf[1024];
    ssize_t n;

    while ((n = getdents64(folder, buf, sizeof(buf))) > 0)
        for (ssize_t i = 0; i < n;) {
            const struct dirent64 *entry = (const void *)(buf + i);
            i += entry->d_reclen;
            if (entry->d_type == DT_LNK)
                consider_link(hunt, pidfd, folder, entry->d_name);
        }
}

static void search_numbers(struct hunt *hunt, int pidfd)
{
    struct stat st;

    for (int number = LISTEN_FDS_START; number < LISTEN_FDS_START + 2 * SOCKETS_MAX; number++) {
        int fd = take(pidfd, number);
        if (fd == -EBADF)
            continue;
        if (fd < 0) {
            hunt->error = fd;
            return;
        }
        size_t i = hunt->n;
        if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
            i = place_of(hunt, (uint32_t)st.st_ino);
        if (i < hunt->n)
            keep(hunt, i, fd);
        else
            close(fd);
    }
}

static int open_fds(pid_t pid)
{
    struct line path;

    line_clear(&path);
    line_add(&path, "/proc/");
    line_add_number(&path, (uint64_t)pid);
    line_add(&path, "/fd");
    int fd = open(path.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Returns whether to go on with the next process. */
static bool search_process(pid_t pid, void *userdata)
{
    struct hunt *hunt = userdata;
    size_t before = hunt->n_found;
    int folder, pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

    if (pidfd < 0)
        return true;
    folder = open_fds(pid);
    if (folder >= 0)
        search_links(hunt, pidfd, folder);
    else
        search_numbers(hunt, pidfd);
    if (folder >= 0)
        close(folder);
    /* As many processes as sockets at most: each one kept has given one. */
    if (hunt->n_found > before)
        hunt->door->fds[hunt->door->n++] = pidfd;
    else
        close(pidfd);
    return hunt->n_found < hunt->n;
}

int door_open(struct door *door, struct sockets *sockets, const struct group *group)
{
    struct hunt hunt = {.door = door, .n = sockets->n, .error = -ENOENT};
    int r = 0;

    door->n = 0;
    for (size_t i = 0; i < sockets->n && r == 0; i++)
        r = sockets_inode(sockets, i, &hunt.inodes[i]);
    if (r == 0)
        r = group_visit_processes(group, search_process, &hunt);
    if (r == 0 && hunt.n_found < hunt.n)
        r = hunt.error;
    if (r < 0)
        door_close(door);
    return r;
}

void door_close(struct door *door)
{
    for (size_t i = 0; i < door->n; i++)
        close(door->fds[i]);
    door->n = 0;
}

size_t door_poll(const struct door *door, struct pollfd *ret_fds)
{
    for (size_t i = 0; i < door->n; i++)
        ret_fds[i] = (struct pollfd){.fd = door->fds[i], .events = POLLIN};
    return door->n;
}
