/* SPDX-License-Identifier: MIT */

/*
 * See connections.h. Every socket of the server is fetched for a moment and asked for its name:
 * that of an accepted one is the name of the listening socket. sock_diag(7) would know, too, but
 * only in the network namespace of the listening socket, which need not be ours.
 */

#include "connections.h"

#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool is_listening(int fd)
{
    int listens = 0;
    socklen_t size = sizeof(listens);

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens;
}

int listener_init(struct listener *listener, int fd)
{
    int type = 0;
    socklen_t size = sizeof(type);

    *listener = (struct listener){.fd = fd, .address_size = sizeof(listener->address)};
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
        getsockname(fd, (struct sockaddr *)&listener->address, &listener->address_size) < 0)
        return -errno;
    return type == SOCK_STREAM && is_listening(fd) ? 0 : -EINVAL;
}

/* A socket that listens on any address has accepted for one of them. */
static bool is_of_ipv4(const struct sockaddr_in *listening, const struct sockaddr_in *address)
{
    return listening->sin_port == address->sin_port &&
           (listening->sin_addr.s_addr == INADDR_ANY ||
            listening->sin_addr.s_addr == address->sin_addr.s_addr);
}

static bool is_of_ipv6(const struct sockaddr_in6 *listening, const struct sockaddr_in6 *address)
{
    return listening->sin6_port == address->sin6_port &&
           (IN6_IS_ADDR_UNSPECIFIED(&listening->sin6_addr) ||
            IN6_ARE_ADDR_EQUAL(&listening->sin6_addr, &address->sin6_addr));
}

static bool is_of(const struct listener *listener, const struct sockaddr_storage *address,
                  socklen_t size)
{
    if (listener->address.ss_family != address->ss_family)
        return false;
    switch (address->ss_family) {
    case AF_INET:
        return is_of_ipv4((const void *)&listener->address, (const void *)address);
    case AF_INET6:
        return is_of_ipv6((const void *)&listener->address, (const void *)address);
    default:
        return listener->address_size == size && memcmp(&listener->address, address, size) == 0;
    }
}

static bool is_connection(int fd, const struct listener *listeners, size_t n)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);

    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0 || is_listening(fd))
        return false;
    for (size_t i = 0; i < n; i++)
        if (is_of(&listeners[i], &address, size))
            return true;
    return false;
}

/* 1 when that descriptor of the process is a connection, 0 when it is not (any more), or a negative
 * errno. */
static int count_one(int process, int fd, const struct listener *listeners, size_t n)
{
    int fetched = (int)syscall(SYS_pidfd_getfd, process, fd, 0);

    if (fetched < 0)
        return errno == EBADF ? 0 : -errno;
    bool counts = is_connection(fetched, listeners, n);
    close(fetched);
    return counts;
}

/* Pipes and the like are not fetched. */
static bool is_socket(int dir, const char *name)
{
    struct stat st;

    return fstatat(dir, name, &st, 0) == 0 && S_ISSOCK(st.st_mode);
}

int connections_count(pid_t pid, const struct listener *listeners, size_t n)
{
    char path[32];
    int process, found = 0, r = 0;

    (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    if (!dir)
        return -errno;
    process = (int)syscall(SYS_pidfd_open, pid, 0);
    if (process < 0)
        r = -errno;
    for (const struct dirent *entry; r >= 0 && (entry = readdir(dir));)
        if (is_socket(dirfd(dir), entry->d_name)) {
            r = count_one(process, atoi(entry->d_name), listeners, n);
            found += r;
        }
    if (process >= 0)
        close(process);
    closedir(dir);
    return r < 0 ? r : found;
}
