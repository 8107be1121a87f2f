/* SPDX-License-Identifier: MIT */

/* Files of cgroupfs and /proc that are kept open: each read from the start makes the kernel write
 * them anew. */

#pragma once

#include <errno.h>
#include <sys/types.h>
#include <unistd.h>

/* Reads the beginning of a file into buf, with a NUL behind it. One call, which for these files
 * gives all there is when it fits. Returns the size without NUL, or negative errno. */
static inline ssize_t read_at_start(int fd, char *buf, size_t size)
{
    ssize_t n;

    do
        n = pread(fd, buf, size - 1, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    buf[n] = '\0';
    return n;
}
