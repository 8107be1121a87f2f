/* SPDX-License-Identifier: MIT */

/* See notify.h. Every packet is sent to the address anew: a manager that was executed again may
 * have made another socket there. */

#include "notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int notify_open(struct notify *notify)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t n = path ? strlen(path) : 0;

    notify->fd = -1;
    if (n < 2)
        return -ENOENT;
    if ((path[0] != '/' && path[0] != '@') || n >= sizeof(notify->address.sun_path))
        return -EINVAL;
    notify->address.sun_family = AF_UNIX;
    memcpy(notify->address.sun_path, path, n);
    if (path[0] == '@')
        notify->address.sun_path[0] = '\0';
    notify->address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return notify->fd < 0 ? -errno : 0;
}

static int send_text(const struct notify *notify, const char *text, size_t size)
{
    if (notify->fd < 0)
        return -ENOENT;
    ssize_t n = sendto(notify->fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT,
                       (const struct sockaddr *)&notify->address, notify->address_size);
    return n < 0 ? -errno : 0;
}

void notify_ready(struct notify *notify)
{
    notify->ready_due = true;
}

void notify_status(struct notify *notify, const char *text, size_t n)
{
    line_clear(&notify->status);
    line_add_bytes(&notify->status, text, n);
    /* Another line would be another message to the manager. */
    for (size_t i = 0; i < notify->status.n; i++)
        if ((unsigned char)notify->status.text[i] < ' ')
            notify->status.text[i] = ' ';
    notify->status_due = true;
}

void notify_pet(struct notify *notify)
{
    notify->pet_due = true;
}

void notify_extend(struct notify *notify, uint64_t usec)
{
    notify->extend_usec = usec;
}

bool notify_is_due(const struct notify *notify)
{
    return notify->ready_due || notify->status_due || notify->pet_due || notify->extend_usec > 0;
}

static int notify_send(struct notify *notify)
{
    struct line packet;

    line_clear(&packet);
    if (notify->ready_due)
        line_add(&packet, "READY=1\n");
    if (notify->status_due) {
        line_add(&packet, "STATUS=");
        line_add_bytes(&packet, notify->status.text, notify->status.n);
        line_add(&packet, "\n");
    }
    if (notify->extend_usec > 0) {
        line_add(&packet, "EXTEND_TIMEOUT_USEC=");
        line_add_number(&packet, notify->extend_usec);
        line_add(&packet, "\n");
    }
    if (notify->pet_due)
        line_add(&packet, "WATCHDOG=1");
    return send_text(notify, packet.text, packet.n);
}

static bool is_for_later(int r)
{
    return r == -EAGAIN || r == -ENOBUFS || r == -EINTR;
}

int notify_flush(struct notify *notify)
{
    int r = notify_is_due(notify) ? notify_send(notify) : 0;

    if (is_for_later(r))
        return -EAGAIN;
    /* Any other failure will not go away by sending the same once more. */
    notify->ready_due = notify->status_due = notify->pet_due = false;
    notify->extend_usec = 0;
    return 0;
}

int notify_trigger(struct notify *notify)
{
    struct line packet;

    if (notify->fd < 0)
        return -ENOENT;
    line_clear(&packet);
    line_add(&packet, "STATUS=");
    line_add_bytes(&packet, notify->status.text, notify->status.n);
    line_add(&packet, "\nWATCHDOG=trigger");
    int r = send_text(notify, packet.text, packet.n);
    return is_for_later(r) ? -EAGAIN : r;
}
