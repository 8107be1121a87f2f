/* SPDX-License-Identifier: MIT */

/* Whole files in and out. Temporary names are made here rather than by mkstemp(3), because they
 * have to be relative to a directory descriptor. */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/macros.h"
#include "base/text.h"

#define READ_STEP      ((size_t)64 * 1024)
#define READ_FIRST     ((size_t)4 * 1024) /* files of /proc/sys are only there for the first read */
#define TEMP_TRIES     64U
#define TREE_DEPTH_MAX 64U

static int open_regular(int dirfd, const char *path, struct stat *ret_st)
{
    _cleanup_close_ int fd = -1;

    fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return errno == ENXIO ? -EINVAL : -errno; /* ENXIO: a socket */
    if (fstat(fd, ret_st) < 0)
        return -errno;
    if (S_ISDIR(ret_st->st_mode))
        return -EISDIR;
    if (!S_ISREG(ret_st->st_mode))
        return -EINVAL;
    return TAKE_FD(fd);
}

/* Reads to the end, with room for one byte beyond max to notice that there is more. The size that
 * fstat() told is only a hint: files change, and in /proc it is 0. */
static int read_up_to(int fd, size_t hint, size_t max, char **ret, size_t *ret_size)
{
    _cleanup_free_ char *data = NULL;
    size_t size = 0, allocated = 0;

    for (;;) {
        ssize_t n;

        if (size + 1 >= allocated) {
            size_t first = hint > 0 ? hint : READ_FIRST;
            size_t want = MIN(allocated == 0 ? first : allocated + MAX(allocated, READ_STEP), max);
            char *grown;

            allocated = MAX(want, size) + 2;
            grown = realloc(data, allocated);
            if (!grown)
                return -ENOMEM;
            data = grown;
        }
        n = read(fd, data + size, allocated - size - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        size += (size_t)n;
        if (size > max)
            return -EFBIG;
    }

    data[size] = '\0';
    *ret = TAKE_PTR(data);
    if (ret_size)
        *ret_size = size;
    return 0;
}

int file_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_size)
{
    _cleanup_close_ int fd = -1;
    struct stat st;

    assert(path);
    assert(ret);

    max = MIN(max, SIZE_MAX / 4);
    fd = open_regular(dirfd, path, &st);
    if (fd < 0)
        return fd;
    if ((uintmax_t)st.st_size > max)
        return -EFBIG;
    return read_up_to(fd, (size_t)st.st_size, max, ret, ret_size);
}

/* A number nobody else uses at the moment. It need not be unpredictable (names are created with
 * O_EXCL), so a boot too young for getrandom() is served too. */
static uint64_t unique_number(unsigned try)
{
    struct timespec now = {0};
    uint64_t n;

    if (getrandom(&n, sizeof(n), GRND_NONBLOCK) == (ssize_t)sizeof(n))
        return n;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)getpid() << 40 ^ (uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec ^ try;
}

/* Length of the folder part of a path, with its slash. */
static size_t folder_size(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (size_t)(slash - path) + 1 : 0;
}

static char *temp_name(const char *name, unsigned try)
{
    return text_printf("%.*s.#%016jx", (int)folder_size(name), name, (uintmax_t)unique_number(try));
}

