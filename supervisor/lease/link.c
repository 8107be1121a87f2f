/* SPDX-License-Identifier: MIT */

/* See link.h. */

#include "link.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define DELAY_MIN_USEC (UINT64_C(100) * 1000)
#define DELAY_MAX_USEC (UINT64_C(5) * 1000 * 1000)

int link_init(struct link *link, const char *path, uint64_t now_usec)
{
    size_t n = strlen(path);

    if (path[0] != '/' || n >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return -EINVAL;
    link->path = path;
    link->fd = -1;
    link->welcomed = false;
    link->delay_usec = DELAY_MIN_USEC;
    link->next_usec = link->heard_usec = now_usec;
    return 0;
}

static void link_put_off(struct link *link, uint64_t now_usec)
{
    link->next_usec = now_usec + link->delay_usec;
    link->delay_usec *= 2;
    if (link->delay_usec > DELAY_MAX_USEC)
        link->delay_usec = DELAY_MAX_USEC;
}

int link_connect(struct link *link, uint64_t now_usec)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (now_usec < link->next_usec)
        return -EAGAIN;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        strcpy(address.sun_path, link->path);
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
            link->fd = fd;
            return 0;
        }
    }
    int r = -errno;
    if (fd >= 0)
        close(fd);
    link_put_off(link, now_usec);
    return r;
}

void link_close(struct link *link, uint64_t now_usec)
{
    if (link->fd < 0)
        return;
    close(link->fd);
    link->fd = -1;
    link->welcomed = false;
    link_put_off(link, now_usec);
}

int link_receive(struct link *link, uint64_t now_usec, struct lease_message *ret)
{
    ssize_t n = recv(link->fd, link->packet, sizeof(link->packet), MSG_TRUNC | MSG_DONTWAIT);

    if (n < 0)
        return errno == EINTR ? -EAGAIN : -errno;
    if (n == 0)
        return -ECONNRESET;
    if ((size_t)n > sizeof(link->packet))
        return -EMSGSIZE;
    int r = lease_parse(link->packet, (size_t)n, LEASE_END_LEASE, ret);
    if (r < 0)
        return r;
    /* Only one that speaks our language is a reason to come back soon. */
    link->heard_usec = now_usec;
    link->delay_usec = DELAY_MIN_USEC;
    if (ret->type == LEASE_WELCOME)
        link->welcomed = true;
    return 0;
}

int link_send(const struct link *link, const void *packet, size_t size, int fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {};
    struct iovec data = {.iov_base = (void *)packet, .iov_len = size};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};

    if (fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof(control.bytes);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &fd, sizeof(int));
    }
    ssize_t n = sendmsg(link->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    return n < 0 ? -errno : 0;
}
