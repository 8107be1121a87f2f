/* SPDX-License-Identifier: MIT */
/*
 * Owns what phoenixd believes of a peer, as all that a service may do follows from it: credentials
 * from the socket, the unit from the cgroup, and a pidfd to be sure that both are of one process.
 */
#include "supervisor/daemon/identity.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <systemd/sd-login.h>

#include "base/macros.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

#define UNIT_PREFIX "phoenix@"
#define UNIT_SUFFIX ".service"

/* A descriptor of the very process that connected. Before Linux 6.5 one of whoever has its PID now:
 * what can be got wrong then is only which of the user's own services is meant. */
static int peer_pidfd(int fd, pid_t pid)
{
    int pidfd = -1;
    socklen_t size = sizeof(pidfd);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) == 0)
        return pidfd;
    if (errno != ENOPROTOOPT)
        return -errno;
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    return pidfd < 0 ? -errno : pidfd;
}

static bool has_ended(int pidfd)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};

    return poll(&p, 1, 0) != 0;
}

static int unit_of_process(pid_t pid, bool user, char **ret)
{
    _cleanup_free_ char *name = NULL;
    uid_t owner;
    int r;

    if (!user)
        return sd_pid_get_unit(pid, ret);
    r = sd_pid_get_user_unit(pid, &name);
    if (r < 0)
        return r;
    r = sd_pid_get_owner_uid(pid, &owner);
    if (r < 0)
        return r;
    if (owner != getuid())
        return -EPERM;
    *ret = TAKE_PTR(name);
    return 0;
}

int identity_of_peer(int fd, bool user, char unit[static IDENTITY_UNIT_MAX], Identity *ret)
{
    _cleanup_close_ int pidfd = -1;
    _cleanup_free_ char *name = NULL;
    struct ucred credentials;
    socklen_t size = sizeof(credentials);
    int r;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
        return -errno;
    if (credentials.pid <= 0)
        return -EPERM;
    pidfd = peer_pidfd(fd, credentials.pid);
    if (pidfd < 0)
        return pidfd == -EINVAL || pidfd == -ENODATA ? -ESRCH : pidfd;
    r = unit_of_process(credentials.pid, user, &name);
    /* Asked after the cgroup was read: alive now means that it was this process's. */
    if (has_ended(pidfd))
        return -ESRCH;
    if (r < 0)
        return r == -ENODATA || r == -ENXIO ? -EPERM : r;
    if (strncmp(name, UNIT_PREFIX, strlen(UNIT_PREFIX)) != 0 || strlen(name) >= IDENTITY_UNIT_MAX)
        return -EPERM;
    strcpy(unit, name);
    *ret = (Identity){.pid = credentials.pid, .uid = credentials.uid, .unit = unit};
    return 0;
}

int identity_service_name(const char *unit, char *ret, size_t size)
{
    size_t n = strlen(unit), prefix = strlen(UNIT_PREFIX), suffix = strlen(UNIT_SUFFIX);

    if (n <= prefix + suffix || strncmp(unit, UNIT_PREFIX, prefix) != 0 ||
        !streq(unit + n - suffix, UNIT_SUFFIX))
        return -EINVAL;
    n -= prefix + suffix;
    if (n >= size)
        return -EINVAL;
    /* The characters of names ([a-z0-9_.-]) are never escaped in units but for "-", which the
     * generator writes as it is. */
    memcpy(ret, unit + prefix, n);
    ret[n] = '\0';
    return 0;
}
