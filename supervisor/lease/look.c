/* SPDX-License-Identifier: MIT */

/*
 * See look.h. Nothing is mounted or entered for this: the payload's root is a link in /proc, and
 * openat2() resolves below it as the payload would, ".." and absolute links included.
 */

#include "look.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "line.h"
#include "payload.h"

/* Returns a descriptor of the file (O_PATH), or a negative errno. */
static int open_as_payload(const struct payload *payload, const char *path)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC,
                           .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};

    int root = openat(payload->dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    /* The lease of a plain service sees the same files by itself; its main process may be another
     * user's by now. */
    if (root < 0 && !payload->apart)
        root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return -errno;
    int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
    /* RestrictSUIDSGID= takes openat2() away, from the lease of a plain service, too. Its root is
     * ours. */
    if (fd < 0 && errno == ENOSYS && !payload->apart)
        fd = open(path, O_PATH | O_CLOEXEC);
    fd = fd < 0 ? -errno : fd;
    close(root);
    return fd;
}

static int look_at_file(const struct payload *payload, const char *path, uint64_t *ret_mtime_usec)
{
    struct stat st;

    int fd = open_as_payload(payload, path);
    if (fd < 0)
        return fd;
    int r = fstat(fd, &st) < 0 ? -errno : 0;
    close(fd);
    if (r == 0)
        *ret_mtime_usec = st.st_mtim.tv_sec < 0 ? 0
                                                : (uint64_t)st.st_mtim.tv_sec * USEC_PER_SEC +
                                                      (uint64_t)st.st_mtim.tv_nsec / 1000;
    return r;
}

/* The file is connected to by its descriptor: no second look at the path, no limit of its length.
 */
static int socket_address(const struct payload *payload, const char *path, int *ret_file,
                          struct sockaddr_un *ret_address, socklen_t *ret_size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct line line;

    line_clear(&line);
    if (path[0] == '@') {
        line_add(&line, path);
        *ret_file = -1;
    } else {
        int fd = open_as_payload(payload, path);
        if (fd < 0)
            return fd;
        line_add(&line, "/proc/self/fd/");
        line_add_number(&line, (uint64_t)fd);
        *ret_file = fd;
    }
    memcpy(address.sun_path, line.text, line.n);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    *ret_address = address;
    *ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + line.n);
    return 0;
}

/* phoenix-idle sets the time of a socket's file to the epoch, where the next connection moves it
 * away. A check is no use of the service, so it puts it back. What another connection leaves in the
 * same moment (some 50 us) is lost with it: then the service is idle earlier, and no connection is
 * lost. */
static bool is_watched(int file)
{
    struct stat st;

    return file >= 0 && fstat(file, &st) == 0 && st.st_atim.tv_sec == 0 && st.st_atim.tv_nsec == 0;
}

/* Not allowed where the service is another user than the file's owner and may write there. */
static void leave_no_trace(const struct sockaddr_un *address)
{
    const struct timespec times[2] = {{.tv_sec = 0}, {.tv_nsec = UTIME_OMIT}};

    (void)!utimensat(AT_FDCWD, address->sun_path, times, 0);
}

/* Returns the connected socket or a negative errno; a listener with no room is -EAGAIN at once. */
static int connect_as_payload(const struct payload *payload, const char *path)
{
    struct sockaddr_un address;
    socklen_t size;
    int file, r;

    r = socket_address(payload, path, &file, &address, &size);
    if (r < 0)
        return r;
    bool watched = is_watched(file);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, size) < 0) {
        r = -errno;
        if (fd >= 0)
            close(fd);
        fd = r;
    }
    if (watched)
        leave_no_trace(&address);
    if (file >= 0)
        close(file);
    return fd;
}

int look_into_payload(const struct job *job)
{
    struct link link = {.fd = job->link_fd};
    struct lease_answer answer = {.id = job->request->id};
    struct payload payload;
    char path[LEASE_MESSAGE_MAX];
    size_t size = offsetof(struct lease_answer, text);
    int fd = -1;

    memcpy(path, job->text, job->text_size);
    path[job->text_size] = '\0';
    answer.error = payload_open(job->main_pid, &payload);
    if (answer.error == 0)
        answer.error = payload_join(&payload, CLONE_NEWUSER | (path[0] == '@' ? CLONE_NEWNET : 0));
    if (answer.error == 0 && job->request->op == LEASE_OP_STAT)
        answer.error = look_at_file(&payload, path, &answer.mtime_usec);
    else if (answer.error == 0) {
        fd = connect_as_payload(&payload, path);
        answer.error = fd < 0 ? fd : 0;
    }
    lease_header_init(&answer.header, LEASE_ANSWER, size);
    return link_send(&link, &answer, size, fd);
}
