/* SPDX-License-Identifier: MIT */

/*
 * The files of phoenix-once; see stamp.h. The lock is a file of its own beside the stamp, since the
 * stamp is replaced by rename and a lock on it would be a lock on the wrong file.
 */

#include "stamp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "once.h"

/* Name, prefix, suffix. A hook's lock and temporary file begin with a dot and no stamp does, so
 * they never meet. */
#define FILE_NAME_MAX (ONCE_NAME_MAX + 32)

static void closep(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

#define _cleanup_close_ __attribute__((cleanup(closep)))

int stamp_open_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

int stamp_lock(int directory, const char *name)
{
    char file[FILE_NAME_MAX];

    snprintf(file, sizeof(file), ".once-%s.lock", name);
    int fd = openat(directory, file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    while (flock(fd, LOCK_EX) < 0)
        if (errno != EINTR) {
            int r = -errno;
            close(fd);
            return r;
        }
    return fd;
}

int stamp_read(int directory, const char *name, char *ret_text, size_t size)
{
    char file[FILE_NAME_MAX];

    snprintf(file, sizeof(file), "once-%s", name);
    _cleanup_close_ int fd = openat(directory, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    /* An administrator may `touch` a stamp to say that the hook has been done: existing is what
     * counts. */
    ssize_t n = read(fd, ret_text, size - 1);
    ret_text[n > 0 ? n : 0] = '\0';
    return 1;
}

static int write_all(int fd, const char *text)
{
    size_t length = strlen(text);

    while (length > 0) {
        ssize_t n = write(fd, text, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        text += n;
        length -= (size_t)n;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

int stamp_write(int directory, const char *name, const char *text)
{
    char file[FILE_NAME_MAX], temporary[FILE_NAME_MAX];

    snprintf(file, sizeof(file), "once-%s", name);
    snprintf(temporary, sizeof(temporary), ".once-%s.tmp", name);
    /* One left by a power cut, or a link put there to have us write elsewhere. */
    (void)unlinkat(directory, temporary, 0);
    _cleanup_close_ int fd =
        openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    int r = write_all(fd, text);
    if (r == 0 && renameat(directory, temporary, directory, file) < 0)
        r = -errno;
    if (r < 0) {
        (void)unlinkat(directory, temporary, 0);
        return r;
    }
    return fsync(directory) < 0 ? -errno : 0;
}
