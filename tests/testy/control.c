/* SPDX-License-Identifier: MIT */

/* The control file; see control.h. */

#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "util.h"

#define CHECK_USEC USEC_PER_SEC

/* Watches the folder, for the end of writing: the moment of creation is too early to read the
 * command. */
static int watch_folder(const char *path)
{
    char folder[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');

    if (slash && (size_t)snprintf(folder, sizeof(folder), "%.*s",
                                  slash == path ? 1 : (int)(slash - path), path) >= sizeof(folder))
        return -ENAMETOOLONG;
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (inotify_add_watch(fd, folder, IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

void control_init(struct control *control, const char *path, uint64_t now)
{
    *control = (struct control){.path = path, .fd = -1, .check_due = USEC_NEVER};
    if (*path == '\0')
        return;
    control->fd = watch_folder(path);
    /* A folder that is not there yet, or no inotify instance left (128 for each user by default).
     */
    if (control->fd < 0) {
        control->fd = -1;
        control->check_due = now + CHECK_USEC;
    }
}

void control_close(struct control *control)
{
    if (control->fd >= 0)
        close(control->fd);
    control->fd = -1;
}

/* Removes the file, or remembers it: one that stays is obeyed a single time. One that stays and was
 * there at start is not obeyed at all, or every restart would misbehave again. */
static bool consume(struct control *control, const struct stat *st, bool at_start)
{
    if (unlink(control->path) == 0)
        return true;
    bool seen = control->obeyed.st_ino == st->st_ino && control->obeyed.st_dev == st->st_dev &&
                control->obeyed.st_mtim.tv_sec == st->st_mtim.tv_sec &&
                control->obeyed.st_mtim.tv_nsec == st->st_mtim.tv_nsec;
    if (!seen)
        fprintf(stderr, "cannot remove %s: %s%s\n", control->path, strerror(errno),
                at_start ? ", not obeyed" : "");
    control->obeyed = *st;
    return !seen && !at_start;
}

int control_check(struct control *control, bool at_start, uint64_t now, struct command *ret)
{
    char events[4096], line[128];
    struct stat st;

    if (control->check_due != USEC_NEVER)
        control->check_due = now + CHECK_USEC;
    if (control->fd >= 0)
        while (read(control->fd, events, sizeof(events)) > 0)
            ;
    if (*control->path == '\0')
        return 0;

    int fd = open(control->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno != ENOENT)
        fprintf(stderr, "cannot open %s: %s\n", control->path, strerror(errno));
    if (fd < 0)
        return 0;
    ssize_t n = -1;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        n = read(fd, line, sizeof(line) - 1);
    close(fd);
    if (n < 0 || !consume(control, &st, at_start))
        return 0;
    line[n] = '\0';
    if (command_parse_line(line, ret) < 0) {
        fputs("control file: no such command or a wrong argument: ", stderr);
        print_c_quoted(stderr, line);
        putc('\n', stderr);
        return -EINVAL;
    }
    return 1;
}
