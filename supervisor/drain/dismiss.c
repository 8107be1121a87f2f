/* SPDX-License-Identifier: MIT */

/* See dismiss.h. */

#include "dismiss.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

/* A flood that goes on must not keep us here; who is left waits for the next try. */
#define CONNECTIONS_MAX 65536

/* Of what one of them has sent. */
#define READS_MAX 16

static void dismiss(int fd)
{
    char data[4096];

    (void)shutdown(fd, SHUT_WR);
    for (int i = 0; i < READS_MAX && recv(fd, data, sizeof(data), MSG_DONTWAIT) > 0; i++)
        ;
    close(fd);
}

static bool dismiss_one(int listening)
{
    int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0)
        dismiss(fd);
    return fd >= 0;
}

int connections_dismiss(const struct listener *listeners, size_t n)
{
    int dismissed = 0;

    for (size_t i = 0; i < n; i++) {
        int flags = fcntl(listeners[i].fd, F_GETFL);

        if (flags < 0 || fcntl(listeners[i].fd, F_SETFL, flags | O_NONBLOCK) < 0)
            continue;
        while (dismissed < CONNECTIONS_MAX && dismiss_one(listeners[i].fd))
            dismissed++;
    }
    return dismissed;
}