static int temp_create(int dirfd, const char *name, char **ret_temp)
{
    for (unsigned try = 0; try < TEMP_TRIES; try++) {
        _cleanup_free_ char *temp = temp_name(name, try);
        int fd;

        if (!temp)
            return -ENOMEM;
        fd = openat(dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0) {
            *ret_temp = TAKE_PTR(temp);
            return fd;
        }
        if (errno != EEXIST)
            return -errno;
    }
    return -EEXIST;
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

static int temp_fill(int fd, const char *data, size_t size, mode_t mode, bool sync)
{
    int r;

    r = write_all(fd, data, size);
    if (r < 0)
        return r;
    if (fchmod(fd, mode) < 0)
        return -errno;
    if (sync && fsync(fd) < 0)
        return -errno;
    return 0;
}

static int sync_folder_of(int dirfd, const char *name)
{
    _cleanup_free_ char *folder = NULL;
    _cleanup_close_ int fd = -1;

    folder = text_printf("%.*s.", (int)folder_size(name), name);
    if (!folder)
        return -ENOMEM;
    fd = openat(dirfd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return -errno;
    return 0;
}

int file_write_atomic(int dirfd, const char *name, const char *data, size_t size, mode_t mode,
                      bool sync)
{
    _cleanup_free_ char *temp = NULL;
    _cleanup_close_ int fd = -1;
    int r;

    assert(name);
    assert(data || size == 0);

    fd = temp_create(dirfd, name, &temp);
    if (fd < 0)
        return fd;

    r = temp_fill(fd, data, size, mode, sync);
    if (r >= 0 && renameat(dirfd, temp, dirfd, name) < 0)
        r = -errno;
    if (r < 0) {
        unlinkat(dirfd, temp, 0);
        return r;
    }
    return sync ? sync_folder_of(dirfd, name) : 0;
}

int symlink_atomic(int dirfd, const char *target, const char *name)
{
    assert(target);
    assert(name);

    for (unsigned try = 0; try < TEMP_TRIES; try++) {
        _cleanup_free_ char *temp = temp_name(name, try);
        int r;

        if (!temp)
            return -ENOMEM;
        if (symlinkat(target, dirfd, temp) < 0) {
            if (errno == EEXIST)
                continue;
            return -errno;
        }
        if (renameat(dirfd, temp, dirfd, name) >= 0)
            return 0;
        r = -errno;
        unlinkat(dirfd, temp, 0);
        return r;
    }
    return -EEXIST;
}

/* mkdir() that is content with what is there; whether it is a folder shows at the next step. */
static int make_one(const char *path, mode_t mode)
{
    return mkdir(path, mode) < 0 && errno != EEXIST ? -errno : 0;
}

int dir_make(const char *path, mode_t mode)
{
    _cleanup_free_ char *copy = NULL;
    struct stat st;
    int r;

    assert(path);

    copy = strdup(path);
    if (!copy)
        return -ENOMEM;

    for (char *slash = strchr(copy, '/'); slash; slash = strchr(slash + 1, '/')) {
        if (slash == copy || slash[-1] == '/')
            continue;
        *slash = '\0';
        r = make_one(copy, mode);
        *slash = '/';
        if (r < 0)
            return r;
    }
    r = make_one(copy, mode);
    if (r < 0)
        return r;
    if (stat(copy, &st) < 0)
        return -errno;
    return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

static int remove_entry(int dirfd, const char *name, unsigned depth);

static int is_mount(int dirfd, const char *name)
{
    struct statx stx;

    if (statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &stx) < 0)
        return -errno;
    return !!(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/* Removes what is in the folder; takes over the descriptor. */
static int empty_folder(int fd, unsigned depth)
{
    _cleanup_closedir_ DIR *dir = NULL;
    struct dirent *de;
    int r, first = 0;

    dir = fdopendir(fd);
    if (!dir) {
        first = -errno;
        close(fd);
        return first;
    }
    while (errno = 0, (de = readdir(dir))) {
        if (streq(de->d_name, ".") || streq(de->d_name, ".."))
            continue;
        r = remove_entry(fd, de->d_name, depth);
        if (r < 0 && first == 0)
            first = r;
    }
    return first < 0 ? first : -errno;
}

static int remove_folder(int dirfd, const char *name, unsigned depth)
{
    int fd, r;

    if (depth >= TREE_DEPTH_MAX)
        return -ELOOP;
    r = depth > 0 ? is_mount(dirfd, name) : 0;
    if (r != 0)
        return r < 0 ? r : -EBUSY;

    fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    r = empty_folder(fd, depth + 1);
    if (r < 0)
        return r;
    return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

/* Recursion is bounded by TREE_DEPTH_MAX, which also bounds the open descriptors. */
static int remove_entry(int dirfd, const char *name, unsigned depth)
{
    if (unlinkat(dirfd, name, 0) >= 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return -errno;
    return remove_folder(dirfd, name, depth);
}

int dir_remove_tree(const char *path)
{
    assert(path);

    return remove_entry(AT_FDCWD, path, 0);
}
