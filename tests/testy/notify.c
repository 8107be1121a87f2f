/* SPDX-License-Identifier: MIT */

/* The sd_notify protocol; see notify.h. */

#include "notify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

int notify_open(struct notify *notify, const char *path)
{
    *notify = (struct notify){.fd = -1};
    if (!path || *path == '\0')
        return 0;
    if (path[0] != '/' && path[0] != '@')
        return -EINVAL;
    size_t length = strlen(path);
    if (length >= sizeof(notify->address.sun_path))
        return -ENAMETOOLONG;

    notify->address.sun_family = AF_UNIX;
    memcpy(notify->address.sun_path, path, length + 1);
    if (path[0] == '@')
        notify->address.sun_path[0] = '\0';
    notify->length =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (path[0] == '/'));
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return notify->fd < 0 ? -errno : 0;
}

void notify_close(struct notify *notify)
{
    if (notify->fd >= 0)
        close(notify->fd);
    notify->fd = -1;
}

int notify_send(const struct notify *notify, const char *message)
{
    if (notify->fd < 0)
        return 0;
    ssize_t n = sendto(notify->fd, message, strlen(message), MSG_NOSIGNAL,
                       (const struct sockaddr *)&notify->address, notify->length);
    return n < 0 ? -errno : 0;
}

uint64_t notify_watchdog_usec(const char *usec, const char *pid)
{
    uint64_t value, number;

    if (!usec || parse_number(usec, UINT64_MAX - 1, &value) < 0)
        return 0;
    if (pid && (parse_number(pid, INT32_MAX, &number) < 0 || number != (uint64_t)getpid()))
        return 0;
    return value;
}
