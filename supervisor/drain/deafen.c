/* SPDX-License-Identifier: MIT */

/*
 * See deafen.h. epoll_ctl() knows an entry by its file and its number, and both are the same in the
 * server as here, where it got them from. Only its epoll descriptor is fetched.
 *
 * A server that has just been told of a connection may be about to arm the entry again
 * (EPOLLONESHOT), or to put it back; if it were gone then, that would fail and the server would
 * give up. So it is held, and the entry is taken away only if it is there and armed: then the
 * server has no business with it.
 */

#include "deafen.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "server.h"

/* It is out of that state again within microseconds, if it gets a CPU. */
#define TRIES      10
#define PAUSE_NSEC 2000000

/* What an epoll instance of the process waits for on that descriptor; -ENOENT when it is none, or
 * has no such entry (proc_pid_fdinfo(5)). */
static int read_events(pid_t pid, int epoll, int fd, uint32_t *ret_events)
{
    char path[64], *line = NULL;
    size_t size = 0;
    int r = -ENOENT;

    (void)snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, epoll);
    FILE *file = fopen(path, "re");
    if (!file)
        return -errno;
    while (r == -ENOENT && getline(&line, &size, file) >= 0) {
        int entry;
        uint32_t events;

        if (sscanf(line, "tfd: %d events: %" SCNx32, &entry, &events) == 2 && entry == fd) {
            *ret_events = events;
            r = 0;
        }
    }
    free(line);
    fclose(file);
    return r;
}

/* The descriptor of the epoll instance, in the server, that has this one; or a negative errno. */
static int find_epoll(pid_t pid, int fd)
{
    char path[64];
    int r = -ENOENT;

    (void)snprintf(path, sizeof(path), "/proc/%d/fdinfo", (int)pid);
    DIR *dir = opendir(path);
    if (!dir)
        return -errno;
    for (const struct dirent *entry; r < 0 && (entry = readdir(dir));) {
        uint32_t events;

        if (entry->d_name[0] != '.' && read_events(pid, atoi(entry->d_name), fd, &events) == 0)
            r = atoi(entry->d_name);
    }
    closedir(dir);
    return r;
}

static int remove_entry(pid_t pid, int epoll, int fd)
{
    int process, fetched, r = 0;

    process = (int)syscall(SYS_pidfd_open, pid, 0);
    if (process < 0)
        return -errno;
    fetched = (int)syscall(SYS_pidfd_getfd, process, epoll, 0);
    if (fetched < 0 || epoll_ctl(fetched, EPOLL_CTL_DEL, fd, NULL) < 0)
        r = -errno;
    if (fetched >= 0)
        close(fetched);
    close(process);
    return r;
}

/* -EAGAIN: not now. */
static int deafen_once(pid_t pid, int fd, int *ret_status)
{
    uint32_t events;
    int r, epoll = find_epoll(pid, fd);

    if (epoll < 0)
        return epoll == -ENOENT ? -EAGAIN : epoll;
    r = server_hold(pid, ret_status);
    if (r != 0)
        return r;
    if (read_events(pid, epoll, fd, &events) == 0 && (events & EPOLLIN))
        r = remove_entry(pid, epoll, fd);
    else
        r = -EAGAIN;
    server_go_on(pid);
    return r;
}

int server_deafen(pid_t pid, int fd, int *ret_status)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NSEC};
    int r = deafen_once(pid, fd, ret_status);

    for (int tries = 1; r == -EAGAIN && tries < TRIES; tries++) {
        (void)nanosleep(&pause, NULL);
        r = deafen_once(pid, fd, ret_status);
    }
    return r;
}
